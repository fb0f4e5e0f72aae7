"""Caps and the rule of the same content, on the real scripts, against a naive model that keeps every message for ever.

Over every scope, tier and ceiling, from two processes, at the moments when clocks do something: changes of the clock in
both directions, midnight, the end of a month, of a year and of a week, and business time that goes back a little.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsgw.policy.caps import CapSet, content_hash
from smsgw.policy.profile import Cap, SameContentRule
from smsgw.store.admission import ACCEPTED, CAPPED, AdmitItem, AdmitReply
from tests.store.kit import DAY_MS, MINUTE_MS, Kit

HOUR_MS = 60 * MINUTE_MS
ZONES = {name: ZoneInfo(name) for name in ("Asia/Shanghai", "America/New_York")}
STARTS = (  # local times shortly before something happens
    ("America/New_York", datetime(2026, 3, 8, 1, 59, 30)),  # the clock goes forward at 02:00
    ("America/New_York", datetime(2026, 11, 1, 0, 59, 30)),  # and back
    ("America/New_York", datetime(2026, 3, 7, 23, 59, 30)),  # a Saturday before a day of 23 hours
    ("Asia/Shanghai", datetime(2026, 11, 30, 23, 59, 30)),  # the end of a month, within a week
    ("Asia/Shanghai", datetime(2026, 12, 31, 23, 59, 30)),  # and of a year
    ("Asia/Shanghai", datetime(2026, 11, 22, 23, 59, 30)),  # a Sunday
    ("Asia/Shanghai", datetime(2026, 11, 18, 10, 30, 20)),
)
BACK_MS = 59_000
"""Nodes' clocks differ less than the minute that the script keeps what has ended."""
_next_example = count().__next__


@dataclass(frozen=True)
class Sent:
    """One message as the model sees it."""

    who: int
    account: str
    message_class: int
    signature: str | None
    template: str | None
    segment: str | None
    tier: str
    content: str
    at_ms: int

    def named(self, scope: str) -> str | None:
        """What a cap of a scope counts by."""
        if scope == "company":
            return ""
        if scope == "account":
            return self.account
        named: str | None = {"signature": self.signature, "template": self.template, "segment": self.segment}[scope]
        return named or "~" + self.account


