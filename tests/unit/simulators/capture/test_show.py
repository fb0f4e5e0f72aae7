"""How a capture is printed."""

from __future__ import annotations

import json

import pytest

from simulators.capture import show
from simulators.capture.conversation import Follower, Recorded
from simulators.capture.format import Event
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId, Tag
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import build_concat_udh
from tests.unit.simulators.capture.streams import LOCAL, REMOTE, START_NS, answer, bind, receipt, submit


def _line(octets: bytes, incoming: bool = True) -> str:
    return show.line(Recorded(3, START_NS, START_NS // 1_000_000, incoming, octets)).partition("[3] ")[2]


@pytest.mark.parametrize(
    ("octets", "line"),
    [
        (bind(7), "<- bind_transceiver #7 shop version 0x34"),
        (
            submit(2, text=b"hello\r\n"),
            "<- submit_sm #2 10690001 > 8613800138000 registered_delivery=1 data_coding=0 esm_class=0x00 "
            r'"hello\x0d\x0a"',
        ),
        (
            pdu.submit_sm(
                4, source_addr=b"1", destination_addr=b"2", esm_class=0x40, data_coding=8,
                short_message=build_concat_udh(9, 3, 2) + "退订".encode("utf-16-be"), tlvs=tlv(0x1401, b"\x01"),
            ),
            '<- submit_sm #4 1 > 2 part 2/3 of 9 registered_delivery=0 data_coding=8 esm_class=0x40 0x1401=01 "退订"',
        ),
        (answer(2, b"abc"), "<- submit_sm_resp #2 ESME_ROK message_id=abc"),
        (answer(2, status=0x58), "<- submit_sm_resp #2 ESME_RTHROTTLED"),
        (
            encode(Pdu(int(CommandId.QUERY_SM), 0, 5, {"message_id": b"77", "source_addr": b"1"})),
            "<- query_sm #5 1 >  message_id=77",
        ),
        (
            encode(Pdu(int(CommandId.QUERY_SM_RESP), 0, 5, {"message_id": b"77", "message_state": 2})),
            "<- query_sm_resp #5 ESME_ROK message_id=77 message_state=2",
        ),
    ],
)  # fmt: skip
def test_lines(octets: bytes, line: str) -> None:
    assert _line(octets) == line


def test_a_receipt_says_for_what_and_what() -> None:
    assert "receipt_for=100 stat=DELIVRD err=000" in _line(receipt(1, b"100"), incoming=False)
    assert _line(receipt(1, b"100"), incoming=False).startswith("-> deliver_sm #1 ")


def test_what_is_malformed_says_why_and_shows_its_octets() -> None:
    frame = (20).to_bytes(4) + submit(2)[4:20]
    assert f"MALFORMED: the PDU ends within" in _line(frame)  # noqa: F541
    assert frame.hex() in _line(frame)
    broken = submit(2) + b"\x04\x24\x00\x63"
    assert "MALFORMED: TLV 0x0424" in _line(len(broken).to_bytes(4) + broken[4:])


def test_octets_that_are_no_pdu() -> None:
    event = Event("in", 3, START_NS, 0, octets=submit(2) + b"\0\0\0\x01rest", local=LOCAL, remote=REMOTE)
    sound, broken = Follower().feed(event)
    assert sound.octets == submit(2)
    assert show.line(broken).endswith("<- not SMPP 8 octets: 0000000172657374")


def test_json_has_the_octets_and_everything_named() -> None:
    octets = pdu.submit_sm(
        4, source_addr=b"1", destination_addr=b"2", short_message=b"", tlvs=tlv(Tag.MESSAGE_PAYLOAD, b"long text"),
    )  # fmt: skip
    shown = json.loads(json.dumps(show.shown_pdu(Recorded(3, START_NS, START_NS // 1_000_000, False, octets))))
    assert shown["hex"] == octets.hex()
    assert (shown["pdu"], shown["sequence"], shown["direction"], shown["connection"]) == ("submit_sm", 4, "out", 3)
    assert shown["text"] == "long text"


def test_beginnings_and_ends() -> None:
    opened = Event("opened", 3, START_NS, 0, where="alpha", local=("::1", 2776), remote=REMOTE)
    assert show.event_line(opened).endswith("[3] ** opened alpha [::1]:2776 with 127.0.0.1:40001")
    closed = Event("closed", 3, START_NS, 0, account="shop", reset="in")
    assert show.event_line(closed).endswith("[3] ** reset by the peer shop")
