"""Counting by the rows of ``caps`` against counting a plain list of times: what the store's script must do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.caps import KIND_CLOCK, CapSet
from smsgw.policy.model import MessageClass
from smsgw.policy.profile import Cap

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2026, 11, 13, 22, tzinfo=SHANGHAI)
STARTS = (
    START,
    datetime(2026, 12, 30, 20, tzinfo=SHANGHAI),  # over the end of a year
    datetime(2026, 3, 7, 22, tzinfo=NEW_YORK),  # over a night in which the clock goes forward
    datetime(2026, 10, 31, 22, tzinfo=NEW_YORK),  # and back
)

# at_ms, account, class, signature, tier, template, segment
Event = tuple[int, str, int, str | None, str | None, str | None, str | None]


class CountsByRow:
    """Counts as a store does that knows only rows; all caps are looked at before any is counted."""

    def __init__(self) -> None:
        self.clock: dict[tuple[bytes, int], int] = {}
        self.rolling: dict[bytes, list[int]] = {}

    def admit(self, rows: list[list[Any]], at_ms: int, tier: str | None) -> int | None:
        """None when counted, else the index of the first full row."""
        for index, (key, kind, limit, tiers, start, _, period) in enumerate(rows):
            if tier is not None and tier in tiers:
                limit = tiers[tier]
            if kind == KIND_CLOCK:
                seen = self.clock.get((key, start), 0)
            else:
                seen = sum(there > at_ms - period for there in self.rolling.get(key, []))
            if seen >= limit:
                return index
        for key, kind, _, _, start, _, _ in rows:
            if kind == KIND_CLOCK:
                self.clock[key, start] = self.clock.get((key, start), 0) + 1
            else:
                self.rolling.setdefault(key, []).append(at_ms)
        return None


def _period_of(name: str, at_ms: int, zone: ZoneInfo) -> tuple[Any, ...]:
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    if name == "week":
        return local.isocalendar()[:2]
    if name == "day":
        return local.timetuple()[:3]
    # An hour that comes twice is two hours.
    return (local.utcoffset(), *local.timetuple()[: {"hour": 4, "minute": 5}[name]])


def _is_full(cap: Cap, accepted: list[Event], event: Event, zone: ZoneInfo) -> bool:
    """By the words of the rules, over every message ever accepted."""
    at_ms, account, _, signature, tier, template, segment = event
    limit = cap.tiers.get(tier or "", cap.limit)
    if cap.ceiling is not None:
        limit = min(limit, cap.ceiling)
    seen = 0
    for there_ms, there_account, there_class, there_signature, _, there_template, there_segment in accepted:
        if there_class not in cap.classes:
            continue
        if cap.scope == "account" and there_account != account:
            continue
        if cap.scope in ("signature", "template", "segment"):
            this = {"signature": signature, "template": template, "segment": segment}[cap.scope]
            that = {"signature": there_signature, "template": there_template, "segment": there_segment}[cap.scope]
            if (this or (account,)) != (that or (there_account,)):
                continue
        if cap.kind == "rolling":
            seen += there_ms > at_ms - cap.period_ms
        else:
            assert isinstance(cap.period, str)
            seen += _period_of(cap.period, there_ms, zone) == _period_of(cap.period, at_ms, zone)
    return seen >= limit


limits = st.integers(0, 3)
caps = st.builds(
    lambda classes, scope, limit, period, tiers, ceiling: (classes, scope, limit, period, tiers, ceiling),
    st.frozensets(st.sampled_from(MessageClass), min_size=1),
    st.sampled_from(["company", "account", "signature", "template", "segment"]),
    limits,
    st.sampled_from([("clock", "minute"), ("clock", "hour"), ("clock", "day"), ("clock", "week"), ("rolling", "day")])
    | st.tuples(st.just("rolling"), st.integers(1, 3 * 86_400_000)),
    st.dictionaries(st.sampled_from(["loyal", "normal"]), limits),
    st.none() | limits,
)
events = st.tuples(
    st.integers(0, 4 * 3_600_000) | st.integers(0, 8 * 86_400_000),
    st.sampled_from(["shop", "bank"]),
    st.sampled_from([0, 1, 2]),
    st.sampled_from(["甲店", "乙店", None]),
    st.sampled_from(["loyal", "unheard of", None]),
    st.sampled_from(["t1", "t2", None]),
    st.sampled_from(["vip", None]),
)


@given(st.sampled_from(STARTS), st.lists(caps, max_size=4), st.lists(events, max_size=25))
def test_rows_count_what_the_rules_say(start: datetime, drawn: list[tuple[Any, ...]], happened: list[Event]) -> None:
    made = [
        Cap(f"c{number}", classes, scope, limit, period, kind, tiers, ceiling)
        for number, (classes, scope, limit, (kind, period), tiers, ceiling) in enumerate(drawn)
    ]
    zone = start.tzinfo
    assert isinstance(zone, ZoneInfo)
    compiled = CapSet(made, zone)
    store = CountsByRow()
    accepted: list[Event] = []
    first_ms = int(start.timestamp() * 1000)
    for drawn_event in sorted(happened, key=lambda drawn_event: drawn_event[0]):
        event: Event = (first_ms + drawn_event[0], *drawn_event[1:])
        at_ms, account, message_class, signature, tier, template, segment = event
        rows = compiled.compiled(account, message_class, signature, template, segment)
        full = store.admit(rows.script_rows(at_ms), at_ms, tier)
        expected = [cap for cap in made if message_class in cap.classes and _is_full(cap, accepted, event, zone)]
        if full is None:
            assert not expected
            accepted.append(event)
        else:
            assert rows.caps[full] == expected[0]
            assert rows.refusal(full, 60).retry_after_s == 60


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), max_size=20))
def test_remembered_rows_are_the_rows(offsets: list[timedelta]) -> None:
    made = [
        Cap("m", frozenset((2,)), "company", 1, "minute"),
        Cap("w", frozenset((2,)), "company", 1, "week"),
        Cap("r", frozenset((2,)), "company", 1, 1234, "rolling"),
    ]
    remembered = CapSet(made, SHANGHAI).compiled("a", 2, None)
    for offset in offsets:
        at_ms = int((START + offset).timestamp() * 1000)
        assert remembered.script_rows(at_ms) == CapSet(made, SHANGHAI).compiled("a", 2, None).script_rows(at_ms)
