"""What a capture says happened: requests with their answers, and the deliveries that came of them.

Made from conversations, for both replays. A receipt belongs to the request whose answer gave its id,
read as receipts write ids (SMPP 3.4 Appendix B; carriers change between hexadecimal and decimal). Every
other delivery hangs on the last message of its account before it, or on the bind when there is none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from simulators.capture.conversation import BINDS, Conversation, Recorded
from smsgw.errors import ProtocolError
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import RESPONSE_BIT, CommandId
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.udh import strip_udh

MESSAGES: Final = frozenset({int(CommandId.SUBMIT_SM), int(CommandId.DATA_SM), int(CommandId.SUBMIT_MULTI)})
#: What belongs to the connection and not to messages.
_SESSION: Final = BINDS | {
    int(CommandId.UNBIND), int(CommandId.ENQUIRE_LINK), int(CommandId.OUTBIND), int(CommandId.GENERIC_NACK),
}  # fmt: skip
_DELIVERIES: Final = frozenset({int(CommandId.DELIVER_SM), int(CommandId.DATA_SM)})
_NACK: Final = int(CommandId.GENERIC_NACK)


@dataclass(slots=True)
class Delivery:
    """A deliver_sm or data_sm of the carrier."""

    pdu: Recorded
    #: Nanoseconds since what it hangs on; negative for a receipt that came before its message's answer.
    after_ns: int
    #: The request whose answer gave the id in it; None for an MO.
    receipt_of: Request | None
    #: As the application answered; None when it did not.
    status: int | None = None


@dataclass(slots=True)
class Request:
    """Something an application asked for."""

    account: str
    pdu: Recorded
    source: str
    destination: str
    #: What is the same when it is sent again: payload without the reference of its parts, or the id asked about.
    content: bytes
    answer: Recorded | None = None
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def status(self) -> int | None:
        """As it was answered; None when it was not."""
        return None if self.answer is None else status_of(self.answer.octets)

    @property
    def message_id(self) -> bytes:
        """What the answer gave."""
        return message_id_of(self.answer.octets) if self.answer is not None else b""

    @property
    def key(self) -> tuple[int, str, str, bytes]:
        """What a request is recognised by."""
        return self.pdu.command_id, self.destination, self.source, self.content


@dataclass(slots=True)
class Session:
    """One connection as an application had it."""

    conversation: Conversation
    #: command_id of its bind; 0 when the capture has none.
    bind: int = 0
    bind_status: int | None = None
    system_type: bytes = b""
    interface_version: int = 0x34
    requests: list[Request] = field(default_factory=list)
    #: Deliveries it got.
    deliveries: int = 0
    #: The most requests that were unanswered at a time.
    window: int = 1
    unbound: bool = False

    @property
    def account(self) -> str:
        """The bound account."""
        return self.conversation.account


@dataclass(slots=True)
class Script:
    """A whole capture."""

    sessions: list[Session]
    #: Of all sessions, in the order of time.
    requests: list[Request]
    #: Account → when it first bound (nanoseconds) and what hangs on that.
    openings: dict[str, tuple[int, list[Delivery]]]


def script_of(recorded: Iterable[Conversation]) -> Script:
    """Read conversations as a script; what is malformed is kept as it is."""
    sessions = [_session(conversation) for conversation in recorded]
    requests = sorted((request for session in sessions for request in session.requests), key=_time_of)
    script = Script(sessions, requests, {})
    ids, messages = _Ids(requests), _Messages(requests)
    for session in sorted(sessions, key=lambda each: each.conversation.opened_ns):
        if session.account not in script.openings:
            script.openings[session.account] = session.conversation.opened_ns, []
        for delivery in _deliveries(session.conversation):
            session.deliveries += 1
            _hang(delivery, session.account, script, ids, messages)
    return script


def read_request(recorded: Recorded, account: str = "") -> Request:
    """One PDU as a request; a malformed one is known by its whole body."""
    octets = recorded.octets
    try:
        if recorded.command_id in (CommandId.SUBMIT_SM, CommandId.DATA_SM):
            sm = pdu.Sm(octets) if recorded.command_id == CommandId.SUBMIT_SM else pdu.DataSm(octets)
            content = _without_reference(sm.payload, sm.has_udh)
            return Request(account, recorded, _text(sm.source_addr), _text(sm.destination_addr), content)
        fields = decode(octets).fields
    except ProtocolError:
        return Request(account, recorded, "", "", octets[16:])
    message_id, message = fields.get("message_id", b""), fields.get("short_message", b"")
    content = b"\0".join(each for each in (message_id, message) if isinstance(each, bytes))
    destination = fields.get("destination_addr", b"")
    if isinstance(listed := fields.get("dest_addresses"), list):
        destination = b",".join(each[-1] for each in listed)
    return Request(account, recorded, _text(fields.get("source_addr")), _text(destination), content)


def text_of(recorded: Recorded) -> str:
    """The decoded text of a message; empty for what has none."""
    try:
        if recorded.command_id in (CommandId.SUBMIT_SM, CommandId.DELIVER_SM):
            sm: pdu.Sm | pdu.DataSm = pdu.Sm(recorded.octets)
        elif recorded.command_id == CommandId.DATA_SM:
            sm = pdu.DataSm(recorded.octets)
        else:
            fields = decode(recorded.octets).fields
            message, coding = fields.get("short_message", b""), fields.get("data_coding", 0)
            return decode_text(message, coding) if isinstance(message, bytes) and isinstance(coding, int) else ""
        payload = sm.payload
        return decode_text(strip_udh(payload) if sm.has_udh else payload, sm.data_coding)
    except ProtocolError:
        return ""


def status_of(response: bytes) -> int:
    """command_status of a response."""
    status: int = pdu.HEADER.unpack_from(response)[2]
    return status


def message_id_of(response: bytes) -> bytes:
    """The message_id of a response to a message; empty when it has none."""
    command_id = pdu.HEADER.unpack_from(response)[1]
    if command_id & ~RESPONSE_BIT not in MESSAGES:
        return b""
    return response[16:].partition(b"\0")[0]


def receipt_id_of(octets: bytes) -> str | None:
    """The id that a deliver_sm or data_sm is a receipt for; None for an MO, or what can't be read."""
    try:
        is_data = pdu.HEADER.unpack_from(octets)[1] == CommandId.DATA_SM
        receipt = parse_receipt(pdu.DataSm(octets) if is_data else pdu.Sm(octets))
    except ProtocolError:
        return None
    return receipt.id if receipt is not None else None