def _bucket(period: str, at_ms: int, zone: ZoneInfo) -> tuple[Any, ...]:
    """By the wall clock alone; an hour that comes twice is two hours."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    if period == "week":
        return tuple(local.isocalendar()[:2])
    if period == "day":
        return (local.date(),)
    return (local.utcoffset(), *local.timetuple()[: {"hour": 4, "minute": 5}[period]])


@dataclass
class Model:
    """Every accepted message, looked through for every new one."""

    caps: list[Cap]
    same: SameContentRule | None
    zone: ZoneInfo
    tiers: dict[int, str]
    accepted: list[Sent] = field(default_factory=list)

    def admit(self, new: Sent) -> tuple[int, int]:
        """(code, row)."""
        mine = [cap for cap in self.caps if new.message_class in cap.classes]
        for row, cap in enumerate(mine):
            limit = cap.tiers.get(new.tier or self.tiers.get(new.who, ""), cap.limit)
            if cap.ceiling is not None:
                limit = min(limit, cap.ceiling)
            if self.seen(cap, new) >= limit:
                return CAPPED, row
        same = self.same
        if same is not None and new.message_class in same.classes:
            alike = [old for old in self._of(new) if old.content == new.content and old.message_class in same.classes]
            if sum(abs(old.at_ms - new.at_ms) < same.period_ms for old in alike) >= same.limit:
                return CAPPED, len(mine)
        self.accepted.append(new)
        return ACCEPTED, -1

    def _of(self, new: Sent) -> list[Sent]:
        return [old for old in self.accepted if old.who == new.who]

    def seen(self, cap: Cap, new: Sent) -> int:
        counted = [
            old.at_ms
            for old in self._of(new)
            if old.message_class in cap.classes and old.named(cap.scope) == new.named(cap.scope)
        ]
        if cap.kind == "rolling":
            return sum(abs(at_ms - new.at_ms) < cap.period_ms for at_ms in counted)
        assert isinstance(cap.period, str)
        bucket = _bucket(cap.period, new.at_ms, self.zone)
        return sum(_bucket(cap.period, at_ms, self.zone) == bucket for at_ms in counted)


limits = st.integers(0, 3)
drawn_caps = st.lists(
    st.tuples(
        st.frozensets(st.integers(1, 2), min_size=1),
        st.sampled_from(["company", "account", "signature", "template", "segment"]),
        st.integers(1, 3) | limits,
        st.sampled_from([("clock", each) for each in ("minute", "hour", "day", "week")] + [("rolling", "day")])
        | st.tuples(st.just("rolling"), st.sampled_from([90_000, 3 * HOUR_MS, 30 * DAY_MS])),
        st.dictionaries(st.sampled_from(["loyal", "new"]), st.integers(0, 5), max_size=2),
        st.none() | st.integers(1, 4),
    ),
    max_size=4,
)
same_contents = st.none() | st.builds(
    SameContentRule,
    st.frozensets(st.integers(1, 2), min_size=1),
    st.sampled_from([MINUTE_MS, HOUR_MS, DAY_MS]),
    st.integers(1, 2),
)
messages = st.tuples(
    st.integers(0, 1),  # who
    st.sampled_from(["shop", "bank"]),
    st.integers(1, 2),
    st.sampled_from(["示例", None]),
    st.sampled_from(["t1", None]),
    st.sampled_from(["vip", None]),
    st.sampled_from(["", "", "loyal", "unheard of"]),
    st.sampled_from(["今日特价", "明日特价"]),
    st.sampled_from([0, 0, 0, 0, 31_000, HOUR_MS, DAY_MS]),  # how far ahead it is due
)
batches = st.lists(
    st.tuples(
        st.integers(0, 1),  # which process
        st.sampled_from([0, 1, 999, -5000, -59_000, 30_000, 59_000, 90_000, HOUR_MS, DAY_MS // 2, DAY_MS, 6 * DAY_MS]),
        st.lists(messages, min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=10,
)


@given(st.sampled_from(STARTS), drawn_caps, same_contents, st.sampled_from(["", "loyal", "new"]), batches)
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_scripts_decide_as_the_model_does(
    make_kit: Any,
    start: tuple[str, datetime],
    drawn: list[tuple[Any, ...]],
    same: SameContentRule | None,
    stored_tier: str,
    history: list[tuple[int, int, list[tuple[Any, ...]]]],
) -> None:
    processes = await _two(make_kit)
    zone = ZONES[start[0]]
    caps = [
        Cap(f"c{number}", classes, scope, limit, period, kind, tiers, ceiling)
        for number, (classes, scope, limit, (kind, period), tiers, ceiling) in enumerate(drawn)
    ]
    compiled = CapSet(caps, zone, same)
    model = Model(caps, same, zone, {0: stored_tier})
    numbers = [f"861{_next_example():08d}{who}" for who in range(2)]
    if stored_tier:
        await processes[0].facts.set_tier(numbers[0], stored_tier)
    now_ms = latest_ms = int(start[1].replace(tzinfo=zone).timestamp() * 1000)
    for process, later_ms, batch in history:
        now_ms = max(now_ms + later_ms, latest_ms - BACK_MS)
        latest_ms = max(latest_ms, now_ms)
        kit = processes[process]
        kit.now_ms = now_ms
        sent = [Sent(*message[:8], now_ms + message[8]) for message in batch]
        items = [_item(kit, numbers, compiled, each, now_ms) for each in sent]
        expected = [model.admit(each) for each in sent]
        replies = await kit.admit(*items)
        assert [(reply.code, reply.row) for reply in replies if isinstance(reply, AdmitReply)] == expected


def _item(kit: Kit, numbers: list[str], compiled: CapSet, sent: Sent, now_ms: int) -> AdmitItem:
    rows = compiled.compiled(sent.account, sent.message_class, sent.signature, sent.template, sent.segment)
    return kit.item(
        numbers[sent.who],
        caps=rows.script_rows(sent.at_ms),
        at_ms=sent.at_ms,
        due_ms=sent.at_ms if sent.at_ms > now_ms else 0,
        tier=sent.tier,
        content=content_hash(sent.content) if rows.same_content is not None else b"",
    )


_kits: dict[int, tuple[Kit, Kit]] = {}


async def _two(make_kit: Any) -> tuple[Kit, Kit]:
    """Two processes on one store, made once a test: hypothesis asks for every example."""
    key = id(make_kit)
    if key not in _kits:
        _kits.clear()
        _kits[key] = (await make_kit(), await make_kit())
    return _kits[key]


async def test_two_processes_at_once_accept_no_more_than_the_cap(make_kit: Any) -> None:
    first, second = await make_kit(), await make_kit()
    zone = ZONES["Asia/Shanghai"]
    compiled = CapSet([Cap("c", frozenset((2,)), "company", 7, "day")], zone).compiled("shop", 2, None)
    rows = compiled.script_rows(first.now_ms)
    for n in range(40):
        for kit in (first, second):
            kit.admission.submit(kit.item(n=n, caps=rows))
        await asyncio.sleep(0)
    await first.drain()
    await second.drain()
    replies = [reply for kit in (first, second) for reply in kit.admitted if isinstance(reply, AdmitReply)]
    assert len(replies) == 80
    assert sum(reply.code == ACCEPTED for reply in replies) == 7
