from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from smsgw.policy.caps import (
    KIND_CLOCK,
    KIND_CONTENT,
    KIND_ROLLING,
    CapSet,
    bucket_ms,
    content_hash,
    row_key,
    scope_key,
)
from smsgw.policy.model import MessageClass
from smsgw.policy.profile import Cap, Profile, SameContentRule

At = Callable[..., int]
HOUR = 3_600_000
EVERY = frozenset(MessageClass)


def test_rows_of_a_code(cn_profile: Profile, at: At) -> None:
    rows = CapSet(cn_profile.caps, cn_profile.zone).compiled("shop", MessageClass.OTP, "示例商城")
    now = at("2026-11-18 10:30:20")
    assert rows.script_rows(now) == [
        [row_key("otp_minute:示例商城"), KIND_CLOCK, 1, {}, at("2026-11-18 10:30"), at("2026-11-18 10:31"), 60_000],
        [row_key("otp_day"), KIND_CLOCK, 40, {}, at("2026-11-18 00:00"), at("2026-11-19 00:00"), 24 * HOUR],
    ]


def test_rows_of_marketing_with_tiers_below_the_ceiling(cn_profile: Profile, at: At) -> None:
    rows = CapSet(cn_profile.caps, cn_profile.zone).compiled("shop", MessageClass.MARKETING, "示例商城")
    day, week = rows.script_rows(at("2026-11-18 10:30"))
    assert day[:4] == [row_key("promo_day:shop"), KIND_CLOCK, 1, {"loyal": 2}]
    assert week == [row_key("promo_week:shop"), KIND_ROLLING, 3, {"loyal": 5}, 0, 0, 7 * 24 * HOUR]


def test_a_ceiling_bounds_the_plain_limit_too(at: At, shanghai: ZoneInfo) -> None:
    cap = Cap("c", EVERY, "company", 9, "day", ceiling=4)
    (row,) = CapSet([cap], shanghai).compiled("a", 0, None).script_rows(at("2026-11-18 10:30"))
    assert row[2] == 4


def test_the_same_rows_serve_until_a_bucket_ends(cn_profile: Profile, at: At) -> None:
    rows = CapSet(cn_profile.caps, cn_profile.zone).compiled("shop", MessageClass.OTP, "示例商城")
    first = rows.script_rows(at("2026-11-18 10:30:00"))
    assert rows.script_rows(at("2026-11-18 10:30:59.999")) is first
    later = rows.script_rows(at("2026-11-18 10:31:00"))
    assert later is not first
    assert first[0][4] == at("2026-11-18 10:30")  # what was handed out has not changed
    assert rows.script_rows(at("2026-11-18 10:30:30")) is first  # a held message, or a test clock that went back
    assert rows.script_rows(at("2026-11-18 10:31:30")) is later
    for minute in range(10, 30):
        rows.script_rows(at(f"2026-11-18 11:{minute}"))
    assert rows.script_rows(at("2026-11-18 10:30:30")) == first


def test_compiled_once(cn_profile: Profile) -> None:
    caps = CapSet(cn_profile.caps, cn_profile.zone)
    assert caps.compiled("shop", 2, "示例商城") is caps.compiled("shop", 2, "示例商城")
    assert caps.compiled("shop", 2, "示例商城") is not caps.compiled("shop", 2, None)
    assert caps.compiled("shop", MessageClass.NOTICE, None).script_rows(0) == []


@pytest.mark.parametrize(
    ("scope", "signature", "key"),
    [
        ("company", "示例商城", "c"),
        ("account", "示例商城", "c:shop"),
        ("signature", "示例商城", "c:示例商城"),
        ("signature", None, "c:~shop"),
    ],
)
def test_scope_keys(scope: Any, signature: str | None, key: str) -> None:
    assert scope_key(Cap("c", EVERY, scope, 1, "day"), "shop", signature) == key