class _Ids:
    """Finds the request that a receipt is for, whatever form its id is in."""

    def __init__(self, requests: list[Request]) -> None:
        self._known: dict[tuple[str, str | int], list[Request]] = {}
        for request in requests:
            text = request.message_id.decode("latin-1")
            if text:
                for form in _forms(text, answered=True):
                    self._known.setdefault(form, []).append(request)

    def find(self, receipt_id: str, at_ns: int, account: str) -> Request | None:
        """The last request before the receipt that was given this id, else the first after it."""
        for form in _forms(receipt_id, answered=False):
            same = [each for each in self._known.get(form, ()) if each.account == account]
            if same:
                before = [each for each in same if each.pdu.at_ns <= at_ns]
                return before[-1] if before else same[0]
        return None


class _Messages:
    """Finds the last message of an account before a moment."""

    def __init__(self, requests: list[Request]) -> None:
        self._by_account: dict[str, list[Request]] = {}
        for request in requests:
            if request.pdu.command_id in MESSAGES:
                self._by_account.setdefault(request.account, []).append(request)

    def before(self, at_ns: int, account: str) -> Request | None:
        requests = self._by_account.get(account, [])
        at = bisect_right(requests, at_ns, key=_time_of)
        return requests[at - 1] if at else None


def _forms(text: str, *, answered: bool) -> list[tuple[str, str | int]]:
    """Under what an id is kept, and under what one in a receipt is looked for, best first."""
    forms: list[tuple[str, str | int]] = [("text", text), ("folded", text.lstrip("0").casefold())]
    # Hexadecimal in the answer and decimal in the receipt, or the other way round.
    for name, base in (("hex-dec", 16 if answered else 10), ("dec-hex", 10 if answered else 16)):
        try:
            forms.append((name, int(text, base)))
        except ValueError:
            continue
    # Receipts of some carriers have room for ten characters (SMPP 3.4 Appendix B).
    if len(text) > 10 or not answered:
        forms += [("first", text[:10]), ("last", text[-10:])]
    return forms


