"""The carrier's own limits: unanswered requests of a bind, and segments a second.

Limits can be changed while the carrier runs; the buckets belong to binds, accounts and source
addresses, and keep their levels. Time is passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.carrier.settings import CarrierSettings

if TYPE_CHECKING:
    from simulators.carrier.link import CarrierLink

#: What is over a limit gets no answer at all.
SILENCE = -1


class Bucket:
    """What one bind, account or address has left of its rate."""

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
        self._addresses: dict[bytes, Bucket] = {}
        self.use(settings)

    def use(self, settings: CarrierSettings) -> None:
        """Go by these settings from now on."""
        self._window = settings.window
        self._window_status = settings.window_status or SILENCE
        self._tps = settings.tps
        self._burst = settings.tps_burst or max(1.0, settings.tps)
        self._tps_status = settings.tps_status or SILENCE
        self._per = settings.tps_per
        #: Whether there is any limit at all.
        self.active = bool(self._window or self._tps)

    def bucket_of(self, link: CarrierLink, source: bytes) -> Bucket:
        """The bucket that pays for a message from ``source`` (source_addr) on ``link``."""
        if self._per == "bind":
            return link.bucket
        if self._per == "account":
            assert link.account is not None
            return link.account.bucket
        bucket = self._addresses.get(source)
        if bucket is None:
            bucket = self._addresses[source] = Bucket()
        return bucket

    def over(self, unanswered: int, segments: int, bucket: Bucket, now_s: float) -> int:
        """The command_status to refuse a message with, ``SILENCE``, or 0; ``unanswered`` counts the message itself."""
        if self._window and unanswered > self._window:
            return self._window_status
        if self._tps and not bucket.take(segments, now_s, self._tps, self._burst):
            return self._tps_status
        return 0

    def reset(self) -> None:
        """Forget the addresses that were seen."""
        self._addresses.clear()
