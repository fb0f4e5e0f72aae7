"""What receipts teach of recipients: numbers that are dead, and those that a carrier has blacklisted.

Owns: which codes of the account's profile mean so, and the telling when an entry was made. The recipient comes from
what we kept of the message, never from the receipt. A delivery clears what was counted against a number; for that the
receipt's own address is enough. Counting and the entries themselves are the store's (``scripts/facts.lua``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smsgw.errors import StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.reports import Report, unpack_origin
from smsgw.policy.numbers import mask
from smsgw.records.record import Step
from smsgw.smpp.constants import MessageState
from smsgw.store.facts import LEARNT, FactChange, FactOp, FactResult
from smsgw.store.recipients import SCOPE_COMPANY, scope_carrier

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.policy.profile import ListRule

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

    def delivered(self, account: str, sender: bytes) -> None:
        """A receipt says DELIVRD; ``sender`` is the address that it came from."""
        rules = self._context.rules.get(account)
        if rules is None or not rules.dead_codes:
            return
        number = self._context.number_of(sender, account)
        if number is not None:
            change = FactChange(None, FactOp.DELIVERED, number, SCOPE_COMPANY, "", self._context.clock.now_ms())
            self._context.facts.put(change)

    def failed(self, account: str, message_id: str, carrier: str, origin: bytes, report: Report) -> None:
        """A receipt says that the message was not delivered; ``origin`` is sealed."""
        rules = self._context.rules.get(account)
        if rules is None:
            return
        codes = {report.err.casefold(), report.stat.casefold()}
        dead = not codes.isdisjoint(rules.dead_codes)
        if not dead and codes.isdisjoint(rules.blacklist_codes):
            return
        try:
            addresses = unpack_origin(self._context.store.sealer.open(origin))
        except (StoreError, ValueError, TypeError) as error:
            self._context.log("receipt.origin_unreadable", {"message_id": message_id, "why": str(error)})
            return
        number = self._context.number_of(addresses.dest_addr, account)
        if number is None:
            return
        lesson = Lesson(account, message_id, carrier)
        code = report.stat or report.err
        profile = rules.rules.profile
        if dead:
            self._put(lesson, FactOp.FAILED, number, SCOPE_COMPANY, code, profile.dead_number)
        else:
            self._put(lesson, FactOp.REFUSED, number, scope_carrier(carrier), code, profile.blacklist)

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
        self._context.log(
            "dead_number.learnt" if step is Step.DEAD else "blacklist.learnt",
            {
                "recipient": mask(change.number),
                "carrier": lesson.carrier,
                "account": lesson.account,
                "code": change.source,
                "expires_ms": ends_ms,
            },
        )

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
