"""Gateways' test clocks follow the simulation's, over their real ops port."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from simulators.clock import SimClock
from simulators.clock_drive import ClockDriveError, ClockDriver, ops_url
from smsgw.clock import TestClock
from smsgw.telemetry.ops import Heartbeat, OpsServer

_START = datetime(2026, 11, 18, 13, 0, tzinfo=UTC)
_NEAR = timedelta(seconds=5)


@contextmanager
def _gateway(clock: TestClock | None) -> Iterator[str]:
    server = OpsServer(CollectorRegistry(), Heartbeat(), port=0, test_clock=clock)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


async def test_time_and_rate_are_pushed() -> None:
    theirs = TestClock(_START)
    ours = SimClock(datetime(2026, 11, 19, 3, 0, tzinfo=UTC), 60)
    with _gateway(theirs) as url:
        async with ClockDriver(ours, [url]) as driver:
            await driver.push()
            assert theirs.rate == 60
            assert abs(theirs.now() - ours.now()) < 60 * _NEAR
            ours.run_at(0)
            ours.set(_START)
            await driver.push()
            assert (theirs.now(), theirs.rate) == (_START, 0)


async def test_a_jump_that_nobody_pushes_is_pushed_too() -> None:
    theirs = TestClock(_START, 0)
    ours = SimClock(_START, 0)
    with _gateway(theirs) as url:
        async with ClockDriver(ours, [url]), asyncio.timeout(5):
            ours.advance(3600)
            while theirs.now() == _START:
                await asyncio.sleep(0.005)
        assert theirs.now() == _START + timedelta(hours=1)


async def test_what_a_jump_makes_due_waits_until_every_gateway_has_heard_of_that_jump() -> None:
    """Also when the gateways are still being told of the jump before it."""
    theirs = TestClock(_START, 0)
    ours = SimClock(_START, 0)
    seen = []
    with _gateway(theirs) as url:
        async with ClockDriver(ours, [url]) as driver, asyncio.timeout(5):
            ours.on_change.append(lambda: seen.append((theirs.now(), ours.now())))
            for hour in range(1, 8):
                ours.advance(3600)
                under_way = asyncio.ensure_future(driver.push())
                for _ in range(hour):
                    await asyncio.sleep(0)
                ours.advance(60)
                await driver.push()
                await under_way
    assert seen
    assert all(there == here for there, here in seen)
    assert seen[-1][0] == _START + timedelta(hours=7, minutes=7)


async def test_a_real_clock_moves_nobody() -> None:
    theirs = TestClock(_START, 0)
    with _gateway(theirs) as url:
        async with ClockDriver(SimClock(), [url]) as driver:
            await driver.push()
    assert theirs.now() == _START


async def test_what_can_go_wrong_is_said_and_the_others_are_told() -> None:
    theirs = TestClock(_START, 0)
    ours = SimClock(_START + timedelta(days=1), 0)
    with _gateway(theirs) as url, _gateway(None) as real:
        async with ClockDriver(ours, ["http://127.0.0.1:1", real, url]) as driver:
            with pytest.raises(ClockDriveError) as raised:
                await driver.push()
    unreachable, is_real = str(raised.value).splitlines()
    assert unreachable.startswith("http://127.0.0.1:1: its clock can't be set: ")
    assert "is the gateway running?" in unreachable
    assert 'use mode = "test"' in is_real
    assert theirs.now() == ours.now()


def test_addresses() -> None:
    assert ops_url("127.0.0.1:8775") == ops_url("http://127.0.0.1:8775/") == "http://127.0.0.1:8775"
    for wrong in ("", "somewhere", "http://host", "http://host:x", "ftp://host:1"):
        with pytest.raises(ValueError, match="expected the address"):
            ops_url(wrong)
