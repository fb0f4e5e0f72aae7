"""What the simulator can do with messages and their answers, on the wire."""

from __future__ import annotations

import asyncio
import io
import re
import statistics
import time
from collections import Counter
from dataclasses import replace

import pytest
from smpp.pdu.error import PDUCorruptError, PDUParseError
from smpp.pdu.pdu_encoding import PDUEncoder

from simulators.scenario import load_scenario
from simulators.scenario.library import shipped
from tests.behaviours.wire import SOON_S, Came, Peer, Stage, playing

_PLAIN = {"registered_delivery": 0}


def _numbers(count: int) -> list[str]:
    return [f"8613800000{n:03}" for n in range(count)]


async def test_latencies_are_distributed() -> None:
    """The shipped distribution, five times as fast: half within 4 ms, some much later."""
    told = load_scenario(shipped()["latency"]).carriers[0].response
    async with playing("latency", response=told.times(0.2)) as stage, await Peer.bound(stage) as peer:
        begun_s = time.monotonic()
        numbers = [peer.submit(each, **_PLAIN) for each in _numbers(200)]
        waited_s = {}
        while len(waited_s) < len(numbers):
            waited_s[(await peer.read()).sequence] = time.monotonic() - begun_s
        assert waited_s.keys() == set(numbers)
        assert list(waited_s) != numbers
        in_order = sorted(waited_s.values())
        assert in_order[0] >= 0.001
        assert in_order[-3] >= 0.15
        assert statistics.median(in_order) < in_order[-3] / 2


async def test_refusals_at_a_rate() -> None:
    async with playing("refuse-share") as stage, await Peer.bound(stage) as peer:
        sent = [peer.submit(each, **_PLAIN) for each in _numbers(600)]
        statuses = Counter([(await peer.answer(number)).status for number in sent])
        assert statuses.keys() == {0, 0x08, 0x14}
        assert 4 <= statuses[0x08] <= 25
        assert 1 <= statuses[0x14] <= 15


@pytest.mark.parametrize(
    ("recipient", "text", "status"),
    [
        ("8613800130001", b"hello", 0x0B), ("13800139999", b"hello", 0x0B), ("8613800140001", b"hello", 0),
        ("8613800140001", b"see http://a.cn", 0x45), ("8613800140001", b"see https://a.cn", 0x45),
    ],
)  # fmt: skip
async def test_refusals_for_a_pattern(recipient: str, text: bytes, status: int) -> None:
    async with playing("refuse-pattern") as stage, await Peer.bound(stage) as peer:
        assert (await peer.ask(recipient, text)).status == status


async def test_refusals_by_count() -> None:
    async with playing("refuse-nth") as stage, await Peer.bound(stage) as peer:
        statuses = [(await peer.ask(each, **_PLAIN)).status for each in _numbers(25)]
        assert statuses == [0] * 10 + [0x08] * 10 + [0] * 5
        again = [(await peer.ask("8613800139999", **_PLAIN)).status for _ in range(6)]
        assert again == [0, 0, 0x14, 0, 0, 0x14]


async def test_answers_out_of_order() -> None:
    async with playing("answers-out-of-order") as stage, await Peer.bound(stage) as peer:
        sent = [peer.submit(each, **_PLAIN) for each in _numbers(30)]
        came = [(await peer.read()).sequence for _ in sent]
        assert sorted(came) == sent
        assert came != sent


@pytest.mark.parametrize(("name", "answered"), [("drop-before-response", False), ("drop-after-response", True)])
async def test_the_connection_goes_around_the_response(name: str, answered: bool) -> None:
    async with playing(name) as stage, await Peer.bound(stage) as peer:
        answers = 0
        for each in _numbers(100):
            number = peer.submit(each, **_PLAIN)
            try:
                await peer.answer(number)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                break
            answers += 1
        came = len(stage.sim.received)
        if answered:  # the answer to the last one came; what was sent after it did not arrive
            assert answers == came
        else:
            assert answers == came - 1
        assert came < 100
        assert (await Peer.tried(stage)) == 0


async def _before_the_response(stage: Stage, recipient: str) -> bytes:
    """Octets that come between a bind and the response to one message."""
    async with await Peer.bound(stage) as peer:
        number = peer.submit(recipient, **_PLAIN)
        header = bytes.fromhex("8000000400000000") + number.to_bytes(4, "big")
        octets = b""
        async with asyncio.timeout(SOON_S):
            while header not in octets:
                octets += await peer.reader.read(65536)
        return octets[: octets.index(header) - 4]


