"""Rule 18: what of each account's quota this process may spend, and messages that wait for more of it.

Owns: one slice book for each account and calendar day, the leases that fill it, and giving back what was not used. A
message takes one whatever its segments; while the store is asked it waits in order, and nothing else does.
What can go wrong: the store is away; what waits is refused as by rule 19. A process that dies takes its slices along.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.policy.model import Refusal
from smsgw.policy.profile import Quota
from smsgw.policy.quota import Bucket, SliceBook, Take, buckets
from smsgw.policy.reasons import STORE_AWAY

if TYPE_CHECKING:
    from smsgw.clock import BusinessClock
    from smsgw.gateway.account_rules import AccountRules
    from smsgw.store.quota import QuotaLeases

#: How often slices that are not used are given back, and how often the use is read for the metrics.
TICK_S: Final = 1.0
LOOK_TICKS: Final = 5

Then = Callable[[Refusal | None], None]


class _Day:
    """An account's messages of one calendar day. ``full``: the store had no more when it was last asked."""

    __slots__ = ("account", "book", "from_ms", "full", "quota", "until_ms", "waiting")

    def __init__(self, account: str, quota: Quota, zone: ZoneInfo, at_ms: int, until_ms: int) -> None:
        self.account = account
        self.book = SliceBook(quota, zone)
        self.from_ms, self.until_ms = at_ms, until_ms
        self.quota = quota
        self.full = False
        self.waiting: deque[tuple[int, Then]] = deque()


class QuotaDesk:
    """``take`` for each message; ``run`` belongs in the gateway's task group; ``close`` when nothing more is taken."""

    def __init__(self, leases: QuotaLeases, rules: dict[str, AccountRules], clock: BusinessClock) -> None:
        self._leases = leases
        self._rules = rules
        self._clock = clock
        self._days: dict[str, dict[tuple[Bucket, ...], _Day]] = {}
        self._latest: dict[str, _Day] = {}
        #: By account: messages leased of each bucket by all processes, as last read.
        self.used: dict[str, dict[str, int]] = {}

    def spend(self, account: str, at_ms: int) -> bool:
        """One message that counts at ``at_ms``, where there is plenty, as nearly always; else ``take`` decides."""
        day = self._latest.get(account)
        return day is not None and day.from_ms <= at_ms < day.until_ms and not day.waiting and day.book.spend(at_ms)

    def take(self, account: str, at_ms: int, then: Then) -> None:
        """One message that counts at ``at_ms``; ``then(None)`` when it may go, at once or later, else a refusal."""
        day = self._latest.get(account)
        if day is None or not day.from_ms <= at_ms < day.until_ms:
            day = self._day(account, at_ms)
        if day.waiting:
            day.waiting.append((at_ms, then))
            return
        said = day.book.take(1, at_ms)
        if said is Take.WAIT:
            day.waiting.append((at_ms, then))
        self._ask(day, at_ms)
        if said is Take.YES:
            then(None)
        elif said is Take.NO:
            then(day.book.refusal(at_ms))

    def give_back(self, account: str, at_ms: int) -> None:
        """The message was refused after all."""
        if account not in self._rules or not self._rules[account].has_quota:
            return  # it had one when the message was counted
        self._day(account, at_ms).book.put_back(1, at_ms)

    @property
    def waiting(self) -> int:
        """Messages that wait for a lease."""
        return sum(len(day.waiting) for days in self._days.values() for day in days.values())

    def buckets_now(self, account: str) -> tuple[Bucket, ...]:
        """The buckets that a message counts in now; none for an account without a quota."""
        rules = self._rules[account].rules
        return buckets(rules.account.quota, self._clock.now_ms(), rules.profile.zone)

    async def run(self) -> None:
        """Give back what lies idle, and read how much is used, until cancelled."""
        ticks = 0
        while True:
            now_ms = self._clock.now_ms()
            for account in list(self._days):
                self._tidy(account, now_ms)
            if ticks % LOOK_TICKS == 0:
                await self._look()
            ticks += 1
            await beat(TICK_S)

    def renew(self) -> None:
        """The rules are other ones: what was leased for another quota goes back."""
        for account, days in list(self._days.items()):
            rules = self._rules.get(account)
            for day in list(days.values()):
                if not day.waiting and (rules is None or rules.rules.account.quota != day.quota):
                    self._return(day, self._clock.now_ms(), closing=True)
                    self._forget(day)

    def close(self) -> None:
        """Give everything back."""
        for days in self._days.values():
            for day in days.values():
                self._return(day, self._clock.now_ms(), closing=True)

    # -- inside

    def _day(self, account: str, at_ms: int) -> _Day:
        """Messages for today and messages held until another day alternate: each day has its own book."""
        rules = self._rules[account].rules
        quota, zone = rules.account.quota, rules.profile.zone
        now = buckets(quota, at_ms, zone)
        days = self._days.setdefault(account, {})
        day = days.get(now)
        if day is None:
            day = days[now] = _Day(account, quota, zone, at_ms, min(bucket.end_ms for bucket in now))
        day.from_ms = min(day.from_ms, at_ms)
        self._latest[account] = day
        return day

    def _ask(self, day: _Day, at_ms: int) -> None:
        wish = day.book.wish(at_ms)
        if wish is not None:
            self._leases.ask(day.account, wish.buckets, wish.want, partial(self._granted, day, at_ms), wish.least)

    def _granted(self, day: _Day, at_ms: int, granted: int | StoreError) -> None:
        if isinstance(granted, StoreError):
            self._forget(day)
            while day.waiting:
                day.waiting.popleft()[1](Refusal(STORE_AWAY, "the quota could not be asked for", 5))
            return
        day.full = granted == 0
        day.book.granted(granted, at_ms)
        while day.waiting:
            asked_ms, then = day.waiting[0]
            said = day.book.take(1, asked_ms)
            if said is Take.WAIT:
                self._ask(day, asked_ms)
                return
            day.waiting.popleft()
            then(None if said is Take.YES else day.book.refusal(asked_ms))

    def _tidy(self, account: str, now_ms: int) -> None:
        for day in list(self._days[account].values()):
            if day.waiting:
                continue
            if not day.from_ms <= now_ms < day.until_ms and (day.full or day.until_ms <= now_ms):
                # Over; or a day to come, whose time stands still: it could never ask again.
                self._return(day, now_ms, closing=True)
                self._forget(day)
            else:
                self._return(day, max(now_ms, day.from_ms))

    def _forget(self, day: _Day) -> None:
        days = self._days.get(day.account, {})
        for name, known in list(days.items()):
            if known is day:
                del days[name]
        if self._latest.get(day.account) is day:
            del self._latest[day.account]

    def _return(self, day: _Day, at_ms: int, closing: bool = False) -> None:
        if closing:
            at_ms = min(max(at_ms, day.from_ms), day.until_ms - 1)
        for returned, count in day.book.returns(at_ms, closing):
            self._leases.give_back(day.account, returned, count)

    async def _look(self) -> None:
        for name, rules in list(self._rules.items()):  # others are put in their place meanwhile
            if rules.has_quota:
                try:
                    self.used[name] = await self._leases.used(name, self.buckets_now(name))
                except StoreError:
                    return  # the figures stay as they were; others tell that the store is away
