"""What the application makes of the answers to its messages (SMPP 3.4 §4.4.2, §5.1.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from simulators.conformance.bench import Session
from simulators.conformance.check import Check, Outcome, check, failed, not_seen, passed, warned
from simulators.conformance.exam import Exam
from simulators.conformance.log import SUBMITS, Event
from simulators.conformance.messages import RESERVED_TLV, VENDOR_TLV, message_of, receipt
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandStatus, status_name

#: As long as it may be, of what carriers really use and what breaks parsers.
ODD_ID = b"{0aF-9_z/+=:;.,~#%&'\"<>()[]|\\ $!?*@^`}0123456789abcdefghijklmnop"[:64]
_STEADY_PER_S = 10.0

#: Writes the answer to one message.
Answer = Callable[[Exam, Session, bytes], None]


def _sequence(frame: bytes) -> int:
    return int(pdu.HEADER.unpack_from(frame)[3])


def _command(frame: bytes) -> int:
    return int(pdu.HEADER.unpack_from(frame)[1])


async def _answered_once(exam: Exam, answer: Answer) -> Outcome:
    """Answer the next message in this way; then it must stay, and send on."""
    await exam.session(sends=True)
    odd: list[Session] = []

    def policy(session: Session, frame: bytes) -> None:
        if odd:
            exam.bench.accept(session, frame)
        else:
            odd.append(session)
            answer(exam, session, frame)

    with exam.answering(policy):
        await exam.submits(exam.log.mark())
        mark = exam.log.mark()
        trouble = await exam.trouble(odd[0]) if odd else "it sent nothing that can be read"
        if trouble:
            return failed(trouble)
        await exam.submits(mark, what="another message")
        trouble = await exam.trouble(odd[0])
    return failed(trouble) if trouble else passed("it stays and sends on")


def _check(id: str, title: str, about: str, answer: Answer, why: str, mend: str) -> Check:
    async def run(exam: Exam) -> Outcome:
        return await _answered_once(exam, answer)

    run.__doc__ = about
    return check(id, title, why, mend)(run)


def _refusing(status: int, body: bytes | None = None) -> Answer:
    def answer(exam: Exam, session: Session, frame: bytes) -> None:
        session.send(pdu.response(_command(frame), status, _sequence(frame), body))

    return answer


def _with_id(message_id: bytes, tlvs: bytes = b"") -> Answer:
    return lambda exam, session, frame: exam.bench.accept(session, frame, message_id, tlvs)


def _with_tlvs(exam: Exam, session: Session, frame: bytes) -> None:
    exam.bench.accept(session, frame, tlvs=VENDOR_TLV + RESERVED_TLV)


def _nack(exam: Exam, session: Session, frame: bytes) -> None:
    session.send(pdu.generic_nack(CommandStatus.ESME_RSYSERR, _sequence(frame)))


def _twice(exam: Exam, session: Session, frame: bytes) -> None:
    exam.bench.accept(session, frame, b"2000000002")
    session.send(pdu.response(_command(frame), 0, _sequence(frame), b"2000000002"))


def _receipt_first(exam: Exam, session: Session, frame: bytes) -> None:
    message = message_of(frame)
    if message is not None and session.can_receive:
        session.request(receipt(message, b"2000000001"))
    session.send(pdu.response(_command(frame), 0, _sequence(frame), b"2000000001"))


def _key(event: Event) -> tuple[bytes, bytes, bytes]:
    """What stays the same when a message is sent again."""
    message = message_of(event.frame)
    if message is None:
        return b"", b"", event.frame[16:]
    return message.source_addr, message.destination_addr, message.payload


async def _slows_down(exam: Exam, status: int) -> Outcome:
    settings, log = exam.settings, exam.log
    session = await exam.session(sends=True)
    usual = len(log.received(*SUBMITS, since=_mark_before(exam, settings.throttle_s))) / settings.throttle_s
    mark = log.mark()
    with exam.answering(lambda session, frame: exam.bench.refuse(session, frame, status)):
        first = (await exam.submits(mark))[0]
        await exam.pause(settings.throttle_s, lambda: not session.open)
        tried = log.received(*SUBMITS, since=mark)
    if not session.open:
        return failed(f"at {status_name(status)} {await exam.trouble(session)}")
    middle_s = tried[0].at_s + settings.throttle_s / 2
    late = sum(event.at_s >= middle_s for event in tried) / (settings.throttle_s / 2)
    early = 2 * len(tried) / settings.throttle_s - late
    most = max(Counter(map(_key, tried)).values())
    seen = f"{len(tried)} messages in {settings.throttle_s:g} s, one of them {most} times (before: {usual:.1f}/s)"
    if most > 1 + settings.tries_per_s * settings.throttle_s:
        return failed(f"it hammers: {seen}")
    if late > _STEADY_PER_S and late > 0.8 * max(usual, early):
        return failed(f"it does not slow down: {seen}")
    # What went out when the first refusal was under way is not asked for.
    again = log.mark() if most == 1 else mark + 1
    await exam.pause(settings.patience_s / 2, lambda: _was_sent_again(exam, first, again))
    if not _was_sent_again(exam, first, again):
        return warned(f"the refused message was not sent again in {settings.patience_s / 2:g} s; {seen}")
    return passed(f"it waits and sends the message again; {seen}")


def _mark_before(exam: Exam, seconds: float) -> int:
    """The place in the log ``seconds`` before its end."""
    events = exam.log.events
    since_s = events[-1].at_s - seconds
    return next((at for at, event in enumerate(events) if event.at_s >= since_s), len(events))


def _was_sent_again(exam: Exam, first: Event, since: int) -> bool:
    tries = exam.log.received(*SUBMITS, since=since)
    return any(event is not first and _key(event) == _key(first) for event in tries)


@check(
    "throttled",
    "slows down at ESME_RTHROTTLED",
    "SMPP 3.4 §5.1.3, 0x58: the application has exceeded its allowed limits; hammering gets it barred",
    "wait (a second, then longer) before you send more on this bind, then send the refused message first",
)
async def throttled(exam: Exam) -> Outcome:
    """Refuses all messages with 0x58 for some seconds, counts them, and waits for the refused one to come again."""
    return await _slows_down(exam, CommandStatus.ESME_RTHROTTLED)


@check(
    "queue-full",
    "slows down at ESME_RMSGQFUL",
    "SMPP 3.4 §5.1.3, 0x14: the carrier's queue is full, for now",
    "treat 0x14 like 0x58: wait, then send the refused message again",
)
async def queue_full(exam: Exam) -> Outcome:
    """The same with 0x14."""
    return await _slows_down(exam, CommandStatus.ESME_RMSGQFUL)


async def _held(exam: Exam, hold_s: float, enough: int) -> list[tuple[Session, bytes]]:
    """Hold responses back for ``hold_s`` after the first message (or until ``enough`` wait)."""
    held: list[tuple[Session, bytes]] = []
    await exam.session(sends=True)
    with exam.answering(lambda session, frame: held.append((session, frame))):
        await exam.submits(exam.log.mark())
        await exam.pause(hold_s, lambda: len(held) >= enough)
    return held


@check(
    "window",
    "keeps within the window",
    "SMPP 3.4 §2.2.2 and the carrier's contract: a carrier allows so many unanswered requests on a bind",
    "count requests without a response on each bind, and send no more than the carrier allows",
)
async def window(exam: Exam) -> Outcome:
    """Holds all responses back for a while and counts the messages that come meanwhile on one bind."""
    allowed = exam.settings.window
    held = await _held(exam, exam.settings.hold_s, allowed + 1)
    most = max(Counter(session.number for session, _ in held).values(), default=0)
    for session, frame in held:
        exam.bench.accept(session, frame)
    if most > allowed:
        return failed(f"more than {allowed} messages were unanswered on one bind")
    return passed(f"at most {most} unanswered, {allowed} allowed")


@check(
    "out-of-order",
    "matches responses that come out of order",
    "SMPP 3.4 §2.2.2: responses may come in any order; the sequence number says which is which",
    "find the request by the response's sequence_number, not by its place",
)
async def out_of_order(exam: Exam) -> Outcome:
    """Answers the messages that came within a while in reverse; the application must stay and go on."""
    held = await _held(exam, exam.settings.hold_s, 2)
    if len(held) < 2:
        for session, frame in held:
            exam.bench.accept(session, frame)
        return not_seen("it waits for each response before it sends the next message")
    keys = {_key(event) for event in exam.log.received(*SUBMITS) if event.frame in {frame for _, frame in held}}
    for session, frame in reversed(held):
        exam.bench.accept(session, frame)
    session = held[0][0]
    mark = exam.log.mark()
    trouble = await exam.trouble(session)
    if trouble:
        return failed(trouble)
    await exam.submits(mark, what="another message")
    if len(keys) == len(held) and any(_key(event) in keys for event in exam.log.received(*SUBMITS, since=mark)):
        return warned(f"of {len(held)} messages answered in reverse one was sent again")
    return passed(f"{len(held)} messages were answered in reverse, and it goes on")


@check(
    "no-response",
    "goes on after a message that is never answered",
    "SMPP 3.4 §7.2 (response_timer): a response may be lost; what became of the message is then not known",
    "give a request up after some seconds, free its place in the window, and go on",
)
async def no_response(exam: Exam) -> Outcome:
    """Leaves one message without an answer and waits for more, on this connection or on another one."""
    await exam.session(sends=True)
    unanswered: list[bytes] = []

    def policy(session: Session, frame: bytes) -> None:
        if unanswered:
            exam.bench.accept(session, frame)
        else:
            unanswered.append(frame)

    with exam.answering(policy):
        await exam.submits(exam.log.mark())
        mark = exam.log.mark()
        came = await exam.bench.wait_for(
            lambda: exam.log.received(*SUBMITS, since=mark), exam.settings.quiet_s + exam.settings.patience_s
        )
    return passed("it goes on") if came else failed("it sends nothing more")


_ERROR = "SMPP 3.4 §4.4.2: the body is not returned if command_status is not 0"
_STAY = "take a refused message for what it is, and stay connected"

CHECKS = (
    _check("response-tlvs", "takes unknown TLVs in submit_sm_resp",
           "Answers a message with a vendor's and a reserved TLV behind message_id.", _with_tlvs,
           "SMPP 3.4 §3.3: parameters that are not known are to be passed over; 5.0 puts TLVs there",
           "skip TLVs that you don't know, by their length"),
    _check("refused-without-body", "takes a refusal without a body",
           "Refuses a message with ESME_RINVDSTADR, header only.", _refusing(CommandStatus.ESME_RINVDSTADR), _ERROR,
           "read message_id only if there is a body"),
    _check("refused-with-body", "takes a refusal with a body",
           "Refuses a message with ESME_RSUBMITFAIL and an empty message_id.",
           _refusing(CommandStatus.ESME_RSUBMITFAIL, b""), "practice: many carriers send the body all the same", _STAY),
    _check("refused-unknown-status", "takes a refusal that it does not know",
           "Refuses a message with a carrier's own status, 0x0000041B.", _refusing(0x41B),
           "SMPP 3.4 §5.1.3: 0x0400–0x04FF are for vendors", _STAY),
    _check("generic-nack", "takes generic_nack for a message",
           "Answers a message with generic_nack, ESME_RSYSERR.", _nack,
           "SMPP 3.4 §4.3: it may answer any request", "take generic_nack as the response of its sequence number"),
    _check("long-message-id", "takes a message_id of 64 odd characters",
           "Accepts a message under an id as long as it may be, of letters, digits and signs.", _with_id(ODD_ID),
           "SMPP 3.4 §5.2.23: up to 65 octets with the NUL, and its content is the carrier's own",
           "keep the id as text of 64 characters; it is no number"),
    _check("empty-message-id", "takes an empty message_id",
           "Accepts a message without giving it an id.", _with_id(b""), "practice: some carriers give none",
           "take the message as sent; its receipt can't be matched"),
    _check("answered-twice", "takes a second response", "Answers a message twice.", _twice,
           "practice: a response that nobody waits for is passed over", "pass over the second one"),
    _check("receipt-before-response", "takes a receipt before the response",
           "Sends the receipt of a message, and then its submit_sm_resp.", _receipt_first,
           "practice: at a carrier both go separate ways", "keep a receipt of an unknown id for some minutes"),
    throttled,
    queue_full,
    window,
    out_of_order,
    no_response,
)  # fmt: skip
