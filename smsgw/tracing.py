"""Live PDUs for engineers: what passes over the links of an account, of a carrier or for a recipient, decoded.

Owns: who looks on, a bounded ring for each of them, and how a PDU is shown: numbers and texts are masked unless who
asked may see them (the service that audits it says so), passwords never are shown. The loop only puts octets into the
rings of those who look on; they are decoded in the reader's thread. While nobody looks on no link knows of this.
What can go wrong: a reader that is too slow misses PDUs and is told how many.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from smsgw.carrier.bind import Bind
from smsgw.errors import ProtocolError
from smsgw.esme.session import EsmeSession
from smsgw.policy.numbers import mask
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, MessageState, Tag, command_name, status_name, tag_name
from smsgw.smpp.layout import SmeAddress
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.udh import strip_udh
from smsgw.smpp.views import HEADER, DataSm, Sm

if TYPE_CHECKING:
    from smsgw.link.link import Link
    from smsgw.link.ticker import Ticker

MOST_WATCHERS: Final = 4
RING_PDUS: Final = 5_000
#: An empty line as often as this: who has gone is noticed.
BEAT_S: Final = 0.5
_POLL_S: Final = 0.05
_REMEMBERED: Final = 1_000
_NEEDLE_DIGITS: Final = 10
_ENQUIRES: Final = frozenset((int(CommandId.ENQUIRE_LINK), int(CommandId.ENQUIRE_LINK) | RESPONSE_BIT))
_BINDS: Final = frozenset(
    (int(CommandId.BIND_TRANSMITTER), int(CommandId.BIND_RECEIVER), int(CommandId.BIND_TRANSCEIVER))
)
_MESSAGES: Final = frozenset((int(CommandId.SUBMIT_SM), int(CommandId.DELIVER_SM)))
#: Which address is a person's; the other one is a number of ours.
_PEOPLE: Final = {
    int(CommandId.DELIVER_SM): ("source_addr",),
    int(CommandId.DATA_SM): ("source_addr", "destination_addr"),
}
#: What says nothing of people; of other parameters of requests the length is shown. Responses have none of people.
_PLAIN_TAGS: Final = frozenset(
    int(tag)
    for tag in (Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE, Tag.SAR_MSG_REF_NUM,
                Tag.SAR_SEGMENT_SEQNUM, Tag.SAR_TOTAL_SEGMENTS, Tag.USER_MESSAGE_REFERENCE, Tag.PAYLOAD_TYPE)
)  # fmt: skip
_DULL: Final = ("", 0, b"", None)


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody wants to see; empty: any. ``recipient`` is E.164 digits. ``reveal``: numbers and texts in full.

    ``seconds``: for how long, 0 until they go.
    """

    account: str = ""
    carrier: str = ""
    recipient: str = ""
    reveal: bool = False
    raw: bool = False
    enquire: bool = False
    seconds: float = 0.0


class Tracer:
    """``watch`` from any thread; links are tapped on the loop."""

    def __init__(self, ticker: Ticker) -> None:
        self._ticker = ticker
        self._watchers: tuple[_Watcher, ...] = ()
        self._lock = threading.Lock()

    def watch(self, look: Look) -> Iterator[bytes]:
        """Lines of JSON until it is closed. Raises ValueError when too many look on already."""
        watcher = _Watcher(look)
        with self._lock:
            if len(self._watchers) >= MOST_WATCHERS:
                raise ValueError(f"{MOST_WATCHERS} traces are under way; end one of them")
            self._put((*self._watchers, watcher))
        return self._lines(watcher)

    @property
    def watching(self) -> int:
        """How many look on."""
        return len(self._watchers)

    def _put(self, watchers: tuple[_Watcher, ...]) -> None:
        self._watchers = watchers
        self._ticker.tap = self._tap if watchers else None

    def _tap(self, link: Link[Any], incoming: bool, raw: bytes) -> None:
        for watcher in self._watchers:
            watcher.take(link, incoming, raw)

    def _lines(self, watcher: _Watcher) -> Iterator[bytes]:
        began_s = told_s = time.monotonic()
        try:
            yield b"\n"
            while not watcher.look.seconds or time.monotonic() - began_s < watcher.look.seconds:
                lines = [_line(seen, watcher.look) for seen in watcher.taken()]
                now_s = time.monotonic()
                missed = watcher.missed()
                if missed:
                    lines.append(_json({"missed": missed}))
                if lines:
                    yield b"".join(lines)
                elif now_s - told_s >= BEAT_S:
                    yield b"\n"
                else:
                    time.sleep(_POLL_S)
                    continue
                told_s = now_s
        finally:
            with self._lock:
                self._put(tuple(each for each in self._watchers if each is not watcher))


_Seen = tuple[float, str, str, bool, bytes]


