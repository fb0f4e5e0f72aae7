"""Messages in segments: by user data header, by sar_* TLVs, or whole in message_payload."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from simulators.conformance.check import NotSeen, Outcome, check, failed, passed, warned
from simulators.conformance.exam import Exam
from simulators.conformance.log import SUBMITS, Event, Log
from simulators.conformance.messages import Message, message_of
from smsgw.errors import RecoverableError
from smsgw.smpp.constants import RESPONSE_BIT, Tag
from smsgw.smpp.udh import Concat, concat_of

_RESPONSES = tuple(command | RESPONSE_BIT for command in SUBMITS)
#: Octets of one segment on the air (3GPP 23.040 §9.2.3.24); GSM 03.38 may come unpacked, one sign an octet.
_MOST_OCTETS = 140
_MOST_SEPTETS = 153


@dataclass(slots=True)
class LongMessage:
    """The segments of one reference to one recipient, as they came, repeated ones left out."""

    reference: int
    total: int
    parts: dict[int, tuple[Event, Message]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every segment is there."""
        return len(self.parts) == self.total


def long_messages(log: Log, since: int = 0) -> list[LongMessage]:
    """All messages in segments, oldest first. A reference that comes again once all are there is a new message."""
    found: list[LongMessage] = []
    open_ones: dict[tuple[bytes, bytes, int, int], LongMessage] = {}
    for event in log.received(*SUBMITS, since=since):
        message = message_of(event.frame)
        concat = _concat(message)
        if message is None or concat is None or concat.total < 2:
            continue
        key = message.source_addr, message.destination_addr, concat.reference, concat.total
        long = open_ones.get(key)
        if long is None or (long.complete and not _is_again(long, concat, message)):
            long = open_ones[key] = LongMessage(concat.reference, concat.total)
            found.append(long)
        long.parts.setdefault(concat.index, (event, message))
    return found


def _is_again(long: LongMessage, concat: Concat, message: Message) -> bool:
    """A segment that was refused and came again."""
    return concat.index in long.parts and long.parts[concat.index][1].payload == message.payload


def _concat(message: Message | None) -> Concat | None:
    try:
        return None if message is None else concat_of(message)
    except RecoverableError:
        return None


async def _some(exam: Exam) -> list[LongMessage]:
    """Messages in segments, at least one of them complete or given up; raises NotSeen."""
    log = exam.log

    def done() -> bool:
        return any(long.complete for long in long_messages(log)) or _has_payload(log)

    if not done():
        await exam.session(sends=True)
        mark = log.mark()
        exam.say("Let your application send a message that is too long for one SMS (200 characters).")
        await exam.pause(exam.settings.patience_s, lambda: long_messages(log, mark) or done())
        await exam.pause(exam.settings.answer_s, done)
    found = long_messages(log)
    if not found:
        how = "it sends long messages whole, in message_payload" if _has_payload(log) else "it sent no long message"
        raise NotSeen(how)
    return found


def _has_payload(log: Log) -> bool:
    messages = (message_of(event.frame) for event in log.received(*SUBMITS))
    return any(message is not None and _payload_octets(message) > _MOST_OCTETS for message in messages)


def _payload_octets(message: Message) -> int:
    try:
        return len(message.tlvs.first(Tag.MESSAGE_PAYLOAD) or b"")
    except RecoverableError:
        return 0


@check(
    "long-complete",
    "sends all segments of a long message",
    "3GPP 23.040 §9.2.3.24.1: a handset shows nothing until every segment is there",
    "send segments 1 to n under one reference; send one that was refused for a while again",
)
async def long_complete(exam: Exam) -> Outcome:
    """Puts segments together by source, recipient and reference, and looks whether all of them came."""
    found = await _some(exam)
    for long in found:
        if not long.complete and not _is_excused(exam, long):
            there = ", ".join(str(index) for index in sorted(long.parts))
            return failed(f"of {long.total} segments with reference {long.reference} only {there} came")
    complete = sum(long.complete for long in found)
    if not complete:
        raise NotSeen("no long message came whole, but checks refused some of their segments")
    return passed(f"{complete} with {max(long.total for long in found)} segments at most")


def _is_excused(exam: Exam, long: LongMessage) -> bool:
    """It may still be coming, or a check refused a segment or broke the connection."""
    log = exam.log
    last = max((event for event, _ in long.parts.values()), key=lambda event: event.at_s)
    closed = log.closed(last.session)
    until_s = log.events[-1].at_s if closed is None else closed.at_s
    if until_s - last.at_s < exam.settings.answer_s / 2:
        return True
    taken = {(event.session, event.sequence_number) for event in log.sent(*_RESPONSES) if not event.status}
    return any((event.session, event.sequence_number) not in taken for event, _ in long.parts.values())


