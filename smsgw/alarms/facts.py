"""Gathers what alarms are judged by: gateways, store, registers, records.

Owns: how often each is asked, and that nobody waits: gateways are asked in threads, records in the process that reads
them. What can't be asked is None, so its alarms stay as they are; ``why_not`` says which and why, for people.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from smsgw.alarms.looking import Looks
from smsgw.alarms.of_records import Counted, count
from smsgw.alarms.weeks import hours_of, traffic, wanted
from smsgw.errors import RecordsError, RequestError
from smsgw.policy.alarms import conditions
from smsgw.policy.alarms.conditions import Delivered, Look, Reactions
from smsgw.policy.alarms.judging import windows
from smsgw.policy.alarms.rules import Rules
from smsgw.policy.alarms.standing import Reading
from smsgw.policy.approvals import ACTIVE
from smsgw.policy.entries import Kind
from smsgw.policy.model import CLASS_LABELS
from smsgw.records.lately import Hours
from smsgw.services.asking import Asking
from smsgw.services.desk import Desk
from smsgw.store.queues import Queues

Fetch = Callable[[str], Mapping[str, Any] | str]
Found = dict[tuple[str, float], Sequence[Reading] | None]
RECORDS_EVERY_S: Final = 30.0
REGISTERS_EVERY_S: Final = 300.0
PATIENCE_S: Final = 2.0
"""So long a look waits for the records; what they say is for the next one then."""
_EXPIRING: Final[tuple[Kind, ...]] = ("channel", "signature", "template", "contact")
_OF_NOW: Final = 0.0


@dataclass(slots=True)
class _Kept:
    """What was asked a while ago and still counts."""

    asked_s: float
    at_ms: int = 0
    counted: Counted | None = None
    why: str = "not asked yet"


class Facts:
    """``gather`` at each look. ``desk``: of whoever looks after alarms; ``every_s`` 0: all is asked anew each time."""

    def __init__(
        self, desk: Desk, addresses: Sequence[str], fetch: Fetch, asking: Asking, *, every_s: float = RECORDS_EVERY_S
    ) -> None:
        self.look: Look | None = None
        self.why_not: dict[str, str] = {}
        self._desk = desk
        self._addresses = addresses
        self._fetch = fetch
        self._asking = asking
        self._every_s = every_s
        self._looks = Looks()
        # First when it has run for a while: a process that only comes and goes starts no reader of records.
        self._records = _Kept(time.monotonic() if every_s else float("-inf"))
        self._counting: asyncio.Task[tuple[int, Counted | None]] | None = None
        self._hours = Hours(frozenset(), {})
        self._days: list[tuple[str, str, str]] = []
        self._days_asked_s = float("-inf")

    async def gather(self, rules: Rules, failing_s: Mapping[str, float]) -> Found:
        """Everything that rules ask for. ``failing_s``: channel → how long it has failed. Raises StoreError."""
        found: Found = {}
        await self._ask_gateways(rules, found)
        found["store_memory", _OF_NOW] = [Reading((), await self._desk.store.memory_share())]
        found["channel_failing", _OF_NOW] = [
            Reading((("channel", name),), seconds) for name, seconds in sorted(failing_s.items())
        ]
        await self._ask_registers(rules, found)
        await self._ask_records(rules, found)
        return found

    async def _ask_gateways(self, rules: Rules, found: Found) -> None:
        pages = await asyncio.gather(*(asyncio.to_thread(self._fetch, each) for each in self._addresses))
        lengths = await Queues(self._desk.store).lengths(list(self._desk.site.carriers))
        waiting = {(each.carrier, CLASS_LABELS[each.lane]): each.waiting for each in lengths}
        slow_s, growing_s = windows(rules, "sending_slow"), windows(rules, "queue_growing")
        by_address = dict(zip(self._addresses, pages, strict=True))
        keep_s = max((*slow_s, *growing_s), default=0.0)
        look = self.look = self._looks.add(self._desk.now_ms(), by_address, waiting, keep_s)
        found["gateway_silent", _OF_NOW] = [
            Reading((("gateway", address),), seconds) for address, seconds in look.silent_s.items()
        ]
        for window_s in growing_s:
            before = self._looks.before(look, window_s)
            found["queue_growing", window_s] = None if before is None else conditions.growing(before, look)
        self.why_not = {address: page for address, page in by_address.items() if isinstance(page, str)}
        if len(self.why_not) == len(by_address):
            return
        for window_s in slow_s:
            before = self._looks.before(look, window_s)
            found["sending_slow", window_s] = None if before is None else conditions.slow(before, look)
        found["codes_late", _OF_NOW] = conditions.of_carriers(look.codes_wait_s)
        found["receipts_overdue", _OF_NOW] = conditions.of_carriers(look.overdue)
        found["carrier_refused", _OF_NOW] = conditions.refused(look)

    async def _ask_registers(self, rules: Rules, found: Found) -> None:
        if time.monotonic() - self._days_asked_s >= min(REGISTERS_EVERY_S, self._every_s * 10):
            self._days = await self._last_days()
            self._days_asked_s = time.monotonic()
        site, today = self._desk.site, self._desk.today()
        found["licence_ending", _OF_NOW] = conditions.ending(self._days, today)
        found["calendar_ending", _OF_NOW] = []
        softs = (each.window.soft for each in site.profiles.values())
        if any(soft is not None and soft.days == "workdays" for soft in softs):
            year = today.year
            while site.workdays.covers(year):
                year += 1
            found["calendar_ending", _OF_NOW] = conditions.calendar(year, today)

    async def _last_days(self) -> list[tuple[str, str, str]]:
        days = [
            ("account", name, each.licence_expires.isoformat())
            for name, each in self._desk.site.accounts.items()
            if each.licence_expires is not None
        ]
        for kind in _EXPIRING:
            async for chunk in self._desk.registers.read_chunks(kind):
                for name, stored in chunk.items():
                    if stored.body.get("state") != ACTIVE:
                        continue
                    days.append((kind, name, str(stored.body.get("expires") or "")))
                    days.append(("licence", name, str(stored.body.get("licence_expires") or "")))
        return days

    async def _ask_records(self, rules: Rules, found: Found) -> None:
        kept = self._records
        if self._counting is None and time.monotonic() - kept.asked_s >= self._every_s:
            kept.asked_s = time.monotonic()
            self._counting = asyncio.create_task(self._count(rules, self._desk.now_ms()))
        if self._counting is not None:
            # Who reads the records yields to everything else; a look at gateways must not wait for it.
            await asyncio.wait({self._counting}, timeout=PATIENCE_S if self._every_s else None)
            if self._counting.done():
                done, self._counting = self._counting, None
                kept.at_ms, kept.counted = done.result()
        counted, now_ms = kept.counted, kept.at_ms
        if counted is None:
            self.why_not["records"] = kept.why
            return
        for window_s, delivered in counted.delivered.items():
            found["delivery_low", window_s] = conditions.delivery(Delivered(*each) for each in delivered)
        for window_s, reactions in counted.reactions.items():
            of = [Reactions(*each) for each in reactions]
            found["complaints", window_s] = conditions.complaints(of)
            found["unsubscribe_rate", window_s] = conditions.unsubscribe_rate(of)
        late_s = 0.0 if counted.late_since_ms is None else max(0.0, (now_ms - counted.late_since_ms) / 1000)
        found["records_late", _OF_NOW] = [Reading((), late_s)]
        site = self._desk.site
        of_accounts = traffic(site.accounts, now_ms, self._hours, site.workdays, self._desk.zone)
        for window_s in windows(rules, "traffic_high"):
            found["traffic_high", window_s] = conditions.traffic_high(of_accounts)
        for window_s in windows(rules, "traffic_low"):
            found["traffic_low", window_s] = conditions.traffic_low(of_accounts)

    def close(self) -> None:
        """Ask no more."""
        if self._counting is not None:
            self._counting.cancel()
            self._counting = None

    async def _count(self, rules: Rules, now_ms: int) -> tuple[int, Counted | None]:
        """What the records say of now; None, with the reason kept, when they can't be asked."""
        site = self._desk.site
        hours = wanted(now_ms, site.workdays, self._desk.zone) if _compares(rules) else []
        running = hours_of(now_ms)
        # What was sent weeks ago does not change any more.
        missing = tuple(each for each in hours if each in running or each not in self._hours.known)
        reactions_s = windows(rules, "complaints") | windows(rules, "unsubscribe_rate")
        try:
            counted = await self._asking.ask(
                count, now_ms, tuple(sorted(windows(rules, "delivery_low"))), tuple(sorted(reactions_s)), missing
            )
        except (RecordsError, RequestError) as error:
            self._records.why = str(error)
            return now_ms, None
        except Exception as error:  # whatever a question ends with, gateways go on being watched
            self._records.why = f"{type(error).__name__}: {error}"
            return now_ms, None
        if counted.hours is not None:
            old = {key: sent for key, sent in self._hours.accepted.items() if key[1] in hours}
            known = {each for each in self._hours.known if each in hours}
            self._hours = Hours(frozenset(known | counted.hours.known), {**old, **counted.hours.accepted})
        return now_ms, replace(counted, hours=None)


def _compares(rules: Rules) -> bool:
    return any(rule.enabled for kind in ("traffic_high", "traffic_low") for rule in rules.of(kind))
