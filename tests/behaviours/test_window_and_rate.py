"""Windows, rates, throttling, and answers that never come, on the wire."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from simulators.scenario import load_scenario
from simulators.scenario.library import shipped
from tests.behaviours.wire import Peer, playing

_THROTTLED = 0x58
_PLAIN = {"registered_delivery": 0}
#: Refills one segment in so many seconds: a test is over before.
_NEVER = 0.001


async def _statuses(peer: Peer, numbers: list[int]) -> list[int]:
    return [(await peer.answer(number)).status for number in numbers]


@pytest.mark.parametrize(
    ("name", "window", "status"),
    [("window-one", 1, 0x45), ("window-throttled", 10, 0x58), ("window-queue-full", 20, 0x14)],
)
async def test_one_message_too_many(name: str, window: int, status: int) -> None:
    async with playing(name) as stage, await Peer.bound(stage) as peer:
        kept = [peer.submit(f"86138000000{n:02}") for n in range(window)]
        assert await _statuses(peer, kept) == [0] * window
        assert stage.report().ok
        numbers = [peer.submit(f"86138000000{n:02}") for n in range(window + 1)]
        assert await _statuses(peer, numbers) == [0] * window + [status]
        assert not stage.report().ok


async def test_silence_for_what_is_too_much() -> None:
    async with playing("window-silence") as stage, await Peer.bound(stage) as peer:
        numbers = [peer.submit(f"86138000000{n:02}", **_PLAIN) for n in range(11)]
        assert await _statuses(peer, numbers[:10]) == [0] * 10
        assert await peer.alive()
        assert await peer.silent()
        assert stage.sim.stats.ok == 10


@pytest.mark.parametrize("name", ["rate-per-bind", "rate-per-account", "rate-per-address"])
async def test_rates(name: str) -> None:
    """Sixty segments by one bind from one number, then ten by another bind of the account, from another number."""
    per = name.removeprefix("rate-per-")
    async with playing(name, tps=_NEVER) as stage:
        told = load_scenario(shipped()[name]).carriers[0]
        assert (told.tps, told.tps_burst) == (50, 50)
        async with await Peer.bound(stage) as first, await Peer.bound(stage) as second:
            statuses = Counter(await _statuses(first, [first.submit() for _ in range(60)]))
            assert statuses == {0: 50, _THROTTLED: 10}
            same_number = await _statuses(second, [second.submit() for _ in range(3)])
            other_number = await _statuses(second, [second.submit(source_addr="10690002") for _ in range(3)])
            free = {
                "bind": ([0] * 3, [0] * 3),
                "account": ([_THROTTLED] * 3,) * 2,
                "address": ([_THROTTLED] * 3, [0] * 3),
            }
            assert (same_number, other_number) == free[per]
            async with await Peer.bound(stage, system_id="other") as other:
                others = await _statuses(other, [other.submit() for _ in range(3)])
                assert others == ([_THROTTLED] * 3 if per == "address" else [0] * 3)  # it's the same number, too


async def test_rates_count_segments() -> None:
    async with playing("rate-per-bind", tps=_NEVER, tps_burst=6.0) as stage, await Peer.bound(stage) as peer:
        long = [
            peer.submit(text=bytes((5, 0, 3, 7, 3, index)) + b"part", esm_class=0x40, **_PLAIN) for index in (1, 2, 3)
        ]
        assert await _statuses(peer, long) == [0] * 3
        # 400 characters in one PDU are three segments, too.
        whole = peer.submit(text=b"", message_payload=b"x" * 400, **_PLAIN)
        assert (await peer.answer(whole)).status == 0
        assert (await peer.ask()).status == _THROTTLED


async def test_a_rate_goes_on_after_a_while() -> None:
    async with playing("rate-per-bind", tps_burst=1.0) as stage, await Peer.bound(stage) as peer:
        begun_s, taken = time.monotonic(), 0
        while taken < 6:
            taken += (await peer.ask(**_PLAIN)).status == 0
        assert time.monotonic() - begun_s >= 5 / 50 * 0.9  # the first at once, then fifty a second
        assert stage.sim.stats.statuses[_THROTTLED]


async def test_throttled_messages_are_taken_again() -> None:
    async with playing("throttled") as stage, await Peer.bound(stage) as peer:
        recipients = [f"86138000000{n:02}" for n in range(60)]
        first = {each: (await peer.ask(each, **_PLAIN)).status for each in recipients}
        refused = [each for each, status in first.items() if status]
        assert set(first.values()) == {0, _THROTTLED}
        assert 1 <= len(refused) <= 15
        assert [(await peer.ask(each, **_PLAIN)).status for each in refused] == [0] * len(refused)
        assert stage.report().ok


async def test_a_full_queue() -> None:
    async with playing("queue-full", by_hand=True) as stage, await Peer.bound(stage) as peer:
        before = [(await peer.ask(f"86138000000{n:02}", **_PLAIN)).status for n in range(20)]
        assert before == [0] * 20
        assert await peer.alive()
        during = [(await peer.ask(f"86138000001{n:02}", **_PLAIN)).status for n in range(5)]
        assert during == [0x14] * 5
        stage.group.clock.advance(2.5)
        assert (await peer.ask("8613800000200", **_PLAIN)).status == 0


async def test_an_answer_that_never_comes() -> None:
    async with playing("never-answered") as stage, await Peer.bound(stage) as peer:
        numbers = [peer.submit() for _ in range(10)]
        assert await _statuses(peer, numbers[:9]) == [0] * 9
        for _ in range(9):
            await peer.delivery()
        assert await peer.alive()
        assert await peer.silent()
        assert (stage.sim.stats.unanswered, len(stage.sim.received)) == (1, 10)
