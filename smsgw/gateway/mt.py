"""MT: submit_sm → local checks → admit → submit_sm_resp. Also data_sm, and each destination of submit_multi.

Order: window and rate of the account, shape of the PDU, recipient, then the rules that need no store
(``policy.pipeline``), the account's quota, then one item of the next ``admit`` batch, where the rules with state are
decided and the message is made durable. ESME_ROK leaves only after that. How a refusal is told is ``refuser``.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

from smsgw.errors import RecoverableError, StoreError
from smsgw.gateway.account_rules import Way
from smsgw.gateway.journal import Journal
from smsgw.gateway.multi import Destination
from smsgw.gateway.refuser import Refuser, refusal_of, rok
from smsgw.gateway.submission import Part, Segment, Sender, Submission, template_name
from smsgw.gateway.tags import NO_TAGS, read_tags
from smsgw.gateway.views import View, check_text, outgoing, read_times, text_octets, with_absolute_validity
from smsgw.policy.caps import content_hash
from smsgw.policy.model import Draft, MessageClass, Refusal
from smsgw.policy.reasons import ACCOUNT_DISABLED, NUMBER_INVALID, RATE, STORE_AWAY
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus
from smsgw.smpp.pdu import response
from smsgw.smpp.segments import count_segments
from smsgw.smpp.udh import Concat, concat_of
from smsgw.smpp.views import Sm
from smsgw.store.admission import ACCEPTED, GONE, AdmitItem, AdmitReply
from smsgw.store.envelope import INTERNAL, ONE_RECEIPT, REPORT_ALWAYS, packed
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
    from smsgw.smpp.views import Plain

#: A long message that the store could not admit is decided again after this.
STORE_AWAY_RETRY_S = 1.0

_BAD_NUMBER = Refusal(NUMBER_INVALID, "", None)
_SUBMIT_SM = int(CommandId.SUBMIT_SM)
_OTP = int(MessageClass.OTP)
_ROK = int(CommandStatus.ESME_ROK)
#: What ``MtJourney._taken`` is called with.
_Message: TypeAlias = "tuple[Sender, Account, int, View, int, str, Plain, int, Concat | None, bool]"


class MtJourney:
    """Admission of messages. ``long_messages`` is set by the gateway after both are made."""

    long_messages: LongMessages

    def __init__(self, context: Context, refuser: Refuser, direct: Direct) -> None:
        self._context = context
        self._direct = direct
        self._refuser = refuser
        self._journal = Journal(context)
        self._counters = context.metrics.account
        self._now_ms = context.clock.now_ms
        self._hash = context.store.recipients.hash
        self._partition_of = context.store.recipients.partition_of_hash
        self._partitions = context.store.partitions
        self._seal = context.store.sealer.seal

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
        self._counters(name).mt_received += 1
        fields, concat = view.plain(), None
        is_plain = fields is not None
        if fields is None:
            check_text(view)
            concat = concat_of(view)
            text = text_octets(view)
            fields = view.source_addr, view.destination_addr, view.registered_delivery, view.data_coding, text
        _, address, _, data_coding, octets = fields
        segments = 1 if len(octets) <= 140 else count_segments(octets, data_coding)
        recipient = context.number_of(address, name)
        window = account.settings.window
        if session.unanswered > window or recipient is None:
            refusal = _BAD_NUMBER
            if session.unanswered > window:
                refusal = Refusal(RATE, f"more than {window} requests unanswered", 1)
            self._refuser.refuse_early(session, command_id, sequence_number, refusal, recipient or "")
        elif account.slices.take(segments, session.now_s):
            self._taken(
                session, account, command_id, view, sequence_number, recipient, fields, segments, concat, is_plain
            )
        else:
            message = (
                session, account, command_id, view, sequence_number, recipient, fields, segments, concat, is_plain
            )  # fmt: skip
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
        fields: Plain, segments: int, concat: Concat | None, is_plain: bool,
    ) -> None:  # fmt: skip
        """The account's window and rate let it in. Raises RecoverableError."""
        context = self._context
        now_ms = self._now_ms()
        due_ms = expires_ms = 0
        tags = NO_TAGS
        if not is_plain:
            due_ms, expires_ms = read_times(view, now_ms)
            tags = read_tags(view)
        rhash = self._hash(recipient)
        partition = self._partition_of(rhash, self._partitions) if self._partitions > 1 else 0
        if isinstance(session, Destination):
            message_id = session.next_id(partition)
        else:
            message_id = context.ids.next(partition, int(context.wall_s()))
        address, _, registered, data_coding, octets = fields
        pdu = view.raw if is_plain and registered & 3 == 1 else outgoing(view)
        part = Part(session, command_id, sequence_number, message_id, registered, pdu)
        source_addr = address.decode("latin-1")
        if concat is not None and concat.total > 1:
            segment = Segment(source_addr, recipient, now_ms, due_ms, expires_ms, *tags)
            self.long_messages.take(part, concat, account, partition, segment)
            return
        settings = account.settings
        text = decode_text(octets, data_coding)
        draft = Draft(
            settings.system_id, settings.message_class, source_addr, recipient, text, segments, due_ms or now_ms,
            None, None, tags.campaign, tags.audience,
        )  # fmt: skip
        submission = Submission(account, [part], draft, rhash, partition, now_ms)
        submission.tier = tags.tier
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
        draft = submission.draft
        outcome = rules.rules(draft)
        if outcome is not None:
            if isinstance(outcome, Refusal):
                self.refuse(submission, outcome)
                return
            if submission.expires_ms and outcome.until_ms >= submission.expires_ms:
                self.refuse(submission, Refusal(outcome.reason, "it opens only after the validity_period", None))
                return
            submission.due_ms, submission.hold_reason = outcome.until_ms, outcome.reason.rule_id
        if draft.links:
            pdus = [part.pdu for part in submission.parts]
            if not context.short_links.ready(draft, pdus, partial(self._links_known, submission)):
                return
        if draft.plain:
            self._count_words(draft)
        if not context.store_up and not draft.review and self._goes_directly(submission):
            return
        if not rules.has_quota:
            self._admit(submission, rules)
            return
        at_ms = submission.due_ms or submission.accepted_ms
        if context.quotas.spend(account.system_id, at_ms):
            self._quota(submission, rules, None)
        else:
            context.quotas.take(account.system_id, at_ms, partial(self._quota, submission, rules))

    def _links_known(self, submission: Submission, why: StoreError | None) -> None:
        (self._store_away if why is not None else self.decide)(submission)

    def _decide_again(self, submission: Submission) -> None:
        """Anew, from what the application said: routes and rules may be other ones by now."""
        draft, settings = submission.draft, submission.account.settings
        submission.hold_reason = ""
        submission.draft = Draft(
            settings.system_id, settings.message_class, draft.source_addr, draft.recipient, draft.text, draft.segments,
            submission.due_ms or submission.accepted_ms, None, None, draft.campaign, draft.audience,
        )  # fmt: skip
        self.decide(submission)

    def _goes_directly(self, submission: Submission) -> bool:
        return self._direct.takes(submission, asyncio.get_running_loop().time())

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
        if rules.rules.route(submission.draft) is not None:
            self._admit(submission, rules, INTERNAL)

    # -- the store's answer

    def admitted(self, items: list[AdmitItem], replies: list[AdmitReply] | StoreError) -> None:
        """Called once for each batch of ``admit``."""
        if isinstance(replies, StoreError):
            for item in items:
                self._store_away(cast(Submission, item.context))
            return
        now_s, now_ms = asyncio.get_running_loop().time(), self._now_ms()
        for item, reply in zip(items, replies, strict=True):
            submission = cast(Submission, item.context)
            if submission.long_key and (reply.code in (ACCEPTED, GONE) or not submission.is_promised):
                # The script has deleted the segments; those of which something was promised go after its refusal.
                self.long_messages.decided(submission.long_key)
                submission.long_key = ""
            if reply.code == ACCEPTED:
                self._accepted(submission, item.blob, now_s, now_ms)
            elif reply.code == GONE:
                self._refuser.give_back(submission)
                self._answer_early(submission)
            else:
                self.refuse(submission, refusal_of(reply, submission.caps))

    # -- inside

    def _accepted(self, submission: Submission, sealed: bytes, now_s: float, now_ms: int) -> None:
        counters = self._counters(submission.account.settings.system_id)
        count = len(submission.parts)
        counters.mt_accepted += count
        counters.answered[_ROK] += count
        if submission.due_ms or submission.draft.review:
            counters.mt_held += count
        counters.answer_latency.observe((now_s - submission.received_s) * 1000)
        for part in submission.parts:
            self._journal.accepted(submission, part.message_id, now_ms, sealed)
            sealed = b""  # once for all segments
            if part.session is not None:
                part.session.answer(rok(part))

    def _store_away(self, submission: Submission) -> None:
        """A single message is refused; a long one is durable in its segments, so it is answered and decided later."""
        if not submission.long_key:
            self.refuse(submission, Refusal(STORE_AWAY, "", 5))
            return
        self._refuser.give_back(submission)
        self._answer_early(submission)
        asyncio.get_running_loop().call_later(STORE_AWAY_RETRY_S, self._decide_again, submission)

    @staticmethod
    def _answer_early(submission: Submission) -> None:
        """Segments are durable, decided or not: whoever waits for an answer gets ESME_ROK."""
        for part in submission.parts:
            if part.session is not None:
                part.session.answer(rok(part))
                part.session = None

    def _quota(self, submission: Submission, rules: AccountRules, refusal: Refusal | None) -> None:
        """The account's quota has been asked, at once or after the store lent more of it."""
        if refusal is not None:
            self.refuse(submission, refusal)
            return
        submission.quota_ms = submission.due_ms or submission.accepted_ms
        self._admit(submission, rules)

    def _admit(self, submission: Submission, rules: AccountRules, flags: int = 0) -> None:
        context, draft = self._context, submission.draft
        own = flags & INTERNAL
        due_ms, message_class = submission.due_ms, draft.message_class
        at_ms = due_ms or submission.accepted_ms
        first = context.choice.first_in_time if message_class == _OTP else context.choice.first
        carrier = first(draft.carriers, draft.province, None if own else self._suits(rules, draft))
        if submission.expires_ms and (due_ms or draft.review):
            # "Two hours from now" would begin only when the carrier gets it.
            for part in submission.parts:
                part.pdu = with_absolute_validity(part.pdu, submission.expires_ms)
        streams = context.stream_names
        way = Way(streams[carrier][draft.lane]) if own else rules.way(draft, carrier, streams)
        caps = way.caps if draft.recipient not in rules.test_numbers else None
        submission.caps = caps
        message_ids = submission.message_ids
        expires_ms = self._expires_ms(submission)
        context.admission.submit(
            AdmitItem(
                submission,
                submission.rhash,
                message_ids,
                self._seal(self._envelope(submission, message_ids, expires_ms, flags)),
                way.stream,
                at_ms,
                state_value(ENROUTE_HEADER, draft.account, draft.source_addr),
                way.facts,
                caps.script_rows(at_ms) if caps is not None else (),
                submission.tier,
                message_class,
                context.settings.queue_limit,
                expires_ms if draft.review else due_ms,
                submission.long_key,
                LOT_REVIEW if draft.review else "",
                content_hash(draft.plain) if caps is not None and caps.same_content is not None else b"",
                () if own or len(draft.carriers) < 2 else partial(rules.others, draft, carrier, streams),
                bool(submission.long_key) and submission.is_promised,
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

    def _envelope(self, submission: Submission, message_ids: list[str], expires_ms: int, flags: int) -> bytes:
        parts, draft, settings = submission.parts, submission.draft, submission.account.settings
        first = parts[0]
        pdus, registered = [first.pdu], [first.registered]
        if len(parts) > 1:
            pdus, registered = [part.pdu for part in parts], [part.registered for part in parts]
        route, now_ms = draft.route, submission.accepted_ms
        assert route is not None
        if settings.reject_mode == "receipt" or submission.is_promised:
            flags |= REPORT_ALWAYS
        if settings.long_receipts == "one" and len(parts) > 1:
            flags |= ONE_RECEIPT
        return packed(
            message_ids,
            pdus,
            draft.account,
            draft.message_class,
            draft.recipient,
            draft.source_addr,
            draft.signature or "",
            registered,
            now_ms,
            now_ms,
            expires_ms,
            submission.due_ms,
            draft.segments,
            draft.carriers,
            flags,
            template_name(draft),
            draft.campaign,
            LOT_REVIEW if draft.review else "",
            draft.review,
            draft.lane if draft.lane != draft.message_class else -1,
            route.name,
            draft.network,
            draft.province,
            draft.links or (),
        )

    def _expires_ms(self, submission: Submission) -> int:
        """When it is too late for a message; for a verification code that is soon, whatever its validity."""
        settings, draft = self._context.settings, submission.draft
        begins_ms = submission.due_ms or submission.accepted_ms
        if draft.message_class == _OTP and settings.otp_limit_s and not draft.review:
            latest_ms = begins_ms + int(settings.otp_limit_s * 1000)
            return min(submission.expires_ms, latest_ms) if submission.expires_ms else latest_ms
        return submission.expires_ms or begins_ms + int(settings.max_validity_s * 1000)
