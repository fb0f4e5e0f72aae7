"""Connections, events and files that the tests of captures share."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simulators.capture.format import Event
from simulators.capture.pcap_writer import PcapEncoder
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId

PASSWORD = b"s3cr3t99"
LOCAL, REMOTE = ("127.0.0.1", 2776), ("127.0.0.1", 40001)
START_NS = 1_795_324_593_000_000_000


@dataclass(eq=False)
class Line:
    """A connection as taps see one."""

    number: int = 1
    where: str = "alpha"
    system_id: str = ""
    local: tuple[str, int] = LOCAL
    remote: tuple[str, int] = REMOTE
    reset: Literal["", "in", "out"] = ""


def bind(number: int = 1, command: CommandId = CommandId.BIND_TRANSCEIVER, system_id: bytes = b"shop") -> bytes:
    """A bind with the password."""
    return pdu.bind(int(command), number, system_id=system_id, password=PASSWORD)


def bind_answer(number: int = 1, command: CommandId = CommandId.BIND_TRANSCEIVER, status: int = 0) -> bytes:
    """Its answer."""
    return pdu.bind_resp(int(command), status, number, b"smsc", 0x34)


def submit(number: int, recipient: bytes = b"8613800138000", text: bytes = b"hello") -> bytes:
    """A submit_sm that asks for a receipt."""
    return pdu.submit_sm(
        number, source_addr=b"10690001", destination_addr=recipient, short_message=text, registered_delivery=1
    )


def answer(number: int, message_id: bytes = b"1", status: int = 0) -> bytes:
    """Its answer."""
    return pdu.response(CommandId.SUBMIT_SM, status, number, message_id if not status else None)


def receipt(number: int, message_id: bytes, stat: bytes = b"DELIVRD") -> bytes:
    """A receipt in the usual form."""
    text = b"id:%b sub:001 dlvrd:001 submit date:2611221300 done date:2611221301 stat:%b err:000 text:hello" % (
        message_id, stat,
    )  # fmt: skip
    return pdu.deliver_sm(
        number, source_addr=b"8613800138000", destination_addr=b"10690001", esm_class=4, short_message=text
    )


def mo(number: int, text: bytes = b"TD") -> bytes:
    """What a subscriber sends."""
    return pdu.deliver_sm(number, source_addr=b"8613800138000", destination_addr=b"10690001", short_message=text)


def delivered(number: int, status: int = 0) -> bytes:
    """The application's answer to either."""
    return pdu.response(CommandId.DELIVER_SM, status, number, b"")


def events(*said: tuple[str, bytes], connection: int = 1, step_ns: int = 1_000_000, close: bool = True) -> list[Event]:
    """A connection on which one PDU follows another: ("in", octets) comes from the application."""
    times = itertools.count(START_NS, step_ns)
    account = ""

    def event(kind: str, octets: bytes = b"") -> Event:
        at_ns = next(times)
        return Event(
            kind, connection, at_ns, at_ns // 1_000_000, octets=octets, where="alpha", number=connection,  # type: ignore[arg-type]
            account=account, local=LOCAL, remote=(REMOTE[0], REMOTE[1] + connection),
        )  # fmt: skip

    made = [event("opened")]
    for kind, octets in said:
        made.append(event(kind, octets))
        account = "shop"
    return [*made, event("closed")] if close else made


def pcap(made: Iterable[Event]) -> bytes:
    """Events as the octets of a pcap file."""
    encoder = PcapEncoder()
    return encoder.start() + b"".join([encoder.encode(event) for event in made])


def write(path: Path, octets: bytes) -> Path:
    """A file with these octets."""
    path.write_bytes(octets)
    return path


def whole_run() -> list[Event]:
    """Two messages, one refused, a receipt and an MO."""
    return events(
        ("in", bind()), ("out", bind_answer()),
        ("in", submit(2)), ("out", answer(2, b"100")),
        ("in", submit(3, b"8613800138001")), ("out", answer(3, status=0x58)),
        ("out", receipt(1, b"100")), ("in", delivered(1)),
        ("out", mo(2)), ("in", delivered(2)),
        ("in", pdu.unbind(4)), ("out", pdu.unbind_resp(4)),
    )  # fmt: skip
