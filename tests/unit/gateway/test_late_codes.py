"""Verification codes that would come too late: estimated, moved to who has time, left to expire where nobody has."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from smsgw.gateway.choice import CarrierChoice
from smsgw.gateway.lanes import Job
from smsgw.policy.shaping import Throttle
from smsgw.store.entries import Entry
from tests.unit.gateway.test_dispatch import NEVER, STREAMS, Scene, envelope, turns

NOW_MS = 1_800_000_000_000


class Late:
    """Carrier alpha at two segments a second and beta at a hundred; codes have ten seconds."""

    def __init__(self, beta_rate: float = 100.0) -> None:
        self.scene = scene = Scene(free=50, rate=2.0)
        self.moved: list[str] = []
        scene.pool.codes_wait_s = 0.0  # type: ignore[attr-defined]
        self.beta = SimpleNamespace(codes_wait_s=0.0, throttle=Throttle(beta_rate), up=True, elsewhere=False)
        context = scene.context
        context.settings = SimpleNamespace(otp_limit_s=10.0)
        context.clock = SimpleNamespace(now_ms=lambda: NOW_MS)
        context.pools = {"alpha": scene.pool, "beta": self.beta}
        context.choice = self.choice = CarrierChoice(cast(Any, context))
        context.health = SimpleNamespace(lets=lambda name, province: True, troubled=False)
        context.registers = SimpleNamespace(pauses=SimpleNamespace(any=False), orders=SimpleNamespace(any=False))
        outcomes = cast(Any, scene.queue)._outcomes
        outcomes.moves = SimpleNamespace(suits=lambda envelope, name: None, move=self._move)

    def _move(self, name: str, job: Job, why: str, only_up: bool, tried: bool, cause: str) -> bool:
        assert (name, only_up, tried, cause) == ("alpha", True, True, "late")
        self.moved.append(job.envelope.message_ids[0])
        return True

    async def arrive(self, count: int, age_s: float = 0.0) -> None:
        entries: list[Entry] = []
        for number in range(1, count + 1):
            code = envelope([f"c{number}"], 0)
            code.expires_at_ms = NOW_MS + int((10 - age_s) * 1000)
            entries.append((b"%d-0" % number, [b"m", code.pack()]))
        self.scene.queue.arrived(STREAMS[0], 0, entries, False, NEVER)
        await turns()

    def tick(self) -> None:
        self.scene.queue.tick()


async def test_what_would_be_too_late_goes_where_there_is_time_and_the_others_stay() -> None:
    late = Late()
    await late.arrive(40)
    late.tick()
    # Two are sent; those after the next seventeen would wait for ten seconds, less what an estimate is worth.
    assert late.moved[0] in ("c20", "c21", "c22")
    assert late.moved[-1] == "c40"
    assert len(late.moved) == pytest.approx(20, abs=1)
    assert late.scene.pool.codes_wait_s == pytest.approx(19, abs=1)  # type: ignore[attr-defined]
    assert not late.choice.in_time("alpha")
    assert late.choice.first_in_time(["alpha", "beta"]) == "beta"


async def test_the_other_carrier_is_given_no_more_than_it_can_send_in_time() -> None:
    late = Late(beta_rate=1.0)
    await late.arrive(40)
    late.tick()
    assert len(late.moved) == 6  # until a new code would wait there for more than half of the time
    assert late.choice.first_in_time(["alpha", "beta"]) == "alpha"  # both are late: as any other message


async def test_nobody_has_time_so_they_stay() -> None:
    late = Late()
    late.beta.up = False
    await late.arrive(40)
    late.tick()
    assert late.moved == []
    assert late.scene.queue.waiting[0] == 38


async def test_a_pause_of_the_whole_link_counts() -> None:
    late = Late()
    await late.arrive(8, age_s=8.0)
    now_s = asyncio.get_running_loop().time()
    late.tick()
    assert late.moved == []
    for _ in range(5):  # half a second, then ever longer
        late.scene.pool.throttle.on_throttled(now_s)
        now_s = late.scene.pool.throttle.paused_until_s
    late.tick()
    assert late.moved == ["c3", "c4", "c5", "c6", "c7", "c8"]


async def test_more_is_read_while_it_only_comes_to_go_elsewhere() -> None:
    late = Late()
    assert late.scene.queue.room(STREAMS[0]) == 200
    late.scene.context.spawn = lambda counting: counting.close()
    await late.arrive(200)
    late.tick()
    assert late.scene.queue.room(STREAMS[0]) >= 512
    assert late.scene.queue.room(STREAMS[1]) == 200
    late.beta.up = False
    late.tick()
    assert late.scene.queue.room(STREAMS[0]) < 512


async def test_no_limit_no_looking() -> None:
    late = Late()
    late.scene.context.settings.otp_limit_s = 0.0
    await late.arrive(40)
    late.tick()
    assert (late.moved, late.choice.in_time("alpha")) == ([], True)
