"""Connections that break, binds that are refused, carriers that fall silent: the application comes back, gently."""

from __future__ import annotations

import time

from simulators.conformance.check import Outcome, check, failed, passed, warned
from simulators.conformance.checks.binding import bind_resp_tlvs
from simulators.conformance.checks.links import own_enquire_link
from simulators.conformance.exam import Exam, settle, shown
from simulators.conformance.log import BINDS, SUBMITS
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId, CommandStatus, status_name

_UNBIND_RESP = int(CommandId.UNBIND_RESP)
#: The longest wait is at least so many times the shortest one when waits grow; chance may be in them.
_GROWTH = 1.5
#: Tries with a wrong password that nobody minds.
_TOLERATED = 3


@check(
    "reconnects",
    "comes back after the connection broke",
    "practice: carriers restart, networks break; nobody should have to look",
    "connect and bind again by itself, first after about a second",
)
async def reconnects(exam: Exam) -> Outcome:
    """Closes the connection without unbind and waits for the next bind."""
    await exam.session()
    mark = exam.log.mark()
    exam.bench.drop()
    exam.say("The connection was closed; do nothing, your application should come back by itself.")
    came = await exam.bench.wait_for(lambda: exam.bench.bound, exam.settings.patience_s)
    if not came:
        return failed(f"it did not bind again in {exam.settings.patience_s:g} s")
    waited_s = exam.log.received(*BINDS, since=mark)[0].at_s - exam.log.events[mark].at_s
    return passed(f"it bound again after {waited_s:.1f} s")


async def _refused(exam: Exam, status: int) -> tuple[list[float], int]:
    """Break the connections, refuse binds for a while; when they came, and how many connections there were."""
    await exam.session()
    bench, log = exam.bench, exam.log
    mark, bound = log.mark(), len(bench.bound)
    bench.bind_status = status
    bench.drop()
    exam.say(f"Binds are refused with {status_name(status)} for {exam.settings.refuse_s:g} s; do nothing.")
    await exam.pause(exam.settings.refuse_s)
    bench.bind_status = 0
    return [event.at_s for event in log.received(*BINDS, since=mark)], bound


def _is_hammering(exam: Exam, came: list[float], bound: int) -> bool:
    return len(came) > bound * (1 + exam.settings.binds_per_s * exam.settings.refuse_s)


@check(
    "backs-off",
    "waits longer and longer while its bind is refused",
    "SMPP 3.4 §5.1.3, 0x0D ESME_RBINDFAIL, and practice: an old session may still be held for a minute",
    "double the wait between tries up to a minute or so, with some chance in it; begin anew once bound for a while",
)
async def backs_off(exam: Exam) -> Outcome:
    """Breaks the connection and refuses binds with ESME_RBINDFAIL for a while; then it must come back."""
    came, bound = await _refused(exam, CommandStatus.ESME_RBINDFAIL)
    seen = f"{len(came)} binds in {exam.settings.refuse_s:g} s"
    if _is_hammering(exam, came, bound):
        return failed(f"it hammers: {seen}")
    if not await exam.bench.wait_for(lambda: exam.bench.bound, exam.settings.patience_s):
        return failed(f"{seen}, and then it did not come back in {exam.settings.patience_s:g} s")
    waits = [later - earlier for earlier, later in zip(came, came[bound:], strict=False)]
    if len(waits) >= 2 and max(waits) < _GROWTH * min(waits):
        return warned(f"{seen}; the waits do not grow ({min(waits):.1f} to {max(waits):.1f} s)")
    return passed(f"{seen}, and it came back")


async def _stops(exam: Exam, status: int) -> Outcome:
    came, bound = await _refused(exam, status)
    seen = f"{len(came)} binds in {exam.settings.refuse_s:g} s"
    if _is_hammering(exam, came, bound):
        return failed(f"it hammers: {seen}")
    if len(came) > _TOLERATED * bound:
        return warned(f"{seen}; it will be refused until somebody changes something")
    return passed(seen)


