"""Rule 18, the part without state elsewhere: calendar days and months of an account's quota, and a process's share.

Owns: the buckets of an instant, and ``SliceBook``, which spends messages that the store has leased to this process
(``store.quota``) so that no message asks the store. Slices follow the rate: small when little is sent, so that what is
leased is about what is used, and larger the faster they go. Never leases, never reads a clock: the caller passes
business time and carries out what ``wish`` and ``returns`` say. What was leased and is lost with a process counts as
used.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from smsgw.policy.localtime import day_start_ms, to_local
from smsgw.policy.model import Refusal
from smsgw.policy.profile import Quota
from smsgw.policy.reasons import QUOTA

FIRST_SLICE: Final = 16
LARGEST_SLICE: Final = 4096
_QUICK_MS: Final = 1000
_SLOW_MS: Final = 10_000
_ASK_AGAIN_MS: Final = 2000
_IDLE_MS: Final = 5000


class Bucket(NamedTuple):
    """A calendar day (``d20261122``) or month (``m202611``) with its limit, until ``end_ms``."""

    name: str
    limit: int
    end_ms: int


def buckets(quota: Quota, at_ms: int, zone: ZoneInfo) -> tuple[Bucket, ...]:
    """The buckets that a message at that business time counts in, the day first; none without a quota."""
    if quota.day is None and quota.month is None:
        return ()
    today = to_local(at_ms, zone).date()
    found = []
    if quota.day is not None:
        end_ms = day_start_ms(today.fromordinal(today.toordinal() + 1), zone)
        found.append(Bucket(f"d{today:%Y%m%d}", quota.day, end_ms))
    if quota.month is not None:
        first = today.replace(year=today.year + today.month // 12, month=today.month % 12 + 1, day=1)
        found.append(Bucket(f"m{today:%Y%m}", quota.month, day_start_ms(first, zone)))
    return tuple(found)


class Take(IntEnum):
    """What ``SliceBook.take`` says."""

    YES = 0
    NO = 1
    """The quota is used up; ``SliceBook.refusal`` says what to tell."""
    WAIT = 2
    """Nothing is left here: carry out ``wish``, and take again when it was ``granted``."""


class Wish(NamedTuple):
    """What to lease: up to ``want`` messages, of use only if at least ``least``."""

    buckets: tuple[Bucket, ...]
    want: int
    least: int


class SliceBook:
    """One account's share of its quota in this process."""

    __slots__ = (
        "_ask_again_ms",
        "_asking",
        "_buckets",
        "_from_ms",
        "_left",
        "_quota",
        "_returns",
        "_size",
        "_slice_at_ms",
        "_until_ms",
        "_used_ms",
        "_zone",
    )  # fmt: skip

    def __init__(self, quota: Quota, zone: ZoneInfo) -> None:
        self._quota = quota
        self._zone = zone
        self._buckets: tuple[Bucket, ...] = ()
        self._from_ms = self._until_ms = 0
        self._left = 0
        self._size = FIRST_SLICE
        self._slice_at_ms = self._used_ms = self._ask_again_ms = 0
        self._asking: tuple[Bucket, ...] = ()
        self._returns: list[tuple[tuple[Bucket, ...], int]] = []

    @property
    def limited(self) -> bool:
        """Whether there is a quota at all."""
        return self._quota.day is not None or self._quota.month is not None

    @property
    def left(self) -> int:
        """How many messages may go without asking."""
        return self._left

    def take(self, count: int, at_ms: int) -> Take:
        """Spend ``count`` messages at that business time."""
        if not self.limited:
            return Take.YES
        if not self._from_ms <= at_ms < self._until_ms:
            self._turn(at_ms)
        self._used_ms = at_ms
        if count <= self._left:
            self._left -= count
            return Take.YES
        if at_ms < self._ask_again_ms:
            return Take.NO
        return Take.WAIT

    def spend(self, at_ms: int) -> bool:
        """``take`` one where there is plenty, so that there is no ``wish`` either; False is no refusal."""
        left = self._left - 1
        if left * 4 > self._size and self._from_ms <= at_ms < self._until_ms:
            self._left = left
            self._used_ms = at_ms
            return True
        return False

    def put_back(self, count: int, at_ms: int) -> None:
        """What was taken for a message that was refused after all; in its own day only."""
        if self.limited and self._from_ms <= at_ms < self._until_ms:
            self._left += count

    def wish(self, at_ms: int, least: int = 1) -> Wish | None:
        """What to lease now, if anything. ``least``: the message that waits needs as many.

        Call it after every take; it asks ahead when a slice comes to its end. One lease is under way at a time.
        """
        if not self.limited or self._asking or at_ms < self._ask_again_ms:
            return None
        if not self._from_ms <= at_ms < self._until_ms:
            self._turn(at_ms)
        if self._left >= least and self._left * 4 > self._size:
            return None
        took_ms = at_ms - self._slice_at_ms
        if took_ms < _QUICK_MS:
            self._size = min(self._size * 2, LARGEST_SLICE)
        elif took_ms > _SLOW_MS:
            self._size = max(self._size // 2, FIRST_SLICE)
        self._asking = self._buckets
        missing = max(1, least - self._left)
        return Wish(self._asking, max(self._size, missing), missing)

    def granted(self, count: int, at_ms: int) -> None:
        """What the lease of ``wish`` brought: 0 when the quota is used up, or nothing could be learnt."""
        asked, self._asking = self._asking, ()
        if asked != self._buckets:
            if count:
                self._returns.append((asked, count))  # the day ended meanwhile
            return
        self._left += count
        self._slice_at_ms = at_ms
        if not count:
            self._ask_again_ms = min(at_ms + _ASK_AGAIN_MS, self._until_ms)
            self._size = FIRST_SLICE

    def returns(self, at_ms: int, closing: bool = False) -> list[tuple[tuple[Bucket, ...], int]]:
        """What to give back: of days that ended, of an account that is idle, everything when ``closing``."""
        if self._until_ms and not self._from_ms <= at_ms < self._until_ms:
            self._turn(at_ms)
        if self._left and not self._asking and (closing or at_ms - self._used_ms >= _IDLE_MS):
            self._returns.append((self._buckets, self._left))
            self._left = 0
            self._size = FIRST_SLICE
        returned, self._returns = self._returns, []
        return returned

    def refusal(self, at_ms: int) -> Refusal:
        """The verdict for NO; the next day or month is the first time at which it may be different."""
        limits = ", ".join(f"{each.limit} a {'day' if each.name[0] == 'd' else 'month'}" for each in self._buckets)
        wait_ms = max(0, self._until_ms - at_ms)
        return Refusal(QUOTA, f"quota of {limits}", max(1, -(-wait_ms // 1000)))

    def _turn(self, at_ms: int) -> None:
        """Another day or month: what is left belongs to the old one."""
        now = buckets(self._quota, at_ms, self._zone)
        if now == self._buckets:
            self._from_ms = at_ms  # business time went back a little
            return
        if self._left:
            self._returns.append((self._buckets, self._left))
        self._left = 0
        self._buckets = now
        self._until_ms = min((each.end_ms for each in self._buckets), default=0)
        self._from_ms = at_ms
        self._size = FIRST_SLICE
        self._ask_again_ms = 0
