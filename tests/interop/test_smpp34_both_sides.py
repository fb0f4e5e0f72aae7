"""The gateway between foreign implementations: smpp34 is the application and smpp34 are both carriers.

Carrier ``alpha`` answers padded upper-case hexadecimal ids and writes decimal ones in receipts, on two transceivers;
``beta`` does it the other way round, on a transmitter and a transceiver. Numbers that begin with 86139 go to ``beta``.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import pytest
import pytest_asyncio
import smpp34

from tests.e2e.gateway import PASSWORDS, GatewayProcess
from tests.interop.expect import (
    CHINESE_TEXT,
    DELIVERED,
    GSM_TEXT,
    LONG_TEXT,
    UNDELIVERABLE,
    Seen,
    check_receipt,
    receipts_by_id,
)
from tests.interop.smpp34_carrier import ForeignCarrier, Receipt, by_text, by_tlvs
from tests.interop.world import NUMBER, site_overrides

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

UCS2 = 8
_DEADLINE_S = 10


@dataclass
class Between:
    """The gateway and what stands behind it."""

    gateway: GatewayProcess
    alpha: ForeignCarrier
    beta: ForeignCarrier
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def carrier(self, name: str) -> tuple[ForeignCarrier, str]:
        """A carrier, and a fresh number that is routed to it."""
        prefix = "86138" if name == "alpha" else "86139"
        carrier = self.alpha if name == "alpha" else self.beta
        carrier.receipt, carrier.early = by_text, False
        carrier.answers.clear()
        return carrier, f"{prefix}{next(self._numbers):08}"

    def binds_up(self, name: str) -> int:
        """As the gateway sees it."""
        up: int = self.gateway.status()["carriers"][name]["binds_up"]
        return up

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait for a condition, at most 10 s."""
        await self.gateway.wait_for(condition, _DEADLINE_S, what)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def between(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Between]:
    """The module's gateway and carriers."""
    timers = {"enquire_link": "250ms", "response": "1s"}
    overrides = {
        **site_overrides(),
        "carriers/alpha.toml": {**timers, "response_id": "hex", "receipt_id": "dec"},
        "carriers/beta.toml": {
            **timers,
            # Decimal in responses and hexadecimal in receipts, which it has to find out.
            "response_id": "auto",
            "receipt_id": "auto",
            "binds": [{"type": "transmitter"}, {"type": "transceiver"}],
            "statuses": {"0x45": "reroute"},
        },
        "routes.toml": {
            "test": None,
            "route": [
                {"name": "to-beta", "prefix": ["86139"], "carriers": ["beta", "alpha"]},
                {"name": "to-alpha", "carriers": ["alpha"]},
            ],
        },
    }
    async with (
        ForeignCarrier("alpha", "{:010X}", "{}") as alpha,
        ForeignCarrier("beta", "{}", "{:x}") as beta,
    ):
        ports = {"alpha": alpha.port, "beta": beta.port}
        gateway = GatewayProcess(tmp_path_factory.mktemp("smpp34"), carriers=ports, overrides=overrides)
        try:
            await gateway.start()
            between = Between(gateway, alpha, beta)
            await between.until(lambda: between.binds_up("alpha") == between.binds_up("beta") == 2, "all binds")
            yield between
            assert await gateway.stop() == 0
            assert not [event for event in gateway.events() if event["level"] == "error"]
            # The foreign server answers our enquire_link, four of them a second.
            assert "enquire_link was not answered" not in [event.get("reason") for event in gateway.events()]
        finally:
            gateway.close()


class Application:
    """A client of smpp34, bound inside ``async with``."""

    def __init__(self, between: Between, bind_type: str = "TRX") -> None:
        port, password = between.gateway.port, PASSWORDS["orders"]
        self._client = smpp34.Client("127.0.0.1", port, "orders", password, bind_type=bind_type)
        self.seen: list[Seen] = []

    async def __aenter__(self) -> Application:
        self.smsc = await self._client.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.smsc.unbind()
        await self._client.stop()

    async def submit(self, recipient: str, text: bytes, **fields: Any) -> smpp34.SubmitSmResp:
        """A submit_sm that asks for a receipt."""
        fields.setdefault("registered_delivery", 1)
        return await self.smsc.submit_sm(recipient, text, source_addr=NUMBER, **fields)

    async def accepted(self, recipient: str, text: bytes, **fields: Any) -> str:
        """Its message id."""
        response = await self.submit(recipient, text, **fields)
        assert response.is_success
        assert response.message_id
        return response.message_id

    async def next(self, count: int) -> list[Seen]:
        """The next deliver_sm."""
        async with asyncio.timeout(_DEADLINE_S):
            return [_seen(await self.smsc.next()) for _ in range(count)]


