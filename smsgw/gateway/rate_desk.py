"""Rule 18: the rates of accounts over all processes; messages that wait for more of them, in their order.

Owns: the line of each account that waits for the store, the pace of the calls, and giving back what lies idle. A
message for which this process holds a segment never comes here. What can go wrong: the store is away; then each process
goes on with the rate divided by the processes that lived when it was last seen, and looks for the store each second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.policy.model import Refusal
from smsgw.policy.shaping import TokenBucket, rate_refusal

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.policy.rate_slices import RateSlices, RateWish
    from smsgw.store.account_rates import AccountRates, RateGrant

#: Calls a second and partition, and how many may follow each other at once.
CALLS_PER_S: Final = 20.0
CALLS_AT_ONCE: Final = 5.0
#: How often slices in use are renewed, and those that lie idle given back.
TICK_S: Final = 0.5
#: How often the store is looked for while it is away.
LOOK_S: Final = 1.0
_LEAST_WAIT_S: Final = 0.001

Then = Callable[[Refusal | None], None]


class _Line:
    """Messages of one account that wait; ``covered`` of them were known when the store was asked."""

    __slots__ = ("asking", "covered", "look_s", "name", "slices", "waiting")

    def __init__(self, name: str, slices: RateSlices) -> None:
        self.name = name
        self.slices = slices
        self.waiting: deque[tuple[int, Then]] = deque()
        self.asking = False
        self.covered = 0
        self.look_s = 0.0


class _Pace:
    """The calls of one partition."""

    __slots__ = ("bucket", "due")

    def __init__(self, now_s: float) -> None:
        self.bucket = TokenBucket(CALLS_PER_S, CALLS_AT_ONCE, now_s)
        self.due: list[_Line] = []


class RateDesk:
    """``take`` when ``account.slices`` said no; ``run`` in the gateway's task group; ``close`` at the end."""

    def __init__(self, rates: AccountRates, processes: Callable[[], int], is_up: Callable[[], bool]) -> None:
        self._rates = rates
        self._processes = processes
        self._is_up = is_up
        self._loop = asyncio.get_running_loop()
        self._lines: dict[str, _Line] = {}
        self._paces: dict[int, _Pace] = {}
        #: Lines that have something to renew or to give back.
        self._holding: set[_Line] = set()
        self._news = asyncio.Event()
        self._closing = False

    def take(self, account: Account, segments: int, then: Then) -> None:
        """``then(None)`` when the segments may go, at once or later, else a refusal; in the order of the calls."""
        name, now_s = account.settings.system_id, self._loop.time()
        line = self._lines.get(name)
        if line is None or line.slices is not account.slices:
            line = self._lines[name] = _Line(name, account.slices)
        slices = line.slices
        if line.waiting:
            line.waiting.append((segments, then))
            return
        if slices.is_away or not self._is_up():
            self._take_locally(line, segments, then, now_s)
            return
        if slices.spend(segments, now_s):
            if slices.is_low(now_s):
                self._ask(line)
            then(None)
        elif wait_s := slices.wait_s(segments, now_s):
            then(rate_refusal(wait_s))
        else:
            line.waiting.append((segments, then))
            slices.close()
            self._ask(line)

    @property
    def waiting(self) -> int:
        """Messages that wait for the store."""
        return sum(len(line.waiting) for line in self._lines.values())

    async def run(self) -> None:
        """Renew what is used, give back what is not, until cancelled; sleeps while nothing is held."""
        while True:
            await self._news.wait()
            await beat(TICK_S)
            self.tick()
            if not self._holding:
                self._news.clear()

    def tick(self) -> None:
        """Renew and give back, once; every ``TICK_S``."""
        for line in tuple(self._holding):
            if line.asking or line.waiting:
                continue
            if line.slices.left:
                self._ask(line)
            else:
                self._holding.discard(line)

    def close(self) -> None:
        """Give everything back."""
        self._closing = True
        for line in self._holding:
            if line.slices.left:
                self._ask(line)

    # -- inside

    def _take_locally(self, line: _Line, segments: int, then: Then, now_s: float) -> None:
        if not line.slices.is_away:
            line.slices.away(self._processes(), now_s)
            line.look_s = now_s + LOOK_S
        elif now_s >= line.look_s:
            line.look_s = now_s + LOOK_S
            self._ask(line)
        wait_s = line.slices.take_locally(segments, now_s)
        then(rate_refusal(wait_s) if wait_s else None)

    def _ask(self, line: _Line) -> None:
        """All that is asked in one turn of the loop, or while the pace holds it back, is one call."""
        if line.asking:
            return
        line.asking = True
        partition = self._rates.partition(line.name)
        pace = self._paces.get(partition)
        if pace is None:
            pace = self._paces[partition] = _Pace(self._loop.time())
        pace.due.append(line)
        if len(pace.due) == 1:
            wait_s = pace.bucket.take(1, self._loop.time())
            if wait_s:
                self._loop.call_later(wait_s, self._send, pace, True)
            else:
                self._loop.call_soon(self._send, pace)

    def _send(self, pace: _Pace, paced: bool = False) -> None:
        if paced:
            pace.bucket.take(1, self._loop.time())
        due, pace.due = pace.due, []
        for line in due:
            self._rates.ask(line.name, partial(self._wish, line), partial(self._granted, line))

    def _wish(self, line: _Line) -> RateWish:
        line.covered = len(line.waiting)
        return line.slices.wish((segments for segments, _ in line.waiting), self._loop.time(), self._closing)

    def _granted(self, line: _Line, grant: RateGrant | StoreError) -> None:
        line.asking = False
        now_s, slices = self._loop.time(), line.slices
        if isinstance(grant, StoreError):
            slices.away(self._processes(), now_s)
            line.look_s = now_s + LOOK_S
            while line.waiting:
                segments, then = line.waiting.popleft()
                wait_s = slices.take_locally(segments, now_s)
                then(rate_refusal(wait_s) if wait_s else None)
            return
        slices.granted(grant.granted, grant.left, now_s)
        if slices.is_over(now_s):
            line.covered = 0  # Redis stood still meanwhile: the answer says nothing about those who wait
        if slices.left:
            self._holding.add(line)
            self._news.set()
        self._serve(line, now_s)

    def _serve(self, line: _Line, now_s: float) -> None:
        slices, covered = line.slices, line.covered
        while line.waiting:
            segments, then = line.waiting[0]
            if slices.spend(segments, now_s):
                line.waiting.popleft()
                then(None)
            else:
                wait_s = slices.wait_s(segments, now_s)
                if not wait_s and covered <= 0:
                    self._ask(line)  # it came while the call was out
                    return
                line.waiting.popleft()
                then(rate_refusal(max(wait_s, _LEAST_WAIT_S)))
            covered -= 1
        slices.open()
