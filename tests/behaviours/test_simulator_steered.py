"""What the simulator can do by itself: MO, floods, faults of links, time lines, its clock, HTTP, records."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import dpkt
import httpx
import pytest

from simulators.capture import CaptureTap
from simulators.control.app import make_app
from tests.behaviours.wire import SOON_S, Peer, playing

_PLAIN = {"registered_delivery": 0}
_DATA_SEGS_IN = 152  # of struct tcp_info in linux/tcp.h


def _number(n: int) -> str:
    return f"8613800000{n:03}"


async def test_mo_on_a_time_line() -> None:
    async with playing("mo", by_hand=True) as stage, await Peer.bound(stage) as peer:
        await peer.ask(**_PLAIN)
        for second in range(5):
            came = await peer.delivery()
            assert (came.pdu.source_addr, came.pdu.destination_addr) == (b"8613800138000", b"10690001")
            assert (came.esm_class, came.pdu.data_coding) == (0, 8)
            assert came.text.decode("utf-16-be") == f"你好，第{second + 1}条"
            assert await peer.alive()
            assert not peer.kept
            stage.group.clock.advance(1)
        assert await peer.silent()


async def test_mo_from_a_file() -> None:
    async with playing("mo-from-file", by_hand=True) as stage, await Peer.bound(stage) as peer:
        await peer.ask(**_PLAIN)
        stage.group.clock.advance(3)
        came = [await peer.delivery() for _ in range(3)]
        texts = [each.text.decode("utf-16-be" if each.pdu.data_coding == 8 else "ascii") for each in came]
        assert texts == ["TD", "你好，请问几点开门？", "START"]
        assert [each.pdu.source_addr[-1:] for each in came] == [b"0", b"1", b"2"]


async def test_mo_that_answer() -> None:
    async with playing("mo-replies") as stage, await Peer.bound(stage) as peer:
        await peer.ask(**_PLAIN)
        came = await peer.delivery()
        assert came.text.decode("utf-16-be") == "ＴＤ"
        assert (came.pdu.source_addr, came.pdu.destination_addr) == (b"8613800000001", b"10690001")
        await peer.ask(**_PLAIN)
        assert await peer.silent()


async def test_floods() -> None:
    async with playing("flood") as stage, await Peer.bound(stage) as peer:
        await peer.ask(**_PLAIN)
        seen = {"enquire_link": 0, "mo": 0, "receipt": 0}
        while sum(seen.values()) < 3000:
            came = peer.kept.pop(0) if peer.kept else await peer.read()
            kind = came.command if came.command == "enquire_link" else "receipt" if came.esm_class == 4 else "mo"
            seen[kind] += 1
            peer.reply(came)
        assert seen == {"enquire_link": 1000, "mo": 1000, "receipt": 1000}
        assert await peer.alive()
        assert not stage.play.problems


async def test_hung_for_a_while() -> None:
    async with playing("paused", by_hand=True) as stage, await Peer.bound(stage) as peer:
        for n in range(10):
            peer.submit(_number(n), **_PLAIN)
        await stage.group.wait_for(lambda: stage.sim.stats.submits == 10, SOON_S)
        while not await peer.silent():
            pass
        number = peer.submit(_number(11), **_PLAIN)
        assert await peer.silent()
        stage.group.clock.advance(10.1)
        assert (await peer.answer(number)).status == 0


async def test_refused_binds() -> None:
    async with playing("refuse-binds", by_hand=True) as stage, await Peer.bound(stage) as peer:
        for n in range(10):
            peer.submit(_number(n), **_PLAIN)
        assert await peer.ended()
        assert await Peer.tried(stage) == 0x0D
        stage.group.clock.advance(5.1)
        assert await Peer.tried(stage) == 0


async def test_refused_connections() -> None:
    async with playing("refuse-connections", by_hand=True) as stage, await Peer.bound(stage) as peer:
        stage.group.clock.advance(10.1)
        assert await peer.ended()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await Peer.tried(stage)
        stage.group.clock.advance(20)
        await Peer.tried_until_bound(stage)


async def test_phases_of_a_bad_day() -> None:
    async with playing("bad-day", by_hand=True) as stage, await Peer.bound(stage) as peer:
        clock = stage.group.clock
        assert (await peer.ask(**_PLAIN)).status == 0
        clock.advance(61)
        slow = [peer.submit(_number(n), **_PLAIN) for n in range(5)]
        await peer.silent()
        while not await peer.silent():
            pass
        assert len(peer.kept) < len(slow)
        clock.advance(60)
        throttled = [peer.submit(_number(n), **_PLAIN) for n in range(20)]
        assert 0x58 in [(await peer.answer(number)).status for number in throttled]
        clock.advance(60)
        assert await peer.ended()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await Peer.tried(stage)
        clock.advance(20)
        await Peer.tried_until_bound(stage)
        async with await Peer.bound(stage) as again:
            assert (await again.ask(**_PLAIN)).status == 0


async def test_a_clock_that_jumps_into_the_night() -> None:
    async with playing("night") as stage, await Peer.bound(stage) as peer:
        for n in range(3):
            await peer.ask(_number(n))
            assert b"submit date:2611182159 done date:2611182159" in (await peer.delivery()).text
        await stage.group.wait_for(lambda: stage.group.clock.now().hour == 19, SOON_S)  # 03:00 in China
        assert stage.report().ok
        await peer.ask(_number(4))
        assert b"submit date:2611190300 done date:2611190300" in (await peer.delivery()).text
        assert not stage.report().ok


async def test_a_slow_reader() -> None:
    async with playing("slow-reader") as stage, await Peer.bound(stage) as peer:
        plain: socket.socket = peer.writer.get_extra_info("socket")
        before, begun_s = _segments_received(plain), time.monotonic()
        numbers = [peer.submit(_number(n), b"x" * 100, **_PLAIN) for n in range(20)]
        octets = sum([len((await peer.answer(number)).raw) for number in numbers])
        # 20 PDUs of some 150 octets are read in a second and a half; the first second's share comes at once.
        assert time.monotonic() - begun_s >= 0.3
        assert _segments_received(plain) - before > octets / 14


def _segments_received(plain: socket.socket) -> int:
    """TCP segments with data that came so far, as the kernel counts them."""
    told = plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int.from_bytes(told[_DATA_SEGS_IN : _DATA_SEGS_IN + 4], sys.byteorder)


async def _done(response: httpx.Response) -> None:
    await response.aread()
    assert response.is_success, response.text


async def test_over_http_while_it_runs(tmp_path: Path) -> None:
    """Settings, MO, a receipt, a broken link, and what was received, decoded and raw."""
    async with playing("two-carriers") as stage, await Peer.bound(stage, carrier="alpha") as peer:
        app = make_app(stage.group, stage.play, stage.scenario, None, tmp_path)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/carriers/alpha") as http:
            http.event_hooks = {"response": [_done]}
            assert (await peer.ask(**_PLAIN)).status == 0
            await http.patch("/settings", json={"answers": {"refuse": "ESME_RSYSERR"}})
            refused = await peer.ask(_number(7), "您好".encode("utf-16-be"), data_coding=8)
            assert refused.status == 0x08
            await http.patch("/settings", json={"answers": {"refuse": {}}})
            mo = {"source": "8613800138000", "destination": "10690001", "text": "退订"}
            assert (await http.post("/mo", json=mo)).json() == {"sent": 1}
            assert (await peer.delivery()).text.decode("utf-16-be") == "退订"
            message_id = (await peer.ask(_number(2), **_PLAIN)).message_id
            await http.post("/receipts", json={"message_id": message_id.decode(), "state": "UNDELIV/042"})
            assert b"stat:UNDELIV err:042" in (await peer.delivery()).text
            told = (await http.get("/received", params={"raw": "true", "destination": _number(7)})).json()["entries"]
            assert [(each["text"], each["status"]) for each in told] == [("您好", 0x08)]
            assert "您好".encode("utf-16-be").hex() in told[0]["pdu"]
            await http.post("/links", json={"do": "drop"})
            assert await peer.ended()
        app.state.control.close()


def _payloads(path: Path, port: int) -> bytes:
    """What the carrier said, as dpkt reads it from a capture of one connection."""
    with path.open("rb") as file:
        segments = [dpkt.ethernet.Ethernet(octets).data.data for _, octets in dpkt.pcap.Reader(file)]
    return b"".join(segment.data for segment in segments if segment.sport == port)


@pytest.mark.parametrize("name", ["magic", "receipts-each-segment", "mo-replies"])
async def test_records(name: str, tmp_path: Path) -> None:
    """The octets of a recording are those that came, to dpkt; to tshark they are SMPP in order."""
    path = tmp_path / "run.pcap"
    async with playing(name) as stage:
        tap = CaptureTap(path, stage.group.clock)
        stage.group.attach(tap)
        port = stage.sim.port
        async with await Peer.bound(stage) as peer:
            came = [await peer.ask(_number(1)), await peer.delivery()]
        await stage.group.wait_for(lambda: not stage.sim.links, SOON_S)
        stage.group.detach(tap)
        tap.close()
    said = _payloads(path, port)
    assert all(each.raw in said for each in came)
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed; dpkt has read it")
    read = ["tshark", "-r", str(path), "-d", f"tcp.port=={port},smpp", "-T", "fields", "-e", "smpp.command_id"]
    shown = subprocess.run(read, capture_output=True, text=True, check=True).stdout.split()
    assert shown[:2] == ["0x00000009", "0x80000009"]
    assert "0x80000004" in shown
