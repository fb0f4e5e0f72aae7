"""Accounts with a rate of their own at a carrier: who is over it waits beside the lane and holds up nobody else.

Owns a bucket and a short line for each such account. A line is two seconds long; what does not fit is put off: it goes
to the held set until its turn comes, one after the other at the account's rate, and comes back by the way of every held
message. So memory stays bounded, and after a crash no more than a line is uncertain. Order within an account and lane
is kept: while something of it is put off, what is newer is put off behind it. A restart forgets how far the turns have
been given away; then newer messages may overtake those that are put off.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from smsgw.policy.shaping import TokenBucket
from smsgw.store.envelope import HAS_TURN

if TYPE_CHECKING:
    from smsgw.gateway.lanes import Job

LINE_S = 2.0
SHORTEST_LINE = 4


class _Line:
    __slots__ = ("bucket", "jobs", "longest", "rate_per_s", "turns_until_s")

    def __init__(self, rate_per_s: float) -> None:
        self.rate_per_s = rate_per_s
        self.bucket = TokenBucket(rate_per_s)
        self.longest = max(SHORTEST_LINE, round(rate_per_s * LINE_S))
        self.jobs: list[tuple[int, Job]] = []
        #: Loop time of the last turn that was given to a message which is put off.
        self.turns_until_s = 0.0


class AccountLines:
    """The accounts of one carrier that have a rate. ``put_off(job, delay_s)`` takes a job away until its turn."""

    def __init__(self, rates: Mapping[str, float], put_off: Callable[[Job, float], None]) -> None:
        self._lines = {account: _Line(rate) for account, rate in rates.items()}
        self._put_off = put_off

    def __len__(self) -> int:
        return sum(len(line.jobs) for line in self._lines.values())

    def share_out(self, share: float) -> None:
        """Which part of each rate is this process's."""
        for line in self._lines.values():
            line.bucket.rate_per_s = line.rate_per_s * share
            line.bucket.burst = max(1.0, line.rate_per_s * share)

    def passes(self, job: Job, now_s: float) -> bool:
        """True when the job may be sent; else it has been taken care of."""
        line = self._lines.get(job.envelope.account)
        if line is None or job.paid:
            return True
        segments = job.envelope.segments
        has_turn = job.envelope.flags & HAS_TURN
        behind = not has_turn and now_s < line.turns_until_s
        ahead = line.jobs and line.jobs[0][0] <= job.lane
        if not ahead and not behind and not line.bucket.take(segments, now_s):
            job.paid = True
            return True
        if has_turn or (not behind and len(line.jobs) < line.longest):
            heapq.heappush(line.jobs, (job.lane, job))
            return False
        if not behind:
            line.turns_until_s = now_s + sum(each.envelope.segments for _, each in line.jobs) / line.bucket.rate_per_s
        line.turns_until_s += segments / line.bucket.rate_per_s
        self._put_off(job, line.turns_until_s - now_s)
        return False

    def turns(self, now_s: float) -> list[Job]:
        """Jobs whose turn has come."""
        due: list[Job] = []
        for line in self._lines.values():
            while line.jobs and not line.bucket.take(line.jobs[0][1].envelope.segments, now_s):
                job = heapq.heappop(line.jobs)[1]
                job.paid = True
                due.append(job)
        return due

    def next_turn_s(self, now_s: float) -> float | None:
        """How many seconds until somebody's turn comes; None when nobody waits."""
        waits = (
            line.bucket.wait_s(line.jobs[0][1].envelope.segments, now_s) for line in self._lines.values() if line.jobs
        )
        return min(waits, default=None)

    def dissolve(self) -> list[Job]:
        """All that wait here, to be put back into their lanes."""
        jobs = [job for line in self._lines.values() for _, job in line.jobs]
        for line in self._lines.values():
            line.jobs.clear()
        return jobs