def _seen(event: object) -> Seen:
    assert isinstance(event, smpp34.DeliverSmEvent)
    tlvs = {tlv.tag: tlv.value for tlv in event.tlvs}
    tlv_id, state = tlvs.get(smpp34.TLV_RECEIPTED_MESSAGE_ID), tlvs.get(smpp34.TLV_MESSAGE_STATE)
    return Seen(
        event.source_addr,
        event.destination_addr,
        event.esm_class,
        event.short_message.decode("utf-16-be" if event.data_coding == UCS2 else "ascii"),
        tlv_id.rstrip(b"\0").decode() if tlv_id is not None else None,
        state[0] if state is not None else None,
    )


def _gsm(text: str) -> bytes:
    smpplib_gsm = pytest.importorskip("smpplib.gsm")
    encoded: bytes = smpplib_gsm.gsm_encode(text)
    return encoded


async def test_how_the_gateway_binds(between: Between) -> None:
    def receive(carrier: ForeignCarrier) -> list[bool]:
        return sorted(bind.can_receive for bind in carrier.binds.values())

    await between.until(lambda: receive(between.alpha) == [True, True], "alpha's two transceivers")
    await between.until(lambda: receive(between.beta) == [False, True], "beta's transmitter and transceiver")
    names = {bind.system_id for carrier in (between.alpha, between.beta) for bind in carrier.binds.values()}
    assert names == {"smsgw"}


@pytest.mark.parametrize("bind_type", ["TX", "RX", "TRX"])
async def test_how_an_application_binds(between: Between, bind_type: str) -> None:
    async with Application(between, bind_type):
        assert between.gateway.status()["accounts"]["orders"]["binds"] == 1


@pytest.mark.parametrize("receipt", [by_text, by_tlvs])
@pytest.mark.parametrize("early", [False, True], ids=["after the response", "before the response"])
@pytest.mark.parametrize("name", ["alpha", "beta"])
async def test_a_message_and_its_receipt(between: Between, name: str, early: bool, receipt: Receipt) -> None:
    carrier, recipient = between.carrier(name)
    carrier.early, carrier.receipt = early, receipt
    vendor = smpp34.Tlv(0x1450, b"\x00vendor\xff")
    async with Application(between) as application:
        message_id = await application.accepted(
            recipient, CHINESE_TEXT.encode("utf-16-be"), data_coding=UCS2, tlvs=[vendor], protocol_id=3, priority_flag=1
        )
        (seen,) = await application.next(1)
        check_receipt(seen, message_id, recipient, NUMBER)
    (event,) = [event for event in carrier.received if event.destination_addr == recipient]
    assert event.short_message.decode("utf-16-be") == CHINESE_TEXT
    assert (event.source_addr, event.data_coding, event.protocol_id) == (NUMBER, UCS2, 3)
    assert _pairs(event.tlvs) == _pairs([vendor])
    await between.until(lambda: carrier.answers, "the receipt is answered")
    assert carrier.answers == [0]
    await between.until(lambda: len(_steps(between, message_id)) == 5, "all steps recorded")
    assert sorted(_steps(between, message_id)) == ["accepted", "answered", "receipt", "receipt_returned", "sent"]
    (row,) = [row for row in between.gateway.steps(message_id) if row["step"] == "receipt"]
    assert (row["state"], row["err"], row["carrier"]) == (DELIVERED, "000", name)


def _steps(between: Between, message_id: str) -> list[object]:
    return [row["step"] for row in between.gateway.steps(message_id)]


@pytest.mark.parametrize("kind", ["gsm", "udh", "sar", "payload"])
@pytest.mark.parametrize("name", ["alpha", "beta"])
async def test_every_kind_of_text(between: Between, name: str, kind: str) -> None:
    carrier, recipient = between.carrier(name)
    whole = _gsm(GSM_TEXT) if kind == "gsm" else LONG_TEXT.encode("utf-16-be")
    pieces = [whole[start : start + 132] for start in range(0, len(whole), 132)]
    parts: list[tuple[bytes, dict[str, Any]]] = [(whole, {"data_coding": 0})]
    if kind == "payload":
        payload = smpp34.Tlv(smpp34.TLV_MESSAGE_PAYLOAD, whole)
        parts = [(b"", {"data_coding": UCS2, "tlvs": [payload]})]
    elif kind != "gsm":
        parts = [_segment(kind, piece, index, len(pieces)) for index, piece in enumerate(pieces, 1)]
    async with Application(between) as application:
        ids = await asyncio.gather(*(application.accepted(recipient, text, **fields) for text, fields in parts))
        receipts = receipts_by_id(await application.next(len(parts)))
        # One that an application before did not answer in time may come again.
        while not set(ids) <= receipts.keys():
            receipts |= receipts_by_id(await application.next(1))
        for message_id in ids:
            check_receipt(receipts[message_id], message_id, recipient, NUMBER)
    events = [event for event in carrier.received if event.destination_addr == recipient]
    # smpp34 hands over the messages of a connection in any order.
    assert sorted((event.short_message, _pairs(event.tlvs)) for event in events) == sorted(
        (text, _pairs(fields.get("tlvs", []))) for text, fields in parts
    )
    assert len({event.session_id for event in events}) == 1


