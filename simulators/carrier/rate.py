"""The carrier's own limits: unanswered requests of a bind, and segments a second.

Limits can be changed while the carrier runs; the buckets belong to binds and accounts. Time is
passed in.
"""

from __future__ import annotations

from simulators.carrier.settings import CarrierSettings


class Bucket:
    """What one bind or account has left of its rate."""

    __slots__ = ("_left", "_seen_s")

    def __init__(self) -> None:
        self._left = -1.0
        self._seen_s = 0.0

    def take(self, segments: int, now_s: float, per_s: float, burst: float) -> bool:
        """Take the segments of one message; False when they are over the rate, and nothing is taken.

        ``burst`` segments may come at once. A message of more segments than that passes when the
        bucket is full, and is paid for afterwards.
        """
        left = burst if self._left < 0 and not self._seen_s else self._left + (now_s - self._seen_s) * per_s
        left = min(left, burst)
        self._seen_s = now_s
        if left < min(segments, burst):
            self._left = left
            return False
        self._left = left - segments
        return True


class Limits:
    """Window and rate of every bind of the carrier."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._window = settings.window
        self._window_status = settings.window_status
        self._tps = settings.tps
        self._burst = settings.tps_burst or max(1.0, settings.tps)
        self._tps_status = settings.tps_status
        self.per_account = settings.tps_per == "account"
        #: Whether there is any limit at all.
        self.active = bool(self._window or self._tps)

    @property
    def tps(self) -> float:
        """Segments a second; 0 is no limit."""
        return self._tps

    def throttle(self, tps: float) -> None:
        """Allow this many segments a second from now on; 0 lifts the limit."""
        self._tps = tps
        self._burst = max(1.0, tps)
        self.active = bool(self._window or tps)

    def over(self, unanswered: int, segments: int, bucket: Bucket, now_s: float) -> int:
        """The command_status to refuse a message with, or 0; ``unanswered`` counts the message itself."""
        if self._window and unanswered > self._window:
            return self._window_status
        if self._tps and not bucket.take(segments, now_s, self._tps, self._burst):
            return self._tps_status
        return 0
