"""Waiting looks at a condition again and again, rarely when a look is dear, and ends when it must."""

from __future__ import annotations

import asyncio
import time

from simulators.control.waiting import wait_until


async def _true() -> bool:
    return True


async def _false() -> bool:
    return False


async def test_true_at_once_and_later() -> None:
    looks = 0

    async def third() -> bool:
        nonlocal looks
        looks += 1
        return looks == 3

    assert await wait_until(_true, 0, asyncio.Event(), _false)
    assert await wait_until(third, 5, asyncio.Event(), _false)


async def test_false_when_the_time_is_over_or_the_server_ends() -> None:
    before_s = time.monotonic()
    assert not await wait_until(_false, 0.05, asyncio.Event(), _false)
    closing = asyncio.Event()
    waiting = asyncio.ensure_future(wait_until(_false, 60, closing, _false))
    await asyncio.sleep(0)
    closing.set()
    assert not await waiting
    assert time.monotonic() - before_s < 5


async def test_false_when_nobody_waits_any_more() -> None:
    async with asyncio.timeout(5):
        assert not await wait_until(_false, 60, asyncio.Event(), _true)
    assert await wait_until(_true, 60, asyncio.Event(), _true)


async def test_a_dear_look_is_rare() -> None:
    looks = 0

    async def dear() -> bool:
        nonlocal looks
        looks += 1
        end_s = time.monotonic() + 0.01
        while time.monotonic() < end_s:
            pass
        return False

    await wait_until(dear, 0.3, asyncio.Event(), _false)
    assert looks <= 8
