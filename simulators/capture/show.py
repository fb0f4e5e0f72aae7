"""A capture for people: one line for each PDU, or one JSON object."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulators.capture.conversation import BINDS, Recorded, account_of
from simulators.capture.format import Event
from simulators.capture.script import message_id_of, read_request, receipt_id_of, text_of
from smsgw.errors import ProtocolError
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, Tag, command_name, status_name
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.udh import concat_of

_MESSAGES = frozenset({int(CommandId.SUBMIT_SM), int(CommandId.DELIVER_SM), int(CommandId.DATA_SM)})
_ARROWS = {True: "<-", False: "->"}


def shown_pdu(recorded: Recorded) -> dict[str, Any]:
    """Everything worth a look, ready for JSON; ``malformed`` says why a PDU could not be read."""
    shown: dict[str, Any] = {
        "at": _time(recorded.at_ns).isoformat(timespec="microseconds"),
        "business": _time(recorded.business_ms * 1_000_000).isoformat(timespec="milliseconds"),
        "connection": recorded.connection,
        "direction": "in" if recorded.incoming else "out",
    }
    if not recorded.framed:
        return {**shown, "pdu": "not SMPP", "octets": len(recorded.octets), "hex": recorded.octets.hex()}
    shown |= {"pdu": command_name(recorded.command_id), "sequence": recorded.sequence_number}
    if recorded.command_id & RESPONSE_BIT:
        shown["status"] = status_name(recorded.status)
    try:
        shown |= _fields(recorded)
    except ProtocolError as error:
        shown["malformed"] = str(error)
    return {**shown, "hex": recorded.octets.hex()}


def line(recorded: Recorded) -> str:
    """One line of a PDU."""
    shown = shown_pdu(recorded)
    words = [str(shown[name]) for name in ("status", "account", "system_type") if shown.get(name)]
    words += [f"version {shown['version']}"] if "version" in shown else []
    if "destination" in shown:
        words.append(f"{shown['source']} > {shown['destination']}")
    if "concat" in shown:
        words.append("part {1}/{2} of {0}".format(*shown["concat"]))
    words += [f"{name}={shown[name]}" for name in _NAMED if shown.get(name) not in (None, "")]
    words += [f"{name}={value}" for name, value in shown.get("tlvs", {}).items()]
    if shown.get("text"):
        words.append(_quoted(shown["text"]))
    if "malformed" in shown:
        words.append(f"MALFORMED: {shown['malformed']}; {shown['hex']}")
    if not recorded.framed:
        words.append(f"{shown['octets']} octets: {shown['hex'][:64]}")
    number = f" #{recorded.sequence_number}" if recorded.framed else ""
    return (
        f"{_head(recorded.at_ns, recorded.connection)} {_ARROWS[recorded.incoming]} {shown['pdu']}{number}"
        + "".join(f" {word}" for word in words)
    )


def event_line(event: Event) -> str:
    """One line of a connection's beginning or end."""
    head = _head(event.at_ns, event.connection)
    if event.kind == "opened":
        where = f" {event.where}" if event.where else ""
        return f"{head} ** opened{where} {_address(event.local)} with {_address(event.remote)}"
    how = {"": "closed", "in": "reset by the peer", "out": "reset"}[event.reset]
    return f"{head} ** {how}{f' {event.account}' if event.account else ''}"


_NAMED = (
    "message_id",
    "receipt_for",
    "stat",
    "err",
    "message_state",
    "registered_delivery",
    "data_coding",
    "esm_class",
)


def _fields(recorded: Recorded) -> dict[str, Any]:
    command_id = recorded.command_id
    if command_id in _MESSAGES:
        return _message(recorded)
    decoded = decode(recorded.octets)
    if command_id in BINDS:
        version = decoded.fields["interface_version"]
        return {
            "account": account_of(recorded),
            "system_type": _text(decoded.fields["system_type"]),
            "version": f"0x{version:02X}",
        }
    shown: dict[str, Any] = {}
    if "source_addr" in decoded.fields:
        request = read_request(recorded)
        shown |= {"source": request.source, "destination": request.destination, "text": text_of(recorded)}
    message_id = message_id_of(recorded.octets) or decoded.fields.get("message_id", b"")
    if message_id:
        shown["message_id"] = _text(message_id)
    for name in ("message_state", "final_date", "system_id", "unsuccess_smes"):
        if decoded.fields.get(name):
            value = decoded.fields[name]
            shown[name] = _text(value) if isinstance(value, bytes) else value if isinstance(value, int) else str(value)
    return shown | _tlvs(decoded.tlvs)


def _message(recorded: Recorded) -> dict[str, Any]:
    octets = recorded.octets
    sm = pdu.DataSm(octets) if recorded.command_id == CommandId.DATA_SM else pdu.Sm(octets)
    shown: dict[str, Any] = {
        "source": _text(sm.source_addr),
        "destination": _text(sm.destination_addr),
        "registered_delivery": sm.registered_delivery,
        "data_coding": sm.data_coding,
        "esm_class": f"0x{sm.esm_class:02X}",
    }
    concat = concat_of(sm)
    if concat is not None:
        shown["concat"] = [concat.reference, concat.index, concat.total]
    receipt = parse_receipt(sm) if recorded.command_id != CommandId.SUBMIT_SM else None
    if receipt is not None:
        shown |= {"receipt_for": receipt_id_of(octets), "stat": receipt.stat, "err": receipt.err}
    return shown | _tlvs(sm.tlvs) | {"text": text_of(recorded)}


def _tlvs(tlvs: Any) -> dict[str, Any]:
    named = {}
    for tag, value in tlvs:
        try:
            name = Tag(tag).name.lower()
        except ValueError:
            name = f"0x{tag:04X}"
        if tag != Tag.MESSAGE_PAYLOAD:
            named[name] = value.hex()
    return {"tlvs": named} if named else {}


def _quoted(text: str) -> str:
    shown = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)
    return f'"{shown}"'


def _head(at_ns: int, connection: int) -> str:
    return f"{_time(at_ns):%Y-%m-%d %H:%M:%S.%f} [{connection}]"


def _time(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // 1000 / 1_000_000).astimezone()


def _address(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else ""
