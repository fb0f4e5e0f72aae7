"""Keeping the connection: enquire_link, PDUs that are not known, and octets that come in other pieces."""

from __future__ import annotations

from simulators.conformance.bench import Session
from simulators.conformance.check import Outcome, check, failed, not_seen, passed, warned
from simulators.conformance.exam import Exam, settle, shown
from simulators.conformance.messages import SUBSCRIBER, mo
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId, CommandStatus

_ENQUIRE_RESP = int(CommandId.ENQUIRE_LINK_RESP)
_NACK = int(CommandId.GENERIC_NACK)
_UNKNOWN = 0x0000F0F0
_FLOOD = 50


@check(
    "enquire-link",
    "answers enquire_link",
    "SMPP 3.4 §4.11: the response has the request's sequence number and command_status 0; "
    "carriers drop a bind that does not answer",
    "answer enquire_link at once, also while you wait for something else, with its own sequence_number",
)
async def enquire_link(exam: Exam) -> Outcome:
    """Sends enquire_link on a bound connection and waits for its response."""
    session = await exam.session()
    mark = exam.log.mark()
    frame = await exam.ask(session, pdu.enquire_link)
    if frame is None:
        others = exam.log.received(_ENQUIRE_RESP, since=mark, session=session.number)
        if others:
            return failed(f"the response has another sequence number: {shown(others[0].frame)}")
        return failed(await exam.trouble(session) if not session.open else f"no answer in {exam.settings.answer_s:g} s")
    _length, command_id, status, _sequence = pdu.HEADER.unpack_from(frame)
    if (command_id, status) != (_ENQUIRE_RESP, 0):
        return failed(f"answered with {shown(frame)}")
    if len(frame) > pdu.HEADER.size:
        return warned(f"enquire_link_resp has no body; here it has {len(frame) - pdu.HEADER.size} octets")
    return passed("answered with its sequence number")


@check(
    "enquire-links-many",
    f"answers {_FLOOD} enquire_link that come at once",
    "SMPP 3.4 §2.2.2: requests may be sent without waiting for responses",
    "read on while you work, and answer each request",
)
async def enquire_links_many(exam: Exam) -> Outcome:
    """Sends many enquire_link in one write and waits for all responses."""
    session = await exam.session()
    sent = [session.request(pdu.enquire_link) for _ in range(_FLOOD)]
    return await _all_answered(exam, session, sent)


async def _all_answered(exam: Exam, session: Session, sent: list[int]) -> Outcome:
    await exam.bench.wait_for(
        lambda: not session.open or all(number in session.answers for number in sent), exam.settings.answer_s
    )
    answered = sum(number in session.answers for number in sent)
    if answered == len(sent):
        return passed(f"all {answered} are answered")
    if not session.open:
        return failed(await exam.trouble(session))
    return failed(f"{answered} of {len(sent)} are answered in {exam.settings.answer_s:g} s")


@check(
    "unknown-request",
    "survives a request of an unknown command",
    "SMPP 3.4 §4.3: an unknown command_id is answered with generic_nack, ESME_RINVCMDID",
    "answer what you don't know with generic_nack 0x00000003 and its sequence number, and stay connected",
)
async def unknown_request(exam: Exam) -> Outcome:
    """Sends a well-framed PDU with command_id 0x0000F0F0; a generic_nack is right, silence is tolerable."""
    session = await exam.session()
    sequence_number = session.next_sequence()
    session.send(pdu.HEADER.pack(20, _UNKNOWN, 0, sequence_number) + b"what")
    trouble = await exam.trouble(session)
    if trouble:
        return failed(f"after an unknown command {trouble}")
    frame = session.answers.get(sequence_number)
    if frame is None:
        return warned("it ignores an unknown command; generic_nack would tell the carrier")
    _length, command_id, status, _sequence = pdu.HEADER.unpack_from(frame)
    if command_id != _NACK or status != CommandStatus.ESME_RINVCMDID:
        return warned(f"answered with {shown(frame)} instead of generic_nack ESME_RINVCMDID")
    return passed("generic_nack ESME_RINVCMDID, and it stays")


