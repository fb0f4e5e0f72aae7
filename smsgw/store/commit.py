"""Group commit: what one turn of the event loop brought goes to Redis in one script call.

Owns batching, replay and order of answers; knows nothing of what it sends. A few workers a partition
(``in_flight``) each take everything that waits, send it and report it. While all are out the rest
gathers, so batches grow by themselves under load and are single items when idle. No timers. Where nobody waits for an
answer, what gathers while one call is out leaves with the next, or when it is worth a call of its own: a call costs
Redis and us as much as several items of it, and what others do wait for comes sooner.

A worker is a *slot*: it numbers its calls and has one out at a time. After a lost connection the same call
goes out again under the same slot and number, and the script answers it from its record
(``scripts/parts/replay.lua``) if it had run. So a batch is carried out once or not at all. A *sure* one never says
that it was given up while it may have run: it waits for Redis to say, and others go on without it.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable
from itertools import count
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

from smsgw.errors import StoreAway, StoreError, StoreLocked, StoreNotRun

ItemT = TypeVar("ItemT")
ReplyT = TypeVar("ReplyT")

_PROCESS = os.urandom(6).hex()
_next_slot = count(1).__next__
_BACKOFF_FIRST_S = 0.02
_BACKOFF_LAST_S = 1.0
_WORTH_A_CALL = 32
"""Items that don't wait for the call before them, though nobody waits for them."""


class NeverRan(StoreNotRun):
    """Redis came to the call too late, and had not run it before: now it never will."""


class CallId(NamedTuple):
    """Who calls, and that caller's how-many-th call: the same for every replay of a call."""

    slot: str
    number: int
    give_up_at: float
    """``time.monotonic()`` after which nobody waits for it; ``math.inf`` never."""


class _Lane(Generic[ItemT]):
    """What waits for one partition."""

    __slots__ = ("out", "partition", "sleepers", "waiting", "worth")

    def __init__(self, partition: int, worth: int) -> None:
        self.partition = partition
        self.worth = worth
        self.waiting: list[ItemT] = []
        self.sleepers: list[asyncio.Future[None]] = []
        self.out = 0
        """Calls whose first try has no answer yet."""

    @property
    def is_due(self) -> bool:
        """Whether what waits should leave now."""
        return bool(self.waiting) and (not self.out or len(self.waiting) >= self.worth)

    def wake(self) -> None:
        """Let a worker look, if one has nothing to do."""
        if self.sleepers:
            sleeper = self.sleepers.pop()
            if not sleeper.done():
                sleeper.set_result(None)


