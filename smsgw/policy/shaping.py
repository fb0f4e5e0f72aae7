"""How fast: a bucket of segments, and what a carrier's "too fast" does to its whole link.

Owns: token arithmetic on a clock that is passed in (monotonic seconds). Never waits, never queues:
it says how long to wait, and the caller keeps order while it does.
Rates count segments, not messages. A message larger than the burst is let through by a full bucket and
paid for afterwards, or it could never go at all. 0x58 and 0x14 slow the whole link, because delaying
one message while the rest overtakes it neither helps the carrier nor keeps order.
"""

from __future__ import annotations

import math
from typing import Final

from smsgw.policy.model import Refusal
from smsgw.policy.reasons import RATE

FIRST_PAUSE_S: Final = 0.5
MAX_PAUSE_S: Final = 30.0
#: So many requests without an answer, and this share of those answered meanwhile, within this time: it is too fast.
SILENT_REQUESTS: Final = 3
SILENT_SHARE: Final = 0.1
SILENCE_S: Final = 10.0
_ROUNDING: Final = 1e-6  # segments: waiting exactly as long as was said must be enough
_FLOOR_SHARE: Final = 1 / 64  # never slower than this part of the full rate
_CREEP_SHARE_PER_S: Final = 0.05  # of the full rate: from half to full in ten seconds


def rate_refusal(wait_s: float) -> Refusal:
    """Rule 18 for an account whose bucket said to wait."""
    return Refusal(RATE, f"the account's rate allows the next segment in {wait_s:.3f} s", max(1, math.ceil(wait_s)))


class TokenBucket:
    """``rate_per_s`` segments a second, ``burst`` at once; starts full.

    Both must be above 0 (ValueError). ``rate_per_s`` may be changed at any time.
    """

    __slots__ = ("_at_s", "_tokens", "burst", "rate_per_s")

    def __init__(self, rate_per_s: float, burst: float | None = None, now_s: float = 0.0) -> None:
        self.rate_per_s = float(rate_per_s)
        self.burst = float(max(rate_per_s, 1.0) if burst is None else burst)
        if self.rate_per_s <= 0 or self.burst <= 0:
            raise ValueError("rate and burst must be above 0")
        self._tokens = self.burst
        self._at_s = now_s

    def take(self, segments: int, now_s: float, leave: float = 0.0) -> float:
        """0.0 when the segments were taken; else nothing was, and this is how many seconds to wait.

        ``leave`` segments stay for others; of a burst too small for both, the message comes first.
        """
        tokens = self._tokens
        if now_s > self._at_s:
            tokens += (now_s - self._at_s) * self.rate_per_s
            if tokens > self.burst:
                tokens = self.burst
            self._tokens = tokens
            self._at_s = now_s
        need = segments if segments < self.burst else self.burst
        if leave:
            need = min(need + leave, self.burst)
        if tokens >= need - _ROUNDING:
            self._tokens = tokens - segments
            return 0.0
        return (need - tokens) / self.rate_per_s

    def wait_s(self, segments: int, now_s: float) -> float:
        """What ``take`` would say, without taking."""
        tokens = self._tokens + max(0.0, now_s - self._at_s) * self.rate_per_s
        need = min(segments, self.burst)
        return 0.0 if tokens >= need - _ROUNDING else (need - tokens) / self.rate_per_s

    def drain_until(self, at_s: float) -> None:
        """Nothing is left, and nothing comes in before ``at_s``: a pause must not save up for a burst behind it."""
        self._tokens = min(self._tokens, 0.0)
        self._at_s = at_s

    def give_back(self, segments: int) -> None:
        """Undoes a ``take`` whose message was then refused for another reason."""
        self._tokens = min(self.burst, self._tokens + segments)


