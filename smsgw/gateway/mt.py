"""MT: submit_sm → local checks → admit → submit_sm_resp. Also data_sm, and each destination of submit_multi.

Order: window and rate of the account, shape of the PDU, recipient, then the rules that need no store
(``policy.pipeline``), the account's quota, then one item of the next ``admit`` batch, where the rules with state are
decided and the message is made durable. ESME_ROK leaves only after that. How a refusal is told is ``refuser``.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from smsgw.errors import RecoverableError, StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.multi import Destination
from smsgw.gateway.refuser import Refuser, refusal_of, rok
from smsgw.gateway.submission import Part, Segment, Sender, Submission
from smsgw.gateway.tags import read_tags
from smsgw.gateway.views import View, check_text, outgoing, read_times, text_octets, with_absolute_validity
from smsgw.policy.caps import CapRows, content_hash
from smsgw.policy.model import Draft, MessageClass, Refusal
from smsgw.policy.reasons import ACCOUNT_DISABLED, NUMBER_INVALID, RATE, STORE_AWAY
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus
from smsgw.smpp.pdu import response
from smsgw.smpp.segments import count_segments
from smsgw.smpp.udh import Concat, concat_of
from smsgw.smpp.views import Sm
from smsgw.store.admission import ACCEPTED, GONE, AdmitItem, AdmitReply
from smsgw.store.envelope import INTERNAL, ONE_RECEIPT, REPORT_ALWAYS, Envelope
from smsgw.store.parked import LOT_REVIEW
from smsgw.store.state import ENROUTE_HEADER, state_value

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.esme.session import EsmeSession
    from smsgw.gateway.account_rules import AccountRules
    from smsgw.gateway.choice import Suits
    from smsgw.gateway.context import Context
    from smsgw.gateway.direct import Direct
    from smsgw.gateway.long_messages import LongMessages

#: A long message that the store could not admit is decided again after this.
STORE_AWAY_RETRY_S = 1.0

_BAD_NUMBER = Refusal(NUMBER_INVALID, "", None)
_SUBMIT_SM = int(CommandId.SUBMIT_SM)
_OTP = int(MessageClass.OTP)
_ROK = int(CommandStatus.ESME_ROK)
#: What ``MtJourney._taken`` is called with.
_Message: TypeAlias = "tuple[Sender, Account, int, View, int, str, bytes, int, Concat | None]"


class MtJourney:
    """Admission of messages. ``long_messages`` is set by the gateway after both are made."""

    long_messages: LongMessages

    def __init__(self, context: Context, refuser: Refuser, direct: Direct) -> None:
        self._context = context
        self._direct = direct
        self._refuser = refuser
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
        name = account.settings.system_id
        context.metrics.account(name).mt_received += 1
        check_text(view)
        concat = concat_of(view)
        payload = text_octets(view)
        segments = 1 if len(payload) <= 140 else count_segments(payload, view.data_coding)
        recipient = context.number_of(view.destination_addr, name)
        window = account.settings.window
        if session.unanswered > window or recipient is None:
            refusal = _BAD_NUMBER
            if session.unanswered > window:
                refusal = Refusal(RATE, f"more than {window} requests unanswered", 1)
            self._refuser.refuse_early(session, command_id, sequence_number, refusal, recipient or "")
        elif account.slices.take(segments, session.now_s):
            self._taken(session, account, command_id, view, sequence_number, recipient, payload, segments, concat)
        else:
            message = (session, account, command_id, view, sequence_number, recipient, payload, segments, concat)
            context.rates.take(account, segments, partial(self._rated, message))

    def _rated(self, message: _Message, refusal: Refusal | None) -> None:
        """The account's rate has been asked, at once or later: the caller of ``take`` may be gone."""
        session, _, command_id, _, sequence_number, recipient, *_ = message
        if refusal is not None:
            self._refuser.refuse_early(session, command_id, sequence_number, refusal, recipient)
            return
        try:
            self._taken(*message)
        except RecoverableError as error:
            session.answer(response(command_id | RESPONSE_BIT, error.command_status, sequence_number))

    def _taken(
        self, session: Sender, account: Account, command_id: int, view: View, sequence_number: int, recipient: str,
        payload: bytes, segments: int, concat: Concat | None,
    ) -> None:  # fmt: skip
        """The account's window and rate let it in. Raises RecoverableError."""
        context = self._context
        now_ms = context.clock.now_ms()
        due_ms, expires_ms = read_times(view, now_ms)
        tags = read_tags(view)
        partition = self._partition(recipient, self._partitions)
        if isinstance(session, Destination):
            message_id = session.next_id(partition)
        else:
            message_id = context.ids.next(partition, int(context.wall_s()))
        part = Part(session, command_id, sequence_number, message_id, view.registered_delivery, outgoing(view))
        source_addr = view.source_addr.decode("latin-1")
        if concat is not None and concat.total > 1:
            segment = Segment(source_addr, recipient, now_ms, due_ms, expires_ms, *tags)
            self.long_messages.take(part, concat, account, partition, segment)
            return
        submission = Submission(account, [part], source_addr, recipient, self._hash(recipient), partition, now_ms)
        submission.text = decode_text(payload, view.data_coding)
        submission.segments = segments
        submission.tier, submission.campaign, submission.audience = tags
        submission.due_ms, submission.expires_ms = due_ms, expires_ms
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
            account.message_class,
            submission.source_addr,
            submission.recipient,
            submission.text,
            submission.segments,
            submission.due_ms or submission.accepted_ms,
            campaign=submission.campaign,
            audience=submission.audience,
        )
        outcome = rules.rules(draft)
        submission.judged(draft)
        hold_reason = ""
        if outcome is not None:
            if isinstance(outcome, Refusal):
                self.refuse(submission, outcome)
                return
            if submission.expires_ms and outcome.until_ms >= submission.expires_ms:
                self.refuse(submission, Refusal(outcome.reason, "it opens only after the validity_period", None))
                return
            submission.due_ms, hold_reason = outcome.until_ms, outcome.reason.rule_id
        if draft.plain:
            self._count_words(draft)
        if not context.store_up and not draft.review and self._goes_directly(submission, draft):
            return
        if rules.has_quota:
            at_ms = submission.due_ms or submission.accepted_ms
            context.quotas.take(account.system_id, at_ms, partial(self._quota, submission, rules, draft, hold_reason))
        else:
            self._admit(submission, rules, draft, hold_reason)

    def _goes_directly(self, submission: Submission, draft: Draft) -> bool:
        route = draft.route.name if draft.route is not None else ""
        return self._direct.takes(submission, draft.carriers, route, asyncio.get_running_loop().time())

    def _count_words(self, draft: Draft) -> None:
        """Words that are only counted; the lists remember what they found in the last text."""
        for entry in self._context.registers.words.all(draft.plain):
            if entry.action == "count":
                self._context.metrics.words_counted[entry.category or entry.list] += 1

    def refuse(self, submission: Submission, refusal: Refusal) -> None:
        """A rule says no: tell every part's sender."""
        self._refuser.refuse(submission, refusal)

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
            ticket = cast(_Ticket, item.context)
            submission = ticket.submission
            if submission.long_key and (reply.code in (ACCEPTED, GONE) or not submission.is_promised):
                # The script has deleted the segments; those of which something was promised go after its refusal.
                self.long_messages.decided(submission.long_key)
                submission.long_key = ""
            if reply.code == GONE:
                self._refuser.give_back(submission)
                self._answer_early(submission)
                continue
            if reply.code != ACCEPTED:
                self.refuse(submission, refusal_of(reply, ticket.caps))
                continue
            counters = accounts(submission.account.settings.system_id)
            count = len(submission.parts)
            counters.mt_accepted += count
            counters.answered[_ROK] += count
            if submission.due_ms or submission.review:
                counters.mt_held += count
            counters.answer_latency.observe((now_s - submission.received_s) * 1000)
            for part in submission.parts:
                self._journal.accepted(submission, part.message_id, ticket.route, ticket.hold_reason)
                if part.session is not None:
                    part.session.answer(rok(part))

    # -- inside

    def _store_away(self, submission: Submission) -> None:
        """A single message is refused; a long one is durable in its segments, so it is answered and decided later."""
        if not submission.long_key:
            self.refuse(submission, Refusal(STORE_AWAY, "", 5))
            return
        self._refuser.give_back(submission)
        self._answer_early(submission)
        asyncio.get_running_loop().call_later(STORE_AWAY_RETRY_S, self.decide, submission)

    @staticmethod
    def _answer_early(submission: Submission) -> None:
        """Segments are durable, decided or not: whoever waits for an answer gets ESME_ROK."""
        for part in submission.parts:
            if part.session is not None:
                part.session.answer(rok(part))
                part.session = None

    def _quota(
        self, submission: Submission, rules: AccountRules, draft: Draft, hold_reason: str, refusal: Refusal | None
    ) -> None:
        """The account's quota has been asked, at once or after the store lent more of it."""
        if refusal is not None:
            self.refuse(submission, refusal)
            return
        submission.quota_ms = submission.due_ms or submission.accepted_ms
        self._admit(submission, rules, draft, hold_reason)

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
        message_class = submission.message_class
        first = context.choice.first_in_time if message_class == _OTP else context.choice.first
        carrier = first(draft.carriers, draft.province, None if own else self._suits(rules, draft))
        if submission.expires_ms and (submission.due_ms or submission.review):
            # "Two hours from now" would begin only when the carrier gets it.
            for part in submission.parts:
                part.pdu = with_absolute_validity(part.pdu, submission.expires_ms)
        envelope = self._envelope(submission, draft, flags)
        context.admission.submit(
            AdmitItem(
                _Ticket(submission, route.name, hold_reason, caps),
                submission.rhash,
                envelope.message_ids,
                context.store.sealer.seal(envelope.pack()),
                context.stream_names[carrier][draft.lane],
                at_ms,
                state_value(ENROUTE_HEADER, account.system_id, submission.source_addr),
                () if own else rules.facts(submission.signature, message_class, carrier),
                caps.script_rows(at_ms) if caps is not None else (),
                submission.tier,
                message_class,
                context.settings.queue_limit,
                envelope.expires_at_ms if envelope.lot else submission.due_ms,
                submission.long_key,
                envelope.lot,
                content_hash(draft.plain) if caps is not None and caps.same_content is not None else b"",
                ()
                if own or len(draft.carriers) == 1
                else rules.others(
                    submission.signature, message_class, draft.carriers, carrier, draft.lane, context.stream_names
                ),
                submission.is_promised,
            )
        )

    @staticmethod
    def _suits(rules: AccountRules, draft: Draft) -> Suits | None:
        """Asks of other carriers than the one that the text was judged by; None where all want the same."""
        other_carrier = rules.rules.other_carrier
        if not other_carrier.any_differ:
            return None
        return lambda name: other_carrier.suits(
            draft.message_class, draft.at_ms, draft.signature or "", lambda: draft.text, draft.carrier, name
        )

    def _envelope(self, submission: Submission, draft: Draft, flags: int) -> Envelope:
        parts = submission.parts
        account = submission.account.settings
        now_ms = submission.accepted_ms
        if account.reject_mode == "receipt" or None in [part.session for part in parts]:
            flags |= REPORT_ALWAYS
        if account.long_receipts == "one" and len(parts) > 1:
            flags |= ONE_RECEIPT
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
            self._expires_ms(submission),
            submission.due_ms,
            submission.segments,
            list(draft.carriers),
            flags=flags,
            template=submission.template,
            campaign=submission.campaign,
            lot=LOT_REVIEW if submission.review else "",
            note=submission.review,
            lane=draft.lane if draft.lane != submission.message_class else -1,
            route=draft.route.name if draft.route is not None else "",
            network=draft.network,
            province=draft.province,
        )

    def _expires_ms(self, submission: Submission) -> int:
        """When it is too late for a message; for a verification code that is soon, whatever its validity."""
        settings = self._context.settings
        begins_ms = submission.due_ms or submission.accepted_ms
        latest_ms = begins_ms + int(settings.max_validity_s * 1000)
        if submission.message_class == _OTP and settings.otp_limit_s and not submission.review:
            latest_ms = begins_ms + int(settings.otp_limit_s * 1000)
            return min(submission.expires_ms, latest_ms) if submission.expires_ms else latest_ms
        return submission.expires_ms or latest_ms


class _Ticket(NamedTuple):
    """What an item of a batch was, when its reply comes."""

    submission: Submission
    route: str
    hold_reason: str
    caps: CapRows | None
