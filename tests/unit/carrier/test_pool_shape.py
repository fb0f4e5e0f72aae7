"""How fast a pool lets its binds be: windows that size themselves, rates of single binds, and other settings later."""

from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from smsgw.carrier.pool import Pool
from smsgw.carrier.settings import CarrierSettings
from smsgw.link.ticker import Ticker
from smsgw.policy.retry import Backoff
from smsgw.smpp.window import Window

SETTINGS = CarrierSettings(
    "alpha", "192.0.2.1", 2775, "smsgw", "secret", binds=("transceiver", "transmitter", "receiver"), window=10
)


def pool_of(settings: CarrierSettings) -> Pool:
    pool = Pool(settings, cast(Any, SimpleNamespace()), Ticker(), lambda of: Backoff(1.0, 60.0, random.Random(1)))
    for bind in pool.binds:
        bind.up = True
        bind.link = cast(Any, SimpleNamespace(window=Window(bind.window), writable=True, closing=False))
    return pool


def limits(pool: Pool) -> list[int]:
    return [cast(Any, bind.link).window.limit for bind in pool.binds]


async def test_windows_that_are_full_grow_and_a_slowdown_halves_them() -> None:
    pool = pool_of(replace(SETTINGS, auto_window=(2, 100), rate_per_s=200.0))
    assert (pool.window_total, limits(pool)) == (20, [10, 10, 10])
    now_s = 0.0
    for _ in range(300):  # two binds that transmit, each with half of the rate: 100/s at 200 ms
        now_s += 0.05
        pool.window_full()
        pool.answer_took(0.2, now_s)
    assert pool.window == 31
    assert (pool.window_total, limits(pool)) == (62, [31, 31, 31])
    pool.throttle.on_throttled(now_s)
    pool.answer_took(0.2, now_s)
    assert limits(pool) == [15, 15, 15]
    pool.answer_took(0.2, now_s)  # the same slowdown
    assert limits(pool) == [15, 15, 15]


async def test_a_bind_that_connects_later_begins_with_the_size_of_now() -> None:
    pool = pool_of(replace(SETTINGS, auto_window=(2, 100)))
    pool.throttle.on_throttled(1.0)
    pool.answer_took(0.2, 1.0)
    assert [bind.window for bind in pool.binds] == [5, 5, 5]


async def test_a_window_by_hand_stays_as_it_is() -> None:
    pool = pool_of(SETTINGS)
    for second in range(100):
        pool.window_full()
        pool.answer_took(0.5, float(second))
    assert limits(pool) == [10, 10, 10]


async def test_other_settings_while_it_runs() -> None:
    pool = pool_of(replace(SETTINGS, auto_window=(2, 100)))
    pool.renew(replace(SETTINGS, window=7, bind_rate_per_s=5.0))
    assert (pool.auto_window, limits(pool)) == (None, [7, 7, 7])
    bucket = pool.binds[0].bucket
    assert bucket is not None
    pool.renew(replace(SETTINGS, window=7, bind_rate_per_s=5.0, rate_per_s=50.0))
    assert pool.binds[0].bucket is bucket  # what it has used up stays used up
    pool.renew(replace(SETTINGS, window=7))
    assert pool.binds[0].bucket is None


async def test_a_bind_that_has_used_up_its_rate_is_passed_over() -> None:
    pool = pool_of(replace(SETTINGS, bind_rate_per_s=2.0))
    first, second = pool.binds[:2]
    assert first.bucket is not None
    assert second.bucket is not None
    assert pool.bind_wait_s(0.0) == 0.0
    first.bucket.take(2, 0.0)
    assert pool.pick(0.0) is second
    second.bucket.take(2, 0.1)
    assert pool.pick(0.1) is None
    assert 0 < pool.bind_wait_s(0.1) <= 0.5
    assert pool.pick(0.5) is first
