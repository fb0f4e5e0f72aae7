"""MT: submit_sm → local checks → admit → submit_sm_resp. Also data_sm, and each destination of submit_multi.

Order: window and rate of the account, shape of the PDU, recipient, then the rules that need no store
(``policy.pipeline``), then one item of the next ``admit`` batch, where the rules with state are decided
and the message is made durable. ESME_ROK leaves only after that. A refusal with ``reject_mode = "receipt"``
is answered ESME_ROK once the receipt that reports it is durable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from smsgw.errors import RecoverableError, StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.local_reports import LocalReports
from smsgw.gateway.multi import Destination
from smsgw.gateway.reports import Report
from smsgw.gateway.submission import Part, Segment, Sender, Submission
from smsgw.gateway.views import View, outgoing, read_times, view_of
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
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, MessageState
from smsgw.smpp.pdu import response
from smsgw.smpp.segments import count_segments
from smsgw.smpp.udh import concat_of, strip_udh
from smsgw.smpp.views import Sm
from smsgw.store.admission import ACCEPTED, CAPPED, FULL, OPTED_OUT, AdmitItem, AdmitReply
from smsgw.store.envelope import INTERNAL, REPORT_ALWAYS, Envelope
from smsgw.store.keys import mt_suffix
from smsgw.store.state import ENROUTE_HEADER, state_value

if TYPE_CHECKING:
    from smsgw.esme.session import EsmeSession
    from smsgw.gateway.context import AccountRules, Context
    from smsgw.gateway.long_messages import LongMessages

#: Vendor TLV of a submit_sm: the recipient's tier (a name of the profile), which picks other caps below the ceiling.
TAG_TIER = 0x1410

_SUBMIT_SM = int(CommandId.SUBMIT_SM)
_ROK = int(CommandStatus.ESME_ROK)


class MtJourney:
    """Admission of messages. ``long_messages`` is set by the gateway after both are made."""

    long_messages: LongMessages

    def __init__(self, context: Context, reports: LocalReports) -> None:
        self._context = context
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
        settings = account.settings
        if session.unanswered > settings.window:
            self._refuse_early(
                session, command_id, sequence_number, Refusal(RATE, f"more than {settings.window} unanswered", 1)
            )
            return
        concat = concat_of(view)
        data_coding = view.data_coding
        payload = view.payload
        if view.has_udh:
            payload = strip_udh(payload)
        segments = 1 if concat is not None or len(payload) <= 140 else count_segments(payload, data_coding)
        recipient = to_e164(view.destination_addr.decode("latin-1"))
        if recipient is None:
            self._refuse_early(session, command_id, sequence_number, Refusal(NUMBER_INVALID, "", None))
            return
        wait_s = account.bucket.take(segments, session.now_s)
        if wait_s:
            refusal = Refusal(RATE, f"{settings.rate_per_s:g} segments a second", max(1, round(wait_s)))
            self._refuse_early(session, command_id, sequence_number, refusal, recipient)
            return
        now_ms = context.clock.now_ms()
        partition = self._partition(recipient, self._partitions)
        message_id = (
            session.next_id(partition)
            if isinstance(session, Destination)
            else context.ids.next(partition, context.wall_ms())
        )
        part = Part(session, command_id, sequence_number, message_id, view.registered_delivery, outgoing(view))
        source_addr = view.source_addr.decode("latin-1")
        due_ms, expires_ms = read_times(view, now_ms)
        tier = view.tlvs.first(TAG_TIER)
        if concat is not None and concat.total > 1:
            segment = Segment(source_addr, recipient, now_ms, due_ms, expires_ms, _tier_name(tier))
            self.long_messages.take(part, concat, account, partition, segment)
            return
        submission = Submission(
            account,
            settings.message_class,
            [part],
            source_addr,
            recipient,
            self._hash(recipient),
            partition,
            decode_text(payload, data_coding),
            segments,
            now_ms,
        )
        submission.tier = _tier_name(tier)
        submission.due_ms = due_ms
        submission.expires_ms = expires_ms
        self.decide(submission)

    def decide(self, submission: Submission) -> None:
        """The rules that need no store, then on to ``admit``. Answers every part in the end."""
        context = self._context
        account = submission.account.settings
        if context.closing:
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
            submission.due_ms or submission.at_ms,
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
        self._admit(submission, rules, draft, hold_reason)

    def refuse(self, submission: Submission, refusal: Refusal) -> None:
        """Tell every part's sender: by status, or by receipt where the account wants that or nobody waits any more."""
        account = submission.account
        settings = account.settings
        status = refusal.reason.command_status(settings.vendor_codes)
        self._context.metrics.account(settings.system_id).refuse(refusal.reason.rule_id, status)
        by_receipt = settings.reject_mode == "receipt"
        for part in submission.parts:
            self._journal.refused(
                settings.system_id, submission.message_class, submission.recipient, 1, part.message_id, status, refusal
            )
            if by_receipt or part.session is None:
                self._report_refusal(submission, part, refusal)
            else:
                part.session.refuse(part.command_id, part.sequence_number, refusal)
        if submission.long_key:
            self.long_messages.forget(submission.partition, submission.long_key)

    def send_internal(self, submission: Submission) -> None:
        """A message of the gateway itself: no rules, no caps, no receipts to an account."""
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
                self.refuse(cast(_Ticket, item.context).submission, Refusal(STORE_AWAY, "", 5))
            return
        accounts = self._context.metrics.account
        for item, reply in zip(items, replies, strict=True):
            submission, route, hold_reason, _ = cast(_Ticket, item.context)
            if reply.code != ACCEPTED:
                self.refuse(submission, self._refusal_of(item, reply))
                continue
            counters = accounts(submission.account.settings.system_id)
            counters.mt_accepted += len(submission.parts)
            for part in submission.parts:
                self._journal.accepted(submission, part.message_id, route, hold_reason)
                if part.session is not None:
                    part.session.answer(rok(part))

    # -- inside

    def _admit(
        self, submission: Submission, rules: AccountRules, draft: Draft, hold_reason: str, flags: int = 0
    ) -> None:
        context = self._context
        settings = context.settings
        parts = submission.parts
        account = submission.account.settings
        now_ms = submission.accepted_ms
        route = draft.route
        assert route is not None
        carriers = list(route.carriers)
        if account.reject_mode == "receipt" or any(part.session is None for part in parts):
            flags |= REPORT_ALWAYS
        envelope = Envelope(
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
            submission.expires_ms or now_ms + int(settings.max_validity_s * 1000),
            submission.due_ms,
            submission.segments,
            carriers,
            None,
            0,
            flags,
        )
        carrier = context.first_carrier(carriers)
        own = flags & INTERNAL
        caps = None if own else rules.rules.cap_rows(draft)
        at_ms = submission.due_ms or now_ms
        context.admission.submit(
            AdmitItem(
                _Ticket(submission, route.name, hold_reason, caps),
                submission.rhash,
                envelope.message_ids,
                context.store.sealer.seal(envelope.pack()),
                mt_suffix(carrier, submission.message_class),
                at_ms,
                state_value(ENROUTE_HEADER, account.system_id, submission.source_addr),
                () if own else rules.facts(submission.signature),
                caps.script_rows(at_ms) if caps is not None else (),
                submission.tier,
                submission.message_class,
                settings.queue_limit,
                submission.due_ms,
                submission.long_key,
            )
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

    def _report_refusal(self, submission: Submission, part: Part, refusal: Refusal) -> None:
        report = Report(int(MessageState.REJECTED), refusal.reason.receipt_err, self._context.clock.now_ms())

        def durable(done: bool) -> None:
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


def _tier_name(value: bytes | None) -> str:
    return value.rstrip(b"\0").decode("ascii", "replace") if value is not None else ""


def _scope_words(fact: str) -> str:
    """``o``, ``o:a:shop``, ``o:s:…`` in words."""
    if fact == "o":
        return "for the whole company"
    kind, _, name = fact[2:].partition(":")
    return f"for account {name}" if kind == "a" else f"for signature {name}"
