"""Telling an application that a rule said no: by status, or by receipt where it wants that or nobody waits any more.

Owns: which of the two, what is counted and recorded for it, and that the receipt is durable before ESME_ROK. What the
store's script answered becomes a rule's refusal here. Gives back what a refused message had taken of its quota.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from smsgw.gateway.journal import Journal
from smsgw.gateway.local_reports import REPORT_RETRY_S
from smsgw.gateway.reports import Report
from smsgw.gateway.submission import envelope_of
from smsgw.gateway.views import view_of
from smsgw.policy.caps import CapRows
from smsgw.policy.model import Refusal
from smsgw.policy.reasons import BLACKLISTED, CONSENT, DEAD_NUMBER, FREQUENCY, OPTOUT, QUEUE_FULL, STORE_AWAY
from smsgw.smpp.constants import MessageState
from smsgw.smpp.pdu import accepted
from smsgw.store.admission import CAPPED, FORBIDDEN, FULL, NO_CONSENT, AdmitReply
from smsgw.store.recipients import CAP

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.local_reports import LocalReports
    from smsgw.gateway.long_messages import LongMessages
    from smsgw.gateway.submission import Part, Sender, Submission

#: What passes by itself is told at once: the client should try again, and the store may be away.
_PASSING = (STORE_AWAY, QUEUE_FULL)


class Refuser:
    """``long_messages`` is set by the gateway after both are made."""

    long_messages: LongMessages

    def __init__(self, context: Context, reports: LocalReports) -> None:
        self._context = context
        self._reports = reports
        self._journal = Journal(context)
        self._seal = context.store.sealer.seal

    def refuse(self, submission: Submission, refusal: Refusal) -> None:
        """Tell the sender of every part."""
        settings, draft = submission.account.settings, submission.draft
        status = refusal.reason.command_status(settings.vendor_codes)
        counters = self._context.metrics.account(settings.system_id)
        self.give_back(submission)
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
        sealed = self._seal(envelope_of(submission).pack())
        for part in submission.parts:
            counters.refuse(refusal.reason.rule_id, status)
            self._journal.refused(
                settings.system_id, draft.message_class, draft.recipient, 1, part.message_id, status, refusal,
                draft.signature or "", sealed,
            )  # fmt: skip
            sealed = b""  # once for all segments
            if submission.internal:
                continue
            if by_receipt or part.session is None:
                self._report(submission, part, refusal, ended)
            else:
                part.session.refuse(part.command_id, part.sequence_number, refusal)

    def refuse_early(
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

    def give_back(self, submission: Submission) -> None:
        """The message was not taken: what it took of its account's quota is free again."""
        if submission.quota_ms:
            self._context.quotas.give_back(submission.account.settings.system_id, submission.quota_ms)
            submission.quota_ms = 0

    def _report(self, submission: Submission, part: Part, refusal: Refusal, ended: Callable[[], None]) -> None:
        report = Report(int(MessageState.REJECTED), refusal.reason.receipt_err, self._context.clock.now_ms())

        def durable(done: bool) -> None:
            if not done and part.session is None:  # it was promised: nobody else will say what became of it
                again = asyncio.get_running_loop().call_later
                again(REPORT_RETRY_S, self._report, submission, part, refusal, ended)
                return
            ended()
            if part.session is None:
                return
            if done:
                part.session.answer(rok(part))
            else:
                part.session.refuse(part.command_id, part.sequence_number, Refusal(STORE_AWAY, "", 5))

        system_id = submission.account.settings.system_id
        self._reports.send(system_id, part.message_id, view_of(part.pdu), submission.accepted_ms, report, durable)


def rok(part: Part) -> bytes:
    """The ESME_ROK that a part's sender waits for."""
    return accepted(part.command_id, part.sequence_number, part.message_id.encode())


def refusal_of(reply: AdmitReply, caps: CapRows | None) -> Refusal:
    """What admission's script said, as a rule's refusal."""
    if reply.code == FORBIDDEN:
        return fact_refusal(reply.fact)
    if reply.code == NO_CONSENT:
        return Refusal(CONSENT, "no consent for this signature, account or company is on record")
    if reply.code == CAPPED:
        assert caps is not None
        return caps.refusal(reply.row, max(1, -(-reply.retry_after_ms // 1000)))
    if reply.code == FULL:
        return Refusal(QUEUE_FULL, "", 5)
    return Refusal(STORE_AWAY, "the store is short of memory", 60)


def fact_refusal(fact: str) -> Refusal:
    """``o``, ``o:a:shop``, ``o:s:…``, ``b``, ``b:c:alpha``, ``b:k:alpha``, ``d``; empty: there is no consent."""
    kind, scope = fact[:1], fact[1:]
    if scope.startswith(CAP):
        return Refusal(FREQUENCY, f"the own cap of carrier {scope[3:]} is reached")
    if kind == "b":
        return Refusal(BLACKLISTED, f"by carrier {scope[3:]}" if scope else "of the company")
    if kind == "d":
        return Refusal(DEAD_NUMBER, "")
    return Refusal(OPTOUT, _scope_words(scope))


def _scope_words(scope: str) -> str:
    if not scope:
        return "for the whole company"
    what, _, name = scope[1:].partition(":")
    return f"for account {name}" if what == "a" else f"for signature {name}"