class Throttle:
    """A carrier link's bucket together with its back-off; one per link.

    Ask ``take`` before sending; tell it ``on_throttled`` for 0x58 and 0x14, ``on_silence`` for a request that had no
    answer, and ``on_ok`` for good answers. ``rate_per_s`` is the effective rate, never above ``full_rate_per_s``.
    """

    __slots__ = (
        "_bucket", "_credited_s", "_full_burst", "_heard", "_pause_s", "_silent", "_silent_since_s",
        "full_rate_per_s", "paused_until_s", "slowdowns",
    )  # fmt: skip

    def __init__(self, rate_per_s: float, burst: float | None = None, now_s: float = 0.0) -> None:
        self._bucket = TokenBucket(rate_per_s, burst, now_s)
        self.full_rate_per_s = self._bucket.rate_per_s
        self._full_burst = self._bucket.burst
        self.paused_until_s = now_s
        self._pause_s = 0.0
        self._credited_s = now_s
        self._heard = self._silent = 0
        self._silent_since_s = now_s
        #: How often the carrier has slowed the link down.
        self.slowdowns = 0

    @property
    def burst(self) -> float:
        """Segments at once, less while the link is slowed."""
        return self._bucket.burst

    @property
    def rate_per_s(self) -> float:
        """Segments a second that the link sends at just now."""
        return self._bucket.rate_per_s

    @property
    def is_slowed(self) -> bool:
        """Whether the link is below its full rate."""
        return self._bucket.rate_per_s < self.full_rate_per_s

    def take(self, segments: int, now_s: float, leave: float = 0.0) -> float:
        """0.0 when the segments may be sent now, else the seconds that the link waits; ``leave`` as the bucket's."""
        if now_s < self.paused_until_s:
            return self.paused_until_s - now_s
        return self._bucket.take(segments, now_s, leave)

    def give_back(self, segments: int) -> None:
        """Undoes a ``take`` of what was then not sent."""
        self._bucket.give_back(segments)

    def wait_s(self, segments: int, now_s: float) -> float:
        """How long until so many segments have gone, at the rate of now."""
        return max(0.0, self.paused_until_s - now_s) + segments / self._bucket.rate_per_s

    def on_throttled(self, now_s: float) -> float:
        """The carrier said too fast: half the rate and a pause. Returns the seconds of pause that are left.

        A window's worth of refusals arrives together; what comes during the pause belongs to the same event.
        """
        if now_s < self.paused_until_s:
            return self.paused_until_s - now_s
        self.slowdowns += 1
        self._pause_s = min(max(FIRST_PAUSE_S, self._pause_s * 2), MAX_PAUSE_S)
        self.paused_until_s = self._credited_s = now_s + self._pause_s
        self._set_rate(max(self._bucket.rate_per_s / 2, self.full_rate_per_s * _FLOOR_SHARE))
        self._bucket.drain_until(self.paused_until_s)
        return self._pause_s

    def on_silence(self, now_s: float) -> None:
        """A request was not answered in time on a link that is up: some carriers say "too fast" that way.

        One is an accident, and so are a few among many answers; more slow the link as a refusal does.
        """
        if now_s - self._silent_since_s > SILENCE_S:
            self._silent_since_s = now_s
            self._silent = self._heard = 0
        self._silent += 1
        if self._silent >= SILENT_REQUESTS and self._silent >= SILENT_SHARE * self._heard:
            self._silent = self._heard = 0
            self.on_throttled(now_s)

    def on_ok(self, now_s: float) -> None:
        """The carrier accepted a segment: creep up by the time that went well.

        An acceptance after the pause ends the series of pauses, so that only a carrier which refuses again at once
        gets a longer one: some say "too fast" to a few in a hundred, whatever the rate.
        """
        self._heard += 1
        if self._pause_s and now_s > self.paused_until_s:
            self._pause_s = 0.0
        if not self.is_slowed:
            return
        elapsed_s = now_s - self._credited_s
        if elapsed_s <= 0:
            return  # an answer to what was sent before the pause says nothing about the new rate
        self._credited_s = now_s
        gained = self.full_rate_per_s * _CREEP_SHARE_PER_S * min(elapsed_s, 1.0)
        self._set_rate(min(self.full_rate_per_s, self._bucket.rate_per_s + gained))

    def set_full(self, rate_per_s: float, burst: float) -> None:
        """The full rate is another one from now on; a link that is slowed stays slowed by the same share."""
        share = self._bucket.rate_per_s / self.full_rate_per_s
        self.full_rate_per_s, self._full_burst = float(rate_per_s), float(burst)
        self._set_rate(self.full_rate_per_s * share)

    def _set_rate(self, rate_per_s: float) -> None:
        self._bucket.rate_per_s = rate_per_s
        self._bucket.burst = max(1.0, self._full_burst * rate_per_s / self.full_rate_per_s)