def _session(conversation: Conversation) -> Session:
    session = Session(conversation)
    waiting: dict[int, list[Request]] = {}
    binding: dict[int, int] = {}
    unanswered = 0
    application = conversation.application_is_peer
    for each in conversation.pdus:
        if not each.framed:
            continue
        from_application = each.incoming == application
        command_id = each.command_id
        if from_application and command_id in BINDS:
            binding[each.sequence_number] = command_id
            session.bind = command_id
            _read_bind(session, each.octets)
        elif from_application and not command_id & RESPONSE_BIT and command_id not in _SESSION:
            request = read_request(each, conversation.account)
            session.requests.append(request)
            waiting.setdefault(each.sequence_number, []).append(request)
            unanswered += 1
            session.window = max(session.window, unanswered)
        elif from_application:
            session.unbound |= command_id == CommandId.UNBIND
        elif command_id & RESPONSE_BIT and each.sequence_number in binding and command_id & ~RESPONSE_BIT in BINDS:
            session.bind_status = each.status
        elif command_id & RESPONSE_BIT and waiting.get(each.sequence_number):
            waiting[each.sequence_number].pop(0).answer = each
            unanswered -= 1
    return session


def _read_bind(session: Session, octets: bytes) -> None:
    try:
        fields = decode(octets).fields
    except ProtocolError:
        return
    system_type, version = fields["system_type"], fields["interface_version"]
    if isinstance(system_type, bytes) and isinstance(version, int):
        session.system_type, session.interface_version = system_type, version


def _deliveries(conversation: Conversation) -> list[Delivery]:
    found: list[Delivery] = []
    waiting: dict[int, Delivery] = {}
    application = conversation.application_is_peer
    for each in conversation.pdus:
        if not each.framed:
            continue
        command_id = each.command_id
        if each.incoming != application and command_id in _DELIVERIES:
            waiting[each.sequence_number] = delivery = Delivery(each, 0, None)
            found.append(delivery)
        elif each.incoming == application and (command_id == _NACK or command_id ^ RESPONSE_BIT in _DELIVERIES):
            answered = waiting.pop(each.sequence_number, None)
            if answered is not None:
                answered.status = each.status
    return found


def _hang(delivery: Delivery, account: str, script: Script, ids: _Ids, messages: _Messages) -> None:
    at_ns = delivery.pdu.at_ns
    receipt_id = receipt_id_of(delivery.pdu.octets)
    delivery.receipt_of = ids.find(receipt_id, at_ns, account) if receipt_id else None
    request = delivery.receipt_of or messages.before(at_ns, account)
    if request is None:
        first_ns, hung = script.openings[account]
        delivery.after_ns = at_ns - first_ns
        hung.append(delivery)
        return
    delivery.after_ns = at_ns - request.pdu.at_ns
    request.deliveries.append(delivery)


def _without_reference(payload: bytes, has_udh: bool) -> bytes:
    """A payload whose part's reference (3GPP TS 23.040 §9.2.3.24.1) is blanked: it differs whenever it is sent."""
    if not has_udh or len(payload) < 2 or payload[0] >= len(payload):
        return payload
    at, end = 1, payload[0] + 1
    blanked = bytearray(payload)
    while at + 2 <= end:
        element, length = payload[at], payload[at + 1]
        octets = {0x00: 1, 0x08: 2}.get(element, 0)
        if octets and at + 2 + octets <= end:
            blanked[at + 2 : at + 2 + octets] = bytes(octets)
        at += 2 + length
    return bytes(blanked)


def _time_of(request: Request) -> int:
    return request.pdu.at_ns


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else ""
