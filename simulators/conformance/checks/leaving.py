"""How the application goes (SMPP 3.4 §4.2)."""

from __future__ import annotations

from simulators.conformance.check import Outcome, check, failed, not_seen, passed, warned
from simulators.conformance.exam import Exam
from smsgw.smpp.constants import CommandId


@check(
    "clean-end",
    "unbinds before it goes",
    "SMPP 3.4 §4.2: unbind tells the carrier that no more is coming; without it the session may be held for a minute",
    "when the application is stopped, send unbind, wait for its response (a few seconds at most), then close",
)
async def clean_end(exam: Exam) -> Outcome:
    """Waits for the application to be stopped, and looks whether it unbinds and waits for the answer."""
    await exam.session()
    log, sessions = exam.log, [session.number for session in exam.bench.bound]
    exam.say("Stop your application now, in its usual way.")
    gone = await exam.bench.wait_for(lambda: not exam.bench.bound, exam.settings.patience_s)
    if not gone:
        return not_seen("it was not stopped")
    without = [number for number in sessions if not log.received(CommandId.UNBIND, session=number)]
    if without:
        return failed(f"{len(without)} of {len(sessions)} connections went without unbind")
    unanswered = [number for number in sessions if not log.sent(CommandId.UNBIND_RESP, session=number)]
    if unanswered:
        return warned("it did not wait for unbind_resp")
    return passed(f"unbind on {len(sessions)} connections" if len(sessions) > 1 else "it unbinds")


CHECKS = (clean_end,)
