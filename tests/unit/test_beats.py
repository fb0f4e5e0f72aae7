"""Moments that several jobs of a process share."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw import beats

STARTS_S = (0.0, 0.001, 3.25, 7.4, 7.499, 7.5, 7.501, 123456.789)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    loop = SimpleNamespace(now_s=0.0)
    loop.time = lambda: loop.now_s
    monkeypatch.setattr(beats, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
    return loop


@pytest.mark.parametrize("start_s", STARTS_S)
def test_whoever_begins_when_meets_the_others(clock: Any, start_s: float) -> None:
    clock.now_s = start_s
    quick = start_s + beats.beat_in_s(0.25)
    slow = start_s + beats.beat_in_s(1.0)
    assert (slow - quick) / 0.25 == pytest.approx(round((slow - quick) / 0.25))


@pytest.mark.parametrize("early_s", [-0.0006, 0.0, 0.003, 0.4])
def test_a_job_that_takes_less_than_half_a_period_keeps_the_beat(clock: Any, early_s: float) -> None:
    clock.now_s = first_s = 10.0 + beats.beat_in_s(1.0)
    clock.now_s += early_s
    assert clock.now_s + beats.beat_in_s(1.0) == pytest.approx(first_s + 1.0)


@pytest.mark.parametrize("start_s", STARTS_S)
def test_it_is_never_far_from_a_period(clock: Any, start_s: float) -> None:
    clock.now_s = start_s
    assert 0.5 <= beats.beat_in_s(1.0) < 1.5


async def test_sleeping_until_the_beat_ends_on_it() -> None:
    loop = asyncio.get_running_loop()
    due_s = loop.time() + beats.beat_in_s(0.02)
    await beats.beat(0.02)
    assert loop.time() >= due_s - 0.002
