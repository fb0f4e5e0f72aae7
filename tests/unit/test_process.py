"""How a process starts under its signals, and what of several errors is told."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from smsgw.errors import StoreAway, StoreRefused
from smsgw.process import plainly, stop_at_signals, unless


async def test_a_signal_stops_what_is_under_way() -> None:
    stop = stop_at_signals()
    cleaned = []

    async def start() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    try:
        assert not await asyncio.wait_for(unless(stop, start()), 10)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
    assert cleaned == [True]


async def test_what_is_done_before_anybody_says_stop_is_done() -> None:
    assert await unless(asyncio.Event(), asyncio.sleep(0))


async def test_one_error_of_task_groups_is_that_error() -> None:
    with pytest.raises(StoreAway, match="gone"), plainly():
        async with asyncio.TaskGroup():
            await unless(asyncio.Event(), _raise(StoreAway("gone")))
    with pytest.raises(PermissionError), plainly():
        await unless(asyncio.Event(), _raise(PermissionError(13, "Permission denied")))


def test_of_several_the_first_is_told_unless_one_of_them_is_a_bug() -> None:
    with pytest.raises(StoreRefused, match="one"), plainly():
        raise ExceptionGroup("", [StoreRefused("one"), ExceptionGroup("", [StoreAway("two")])])
    with pytest.raises(ExceptionGroup), plainly():
        raise ExceptionGroup("", [StoreRefused("one"), AssertionError("a bug")])


async def _raise(error: Exception) -> None:
    raise error