@check(
    "wrong-password",
    "does not hammer when its password is refused",
    "SMPP 3.4 §5.1.3, 0x0E ESME_RINVPASWD: trying again can't help, and carriers lock accounts for it",
    "stop and alarm at 0x0E; try again slowly, or when somebody says so",
)
async def wrong_password(exam: Exam) -> Outcome:
    """Breaks the connection and refuses binds with ESME_RINVPASWD."""
    return await _stops(exam, CommandStatus.ESME_RINVPASWD)


@check(
    "wrong-system-id",
    "does not hammer when its system_id is refused",
    "SMPP 3.4 §5.1.3, 0x0F ESME_RINVSYSID: trying again can't help",
    "stop and alarm at 0x0F; try again slowly, or when somebody says so",
)
async def wrong_system_id(exam: Exam) -> Outcome:
    """Breaks the connection and refuses binds with ESME_RINVSYSID."""
    return await _stops(exam, CommandStatus.ESME_RINVSYSID)


@check(
    "half-open",
    "notices that the carrier is gone without a word",
    "SMPP 3.4 §7.2 and practice: a host that crashed closes nothing; only silence tells",
    "send enquire_link, and close and bind again when neither it nor a message is answered in time",
)
async def half_open(exam: Exam) -> Outcome:
    """Falls silent on every connection, as a crashed host does, and waits until the application closes or binds."""
    await exam.session()
    bench, log = exam.bench, exam.log
    silenced = [session.number for session in bench.bound]
    mark, began_s = log.mark(), time.monotonic()
    for session in bench.bound:
        session.silent = True
    exam.say(f"The carrier is silent now; do nothing, up to {exam.settings.half_open_s:g} s.")

    def noticed() -> bool:
        return all(log.closed(number) for number in silenced)

    await exam.pause(exam.settings.half_open_s, noticed)
    if not noticed():
        return failed(f"after {exam.settings.half_open_s:g} s it had noticed nothing")
    waited_s = time.monotonic() - began_s
    asked = log.received(CommandId.ENQUIRE_LINK, since=mark)
    how = "; it had asked with enquire_link" if asked else ""
    bench.usual()
    if not await bench.wait_for(lambda: bench.bound, exam.settings.patience_s):
        return failed(f"it closed after {waited_s:.1f} s, but did not bind again in {exam.settings.patience_s:g} s")
    return passed(f"after {waited_s:.1f} s{how}; it bound again")


@check(
    "unbind",
    "answers unbind and comes back",
    "SMPP 3.4 §4.2: unbind is answered with unbind_resp; carriers unbind before they are serviced",
    "answer unbind, send nothing more on that connection, close it, and bind again as after a break",
)
async def unbind(exam: Exam) -> Outcome:
    """Sends unbind on every connection, closes them, and waits for the next bind."""
    await exam.session()
    bench, log = exam.bench, exam.log
    mark = log.mark()
    for session in bench.bound:
        frame = await exam.ask(session, pdu.unbind)
        if frame is None:
            return failed(f"unbind is not answered in {exam.settings.answer_s:g} s" if session.open
                          else "it closed the connection without unbind_resp")  # fmt: skip
        _length, command_id, status, _sequence = pdu.HEADER.unpack_from(frame)
        if (command_id, status) != (_UNBIND_RESP, 0):
            return failed(f"unbind is answered with {shown(frame)}")
        await settle()
        session.end()
    exam.say("The carrier has unbound; do nothing, your application should come back by itself.")
    if not await bench.wait_for(lambda: bench.bound, exam.settings.patience_s):
        return failed(f"it answered unbind, but did not bind again in {exam.settings.patience_s:g} s")
    after = log.received(_UNBIND_RESP, since=mark)
    late = [event for event in log.received(*SUBMITS, since=mark) if event.at_s > after[0].at_s
            and event.session == after[0].session]  # fmt: skip
    if late:
        return warned(f"{len(late)} messages came after its unbind_resp")
    return passed("it answered and bound again")


CHECKS = (reconnects, bind_resp_tlvs, backs_off, unbind, half_open, own_enquire_link, wrong_password, wrong_system_id)