@pytest.mark.parametrize("scope", ["template", "segment"])
def test_a_template_and_an_audience_count_apart(at: At, shanghai: ZoneInfo, scope: Any) -> None:
    caps = CapSet([Cap("c", EVERY, scope, 1, "day")], shanghai)
    when = at("2026-11-18 10:30")
    keys = {
        named: caps.compiled("shop", 2, "示例", **{scope: named}).script_rows(when)[0][0]
        for named in ("t1", "t2", None)
    }
    assert keys == {"t1": row_key("c:t1"), "t2": row_key("c:t2"), None: row_key("c:~shop")}
    other = "segment" if scope == "template" else "template"
    named = caps.compiled("shop", 2, "示例", **{scope: "t1", other: "x"})
    assert named is caps.compiled("shop", 2, "示例", **{scope: "t1"})  # nothing counts by the other


def test_the_same_content_is_the_last_row(cn_profile: Profile, at: At) -> None:
    rule = SameContentRule(frozenset((2,)), 24 * HOUR)
    caps = CapSet(cn_profile.caps, cn_profile.zone, rule)
    rows = caps.compiled("shop", 2, "示例商城")
    assert rows.script_rows(at("2026-11-18 10:30"))[2:] == [[b"", KIND_CONTENT, 1, {}, 0, 0, 24 * HOUR]]
    refusal = rows.refusal(2, 60)
    assert (refusal.reason.rule_id, refusal.retry_after_s) == ("same_content", 60)
    assert rows.refusal(1, 60).reason.rule_id == "frequency"
    assert caps.compiled("shop", 0, None).same_content is None


def test_only_the_same_content_has_the_same_hash() -> None:
    assert content_hash("今日特价 5 折") == content_hash("今日特价 5 折")
    assert content_hash("今日特价 5 折") != content_hash("今日特价 6 折")
    assert content_hash("今日特价 5 折") == content_hash("今日,特价5折!!  ")
    assert content_hash("!!") != content_hash("??")
    assert {len(content_hash(text)) for text in ("", "a", "字" * 500, "\ud800")} == {8}


@pytest.mark.parametrize(
    ("period", "when", "start", "end"),
    [
        ("minute", "2026-11-18 10:30:59.999", "2026-11-18 10:30", "2026-11-18 10:31"),
        ("hour", "2026-11-18 10:30", "2026-11-18 10:00", "2026-11-18 11:00"),
        ("day", "2026-11-18 00:00", "2026-11-18 00:00", "2026-11-19 00:00"),
        ("week", "2026-11-16 00:00", "2026-11-16 00:00", "2026-11-23 00:00"),  # from Monday
        ("week", "2026-11-22 23:59", "2026-11-16 00:00", "2026-11-23 00:00"),
    ],
)
def test_buckets_in_shanghai(at: At, shanghai: ZoneInfo, period: str, when: str, start: str, end: str) -> None:
    assert bucket_ms(period, at(when), shanghai) == (at(start), at(end))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("America/Havana", "2026-03-08", 23),  # midnight itself is skipped there
        ("Asia/Kathmandu", "2026-03-08", 24),
    ],
)
def test_days_are_as_long_as_the_wall_clock_makes_them(at: At, zone: str, day: str, hours: int) -> None:
    there = ZoneInfo(zone)
    start, end = bucket_ms("day", at(f"{day} 12:00", there), there)
    assert end - start == hours * HOUR


def test_hours_begin_on_the_wall_clock(at: At) -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")  # 5:45 ahead
    start, _ = bucket_ms("hour", at("2026-11-18 10:59", kathmandu), kathmandu)
    assert start == at("2026-11-18 10:00", kathmandu)


def test_refusal_names_the_cap(cn_profile: Profile) -> None:
    refusal = CapSet(cn_profile.caps, cn_profile.zone).compiled("shop", 2, None).refusal(0, 3600)
    assert (refusal.reason.status, refusal.retry_after_s) == (0x430, 3600)
    assert refusal.reason.fallback == 0x45
    assert "promo_day" in refusal.detail


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a:b"},
        {"name": ""},
        {"period": "month"},
        {"period": 60_000},  # any number of ms only rolls
        {"period": 0, "kind": "rolling"},
        {"limit": -1},
        {"tiers": {"loyal": -1}},
    ],
)
def test_what_cannot_be_counted(wrong: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"name": "c", "classes": EVERY, "scope": "company", "limit": 1, "period": "day"}
    with pytest.raises(ValueError, match=r"\w"):
        Cap(**{**fields, **wrong})
