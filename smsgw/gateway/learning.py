"""What codes teach: dead numbers, numbers that a carrier has blacklisted or capped, ported numbers, bad signatures.

Owns: what each class of code leads to beside the message itself, and the telling. A code counts by its carrier's table
and by the account's profile (``learn_from``). Of a receipt the recipient comes from what we kept of the message, never
from the receipt. A delivery clears what was counted against a number, see ``delivered``.
Counting and the entries themselves are the store's (``scripts/facts.lua``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smsgw.errors import StoreError
from smsgw.gateway.bad_signatures import BadSignatures
from smsgw.gateway.journal import Journal
from smsgw.gateway.reports import Origin, Report, unpack_origin
from smsgw.policy.code_classes import CodeClass
from smsgw.policy.numbers import mask
from smsgw.records.record import Step
from smsgw.smpp.constants import MessageState
from smsgw.store.facts import LEARNT, FactChange, FactOp, FactResult
from smsgw.store.recipients import CAP, SCOPE_COMPANY, scope_cap, scope_carrier

if TYPE_CHECKING:
    from smsgw.gateway.account_rules import AccountRules
    from smsgw.gateway.context import Context
    from smsgw.policy.failover import FailoverPolicy
    from smsgw.policy.profile import ListRule
    from smsgw.store.envelope import Envelope

_DELIVERED = int(MessageState.DELIVERED)


class Lesson(NamedTuple):
    """What a change of facts was put for."""

    account: str
    message_id: str
    carrier: str


class Learning:
    """One for all carriers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._journal = Journal(context)
        self._signatures = BadSignatures(context)

    def delivered(self, carrier: str, account: str, message_id: str, sender: bytes) -> None:
        """A receipt says DELIVRD; ``sender`` is the address that it came from.

        What was counted against the number is forgotten by the script that found the message, where all is in one
        partition (``Mapping.rhash``), and else by a call of its own.
        """
        rules = self._context.rules.get(account)
        pool = self._context.pools.get(carrier)
        watched = pool is not None and pool.settings.failover.breaker is not None
        forgets = self._context.store.partitions > 1
        if rules is None or not (watched or (forgets and rules.dead_codes)):
            return
        number = self._context.number_of(sender, account)
        if number is None:
            return
        if watched:
            self.arrived(carrier, message_id, self._context.province_of(number, account))
        if forgets and rules.dead_codes:
            change = FactChange(None, FactOp.DELIVERED, number, SCOPE_COMPANY, "", self._context.clock.now_ms())
            self._context.facts.put(change)

    def arrived(self, carrier: str, message_id: str, province: str) -> None:
        """A message was delivered to a province; for the carrier's delivery rate."""
        pool = self._context.pools.get(carrier)
        if pool is not None:
            self._context.health.delivered(carrier, pool.settings.failover, message_id, province)

    def failed(self, account: str, message_id: str, carrier: str, origin: bytes, report: Report) -> None:
        """A receipt says that the message was not delivered; ``origin`` is sealed."""
        rules = self._context.rules.get(account)
        pool = self._context.pools.get(carrier)
        policy = pool.settings.failover if pool is not None else None
        codes = (report.stat, report.err)
        code_class = policy.codes.classify(codes) if policy is not None else None
        watched = policy is not None and policy.breaker is not None
        if code_class is None and not watched and not self._is_listed(rules, codes):
            return
        origin_of = self.origin(message_id, origin)
        number = self._context.number_of(origin_of.dest_addr, account) if origin_of is not None else None
        if origin_of is None or number is None:
            return
        if policy is not None and watched:
            province = self._context.province_of(number, account)
            self._context.health.failed(carrier, policy, message_id, province, code_class, origin_of.sent_ms)
        lesson = Lesson(account, message_id, carrier)
        self.learn(lesson, policy, rules, number, origin_of.signature, codes, code_class)

    def refused(
        self, carrier: str, policy: FailoverPolicy, envelope: Envelope, codes: tuple[str, ...], code_class: CodeClass
    ) -> None:
        """The carrier refused a message with a status or a code in its answer."""
        rules = self._context.rules.get(envelope.account)
        lesson = Lesson(envelope.account, envelope.message_ids[0], carrier)
        self.learn(lesson, policy, rules, envelope.recipient, envelope.signature, codes, code_class)

    def learn(
        self,
        lesson: Lesson,
        policy: FailoverPolicy | None,
        rules: AccountRules | None,
        number: str,
        signature: str,
        codes: tuple[str, ...],
        code_class: CodeClass | None,
    ) -> None:
        """What follows from a code, beside what becomes of the message."""
        code = next((code for code in codes if code.strip("0")), "")
        if code_class is not None and policy is not None:
            self._context.metrics.carrier(lesson.carrier).codes[code_class.value] += 1
            if code_class is CodeClass.CAP:
                self._cap(lesson, policy, rules, number, code)
            elif code_class is CodeClass.PORTED:
                self._ported(lesson, policy, number, codes)
            elif code_class is CodeClass.CONTENT:
                self._tell("carrier.content_refused", lesson, number, code)
            elif code_class is CodeClass.SIGNATURE:
                self._tell("carrier.signature_refused", lesson, number, code, signature)
                self._signatures.refused(lesson.carrier, policy, signature, code)
        if rules is None:
            return
        folded = {each.casefold() for each in codes}
        profile = rules.rules.profile
        if code_class is CodeClass.INVALID_NUMBER or not folded.isdisjoint(rules.dead_codes):
            self._put(lesson, FactOp.FAILED, number, SCOPE_COMPANY, code, profile.dead_number)
        elif code_class is CodeClass.BLACKLIST or not folded.isdisjoint(rules.blacklist_codes):
            self._put(lesson, FactOp.REFUSED, number, scope_carrier(lesson.carrier), code, profile.blacklist)

    def origin(self, message_id: str, sealed: bytes) -> Origin | None:
        """What we kept of a message; None when it can't be read."""
        try:
            return unpack_origin(self._context.store.sealer.open(sealed))
        except (StoreError, ValueError, TypeError) as error:
            self._context.log("receipt.origin_unreadable", {"message_id": message_id, "why": str(error)})
            return None

    def learnt(self, change: FactChange, result: FactResult) -> None:
        """The store has counted it; an entry may have come of that."""
        if result is not FactResult.LEARNT or not isinstance(change.context, Lesson):
            return
        lesson = change.context
        ends_ms = change.at_ms + change.keep_ms
        detail: tuple[object, ...] = (change.source, ends_ms)
        step = Step.DEAD
        if change.op == FactOp.REFUSED:
            step, detail = Step.BLACKLISTED, (change.scope, *detail)
        self._journal.plain(int(step), lesson.message_id, lesson.account, lesson.carrier, change.number, 0, 0, *detail)
        event = "dead_number.learnt" if step is Step.DEAD else "blacklist.learnt"
        self._context.log(
            "carrier.cap_learnt" if change.scope.startswith(CAP) else event,
            {
                "recipient": mask(change.number),
                "carrier": lesson.carrier,
                "account": lesson.account,
                "code": change.source,
                "expires_ms": ends_ms,
            },
        )

    # -- inside

    @staticmethod
    def _is_listed(rules: AccountRules | None, codes: tuple[str, ...]) -> bool:
        """Whether the account's profile learns from one of them."""
        if rules is None:
            return False
        folded = {code.casefold() for code in codes}
        return not (folded.isdisjoint(rules.dead_codes) and folded.isdisjoint(rules.blacklist_codes))

    def _cap(self, lesson: Lesson, policy: FailoverPolicy, rules: AccountRules | None, number: str, code: str) -> None:
        """The carrier's own cap for this recipient is reached: nothing more goes there until it is over."""
        now_ms = self._context.clock.now_ms()
        zone = rules.zone if rules is not None else self._context.settings.zone
        keep_ms = policy.cap_keep_ms(now_ms, zone)
        scope = scope_cap(lesson.carrier)
        self._context.facts.put(
            FactChange(lesson, FactOp.REFUSED, number, scope, code, now_ms, LEARNT, within_ms=1, keep_ms=keep_ms)
        )

    def _ported(self, lesson: Lesson, policy: FailoverPolicy, number: str, codes: tuple[str, ...]) -> None:
        network = policy.codes.ported_to(codes)
        self._tell("number.ported", lesson, number, network or "to another network")
        if network:
            self._context.ported.learn(number, network)

    def _tell(self, event: str, lesson: Lesson, number: str, code: str, signature: str = "") -> None:
        fields: dict[str, object] = {
            "carrier": lesson.carrier, "account": lesson.account, "message_id": lesson.message_id,
            "recipient": mask(number), "code": code,
        }  # fmt: skip
        if signature:
            fields["signature"] = signature
        self._context.log(event, fields)

    def _put(self, lesson: Lesson, op: FactOp, number: str, scope: str, code: str, rule: ListRule) -> None:
        self._context.facts.put(
            FactChange(
                lesson,
                op,
                number,
                scope,
                code,
                self._context.clock.now_ms(),
                LEARNT,
                threshold=rule.threshold,
                within_ms=round(rule.within_s * 1000),
                keep_ms=round(rule.keep_s * 1000),
            )
        )
