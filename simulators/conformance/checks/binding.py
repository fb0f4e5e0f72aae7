"""How the application binds (SMPP 3.4 §4.1, §2.2)."""

from __future__ import annotations

from simulators.conformance.check import NotSeen, Outcome, check, failed, passed, warned
from simulators.conformance.exam import Exam, settle
from simulators.conformance.log import BINDS, Event, Log, What
from simulators.conformance.messages import RESERVED_TLV, VENDOR_TLV
from smsgw.errors import RecoverableError
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import RESPONSE_BIT, V34, CommandId, command_name, status_name

_V50 = 0x50
_VERSIONS = (V34, _V50)


@check(
    "bind-fields",
    "binds with well-formed fields",
    "SMPP 3.4 §4.1.1 (bind PDUs), §5.2.1–5.2.7 (lengths), §5.2.4 (interface_version), §5.1.4 (sequence_number)",
    "end each string with NUL, keep system_id within 15, password within 8 and system_type within 12 octets, "
    "say interface_version 0x34, and number requests from 1",
)
async def bind_fields(exam: Exam) -> Outcome:
    """Reads the first bind strictly: strings with their NUL and within their length, version, sequence number."""
    log = exam.log
    try:
        await exam.session()
    except NotSeen:
        refused = [event for event in log.sent() if event.command_id & ~RESPONSE_BIT in BINDS and event.status]
        if refused:
            return failed(f"its bind was refused with {status_name(refused[0].status)}: {_why_refused(exam, refused)}")
        raise
    binds = log.received(*BINDS)
    try:
        fields = decode(binds[0].frame).fields
    except RecoverableError as error:
        return failed(str(error))
    version = fields["interface_version"]
    assert isinstance(version, int)
    said = f"{command_name(binds[0].command_id)}, interface_version 0x{version:02X}"
    if binds[0].status or not 1 <= binds[0].sequence_number <= 0x7FFFFFFF:
        return failed(f"{said}, command_status {binds[0].status}, sequence_number {binds[0].sequence_number}")
    if version not in _VERSIONS:
        return warned(f"{said}: a carrier may leave TLVs out for an application of 3.3")
    return passed(said)


def _why_refused(exam: Exam, refused: list[Event]) -> str:
    for session, why in exam.bench.malformed:
        if session == refused[0].session:
            return why
    return "wrong system_id or password; they must be those that this run was given"


@check(
    "waits-for-bind-resp",
    "sends nothing before bind_resp",
    "SMPP 3.4 §2.2.1: a session is open, not bound, until the bind response came",
    "wait for the bind response with ESME_ROK before sending anything",
)
async def waits_for_bind_resp(exam: Exam) -> Outcome:
    """The first bind is answered late; nothing but enquire_link may come on its connection until then."""
    await exam.session()
    for number in exam.log.sessions:
        early = _before_the_answer(exam.log, number)
        if early:
            return failed(f"{command_name(early[0].command_id)} came before the bind was answered")
    return passed(f"the first bind was answered after {exam.settings.bind_delay_s:g} s, and nothing came before")


def _before_the_answer(log: Log, session: int) -> list[Event]:
    early: list[Event] = []
    for event in log.of(session):
        if event.what is What.SENT and event.command_id & ~RESPONSE_BIT in BINDS:
            return early
        harmless = event.command_id in BINDS or event.command_id == CommandId.ENQUIRE_LINK
        if event.what is What.RECEIVED and event.is_request and not harmless:
            early.append(event)
    return []


@check(
    "bind-resp-tlvs",
    "takes unknown TLVs in bind_resp",
    "SMPP 3.4 §3.2.4 and §3.3: parameters that are not known are to be passed over",
    "skip TLVs that you don't know, by their length",
)
async def bind_resp_tlvs(exam: Exam) -> Outcome:
    """Closes the connection and answers the next bind with a vendor's and a reserved TLV."""
    bench = exam.bench
    bench.bind_tlvs = VENDOR_TLV + RESERVED_TLV
    await exam.session()
    bench.drop()
    await settle()
    session = await exam.session()
    trouble = await exam.trouble(session)
    return failed(f"after a bind_resp with unknown TLVs {trouble}") if trouble else passed("it is bound and answers")


CHECKS = (bind_fields, waits_for_bind_resp)
