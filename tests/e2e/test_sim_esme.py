"""The simulated application as an object: entries, taps, binding again, outbind, late answers, questions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulators.carrier.settings import CarrierSettings, Outbind, Tls
from simulators.carrier.sim import CarrierSim
from simulators.clock import SimClock
from simulators.esme import EsmeSettings, EsmeSim
from simulators.esme.settings import ClientTls
from simulators.esme.trace import Trace
from simulators.tap import Connection
from smsgw.errors import ConnectFailed, LinkLost
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer
from tests.e2e.test_tls import Authority

pytestmark = pytest.mark.e2e

SOURCE, RECIPIENT = "10690001", "8613800000001"
SOON_S = 10
DELIVER_SM_RESP = 0x80000005


class Ear:
    """A tap that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.octets = {"received": b"", "sent": b""}

    def opened(self, connection: Connection) -> None:
        self.told.append(f"opened {connection.number} {connection.where} {connection.system_id}")

    def received(self, connection: Connection, octets: bytes) -> None:
        self.octets["received"] += octets

    def sent(self, connection: Connection, octets: bytes) -> None:
        self.octets["sent"] += octets

    def closed(self, connection: Connection) -> None:
        self.told.append(f"closed {connection.number}")


async def test_entries_of_everything_that_happened_in_order() -> None:
    clock = SimClock(datetime(2026, 11, 18, 2, 30, tzinfo=UTC), 0)
    async with CarrierSim() as carrier:
        settings = EsmeSettings(port=carrier.port, system_id="shop", name="the shop")
        async with EsmeSim(settings, clock=clock) as esme:
            answers = [await future for future in esme.submit_long(SOURCE, RECIPIENT, "长短信" * 30, long="sar")]
            await esme.wait_for(lambda: len(esme.receipts) == len(answers), SOON_S)
            clock.advance(60)
            carrier.send_mo(RECIPIENT, SOURCE, "退订")
            await esme.wait_for(lambda: esme.mo, SOON_S)
        entries = list(esme.entries())
        assert [entry.kind for entry in entries] == ["bind", "submit", "submit", "receipt", "receipt", "mo", "unbind"]
        assert {(entry.where, entry.account, entry.bind) for entry in entries} == {("the shop", "shop", 1)}
        first, second, receipt = entries[1:4]
        assert (first.concat, second.concat) == ((1, 2, 1), (1, 2, 2))
        assert (first.status, first.message_id) == (0, answers[0].message_id)
        assert first.answered_s is not None
        assert first.answered_s > first.real_s
        assert first.text + second.text == "长短信" * 30
        assert (receipt.stat, receipt.message_state, receipt.message_id) == ("DELIVRD", 2, answers[0].message_id)
        assert (entries[5].text, entries[5].at_ms - first.at_ms) == ("退订", 60_000)
        assert entries[1].to_json()["at"] == "2026-11-18T02:30:00.000+00:00"
        assert [entry.kind for entry in esme.entries("mo", "bind")] == ["bind", "mo"]


async def test_what_was_never_answered_says_so() -> None:
    async with CarrierSim() as carrier:
        async with EsmeSim(EsmeSettings(port=carrier.port)) as esme:
            future = esme.submit(SOURCE, "19900004005", "x")
            with pytest.raises(LinkLost):
                await future
        (entry,) = esme.entries("submit")
        assert (entry.status, entry.answered_s, entry.fate) == (None, None, "connection lost")
        assert [entry.kind for entry in esme.entries("bind", "lost", "unbind")] == ["bind", "lost"]


async def test_no_more_is_kept_than_told() -> None:
    async with CarrierSim() as carrier, EsmeSim(EsmeSettings(port=carrier.port, record=10)) as esme:
        for _ in range(40):
            await esme.submit(SOURCE, RECIPIENT, "x", registered_delivery=0)
        assert 10 <= len(list(esme.entries("submit"))) < 20
        for _ in range(40):
            carrier.send_raw(pdu.generic_nack(3, 0x7FFFFFFF))
            carrier.send_raw(pdu.HEADER.pack(17, int(CommandId.DELIVER_SM), 0, 7) + b"x")
        await esme.wait_for(lambda: esme.malformed and esme.unexpected, SOON_S)
        await esme.enquire()[0]
        assert 10 <= len(esme.malformed) < 20
        assert 10 <= len(esme.unexpected) < 20


async def test_taps_hear_every_octet_both_ways() -> None:
    early, late = Ear(), Ear()
    async with CarrierSim() as carrier:
        esme = EsmeSim(EsmeSettings(port=carrier.port, system_id="shop"))
        esme.attach(early)
        async with esme:
            esme.attach(late)
            await esme.submit(SOURCE, RECIPIENT, "x", registered_delivery=0)
            esme.detach(late)
        assert early.told == ["opened 1 shop ", "closed 1"]
        assert late.told == ["opened 1 shop shop"]
        assert _commands(early.octets["sent"]) == [9, 4, 6]
        assert _commands(late.octets["received"]) == [0x80000004]


def _commands(octets: bytes) -> list[int]:
    framer = Framer(70_000)
    return [int.from_bytes(frame[4:8], "big") for frame in framer.feed(octets)]


