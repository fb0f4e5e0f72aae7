"""How a live PDU is shown, and that nobody who looks on is given what others' links carry."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.carrier.bind import Bind
from smsgw.esme.session import EsmeSession
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.tlv import tlv
from smsgw.tracing import MOST_WATCHERS, RING_PDUS, Look, Tracer, shown

NUMBER = "8613812345678"
TEXT = "【示例】您的验证码是482913"


def submit(number: int = 7, recipient: str = NUMBER) -> bytes:
    return pdu.submit_sm(
        number, source_addr=b"1069000110", destination_addr=recipient.encode(), data_coding=8,
        short_message=TEXT.encode("utf-16-be"),
    )  # fmt: skip


def receipt() -> bytes:
    text = b"id:abc1 sub:001 dlvrd:001 submit date:2611181030 done date:2611181030 stat:DELIVRD err:000 text:"
    return pdu.deliver_sm(
        9,
        source_addr=NUMBER.encode(),
        destination_addr=b"1069000110",
        esm_class=4,
        short_message=text + NUMBER.encode(),
    )


def test_numbers_and_texts_are_not_shown() -> None:
    told = shown(submit(), Look())
    assert (told["pdu"], told["sequence"], told["chars"]) == ("submit_sm", 7, len(TEXT))
    assert (told["destination_addr"], told["source_addr"]) == ("138****5678", "1069000110")
    assert "482913" not in json.dumps(told, ensure_ascii=False)
    told = shown(receipt(), Look())
    assert (told["receipt_id"], told["stat"], told["err"], told["source_addr"]) == (
        "abc1",
        "DELIVRD",
        "000",
        "138****5678",
    )
    assert NUMBER not in json.dumps(told)


def test_they_are_for_whom_they_are_revealed_to() -> None:
    told = shown(submit(), Look(reveal=True, raw=True))
    assert (told["text"], told["destination_addr"], told["raw"]) == (TEXT, NUMBER, submit().hex())
    assert "raw" not in shown(submit(), Look(raw=True))


def test_a_password_is_never_shown() -> None:
    bind = pdu.bind(int(CommandId.BIND_TRANSCEIVER), 1, system_id=b"shop", password=b"shop1234")
    told = json.dumps(shown(bind, Look(reveal=True, raw=True)))
    assert '"system_id": "shop"' in told
    assert "shop1234" not in told
    assert b"shop1234".hex() not in told


def test_a_message_payload_is_not_shown_either() -> None:
    raw = pdu.submit_sm(
        1,
        source_addr=b"1",
        destination_addr=NUMBER.encode(),
        short_message=b"",
        tlvs=tlv(0x0424, b"secret") + tlv(0x0381, NUMBER.encode()),
    )
    told = shown(raw, Look())
    assert told["chars"] == 6
    assert "secret" not in json.dumps(told)
    assert (told["callback_num"], told.get("message_payload")) == ("13 octets", None)


def test_what_can_not_be_read_is_told() -> None:
    assert "malformed" in shown(_cut(submit()), Look())


def _cut(raw: bytes) -> bytes:
    return (len(raw) - 3).to_bytes(4, "big") + raw[4:-3]


class _Ticker:
    def __init__(self) -> None:
        self.tap: Any = None


def _bind(carrier: str) -> Any:
    made = Bind.__new__(Bind)
    made.settings = SimpleNamespace(name=carrier)  # type: ignore[assignment]
    made.number = 0
    return SimpleNamespace(owner=made)


def _read(lines: Any, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        found += [json.loads(line) for line in next(lines).splitlines() if line]
    return found


def test_links_are_tapped_only_while_somebody_looks_on() -> None:
    ticker = _Ticker()
    tracer = Tracer(ticker)  # type: ignore[arg-type]
    lines = tracer.watch(Look(carrier="alpha"))
    assert next(lines) == b"\n"
    alpha, beta = _bind("alpha"), _bind("beta")
    for link in (beta, alpha):
        ticker.tap(link, False, submit())
    ticker.tap(alpha, True, pdu.response(int(CommandId.SUBMIT_SM_RESP), 0x58, 7))
    ticker.tap(alpha, False, pdu.enquire_link(8))
    (first, second) = _read(lines, 2)
    assert (first["carrier"], first["to"], first["pdu"]) == ("alpha#0", "them", "submit_sm")
    assert (second["to"], second["status"]) == ("us", "ESME_RTHROTTLED")
    lines.close()  # type: ignore[attr-defined]
    assert (ticker.tap, tracer.watching) == (None, 0)


def test_a_bind_that_is_refused_is_seen_under_the_name_that_it_asked_for() -> None:
    ticker = _Ticker()
    tracer = Tracer(ticker)  # type: ignore[arg-type]
    lines = tracer.watch(Look(account="shop"))
    next(lines)
    for number, name in ((1, b"other"), (2, b"shop")):
        session = EsmeSession(SimpleNamespace(), SimpleNamespace(), number)
        link: Any = SimpleNamespace(owner=session)
        ticker.tap(link, True, pdu.bind(int(CommandId.BIND_TRANSMITTER), 1, system_id=name, password=b"wrong"))
        ticker.tap(link, False, pdu.response(int(CommandId.BIND_TRANSMITTER) | 0x80000000, 0x0E, 1))
    asked, answered = _read(lines, 2)
    assert (asked["account"], asked["pdu"], asked["password"]) == ("shop/2", "bind_transmitter", "***")
    assert (answered["account"], answered["status"]) == ("shop/2", "ESME_RINVPASWD")


def test_of_a_recipient_requests_and_their_answers() -> None:
    ticker = _Ticker()
    tracer = Tracer(ticker)  # type: ignore[arg-type]
    lines = tracer.watch(Look(recipient=NUMBER))
    next(lines)
    link = _bind("alpha")
    ticker.tap(link, False, submit(1, "8613900000000"))
    ticker.tap(link, False, submit(2, NUMBER.removeprefix("86")))
    for number in (1, 2, 2):
        ticker.tap(link, True, pdu.response(int(CommandId.SUBMIT_SM_RESP), 0, number, b"id"))
    ticker.tap(link, True, receipt())
    assert [(each["pdu"], each["sequence"]) for each in _read(lines, 3)] == [
        ("submit_sm", 2), ("submit_sm_resp", 2), ("deliver_sm", 9),
    ]  # fmt: skip


def test_who_is_too_slow_is_told_how_much_they_missed() -> None:
    ticker = _Ticker()
    tracer = Tracer(ticker)  # type: ignore[arg-type]
    lines = tracer.watch(Look())
    next(lines)
    link, raw = _bind("alpha"), encode(Pdu(int(CommandId.UNBIND), 0, 1))
    for _ in range(RING_PDUS + 3):
        ticker.tap(link, True, raw)
    found = _read(lines, RING_PDUS + 1)
    assert found[-1] == {"missed": 3}
    ticker.tap(link, True, raw)
    assert _read(lines, 1)[0]["pdu"] == "unbind"


def test_only_so_many_may_look_on() -> None:
    tracer = Tracer(_Ticker())  # type: ignore[arg-type]
    looking = [tracer.watch(Look()) for _ in range(MOST_WATCHERS)]
    assert tracer.watching == len(looking)
    with pytest.raises(ValueError, match="traces are under way"):
        tracer.watch(Look())
