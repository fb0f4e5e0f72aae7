"""Looks back on everything that came in the run: what messages say of themselves, and sequence numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from simulators.conformance.check import NotSeen, Outcome, check, failed, passed, warned
from simulators.conformance.exam import Exam, shown
from simulators.conformance.log import SUBMITS, Event, Log, What
from simulators.conformance.messages import Message, message_of
from smsgw.errors import RecoverableError
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, command_name
from smsgw.smpp.gsm0338 import ESCAPE
from smsgw.smpp.udh import strip_udh

_NACK = int(CommandId.GENERIC_NACK)
_DIGITS = frozenset(b"0123456789")
_INTERNATIONAL, _ALPHANUMERIC = 1, 5
_MOST_LETTERS = 11


def _messages(log: Log) -> list[Message]:
    """All submit_sm and data_sm that can be read; raises NotSeen when there is none."""
    found = [message_of(event.frame) for event in log.received(*SUBMITS)]
    messages = [message for message in found if message is not None]
    if not messages:
        raise NotSeen("it sent no message")
    return messages


def _received(log: Log) -> list[Event]:
    """Every PDU of the application; raises NotSeen when there is none."""
    events = log.received()
    if not events:
        raise NotSeen("nothing came")
    return events


@check(
    "well-formed",
    "every PDU can be read",
    "SMPP 3.4 §3.2, §4: fields, their lengths and their NULs",
    "write command_length last, end strings with NUL, and keep each field within its length",
)
async def well_formed(exam: Exam) -> Outcome:
    """Counts the PDUs that could not be read strictly, and connections whose octets could not be framed."""
    bad = exam.bench.malformed
    count = len(_received(exam.log))
    if bad:
        return failed(f"{len(bad)} of {count} PDUs; the first: {bad[0][1]}")
    return passed(f"all {count} PDUs")


@check(
    "requests-status",
    "requests have command_status 0",
    "SMPP 3.4 §5.1.3: command_status is only relevant in responses, and NULL in requests",
    "set command_status to 0 in requests",
)
async def requests_status(exam: Exam) -> Outcome:
    """Looks at command_status of all requests."""
    requests = [event for event in _received(exam.log) if event.is_request]
    odd = [event for event in requests if event.status]
    if odd:
        return warned(f"{len(odd)} of {len(requests)}; the first: {shown(odd[0].frame)}")
    return passed(f"in all {len(requests)}")


@check(
    "sequence-numbers",
    "numbers its requests one after the other",
    "SMPP 3.4 §5.1.4 and §3.2: 0x00000001 to 0x7FFFFFFF, increasing by one for each request on a connection",
    "count requests of a connection up from 1, all commands with one counter, and begin at 1 again after 0x7FFFFFFF",
)
async def sequence_numbers(exam: Exam) -> Outcome:
    """Looks for numbers out of range, used again while unanswered, and gaps, on every connection."""
    _received(exam.log)
    gaps = total = 0
    for session in exam.log.sessions:
        waiting: set[int] = set()
        numbers = []
        for event in exam.log.of(session):
            number = event.sequence_number
            if event.what is What.SENT and not event.is_request:
                waiting.discard(number)
            elif event.what is What.RECEIVED and event.is_request and event.command_id != _NACK:
                if not 1 <= number <= 0x7FFFFFFF:
                    return failed(f"{shown(event.frame)}: a sequence number is 1 to 0x7FFFFFFF")
                if number in waiting:
                    return failed(f"{shown(event.frame)}: the number of a request that is not answered yet")
                waiting.add(number)
                numbers.append(number)
        total += len(numbers)
        gaps += sum(later != earlier + 1 and later != 1 for earlier, later in pairwise(numbers))
    if gaps:
        return warned(f"{gaps} of {total} numbers do not follow the one before")
    return passed(f"{total} requests")


@check(
    "answers-match",
    "answers only what it was asked, once",
    "SMPP 3.4 §3.2: a response has the sequence number of its request, and its command_id with bit 31 set",
    "copy sequence_number from the request, and send one response for each",
)
async def answers_match(exam: Exam) -> Outcome:
    """Looks for responses to requests that were not sent, of another command, or sent twice."""
    count = 0
    for session in exam.log.sessions:
        asked: dict[int, int] = {}
        for event in exam.log.of(session):
            number = event.sequence_number
            if event.what is What.SENT and event.is_request:
                asked[number] = event.command_id
            elif event.what is What.RECEIVED and not event.is_request:
                count += 1
                if event.command_id == _NACK:
                    asked.pop(number, None)  # it may also refuse one of our responses, with any number
                    continue
                request = asked.pop(number, None)
                if request is None:
                    return failed(f"{shown(event.frame)}: nothing of that number was asked, or it was answered before")
                if event.command_id != request | RESPONSE_BIT:
                    return failed(f"{command_name(request)} was answered with {shown(event.frame)}")
    if not count:
        raise NotSeen("it answered nothing")
    return passed(f"{count} responses")


@check(
    "registered-delivery",
    "asks for receipts",
    "SMPP 3.4 §5.2.17: without registered_delivery 1 most carriers send no receipt",
    "set registered_delivery to 1 if you want to know what became of a message",
)
async def registered_delivery(exam: Exam) -> Outcome:
    """Counts messages that ask for a receipt."""
    messages = _messages(exam.log)
    asking = sum(bool(message.registered_delivery & 3) for message in messages)
    return (passed if asking else warned)(f"{asking} of {len(messages)} messages ask for a receipt")


@check(
    "data-coding",
    "data_coding fits the text",
    "SMPP 3.4 §5.2.19: 0 is the carrier's default alphabet (GSM 03.38, seven bits), 8 is UCS2 in big-endian order",
    "send what GSM 03.38 has with 0 and everything else as UTF-16BE with 8; never UTF-8",
)
async def data_coding(exam: Exam) -> Outcome:
    """Looks for octets above 0x7F under 0, odd lengths, halves of characters and swapped octets under 8."""
    messages = _messages(exam.log)
    for message in messages:
        wrong = _wrong_coding(message)
        if wrong:
            return failed(f"to {message.destination_addr.decode('latin-1')}: {wrong}")
    codings = Counter(message.data_coding for message in messages)
    return passed(", ".join(f"{count} with {coding}" for coding, count in sorted(codings.items())))


def _wrong_coding(message: Message) -> str:
    try:
        text = strip_udh(message.payload) if message.has_udh else message.payload
    except RecoverableError as error:
        return str(error)
    if message.data_coding == 0 and text and max(text) > 0x7F:
        kind = "UTF-8" if _is_utf8(text) else "Latin-1 or packed septets"
        return f"data_coding 0 with octets above 0x7F ({kind}?)"
    if message.data_coding == 0 and text[-1:] == bytes([ESCAPE]):
        return "data_coding 0 and an escape without its sign at the end"
    if message.data_coding == 8:
        if len(text) % 2:
            return "data_coding 8 with an odd number of octets"
        try:
            text.decode("utf-16-be")
        except UnicodeDecodeError:
            return "data_coding 8 with half of a character"
        if len(text) > 1 and text[:2] == b"\xff\xfe":
            return "data_coding 8 in little-endian order"
    return ""


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@check(
    "addresses",
    "TON and NPI fit the addresses",
    "SMPP 3.4 §5.2.5, §5.2.6: digits without + for numbers; letters (at most 11) have TON 5",
    "write numbers as digits, with TON 1 NPI 1 when they begin with the country, and names with TON 5 NPI 0",
)
async def addresses(exam: Exam) -> Outcome:
    """Looks at both addresses of every message."""
    messages = _messages(exam.log)
    for message in messages:
        for words in _wrong_addresses(message):
            return warned(words)
    return passed(f"in all {len(messages)} messages")


def _wrong_addresses(message: Message) -> Iterator[str]:
    recipient, source = message.destination_addr, message.source_addr
    shown_source = source.decode("latin-1")
    if not recipient:
        yield "a message has no destination_addr"
    elif recipient[:1] == b"+" or not set(recipient) <= _DIGITS:
        yield f"destination_addr {recipient.decode('latin-1')!r} is not all digits"
    if message.source_addr_ton == _ALPHANUMERIC:
        if len(source) > _MOST_LETTERS:
            yield f"source_addr {shown_source!r} has more than {_MOST_LETTERS} letters"
    elif source and not set(source.removeprefix(b"+")) <= _DIGITS:
        yield f"source_addr {shown_source!r} is a name, but its TON is {message.source_addr_ton}, not 5"
    elif message.source_addr_ton == _INTERNATIONAL and source[:1] == b"0":
        yield f"source_addr {shown_source!r} is international, but begins with 0"


CHECKS = (
    well_formed,
    requests_status,
    sequence_numbers,
    answers_match,
    registered_delivery,
    data_coding,
    addresses,
)
