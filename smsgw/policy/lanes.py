"""Which lane goes next, and what it leaves to the others: strict priority, reserved shares, ageing.

Owns the order of the lanes of one carrier (0 verification codes, 1 notices, 2 marketing) on top of its rate. A lane's
reserved share does two things. What is reserved for a lane is never taken by a lower one, so that a burst of codes
finds room at once while marketing fills the rest; and of what flows a waiting lane is owed its share, so that it gets
it from the lanes above too, whatever it is that limits the carrier. What nobody waits for, everybody may use.
An aged lane (its oldest message has waited too long) is owed a small share though nothing is reserved for it.

Never queues and never reads a clock. Invariant: what is owed to a lane never exceeds one segment before it is served,
so a lane that waited for long gets no burst. A message larger than what is owed is paid for afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from smsgw.policy.shaping import Throttle

LANES: Final = 3
AGED_SHARE: Final = 0.05
"""Of what flows, for a lane whose oldest message has waited too long."""
KEPT_S: Final = 10.0
"""Requests of a window stay free for a lane for so long after its last message."""
_NOBODY: Final = -1


class LanePlan:
    """The lanes of one carrier. ``waiting`` counts by lane what could be sent; whoever queues keeps it true.

    ``reserved`` are shares of the rate by lane, together below 1.
    """

    __slots__ = (
        "_at_s", "_credit", "_reserve", "_shares", "_used_s", "owed", "owes", "reserved", "reserves", "throttle",
        "waiting",
    )  # fmt: skip

    def __init__(self, throttle: Throttle, waiting: list[int], reserved: Sequence[float] = (0.0,) * LANES) -> None:
        if len(reserved) != LANES or min(reserved) < 0 or sum(reserved) >= 1:
            raise ValueError("expected a share of the rate for each lane, together below 1")
        self.throttle = throttle
        self.reserved = tuple(reserved)
        self.waiting = waiting
        self._reserve = [share * throttle.burst for share in reserved]
        #: Whether anything is reserved for anybody.
        self.reserves = any(reserved)
        self._at_s = 0.0
        self._used_s = [-math.inf] * LANES
        self._shares = list(reserved)
        self._credit = [0.0] * LANES
        #: The lane that is owed most, and goes first; -1 for none.
        self.owed = _NOBODY
        #: Lanes that are owed a share of what flows.
        self.owes: tuple[int, ...] = ()
        self._find_owing()

    def next(self) -> int:
        """The lane to send from; -1 when nothing waits."""
        waiting = self.waiting
        owed = self.owed
        if owed > 0:
            if waiting[owed]:
                return owed
            self._credit[owed] = 0.0
            self.owed = _NOBODY
        if waiting[0]:
            return 0
        if waiting[1]:
            return 1
        return 2 if waiting[2] else _NOBODY

    def take(self, lane: int, segments: int, now_s: float) -> float:
        """0.0 when the segments of a message of ``lane`` may be sent now, else how many seconds to wait."""
        if not self.reserves:
            return self.throttle.take(segments, now_s)
        if now_s > self._at_s:
            self._refill(now_s)
        reserve = self._reserve
        leave = 0.0
        if lane and lane != self.owed:
            leave = reserve[0] if lane == 1 else reserve[0] + reserve[1]
        wait_s = self.throttle.take(segments, now_s, leave)
        if not wait_s and self.reserved[lane]:
            reserve[lane] = reserve[lane] - segments if reserve[lane] > segments else 0.0
            self._used_s[lane] = now_s
        return wait_s

    def give_back(self, lane: int, segments: int) -> None:
        """Undoes a ``take`` of what was then not sent."""
        self.throttle.give_back(segments)
        if self.reserved[lane]:
            cap = self.reserved[lane] * self.throttle.burst
            self._reserve[lane] = min(cap, self._reserve[lane] + segments)

    def sent(self, lane: int, segments: int) -> None:
        """Segments of a lane were sent: the others that wait are owed their share of it. Not needed unless ``owes``."""
        credit, waiting = self._credit, self.waiting
        owed, most = _NOBODY, 1.0
        for other in self.owes:
            if other == lane:
                # Served by its own priority it is owed nothing; what was owed is paid, also beyond it.
                earned = credit[other] + self._shares[other] * segments
                credit[other] = earned - segments if other == self.owed else min(earned, 0.0)
            elif waiting[other]:
                credit[other] += self._shares[other] * segments
            else:
                credit[other] = 0.0
                continue
            if credit[other] >= most:
                owed, most = other, credit[other]
        self.owed = owed

    def kept(self, now_s: float) -> tuple[float, ...]:
        """By lane: which share of a window its messages must leave free for the lanes above, unless it is ``owed``.

        Only for those that have been sending lately: a request that nobody uses costs the others throughput, where a
        token that nobody uses only waits.
        """
        since_s = now_s - KEPT_S
        otp, notice = (
            share if used_s > since_s else 0.0
            for share, used_s in zip(self.reserved[:2], self._used_s[:2], strict=True)
        )
        return (0.0, otp, otp + notice)

    def set_aged(self, lane: int, aged: bool) -> None:
        """Whether the oldest message of a lane has waited too long."""
        share = max(self.reserved[lane], AGED_SHARE) if aged else self.reserved[lane]
        if share != self._shares[lane]:
            self._shares[lane] = share
            self._credit[lane] = 0.0
            self._find_owing()

    @property
    def aged(self) -> list[bool]:
        """Which lanes have waited too long."""
        return [share > reserved for share, reserved in zip(self._shares, self.reserved, strict=True)]

    # -- inside

    def _find_owing(self) -> None:
        # The first lane is always served first: nothing need be owed to it.
        self.owes = tuple(lane for lane in range(1, LANES) if self._shares[lane])
        self.owed = _NOBODY

    def _refill(self, now_s: float) -> None:
        elapsed_s, self._at_s = now_s - self._at_s, now_s
        throttle = self.throttle
        for lane, share in enumerate(self.reserved):
            if share:
                full = self._reserve[lane] + share * throttle.rate_per_s * elapsed_s
                self._reserve[lane] = min(share * throttle.burst, full)
