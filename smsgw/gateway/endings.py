"""How a message ends here: too late, deleted, forbidden meanwhile, failed; told by receipts of ours.

Owns: which segments end together, and the receipts and states that say so. A receipt of ours is durable before the
entry ends, so a crash between the two reports twice rather than never. Never sends and never moves a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from smsgw.gateway.journal import Journal
from smsgw.gateway.local_reports import REPORT_RETRY_S
from smsgw.gateway.reports import Report, err_digits, kind_of, wanted_kinds
from smsgw.gateway.views import view_of
from smsgw.records.record import Step
from smsgw.smpp.constants import MessageState
from smsgw.store.envelope import INTERNAL, ONE_RECEIPT, REPORT_ALWAYS, Envelope
from smsgw.store.state import state_header, state_value

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue
    from smsgw.gateway.lanes import Job
    from smsgw.gateway.local_reports import LocalReports
    from smsgw.policy.model import Refusal

_UNDELIVERABLE = int(MessageState.UNDELIVERABLE)


class Endings:
    """The part of ``Outcomes`` that ends messages."""

    def __init__(self, context: Context, reports: LocalReports) -> None:
        self._context = context
        self._reports = reports
        self._journal = Journal(context)

    def is_over(self, queue: CarrierQueue, job: Job) -> bool:
        """True when the validity of a message is over: what was not sent of it has been reported."""
        now_ms = self._context.clock.now_ms()
        if not job.envelope.expires_at_ms or now_ms < job.envelope.expires_at_ms:
            return False
        job.queued = False
        report = Report(int(MessageState.EXPIRED), "000", now_ms)
        self._fail_rest(queue, job, report, Step.EXPIRED, "validity is over")
        return True

    def delete(self, queue: CarrierQueue, job: Job, why: str) -> None:
        """Staff threw it away: the application is told DELETED."""
        job.queued = False
        report = Report(int(MessageState.DELETED), "000", self._context.clock.now_ms())
        self._fail_rest(queue, job, report, Step.CANCELLED, why)

    def refuse_late(self, queue: CarrierQueue, job: Job, refusal: Refusal) -> None:
        """A rule forbids now what it allowed when the message was accepted."""
        report = Report(int(MessageState.REJECTED), refusal.reason.receipt_err, self._context.clock.now_ms())
        self._fail_rest(queue, job, report, Step.REFUSED, refusal.reason.rule_id)

    def end_held(self, envelope: Envelope, report: Report, step: Step, why: str, ended: Callable[[], None]) -> None:
        """A held message ends here: its receipts first, ``ended`` when all of them are durable."""
        left = len(envelope.message_ids)

        def durable() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                ended()

        for index in range(left):
            self._journal.step(int(step), envelope, index, "", 0, 0, why)
            self.report(segment_of(envelope, index), report, durable)

    def states(self, envelope: Envelope, report: Report) -> list[tuple[str, bytes]]:
        """What query_sm will answer for each segment of a message that ended here."""
        header = state_header(report.message_state, int(err_digits(report.err)), report.done_ms)
        value = state_value(header, envelope.account, envelope.source_addr)
        return [(message_id, value) for message_id in envelope.message_ids]

    def report(self, segment: Segment, report: Report, durable: Callable[[], None], gathered: bool = False) -> None:
        """A receipt of ours, if the application asked for this kind or was promised one; then ``durable``.

        ``gathered``: other parts of it are at the carrier, whose receipts must not tell of it again.
        """

        def told(done: bool) -> None:
            if done:
                durable()
            else:
                again = asyncio.get_running_loop().call_later
                again(REPORT_RETRY_S, self.report, segment, report, durable, gathered)

        flags = segment.flags
        wanted = wanted_kinds(segment.registered) & kind_of(report.message_state) or flags & REPORT_ALWAYS
        if flags & INTERNAL or segment.is_silent:
            wanted = 0
        view, submitted_ms = view_of(segment.pdu), segment.accepted_at_ms
        if gathered:
            self._reports.end(segment.account, segment.message_id, view, submitted_ms, report, bool(wanted), told)
        elif wanted:
            self._reports.send(segment.account, segment.message_id, view, submitted_ms, report, told)
        else:
            durable()

    # -- inside

    def _fail_rest(self, queue: CarrierQueue, job: Job, report: Report, step: Step, why: str) -> None:
        """All segments that were not sent end here."""
        todo, job.todo = job.todo, []
        for index in todo:
            self._fail(queue, job, index, report, step, why)

    def _fail(self, queue: CarrierQueue, job: Job, index: int, report: Report, step: Step, why: str) -> None:
        """Segment ``index`` ends here, and with it those that were not sent: nobody could read the rest."""
        envelope = job.envelope
        originals = job.ends(index)
        left = len(originals)

        def durable() -> None:
            nonlocal left
            left -= 1
            if left > 0:
                return
            job.open_segments -= 1
            if job.open_segments == 0:
                self._context.settlement.done(queue.name, job.stream, job.entry_id, job.states)

        for original in originals:
            self._journal.step(int(step), envelope, original, queue.name, 0, 0, why)
            job.states += (self.states(envelope, report)[original],)
            # Nobody knows in which shape an earlier life sent it, or what of that the carrier has.
            gathered = step is Step.UNKNOWN if job.shipment is None else original in job.shipment.gathered
            self.report(segment_of(envelope, original), report, durable, gathered)
        if not originals:  # told with another segment
            durable()
        if job.aside:
            job.todo, job.aside = sorted((*job.todo, *job.aside)), ()
        if job.todo:
            self._fail_rest(queue, job, report, step, why)

    def _undelivered(self, err: str) -> Report:
        return Report(_UNDELIVERABLE, err, self._context.clock.now_ms())


class Segment:
    """What a receipt of ours needs to know of one segment; ``is_silent``: another one tells of the message."""

    __slots__ = ("accepted_at_ms", "account", "flags", "is_silent", "message_id", "pdu", "registered")

    def __init__(
        self,
        account: str,
        message_id: str,
        pdu: bytes,
        registered: int,
        accepted_at_ms: int,
        flags: int,
        is_silent: bool = False,
    ) -> None:
        self.account = account
        self.message_id = message_id
        self.pdu = pdu
        self.registered = registered
        self.accepted_at_ms = accepted_at_ms
        self.flags = flags
        self.is_silent = is_silent


def segment_of(envelope: Envelope, index: int) -> Segment:
    """Segment ``index`` of a message."""
    return Segment(
        envelope.account,
        envelope.message_ids[index],
        envelope.pdus[index],
        envelope.registered[index],
        envelope.accepted_at_ms,
        envelope.flags,
        index > 0 and envelope.flags & ONE_RECEIPT != 0,
    )