async def test_malformed_pdus() -> None:
    async with playing("malformed") as stage:
        faults = [octets for each in _numbers(120) if (octets := await _before_the_response(stage, each))]
        assert 4 <= len(faults) <= 30
        malformed = 0
        for octets in faults:
            try:
                PDUEncoder().decode(io.BytesIO(octets))
            except (PDUCorruptError, PDUParseError):
                malformed += 1
        assert malformed >= 3  # others are wrong in what they say


async def test_unknown_pdus() -> None:
    async with playing("unknown") as stage, await Peer.bound(stage) as peer:
        for each in _numbers(100):
            assert (await peer.ask(each, **_PLAIN)).status == 0
        assert 3 <= len(peer.kept) <= 25
        assert any(came.pdu is None for came in peer.kept)
        for came in peer.kept:  # a command that smpplib does not know, or a TLV that it skips
            assert came.pdu is None or 0x14 <= came.raw.rpartition(came.text)[2][0] <= 0x17
            if came.pdu is None and came.command_id < 0x80000000:
                peer.send("generic_nack", 0x03, came.sequence)
        assert await peer.alive()


async def _outcome(order: int) -> dict[str, tuple[int, bytes, list[bytes]]]:
    """Of each recipient: status, id, and what its receipts say but for dates."""
    async with playing("seed", by_hand=True) as stage, await Peer.bound(stage) as peer:
        sent = {each: peer.submit(each) for each in _numbers(60)[::order]}
        answers = {each: await peer.answer(number) for each, number in sent.items()}
        stage.group.clock.advance(60)
        assert await peer.alive()
        receipts: dict[str, list[bytes]] = {each: [] for each in sent}
        for came in peer.kept:
            text = re.sub(rb"date:\d+", b"", came.text)
            receipts[came.pdu.source_addr.decode()].append(b"%d %b" % (came.esm_class, text))
        return {each: (a.status, a.message_id, sorted(receipts[each])) for each, a in answers.items()}


async def test_the_same_seed_whatever_the_timing() -> None:
    first, second = await _outcome(1), await _outcome(-1)
    assert first == second
    assert {status for status, _, _ in first.values()} == {0, 0x08}
    assert len({len(receipts) for _, _, receipts in first.values()}) >= 3


def _stat(came: Came) -> str:
    found = re.search(rb"stat:(\S+)", came.text)
    assert found is not None
    return found[1].decode()


async def _stats(peer: Peer, recipients: list[str]) -> Counter[str]:
    told: Counter[str] = Counter()
    for each in recipients:
        await peer.ask(each)
        told[_stat(await peer.delivery())] += 1
    return told


async def test_states_by_region_and_by_recipient() -> None:
    async with playing("states-by-province") as stage, await Peer.bound(stage) as peer:
        beijing = await _stats(peer, [f"861350100{n:04}" for n in range(40)])
        assert beijing.keys() == {"DELIVRD", "UNDELIV"}
        assert 8 <= beijing["UNDELIV"] <= 32
        shanghai = await _stats(peer, [f"861391800{n:04}" for n in range(40)])
        assert shanghai["DELIVRD"] >= 36
        assert await _stats(peer, ["8613900000000"] * 5) == {"MK:0001": 5}


async def test_two_carriers() -> None:
    async with playing("two-carriers") as stage:
        alpha, beta = await Peer.bound(stage, carrier="alpha"), await Peer.bound(stage, carrier="beta")
        assert await _stats(alpha, ["8613900000001", "8613800000001"]) == {"NOROUTER": 1, "DELIVRD": 1}
        assert await _stats(beta, ["8613900000001", "8613800000001"]) == {"DELIVRD": 2}


#: code of a magic number -> statuses of two messages, and stats of all their receipts
MAGIC: dict[str, tuple[list[int], list[str]]] = {
    "0000": ([0, 0], ["DELIVRD"] * 2),
    "1013": ([0, 0], ["UNDELIV"] * 2),
    "2088": ([0x58, 0x58], []),
    "3881": ([0x58, 0], ["DELIVRD"]),
    "4101": ([0, 0], ["DELIVRD"] * 4),
    "4303": ([0, 0], ["EXPIRED"] * 2),
    "4500": ([0, 0], ["MBBLACK"] * 2),
}


@pytest.mark.parametrize("code", MAGIC)
async def test_magic_recipients(code: str) -> None:
    statuses, stats = MAGIC[code]
    async with playing("magic") as stage, await Peer.bound(stage) as peer:
        told = load_scenario(shipped()["magic"]).carriers[0]
        assert replace(told, port=0, name="carrier") == replace(stage.sim.settings, name="carrier")
        assert [(await peer.ask(f"861990000{code}")).status for _ in statuses] == statuses
        assert [_stat(await peer.delivery()) for _ in stats] == stats
        assert await peer.alive()
        assert not peer.kept