class _Watcher:
    """One who looks on, with what they have not been given yet."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self._needle = look.recipient[-_NEEDLE_DIGITS:].encode()
        self._ring: deque[_Seen] = deque(maxlen=RING_PDUS)
        self._count = self._given = 0
        self._strangers: OrderedDict[int, str] = OrderedDict()
        #: Requests that were for the recipient: their answers are as well.
        self._asked: OrderedDict[tuple[int, bool, int], None] = OrderedDict()

    def take(self, link: Link[Any], incoming: bool, raw: bytes) -> None:
        """Called on the loop for every PDU."""
        owner, look = link.owner, self.look
        if isinstance(owner, EsmeSession):
            kind, label = "account", owner.label if owner.account is not None else self._stranger(owner, incoming, raw)
            if look.carrier or (look.account and label.rpartition("/")[0] != look.account):
                return
        elif isinstance(owner, Bind):
            kind, label = "carrier", owner.label
            if look.account or (look.carrier and owner.settings.name != look.carrier):
                return
        else:
            return
        _, command_id, _, sequence_number = HEADER.unpack_from(raw)
        if command_id in _ENQUIRES and not look.enquire:
            return
        if self._needle and not self._is_for(link, incoming, command_id, sequence_number, raw):
            return
        self._count += 1
        self._ring.append((time.time(), kind, label, incoming, raw))

    def _stranger(self, session: EsmeSession, incoming: bool, raw: bytes) -> str:
        """Who is not bound has the name that it asked to bind with: refused binds are worth seeing."""
        known = self._strangers.get(session.number)
        if incoming and known is None and HEADER.unpack_from(raw)[1] in _BINDS:
            name = raw[HEADER.size :].partition(b"\0")[0].decode("latin-1")
            known = self._strangers[session.number] = f"{name}/{session.number}"
            if len(self._strangers) > _REMEMBERED:
                self._strangers.popitem(last=False)
        return known or session.label

    def taken(self) -> list[_Seen]:
        """What came since."""
        found = []
        while self._ring:
            found.append(self._ring.popleft())
        self._given += len(found)
        return found

    def missed(self) -> int:
        """How many were pushed out of the ring since this was asked last."""
        lost = self._count - self._given - len(self._ring)
        self._given += max(lost, 0)
        return max(lost, 0)

    def _is_for(self, link: Link[Any], incoming: bool, command_id: int, sequence_number: int, raw: bytes) -> bool:
        if command_id & RESPONSE_BIT:
            return self._asked.pop((id(link), not incoming, sequence_number), self) is None
        if self._needle not in raw:
            return False
        self._asked[id(link), incoming, sequence_number] = None
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return True


def _line(seen: _Seen, look: Look) -> bytes:
    at_s, kind, label, incoming, raw = seen
    return _json({"at_s": round(at_s, 3), kind: label, "to": "us" if incoming else "them", **shown(raw, look)})


def shown(raw: bytes, look: Look) -> dict[str, object]:
    """A PDU for people."""
    _, command_id, command_status, sequence_number = HEADER.unpack_from(raw)
    found: dict[str, object] = {"pdu": command_name(command_id), "sequence": sequence_number}
    if command_id & RESPONSE_BIT:
        found["status"] = status_name(command_status)
    try:
        found.update(_fields(decode(raw), raw, look))
    except ProtocolError as error:
        found["malformed"] = str(error)
    if look.raw and look.reveal and command_id not in _BINDS:
        found["raw"] = raw.hex()
    return found


def _fields(pdu: Pdu, raw: bytes, look: Look) -> dict[str, object]:
    found: dict[str, object] = {}
    if pdu.command_id in _MESSAGES or pdu.command_id == CommandId.DATA_SM:
        view = DataSm(raw) if pdu.command_id == CommandId.DATA_SM else Sm(raw)
        found.update(_text(view, look))
    for name, value in pdu.fields.items():
        if name in ("short_message", "number_of_dests") or value in _DULL:
            continue
        people = _PEOPLE.get(pdu.command_id, ("destination_addr", "dest_addresses"))
        found[name] = _value(name, value, name in people and not look.reveal)
    for tag, value in pdu.tlvs:
        if tag == Tag.MESSAGE_STATE:
            found[tag_name(tag)] = _state(value)
        elif tag in _PLAIN_TAGS or pdu.command_id & RESPONSE_BIT or look.reveal:
            found[tag_name(tag)] = _octets(value)
        elif tag != Tag.MESSAGE_PAYLOAD:
            found[tag_name(tag)] = f"{len(value)} octets"
    return found


def _text(view: Sm | DataSm, look: Look) -> dict[str, object]:
    """What a message says: a receipt's id and state, else its text or how long it is."""
    receipt = parse_receipt(view)
    if receipt is not None:
        named = {"receipt_id": receipt.id, "stat": receipt.stat, "err": receipt.err}
        return {name: value for name, value in named.items() if value is not None}
    octets = view.payload
    if view.has_udh:
        octets = strip_udh(octets)
    text = decode_text(octets, view.data_coding)
    return {"text": text} if look.reveal else {"chars": len(text)}


def _value(name: str, value: object, is_masked: bool) -> object:
    if name == "password":
        return "***"
    if isinstance(value, list):
        return [_value(name, each, is_masked) for each in value]
    if isinstance(value, SmeAddress):
        return _value(name, value.destination_addr, is_masked)
    if not isinstance(value, bytes):
        return value
    text = value.decode("latin-1")
    return mask(text) if is_masked else text


def _state(value: bytes) -> str:
    number = int.from_bytes(value)
    return MessageState(number).name if number in list(MessageState) else str(number)


def _octets(value: bytes) -> str:
    text = value.rstrip(b"\0").decode("latin-1")
    return text if text and text.isascii() and text.isprintable() and len(text) > 1 else value.hex()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace") + b"\n"
