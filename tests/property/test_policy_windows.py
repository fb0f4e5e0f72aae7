"""Windows and buckets against models that know nothing but the wall clock of each minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from smsgw.policy.calendar import Workdays
from smsgw.policy.campaigns import Campaigns
from smsgw.policy.caps import bucket_ms
from smsgw.policy.entries import CampaignEntry
from smsgw.policy.localtime import day_start_ms
from smsgw.policy.model import Draft, Hold, MessageClass
from smsgw.policy.profile import Days, HardWindow, SoftWindow, TimeRange, WindowSettings
from smsgw.policy.windows import Windows

MARKETING = MessageClass.MARKETING
CLASSES = frozenset((MARKETING,))
MINUTE_MS = 60_000

# Whole hours, half hours, 45 minutes; clocks changed at 02:00, at midnight, by half an hour.
ZONES = [
    ZoneInfo(name)
    for name in (
        "Asia/Shanghai",
        "America/New_York",
        "America/Havana",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
        "Africa/Casablanca",
    )
]
FIRST = datetime(2015, 1, 1, tzinfo=UTC)
MINUTES_OF_YEARS = 13 * 366 * 24 * 60

NUMBERS = {
    number: [ZoneInfo(name) for name in names]
    for number, names in {
        "12125550123": ["America/New_York"],
        "16025550123": ["America/Phoenix"],
        "12083550123": ["America/Boise", "America/Los_Angeles"],
        "8613800138000": ["Asia/Shanghai"],
        "": ["Asia/Shanghai"],  # the profile's own
    }.items()
}

zones = st.sampled_from(ZONES)
times = st.integers(0, 288).map(lambda fives: fives * 5)


@st.composite
def _instants(draw: st.DrawFn) -> int:
    """Any time of thirteen years, or close to a change of some clock."""
    near = draw(st.sampled_from([None, "2026-03-08 06:30", "2026-11-01 05:30", "2017-10-15 02:30", "2026-04-04 15:00"]))
    if near is None:
        at = FIRST + timedelta(minutes=draw(st.integers(0, MINUTES_OF_YEARS)))
    else:
        at = datetime.fromisoformat(near).replace(tzinfo=UTC) + timedelta(minutes=draw(st.integers(-2000, 2000)))
    return int(at.timestamp()) * 1000


@st.composite
def _ranges(draw: st.DrawFn) -> TimeRange:
    start, end = draw(times.filter(lambda t: t < 1440)), draw(times.filter(lambda t: t > 0))
    return TimeRange(start, end) if start != end else TimeRange(0, 1440)


@st.composite
def _settings(draw: st.DrawFn) -> WindowSettings:
    ranges = st.lists(_ranges(), min_size=1, max_size=3).map(tuple)
    days: st.SearchStrategy[Days] = st.sampled_from(["workdays", "weekdays", "all"])
    hard = draw(st.none() | st.builds(HardWindow, st.just(CLASSES), ranges))
    soft = draw(st.none() | st.builds(SoftWindow, st.just(CLASSES), days, ranges))
    return WindowSettings("hold", hard, soft)


def _within(minute: int, time_range: TimeRange) -> bool:
    if time_range.start_min < time_range.end_min:
        return time_range.start_min <= minute < time_range.end_min
    return minute >= time_range.start_min or minute < time_range.end_min


def _naive(
    settings: WindowSettings, slots: list[TimeRange], workdays: Workdays, zone: ZoneInfo
) -> Callable[[int], tuple[bool, bool]]:
    """(is the hard window open, is the soft one) by the wall clock alone."""

    def is_open(at_ms: int) -> tuple[bool, bool]:
        local = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)
        minute, day = local.hour * 60 + local.minute, local.date()
        hard = settings.hard is None or not any(_within(minute, closed) for closed in settings.hard.closed)
        soft = True
        if settings.soft is not None:
            counted = {"all": True, "weekdays": day.weekday() < 5, "workdays": workdays.is_workday(day)}
            soft = counted[settings.soft.days] and any(_within(minute, there) for there in settings.soft.open)
        return hard, soft and (not slots or any(_within(minute, slot) for slot in slots))

    return is_open


workday_overrides = st.dictionaries(st.dates(date(2026, 2, 25), date(2026, 4, 10)), st.booleans(), max_size=5)


@given(
    _settings(),
    st.lists(_ranges(), max_size=2),
    zones,
    workday_overrides,
    st.lists(_instants(), min_size=1, max_size=5),
)
def test_windows_agree_with_the_wall_clock(
    settings: WindowSettings, slots: list[TimeRange], zone: ZoneInfo, overrides: dict[date, bool], instants: list[int]
) -> None:
    workdays = Workdays(overrides)
    windows = Windows(settings, zone, workdays, slots)
    is_open = _naive(settings, slots, workdays, zone)
    for at_ms in instants:
        hard, soft = is_open(at_ms)
        closed = windows.check(MARKETING, at_ms)
        assert (closed is None) == (hard and soft)
        if closed is None:
            continue
        assert closed.layer == ("soft" if hard else "hard")
        horizon = at_ms + 12 * 86_400_000 if closed.opens_ms is None else closed.opens_ms
        # Nothing between is open; five minutes is the grain of all times above, offsets included.
        assert not any(
            all(is_open(there)) for there in range(at_ms, min(horizon, at_ms + 12 * 86_400_000), 5 * MINUTE_MS)
        )
        if closed.opens_ms is not None:
            assert closed.opens_ms > at_ms
            assert all(is_open(closed.opens_ms))
            assert not all(is_open(closed.opens_ms - 1))


@st.composite
def _campaigns(draw: st.DrawFn) -> CampaignEntry:
    slots = draw(st.lists(_ranges(), max_size=2))
    days = st.none() | st.dates(date(2026, 2, 20), date(2026, 4, 10))
    starts, ends = draw(days), draw(days)
    shown = tuple(
        f"{slot.start_min // 60:02}:{slot.start_min % 60:02}-{slot.end_min // 60:02}:{slot.end_min % 60:02}"
        for slot in slots
    )
    return CampaignEntry(
        "c", slots=shown, starts=starts.isoformat() if starts else "", ends=ends.isoformat() if ends else ""
    )


@given(
    _settings(),
    st.sampled_from(sorted(NUMBERS)),
    st.none() | _campaigns(),
    st.lists(_instants(), min_size=1, max_size=4),
)
def test_recipients_zones_and_campaigns_agree_with_every_wall_clock(
    settings: WindowSettings, recipient: str, entry: CampaignEntry | None, instants: list[int]
) -> None:
    windows = Windows(replace(settings, zone="recipient"), ZONES[0], Workdays())
    campaigns = Campaigns([entry] if entry is not None else [])
    slots = [TimeRange.parse(slot) for slot in entry.slots] if entry is not None else []
    clocks = [(zone, _naive(settings, slots, Workdays(), zone)) for zone in NUMBERS[recipient]]

    def is_open(at_ms: int) -> bool:
        for zone, by_the_clock in clocks:
            day = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone).date().isoformat()
            if not all(by_the_clock(at_ms)):
                return False
            if entry is not None and ((entry.starts and day < entry.starts) or (entry.ends and day > entry.ends)):
                return False
        return True

    rules = [windows.rule(layer, MARKETING, lambda: campaigns) for layer in ("hard", "soft")]
    for at_ms in instants:
        draft = Draft("a", MARKETING, "1", recipient, "", 1, at_ms, campaign="c" if entry is not None else "")
        outcomes = [rule.check(draft) for rule in rules if rule is not None]
        assert all(outcome is None for outcome in outcomes) == is_open(at_ms)
        held = [outcome.until_ms for outcome in outcomes if isinstance(outcome, Hold)]
        # Nothing is open before the latest of the holds; five minutes is the grain of all times above.
        until = min(max(held, default=at_ms), at_ms + 4 * 86_400_000)
        assert not any(is_open(there) for there in range(at_ms, until, 5 * MINUTE_MS) if held)
        if held and len(held) == len([outcome for outcome in outcomes if outcome is not None]):
            assert is_open(max(held))


@given(_settings(), zones, _instants())
def test_a_hold_ends_when_both_windows_are_open(settings: WindowSettings, zone: ZoneInfo, at_ms: int) -> None:
    windows = Windows(settings, zone, Workdays())
    for layer in ("hard", "soft"):
        rule = windows.rule(layer, MARKETING)
        outcome = rule and rule.check(Draft("a", MARKETING, "1", "2", "", 1, at_ms))
        if isinstance(outcome, Hold):
            assert outcome.until_ms > at_ms
            assert windows.check(MARKETING, outcome.until_ms) is None


@given(zones, st.sampled_from(["minute", "hour", "day", "week"]), _instants())
@example(ZoneInfo("America/Sao_Paulo"), "day", 1_508_036_400_000)  # a day whose midnight is skipped
def test_buckets_follow_the_wall_clock(zone: ZoneInfo, period: str, at_ms: int) -> None:
    def label(there_ms: int) -> tuple[object, ...]:
        local = datetime.fromtimestamp(there_ms // 1000, UTC).astimezone(zone)
        if period == "week":
            return local.isocalendar()[:2]
        if period == "day":
            return (local.date(),)
        shown = (local.date(), local.hour, local.utcoffset())
        return shown if period == "hour" else (*shown, local.minute)

    start, end = bucket_ms(period, at_ms, zone)
    assert start <= at_ms < end
    assert bucket_ms(period, start, zone)[0] == start or period in ("hour", "minute")
    if period in ("day", "week"):
        assert label(start) == label(at_ms) == label(end - 1)
        assert label(start - 1) != label(at_ms) != label(end)
        assert bucket_ms(period, end, zone)[0] == end
    else:
        shown = [label(there) for there in (start, at_ms, end - 1)]
        same_offset = (
            len({datetime.fromtimestamp(there // 1000, UTC).astimezone(zone).utcoffset() for there in (start, end)})
            == 1
        )
        assert not same_offset or len(set(shown)) == 1


@given(zones, st.dates(date(2015, 1, 1), date(2027, 12, 31)))
def test_a_day_starts_with_its_first_instant(zone: ZoneInfo, day: date) -> None:
    start = day_start_ms(day, zone)
    assert datetime.fromtimestamp(start // 1000, UTC).astimezone(zone).date() == day
    assert datetime.fromtimestamp(start // 1000 - 1, UTC).astimezone(zone).date() == day - timedelta(days=1)