class GroupCommit(Generic[ItemT, ReplyT]):
    """Gathers items and sends them in batches.

    ``send(partition, call_id, items)`` gives one reply an item and raises StoreError.
    ``done(items, replies)`` is called once for each batch, with the StoreError instead of replies if it
    failed: StoreAway means that it may or may not have run. It must not raise.
    ``retry_for_s`` is how long a batch is tried again while Redis is away; ``math.inf``: nobody waits for it, and it
    never gives up. With ``sure`` one that may have run is tried until Redis has said whether it did; ``send`` makes
    sure that none begins so late.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[int, CallId, list[ItemT]], Awaitable[list[ReplyT]]],
        done: Callable[[list[ItemT], list[ReplyT] | StoreError], None],
        *,
        max_batch: int = 256,
        in_flight: int = 2,
        retry_for_s: float = math.inf,
        sure: bool = False,
    ) -> None:
        self.name = name
        self._sure = sure
        self._send = send
        self._done = done
        self._max_batch = max_batch
        self._in_flight = in_flight
        self._retry_for_s = retry_for_s
        self._worth = _WORTH_A_CALL if retry_for_s == math.inf else 1
        self._lanes: dict[int, _Lane[ItemT]] = {}
        self._workers_wanted: list[_Lane[ItemT]] = []
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.waiting = 0
        """Items put and not yet reported; what back-pressure looks at."""
        self.calls = 0
        self.items = 0
        self.failures = 0
        self.busy_s = 0.0
        """Seconds in calls, over all workers."""

    def put(self, partition: int, item: ItemT) -> None:
        """Hand over an item; ``done`` reports it. Costs less than a microsecond."""
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._add_lane(partition)
        lane.waiting.append(item)
        self.waiting += 1
        if lane.sleepers and lane.is_due:
            lane.wake()

    async def run(self) -> None:
        """Work until cancelled. Items put before it runs are kept."""
        self._workers_wanted = [lane for lane in self._lanes.values() for _ in range(self._in_flight)]
        async with asyncio.TaskGroup() as group:
            while True:
                for lane in self._workers_wanted:
                    slot = f"{self.name}.{_PROCESS}.{_next_slot()}"
                    group.create_task(self._work(lane, slot), name=f"{slot}.{lane.partition}")
                self._workers_wanted.clear()
                self._news.clear()
                await self._news.wait()

    async def drain(self) -> None:
        """Return once everything that was put has been reported."""
        while self.waiting:
            self._idle.clear()
            await self._idle.wait()

    def _add_lane(self, partition: int) -> _Lane[ItemT]:
        lane: _Lane[ItemT] = _Lane(partition, self._worth)
        self._lanes[partition] = lane
        self._workers_wanted += [lane] * self._in_flight
        self._news.set()
        return lane

    async def _work(self, lane: _Lane[ItemT], slot: str) -> None:
        loop = asyncio.get_running_loop()
        number = 0
        while True:
            if not lane.is_due:
                sleeper = loop.create_future()
                lane.sleepers.append(sleeper)
                try:
                    await sleeper
                finally:
                    if sleeper in lane.sleepers:
                        lane.sleepers.remove(sleeper)
                continue
            batch = lane.waiting
            if len(batch) > self._max_batch:
                lane.waiting = batch[self._max_batch :]
                del batch[self._max_batch :]
            else:
                lane.waiting = []
            number += 1
            call_id = CallId(slot, number, monotonic() + self._retry_for_s)
            result = await self._attempt(lane, call_id, batch)
            if result is None:
                # Nobody knows whether it ran. Another worker takes this one's place, this one waits until Redis says.
                self._workers_wanted.append(lane)
                self._news.set()
                self._report(batch, await self._outcome(lane.partition, call_id, batch))
                return
            self._report(batch, result)

    def _report(self, batch: list[ItemT], result: list[ReplyT] | StoreError) -> None:
        self.calls += 1
        self.items += len(batch)
        self.waiting -= len(batch)
        if isinstance(result, StoreError):
            self.failures += 1
        self._done(batch, result)
        if not self.waiting:
            self._idle.set()

    async def _attempt(
        self, lane: _Lane[ItemT], call_id: CallId, batch: list[ItemT]
    ) -> list[ReplyT] | StoreError | None:
        """Send until it is answered or the time is up; None: the time is up, and it may have run."""
        started = monotonic()
        lane.out += 1
        is_first = True
        backoff_s = _BACKOFF_FIRST_S
        may_have_run = False
        try:
            while True:
                try:
                    return await self._send(lane.partition, call_id, batch)
                except StoreAway as error:
                    may_have_run = _may_have_run(error, may_have_run)
                    left_s = call_id.give_up_at - monotonic()
                    if left_s <= 0:
                        return None if may_have_run and self._sure else error
                except StoreLocked as error:
                    left_s = call_id.give_up_at - monotonic()
                    if left_s <= 0:
                        return None if may_have_run and self._sure else error
                except StoreError as error:
                    return error
                if is_first:
                    is_first = False
                    lane.out -= 1
                    lane.wake()
                await asyncio.sleep(min(backoff_s, left_s))
                backoff_s = min(backoff_s * 2, _BACKOFF_LAST_S)
        finally:
            if is_first:
                lane.out -= 1
            self.busy_s += monotonic() - started

    async def _outcome(self, partition: int, call_id: CallId, batch: list[ItemT]) -> list[ReplyT] | StoreError:
        """What became of a call that can't begin any more."""
        backoff_s = _BACKOFF_FIRST_S
        while True:
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, _BACKOFF_LAST_S)
            try:
                return await self._send(partition, call_id, batch)
            except StoreAway as error:
                if not _may_have_run(error, True):
                    return error
            except StoreLocked:
                continue
            except StoreError as error:
                return error


def _may_have_run(error: StoreAway, before: bool) -> bool:
    """After this try of a call; ``before``: one before it may have run."""
    if isinstance(error, StoreNotRun):
        return before and not isinstance(error, NeverRan)
    return True