def _segment(kind: str, piece: bytes, index: int, total: int) -> tuple[bytes, dict[str, Any]]:
    if kind == "udh":  # a reference of 16 bits, which smpplib and aiosmpplib do not send
        header = bytes((6, 8, 4, 0x12, 0x34, total, index))
        return header + piece, {"data_coding": UCS2, "esm_class": 0x40}
    reference = smpp34.Tlv(smpp34.TLV_SAR_MSG_REF_NUM, b"\x12\x34")
    count = smpp34.Tlv(smpp34.TLV_SAR_TOTAL_SEGMENTS, bytes((total,)))
    number = smpp34.Tlv(smpp34.TLV_SAR_SEGMENT_SEQNUM, bytes((index,)))
    return piece, {"data_coding": UCS2, "tlvs": [reference, count, number]}


def _pairs(tlvs: Any) -> list[tuple[int, bytes]]:
    return [(tlv.tag, tlv.value) for tlv in tlvs]


async def test_a_refusal_is_a_receipt(between: Between) -> None:
    carrier, recipient = between.carrier("alpha")
    carrier.refuse = [smpp34.ESME_RINVDSTADR]
    async with Application(between) as application:
        message_id = await application.accepted(recipient, CHINESE_TEXT.encode("utf-16-be"), data_coding=UCS2)
        (seen,) = await application.next(1)
        check_receipt(seen, message_id, recipient, NUMBER, UNDELIVERABLE, "UNDELIV")


async def test_a_refusal_that_means_another_carrier(between: Between) -> None:
    carrier, recipient = between.carrier("beta")
    carrier.refuse = [0x45]
    async with Application(between) as application:
        message_id = await application.accepted(recipient, CHINESE_TEXT.encode("utf-16-be"), data_coding=UCS2)
        (seen,) = await application.next(1)
        check_receipt(seen, message_id, recipient, NUMBER)
    assert between.alpha.received[-1].destination_addr == recipient


async def test_throttled_twice(between: Between) -> None:
    carrier, recipient = between.carrier("alpha")
    carrier.refuse = [smpp34.ESME_RTHROTTLED, smpp34.ESME_RMSGQFUL]
    async with Application(between) as application:
        message_id = await application.accepted(recipient, CHINESE_TEXT.encode("utf-16-be"), data_coding=UCS2)
        (seen,) = await application.next(1)
        check_receipt(seen, message_id, recipient, NUMBER)
    assert sum(event.destination_addr == recipient for event in carrier.received) == 3


@pytest.mark.parametrize("name", ["alpha", "beta"])
async def test_an_mo(between: Between, name: str) -> None:
    carrier, _ = between.carrier(name)
    async with Application(between, "RX") as application:
        await carrier.deliver("8613912345678", NUMBER, "你好".encode("utf-16-be"), data_coding=UCS2)
        (seen,) = await application.next(1)
        assert seen == Seen("8613912345678", NUMBER, 0, "你好", None, None)
    assert carrier.answers[-1] == 0


async def test_a_carrier_that_unbinds_is_bound_again(between: Between) -> None:
    before = set(between.alpha.binds)
    await between.alpha.unbind()
    await between.until(lambda: len(set(between.alpha.binds) - before) == 2, "two new binds")
    await between.until(lambda: between.binds_up("alpha") == 2, "both up")
    reasons = [event["reason"] for event in between.gateway.events("carrier.unbound")]
    assert "unbind from the carrier" in reasons


async def test_a_carrier_that_goes_and_comes_back(between: Between) -> None:
    carrier, recipient = between.carrier("alpha")
    async with Application(between) as application:
        await carrier.stop()
        await between.until(lambda: between.binds_up("alpha") == 0, "the loss is seen")
        message_id = await application.accepted(recipient, CHINESE_TEXT.encode("utf-16-be"), data_coding=UCS2)
        await carrier.start()
        (seen,) = await application.next(1)
        check_receipt(seen, message_id, recipient, NUMBER)
    await between.until(lambda: between.binds_up("alpha") == 2, "both binds up again")
