"""MT: submit_sm → local checks → admit → submit_sm_resp. Also data_sm, and each destination of submit_multi.

Order: window and rate of the account, shape of the PDU, recipient, then the rules that need no store
(``policy.pipeline``), then one item of the next ``admit`` batch, where the rules with state are decided
and the message is made durable. ESME_ROK leaves only after that. A refusal with ``reject_mode = "receipt"``
is answered ESME_ROK once the receipt that reports it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, cast

from smsgw.errors import RecoverableError, StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.local_reports import LocalReports
from smsgw.gateway.multi import Destination
from smsgw.gateway.reports import Report
from smsgw.gateway.submission import Part, Segment, Sender, Submission
from smsgw.gateway.views import View, outgoing, read_times, view_of, with_absolute_validity
from smsgw.policy.caps import CapRows
from smsgw.policy.model import Draft, Refusal
from smsgw.policy.numbers import to_e164
from smsgw.policy.reasons import (
    ACCOUNT_DISABLED,
    NUMBER_INVALID,
    OPTOUT,
    QUEUE_FULL,
    RATE,
    STORE_AWAY,
)
from smsgw.policy.shaping import rate_refusal
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, MessageState
from smsgw.smpp.pdu import response
from smsgw.smpp.segments import count_segments
from smsgw.smpp.udh import concat_of, strip_udh
from smsgw.smpp.views import Sm
from smsgw.store.admission import ACCEPTED, CAPPED, FULL, GONE, OPTED_OUT, AdmitItem, AdmitReply
from smsgw.store.envelope import INTERNAL, REPORT_ALWAYS, Envelope
from smsgw.store.state import ENROUTE_HEADER, state_value

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.esme.session import EsmeSession
    from smsgw.gateway.context import AccountRules, Context
    from smsgw.gateway.direct import Direct
    from smsgw.gateway.long_messages import LongMessages

#: Vendor TLV of a submit_sm: the recipient's tier (a name of the profile), which picks other caps below the ceiling.
TAG_TIER = 0x1410

#: A long message that the store could not admit is decided again after this.
STORE_AWAY_RETRY_S = 1.0

_PASSING = (STORE_AWAY, QUEUE_FULL)
_BAD_NUMBER = Refusal(NUMBER_INVALID, "", None)
_SUBMIT_SM = int(CommandId.SUBMIT_SM)
_ROK = int(CommandStatus.ESME_ROK)


class MtJourney:
    """Admission of messages. ``long_messages`` is set by the gateway after both are made."""

    long_messages: LongMessages

    def __init__(self, context: Context, reports: LocalReports, direct: Direct) -> None:
        self._context = context
        self._direct = direct
        self._reports = reports
        self._journal = Journal(context)
        self._hash = context.store.recipients.hash
        self._partition = context.store.recipients.partition
        self._partitions = context.store.partitions

    def submit(self, session: EsmeSession, raw: bytes, sequence_number: int) -> None:
        """A submit_sm of an application; the hot one."""
        try:
            self.take(session, _SUBMIT_SM, Sm(raw), sequence_number)
        except RecoverableError as error:
            session.answer(response(_SUBMIT_SM | RESPONSE_BIT, error.command_status, sequence_number))

    def take(self, session: Sender, command_id: int, view: View, sequence_number: int) -> None:
        """One message or one segment of one. Raises RecoverableError for the caller to answer."""
        context = self._context
        account = session.account
        assert account is not None
        context.metrics.account(account.settings.system_id).mt_received += 1
        concat = concat_of(view)
        payload = strip_udh(view.payload) if view.has_udh else view.payload
        segments = 1 if concat is not None or len(payload) <= 140 else count_segments(payload, view.data_coding)
        recipient = to_e164(view.destination_addr.decode("latin-1"))
        refusal = self._too_much(session, account, recipient, segments)
        if refusal is not None or recipient is None:
            self._refuse_early(session, command_id, sequence_number, refusal or _BAD_NUMBER, recipient or "")
            return
        now_ms = context.clock.now_ms()
        due_ms, expires_ms = read_times(view, now_ms)
        tier = view.tlvs.first(TAG_TIER)
        tier_name = tier.rstrip(b"\0").decode("ascii", "replace") if tier is not None else ""
        partition = self._partition(recipient, self._partitions)
        if isinstance(session, Destination):
            message_id = session.next_id(partition)
        else:
            message_id = context.ids.next(partition, int(context.wall_s()))
        part = Part(session, command_id, sequence_number, message_id, view.registered_delivery, outgoing(view))
        source_addr = view.source_addr.decode("latin-1")
        if concat is not None and concat.total > 1:
            segment = Segment(source_addr, recipient, now_ms, due_ms, expires_ms, tier_name)
            self.long_messages.take(part, concat, account, partition, segment)
            return
        submission = Submission(account, [part], source_addr, recipient, self._hash(recipient), partition, now_ms)
        submission.text = decode_text(payload, view.data_coding)
        submission.segments = segments
        submission.tier, submission.due_ms, submission.expires_ms = tier_name, due_ms, expires_ms
        submission.received_s = session.now_s
        self.decide(submission)

    def decide(self, submission: Submission) -> None:
        """The rules that need no store, then on to ``admit``. Answers every part in the end."""
        context = self._context
        account = submission.account.settings
        if context.closing:
            if submission.long_key:
                self._answer_early(submission)
            else:
                self.refuse(submission, Refusal(STORE_AWAY, "the gateway is shutting down", 10))
            return
        rules = context.rules.get(account.system_id)
        if rules is None:
            self.refuse(submission, Refusal(ACCOUNT_DISABLED, "the account was removed", None))
            return
        draft = Draft(
            account.system_id,
            submission.message_class,
            submission.source_addr,
            submission.recipient,
            submission.text,
            submission.segments,
            submission.due_ms or submission.accepted_ms,
        )
        outcome = rules.rules(draft)
        submission.signature = draft.signature or ""
        hold_reason = ""
        if outcome is not None:
            if isinstance(outcome, Refusal):
                self.refuse(submission, outcome)
                return
            if submission.expires_ms and outcome.until_ms >= submission.expires_ms:
                self.refuse(submission, Refusal(outcome.reason, "it opens only after the validity_period", None))
                return
            submission.due_ms, hold_reason = outcome.until_ms, outcome.reason.rule_id
        if not context.store_up and draft.route is not None:
            carriers, route = draft.route.carriers, draft.route.name
            if self._direct.takes(submission, carriers, route, asyncio.get_running_loop().time()):
                return
        self._admit(submission, rules, draft, hold_reason)

    def refuse(self, submission: Submission, refusal: Refusal) -> None:
        """Tell every part's sender: by status, or by receipt where the account wants that or nobody waits any more."""
        account = submission.account
        settings = account.settings
        status = refusal.reason.command_status(settings.vendor_codes)
        counters = self._context.metrics.account(settings.system_id)
        # What passes by itself is told at once: the client should try again, and the store may be away.
        by_receipt = settings.reject_mode == "receipt" and refusal.reason not in _PASSING
        reported = sum(by_receipt or part.session is None for part in submission.parts)

        def ended() -> None:
            nonlocal reported
            reported -= 1
            if reported == 0 and submission.long_key:
                self.long_messages.forget(submission.partition, submission.long_key)

        if not reported:
            reported = 1
            ended()
        for part in submission.parts:
            counters.refuse(refusal.reason.rule_id, status)
            self._journal.refused(
                settings.system_id, submission.message_class, submission.recipient, 1, part.message_id, status, refusal
            )
            if submission.internal:
                continue
            if by_receipt or part.session is None:
                self._report_refusal(submission, part, refusal, ended)
            else:
                part.session.refuse(part.command_id, part.sequence_number, refusal)

    def send_internal(self, submission: Submission) -> None:
        """A message of the gateway itself: no rules, no caps, no receipts to an account."""
        submission.internal = True
        rules = self._context.rules[submission.account.settings.system_id]
        draft = Draft(
            rules.name, submission.message_class, submission.source_addr, submission.recipient, submission.text, 1,
            submission.accepted_ms,
        )  # fmt: skip
        draft.route = rules.rules.route(draft)
        if draft.route is not None:
            self._admit(submission, rules, draft, "", INTERNAL)

    # -- the store's answer

    def admitted(self, items: list[AdmitItem], replies: list[AdmitReply] | StoreError) -> None:
        """Called once for each batch of ``admit``."""
        if isinstance(replies, StoreError):
            for item in items:
                self._store_away(cast(_Ticket, item.context).submission)
            return
        now_s = asyncio.get_running_loop().time()
        accounts = self._context.metrics.account
        for item, reply in zip(items, replies, strict=True):
            submission, route, hold_reason, _ = cast(_Ticket, item.context)
            if submission.long_key:
                # The script has deleted the segments, whatever it decided.
                self.long_messages.decided(submission.long_key)
                submission.long_key = ""
            if reply.code == GONE:
                self._answer_early(submission)
                continue
            if reply.code != ACCEPTED:
                self.refuse(submission, self._refusal_of(item, reply))
                continue
            counters = accounts(submission.account.settings.system_id)
            count = len(submission.parts)
            counters.mt_accepted += count
            counters.answered[_ROK] += count
            if submission.due_ms:
                counters.mt_held += count
            counters.answer_latency.observe((now_s - submission.received_s) * 1000)
            for part in submission.parts:
                self._journal.accepted(submission, part.message_id, route, hold_reason)
                if part.session is not None:
                    part.session.answer(rok(part))

    # -- inside

    def _store_away(self, submission: Submission) -> None:
        """A single message is refused; a long one is durable in its segments, so it is answered and decided later."""
        if not submission.long_key:
            self.refuse(submission, Refusal(STORE_AWAY, "", 5))
            return
        self._answer_early(submission)
        asyncio.get_running_loop().call_later(STORE_AWAY_RETRY_S, self.decide, submission)

    @staticmethod
    def _answer_early(submission: Submission) -> None:
        """Segments are durable, decided or not: whoever waits for an answer gets ESME_ROK."""
        for part in submission.parts:
            if part.session is not None:
                part.session.answer(rok(part))
                part.session = None

    def _admit(
        self, submission: Submission, rules: AccountRules, draft: Draft, hold_reason: str, flags: int = 0
    ) -> None:
        context = self._context
        account = submission.account.settings
        route = draft.route
        assert route is not None
        own = flags & INTERNAL
        at_ms = submission.due_ms or submission.accepted_ms
        caps = None if own else rules.rules.cap_rows(draft)
        if submission.due_ms and submission.expires_ms:
            # "Two hours from now" would begin only when the carrier gets it.
            for part in submission.parts:
                part.pdu = with_absolute_validity(part.pdu, submission.expires_ms)
        envelope = self._envelope(submission, list(route.carriers), flags)
        context.admission.submit(
            AdmitItem(
                _Ticket(submission, route.name, hold_reason, caps),
                submission.rhash,
                envelope.message_ids,
                context.store.sealer.seal(envelope.pack()),
                context.stream_for(route.carriers, submission.message_class),
                at_ms,
                state_value(ENROUTE_HEADER, account.system_id, submission.source_addr),
                () if own else rules.facts(submission.signature),
                caps.script_rows(at_ms) if caps is not None else (),
                submission.tier,
                submission.message_class,
                context.settings.queue_limit,
                submission.due_ms,
                submission.long_key,
            )
        )

    def _envelope(self, submission: Submission, carriers: list[str], flags: int) -> Envelope:
        parts = submission.parts
        account = submission.account.settings
        now_ms = submission.accepted_ms
        if account.reject_mode == "receipt" or None in [part.session for part in parts]:
            flags |= REPORT_ALWAYS
        return Envelope(
            [part.message_id for part in parts],
            [part.pdu for part in parts],
            account.system_id,
            submission.message_class,
            submission.recipient,
            submission.source_addr,
            submission.signature,
            [part.registered for part in parts],
            now_ms,
            now_ms,
            submission.expires_ms or (submission.due_ms or now_ms) + int(self._context.settings.max_validity_s * 1000),
            submission.due_ms,
            submission.segments,
            carriers,
            flags=flags,
        )

    def _refusal_of(self, item: AdmitItem, reply: AdmitReply) -> Refusal:
        """What the script said, as a rule's refusal."""
        if reply.code == OPTED_OUT:
            return Refusal(OPTOUT, _scope_words(reply.fact), None)
        if reply.code == CAPPED:
            return cast(CapRows, cast(_Ticket, item.context).caps).refusal(
                reply.row, max(1, -(-reply.retry_after_ms // 1000))
            )
        if reply.code == FULL:
            return Refusal(QUEUE_FULL, "", 5)
        return Refusal(STORE_AWAY, "the store is short of memory", 60)

    @staticmethod
    def _too_much(session: Sender, account: Account, recipient: str | None, segments: int) -> Refusal | None:
        """The account's window and rate; a message without a valid recipient costs no rate."""
        settings = account.settings
        if session.unanswered > settings.window:
            return Refusal(RATE, f"more than {settings.window} requests unanswered", 1)
        wait_s = account.bucket.take(segments, session.now_s) if recipient is not None else 0.0
        if wait_s:
            return rate_refusal(wait_s)
        return None

    def _refuse_early(
        self, session: Sender, command_id: int, sequence_number: int, refusal: Refusal, recipient: str = ""
    ) -> None:
        """Before there is a message: always by status, since there is nothing to report on."""
        account = session.account
        assert account is not None
        settings = account.settings
        status = refusal.reason.command_status(settings.vendor_codes)
        self._context.metrics.account(settings.system_id).refuse(refusal.reason.rule_id, status)
        self._journal.refused(settings.system_id, settings.message_class, recipient, 1, "", status, refusal)
        session.refuse(command_id, sequence_number, refusal)

    def _report_refusal(self, submission: Submission, part: Part, refusal: Refusal, ended: Callable[[], None]) -> None:
        report = Report(int(MessageState.REJECTED), refusal.reason.receipt_err, self._context.clock.now_ms())

        def durable(done: bool) -> None:
            ended()
            if part.session is None:
                return
            if done:
                part.session.answer(rok(part))
            else:
                part.session.refuse(part.command_id, part.sequence_number, Refusal(STORE_AWAY, "", 5))

        system_id = submission.account.settings.system_id
        self._reports.send(system_id, part.message_id, view_of(part.pdu), submission.accepted_ms, report, durable)


class _Ticket(NamedTuple):
    """What an item of a batch was, when its reply comes."""

    submission: Submission
    route: str
    hold_reason: str
    caps: CapRows | None


def rok(part: Part) -> bytes:
    """The ESME_ROK that a part's sender waits for."""
    return response(part.command_id | RESPONSE_BIT, _ROK, part.sequence_number, part.message_id.encode())


def _scope_words(fact: str) -> str:
    """``o``, ``o:a:shop``, ``o:s:…`` in words."""
    if fact == "o":
        return "for the whole company"
    kind, _, name = fact[2:].partition(":")
    return f"for account {name}" if kind == "a" else f"for signature {name}"