async def test_a_trace_has_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    async with CarrierSim() as carrier:
        esme = EsmeSim(EsmeSettings(port=carrier.port, password="tr0ub4d"))
        esme.attach(Trace())
        async with esme:
            await esme.submit(SOURCE, RECIPIENT, "x", registered_delivery=0)
    said = capsys.readouterr().err
    assert "1 > submit_sm 2" in said
    assert "1 < submit_sm_resp 2 ESME_ROK" in said
    octets = "".join(line.strip().replace(" ", "") for line in said.splitlines() if line.startswith("    "))
    assert b"tr0ub4d".hex() not in octets
    assert b"load\0*******\0".hex() in octets


async def test_it_binds_again_and_a_drop_is_no_end() -> None:
    async with CarrierSim() as carrier:
        settings = EsmeSettings(port=carrier.port, binds=("tx", "rx"), reconnect_s=0.05)
        async with EsmeSim(settings) as esme:
            carrier.drop_all()
            await esme.wait_for(lambda: len(list(esme.entries("bind"))) == 4 and esme.bound == 2, SOON_S)
            assert (await esme.submit(SOURCE, RECIPIENT, "x")).ok
            await esme.wait_for(lambda: esme.receipts, SOON_S)
            assert esme.receipts[0].bind == 1
        assert carrier.bound == 0


async def test_an_outbind_makes_it_bind() -> None:
    esme = EsmeSim(EsmeSettings(port=0, system_id="shop", password="secret", binds=("receiver",), outbind_port=0))
    async with esme:
        outbind = Outbind(esme.outbind_port, system_id="the-carrier", password="x")
        async with CarrierSim(CarrierSettings(accounts={"shop": "secret"}, outbinds=(outbind,))) as carrier:
            await esme.wait_for(lambda: esme.bound == 1, SOON_S)
            assert esme.outbinds == ["the-carrier"]
            carrier.send_mo(RECIPIENT, SOURCE, "hello", "shop")
            await esme.wait_for(lambda: esme.mo, SOON_S)
            assert esme.mo[0].text == "hello"


async def test_answers_come_as_late_as_told_or_never() -> None:
    async with CarrierSim(CarrierSettings(resend_after_s=0.2)) as carrier:
        settings = EsmeSettings(port=carrier.port, deliver_status=None)
        async with EsmeSim(settings) as esme:
            await esme.submit(SOURCE, RECIPIENT, "x")
            await esme.wait_for(lambda: len(esme.receipts) >= 2, SOON_S)
            ear = Ear()
            esme.attach(ear)
            esme.deliver_status, esme.deliver_after_s = 0, 0.05
            carrier.send_mo(RECIPIENT, SOURCE, "hello")
            await esme.wait_for(lambda: esme.mo, SOON_S)
            assert DELIVER_SM_RESP not in _commands(ear.octets["sent"])
            assert [(entry.status, entry.answered_s) for entry in esme.entries("mo")] == [(None, None)]
            await carrier.wait_for(lambda: DELIVER_SM_RESP in _commands(ear.octets["sent"]), SOON_S)
        assert {entry.status for entry in esme.entries("receipt")} >= {None}
        (entry,) = esme.entries("mo")
        assert entry.status == 0
        assert entry.answered_s is not None
        assert entry.answered_s - entry.real_s >= 0.05


@pytest.mark.parametrize("ours", [True, False])
async def test_tls_with_and_without_our_certificate(tmp_path: Path, ours: bool) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", "localhost")
    authority.issue("shop", "shop.example")
    ca, cert, key = tmp_path / "ca.pem", tmp_path / "shop.pem", tmp_path / "shop.key"
    server = Tls(tmp_path / "server.pem", tmp_path / "server.key", ca)
    async with CarrierSim(CarrierSettings(tls=server)) as carrier:
        tls = ClientTls(ca, cert, key) if ours else ClientTls(ca)
        esme = EsmeSim(EsmeSettings(port=carrier.port, tls=tls))
        if ours:
            async with esme:
                assert (await esme.submit(SOURCE, RECIPIENT, "x")).ok
        else:
            with pytest.raises((ConnectFailed, LinkLost)):
                await esme.connect()


def test_files_of_tls_that_are_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for tls in (ClientTls(ca=empty), ClientTls(certificate=empty), ClientTls(ca=tmp_path / "none.pem")):
        with pytest.raises(ValueError, match=r"\.pem"):
            tls.context()


async def test_an_enquiry_by_hand_is_answered() -> None:
    async with CarrierSim() as carrier, EsmeSim(EsmeSettings(port=carrier.port)) as esme:
        async with asyncio.timeout(SOON_S):
            assert (await esme.request(pdu.enquire_link)).ok


async def test_a_shared_clock_makes_times_of_entries() -> None:
    clock = SimClock(datetime(2026, 11, 18, tzinfo=UTC), 0)
    async with CarrierSim() as carrier, EsmeSim(EsmeSettings(port=carrier.port), clock=clock) as esme:
        await esme.submit(SOURCE, RECIPIENT, "x", registered_delivery=0)
        clock.set(datetime(2026, 11, 18, tzinfo=UTC) + timedelta(days=1))
        await esme.submit(SOURCE, RECIPIENT, "x", registered_delivery=0)
        first, second = esme.entries("submit")
        assert second.at_ms - first.at_ms == 86_400_000