@check(
    "long-order",
    "sends segments in order on one bind",
    "practice: carriers join segments at one node; over several binds or out of order they take much longer, or fail",
    "choose the bind for the message, not for the segment, and keep the order",
)
async def long_order(exam: Exam) -> Outcome:
    """Looks at the connection and the order of the segments of each complete message."""
    found = [long for long in await _some(exam) if long.complete]
    if not found:
        raise NotSeen("no long message came whole")
    for long in found:
        events = [long.parts[index][0] for index in sorted(long.parts)]
        if any(
            earlier.session != later.session and not _was_closed(exam.log, earlier.session, later.at_s)
            for earlier, later in pairwise(events)
        ):
            sessions = ", ".join(str(event.session) for event in events)
            return warned(f"reference {long.reference} came on connections {sessions}")
        if [event.at_s for event in events] != sorted(event.at_s for event in events):
            return warned(f"the segments of reference {long.reference} came out of order")
    return passed(f"{len(found)} in order, each on one connection")


def _was_closed(log: Log, session: int, at_s: float) -> bool:
    closed = log.closed(session)
    return closed is not None and closed.at_s <= at_s


@check(
    "long-references",
    "takes another reference for each long message",
    "3GPP 23.040 §9.2.3.24.1: segments of one reference to one recipient are one message",
    "count references up, at least for each recipient",
)
async def long_references(exam: Exam) -> Outcome:
    """Compares the references of messages to the same recipient that followed each other."""
    await _some(exam)

    def has_pair() -> bool:
        recipients = Counter(_recipient(long) for long in long_messages(exam.log))
        return max(recipients.values(), default=0) > 1

    await exam.pause(exam.settings.quiet_s, has_pair)
    if not has_pair():
        exam.say("Let your application send another long message to the same number.")
        await exam.pause(exam.settings.patience_s, has_pair)
    found = long_messages(exam.log)
    last: dict[bytes, LongMessage] = {}
    compared = 0
    for long in found:
        recipient = _recipient(long)
        before = last.get(recipient)
        if before is not None:
            compared += 1
            if before.reference == long.reference and before.complete and not _same(before, long):
                return failed(f"two messages to one recipient had reference {long.reference} one after the other")
        last[recipient] = long
    if not compared:
        raise NotSeen("no two long messages went to one recipient")
    return passed(f"{compared} pairs differ")


def _recipient(long: LongMessage) -> bytes:
    return next(iter(long.parts.values()))[1].destination_addr


def _same(one: LongMessage, other: LongMessage) -> bool:
    payloads = [{index: message.payload for index, (_, message) in each.parts.items()} for each in (one, other)]
    return payloads[0].items() >= payloads[1].items()


@check(
    "long-headers",
    "writes the headers of segments right",
    "SMPP 3.4 §5.2.12 (esm_class 0x40 with a user data header), §5.3.2.22–24 (sar_*); 3GPP 23.040: 140 octets",
    "set esm_class 0x40 exactly when short_message begins with a header, and keep each segment within 140 octets "
    "(153 signs of GSM 03.38, 67 of UCS2)",
)
async def long_headers(exam: Exam) -> Outcome:
    """Looks for headers without esm_class 0x40, sar_* together with headers, and segments that are too large."""
    try:
        found = await _some(exam)
    except NotSeen:
        found = []
    stray = _stray_header(exam.log)
    if stray is not None:
        return failed(stray)
    for long in found or await _some(exam):
        for index, (_, message) in long.parts.items():
            both = message.has_udh and message.tlvs.first(Tag.SAR_MSG_REF_NUM) is not None
            if both:
                return warned(f"segment {index} of reference {long.reference} has a header and sar_* TLVs")
            octets = len(message.payload)
            most = _MOST_SEPTETS + 7 if message.data_coding in (0, 1) else _MOST_OCTETS
            if octets > most:
                return failed(f"segment {index} of reference {long.reference} has {octets} octets; {most} are possible")
    return passed("headers and lengths are right")


def _stray_header(log: Log) -> str | None:
    for event in log.received(*SUBMITS):
        message = message_of(event.frame)
        if message is not None and not message.has_udh and message.payload[:3] in (b"\x05\0\x03", b"\x06\x08\x04"):
            return "short_message begins with a header of segments, but esm_class lacks 0x40: it will be shown as text"
    return None


CHECKS = (long_complete, long_order, long_references, long_headers)