@check(
    "unexpected-responses",
    "survives responses to nothing that it sent",
    "SMPP 3.4 §4.3 and practice: a response that came too late finds nobody who waits for it",
    "pass over responses whose sequence number nobody waits for, generic_nack too",
)
async def unexpected_responses(exam: Exam) -> Outcome:
    """Sends submit_sm_resp, generic_nack and an unknown response, each with a sequence number that was never used."""
    session = await exam.session()
    session.send(pdu.response(CommandId.SUBMIT_SM, 0, 0x7FFF0001, b"nobody"))
    session.send(pdu.generic_nack(CommandStatus.ESME_RINVCMDID, 0x7FFF0002))
    session.send(pdu.generic_nack(CommandStatus.ESME_RINVCMDLEN, 0))
    session.send(pdu.HEADER.pack(16, 0x8000F0F0, 0, 0x7FFF0003))
    trouble = await exam.trouble(session)
    return failed(f"after responses to nothing {trouble}") if trouble else passed("it stays and answers")


@check(
    "alert-notification",
    "survives alert_notification",
    "SMPP 3.4 §4.12: it has no response",
    "read alert_notification and do nothing, not even answer",
)
async def alert_notification(exam: Exam) -> Outcome:
    """Sends alert_notification, which must be neither answered nor taken for an error."""
    session = await exam.session(receives=True)
    fields: dict[str, object] = {"source_addr": SUBSCRIBER, "esme_addr": b"10690000"}
    number = session.request(lambda sequence: encode(Pdu(int(CommandId.ALERT_NOTIFICATION), 0, sequence, fields)))
    trouble = await exam.trouble(session)
    if trouble:
        return failed(f"after alert_notification {trouble}")
    if number in session.answers:
        return warned(f"answered with {shown(session.answers[number])}; it has no response")
    return passed("it stays and does not answer")


@check(
    "fragments",
    "reads a PDU that comes in pieces",
    "TCP is a stream: a read may end anywhere, also within a header",
    "collect octets until command_length of them are there; never take a read for a PDU",
)
async def fragments(exam: Exam) -> Outcome:
    """Sends enquire_link octet by octet, and an MO in three pieces where the application may receive."""
    session = await exam.session()
    session.piece_octets = 1
    sent = [session.request(pdu.enquire_link)]
    await settle()
    if session.can_receive:
        session.piece_octets = 25
        sent.append(session.request(mo(b"in three pieces", await exam.number())))
    outcome = await _all_answered(exam, session, sent)
    session.piece_octets = 0
    return outcome


@check(
    "joined",
    "reads many PDUs that come together",
    "TCP is a stream: a read may hold many PDUs and the beginning of one",
    "after each PDU look for the next one in what was read",
)
async def joined(exam: Exam) -> Outcome:
    """Sends a dozen PDUs in one write, the last one cut in its header and completed a moment later."""
    session = await exam.session()
    session.piece_octets = 12 * pdu.HEADER.size - 7
    sent = [session.request(pdu.enquire_link) for _ in range(12)]
    outcome = await _all_answered(exam, session, sent)
    session.piece_octets = 0
    return outcome


@check(
    "own-enquire-link",
    "sends enquire_link itself when nothing else comes",
    "SMPP 3.4 §7.2 (enquire_link_timer): without it nobody notices that the other side is gone, "
    "and many carriers drop a bind that is idle for 30 or 60 s",
    "send enquire_link after 30 s without traffic, and reconnect when it is not answered",
)
async def own_enquire_link(exam: Exam) -> Outcome:
    """Waits until the application has sent an enquire_link of its own, in the whole run until now or from now on."""
    await exam.session()

    def came() -> bool:
        return bool(exam.log.received(CommandId.ENQUIRE_LINK))

    if not came():
        exam.say(f"Let your application be idle; waiting up to {exam.settings.idle_s:g} s for its enquire_link.")
        mark = exam.log.mark()
        await exam.pause(exam.settings.idle_s, came)
        if not came():
            if exam.log.received(CommandId.SUBMIT_SM, since=mark):
                return not_seen("it was never idle, and sent no enquire_link")
            return warned(f"no enquire_link in {exam.settings.idle_s:g} s")
    return passed(f"{len(exam.log.received(CommandId.ENQUIRE_LINK))} came")


CHECKS = (
    enquire_link,
    enquire_links_many,
    unknown_request,
    unexpected_responses,
    alert_notification,
    fragments,
    joined,
)
