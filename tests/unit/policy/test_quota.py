from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from smsgw.policy.profile import Quota
from smsgw.policy.quota import FIRST_SLICE, LARGEST_SLICE, Bucket, SliceBook, Take, Wish, buckets

At = Callable[..., int]


@pytest.mark.parametrize(
    ("when", "day", "day_end", "month", "month_end"),
    [
        ("2026-11-18 10:30", "d20261118", "2026-11-19 00:00", "m202611", "2026-12-01 00:00"),
        ("2026-11-30 23:59:59.999", "d20261130", "2026-12-01 00:00", "m202611", "2026-12-01 00:00"),
        ("2026-12-31 00:00", "d20261231", "2027-01-01 00:00", "m202612", "2027-01-01 00:00"),
        ("2028-02-29 12:00", "d20280229", "2028-03-01 00:00", "m202802", "2028-03-01 00:00"),
    ],
)
def test_days_and_months(
    at: At, shanghai: ZoneInfo, when: str, day: str, day_end: str, month: str, month_end: str
) -> None:
    assert buckets(Quota(5, 9), at(when), shanghai) == (Bucket(day, 5, at(day_end)), Bucket(month, 9, at(month_end)))


def test_only_what_is_limited_is_counted(at: At, shanghai: ZoneInfo) -> None:
    now = at("2026-11-18 10:30")
    assert buckets(Quota(), now, shanghai) == ()
    assert [each.name for each in buckets(Quota(day=1), now, shanghai)] == ["d20261118"]
    assert [each.name for each in buckets(Quota(month=1), now, shanghai)] == ["m202611"]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25)])
def test_a_day_is_as_long_as_the_wall_clock_makes_it(at: At, day: str, hours: int) -> None:
    there = ZoneInfo("America/New_York")
    (bucket,) = buckets(Quota(day=1), at(f"{day} 00:00", there), there)
    assert bucket.end_ms - at(f"{day} 00:00", there) == hours * 3_600_000


def test_without_a_quota_nothing_is_asked(shanghai: ZoneInfo) -> None:
    book = SliceBook(Quota(), shanghai)
    assert book.take(1000, 0) is Take.YES
    assert book.wish(0) is None
    assert book.returns(10**12, closing=True) == []


def test_a_slice_is_spent_and_asked_for_ahead(at: At, shanghai: ZoneInfo) -> None:
    book, now = SliceBook(Quota(day=1000), shanghai), at("2026-11-18 10:30")
    assert book.take(1, now) is Take.WAIT
    wish = book.wish(now)
    assert wish == Wish(buckets(Quota(day=1000), now, shanghai), wish.want if wish else 0, 1)
    assert book.wish(now) is None  # one lease at a time
    book.granted(20, now)
    assert [book.take(1, now) for _ in range(20)] == [Take.YES] * 20
    assert book.take(1, now) is Take.WAIT
    assert book.wish(now) is not None


@pytest.mark.parametrize("granted", [0, 1, 4, 5, FIRST_SLICE, 2 * FIRST_SLICE])
def test_spending_is_taking_where_nothing_is_asked_for(at: At, shanghai: ZoneInfo, granted: int) -> None:
    now = at("2026-11-18 10:30")
    book, twin = SliceBook(Quota(day=1000), shanghai), SliceBook(Quota(day=1000), shanghai)
    for each in (book, twin):
        assert not each.spend(now)
        each.take(1, now)
        each.wish(now)
        each.granted(granted, now)
    spent = 0
    while book.spend(now):
        spent += 1
        assert (twin.take(1, now), twin.wish(now)) == (Take.YES, None)
        assert book.left == twin.left
    assert spent == max(0, granted - book.left)
    assert twin.take(1, now) is not Take.YES or twin.wish(now) is not None
    assert not book.spend(at("2026-11-19 00:00"))


def test_a_message_of_many_segments_asks_for_as_many(at: At, shanghai: ZoneInfo) -> None:
    book, now = SliceBook(Quota(day=1000), shanghai), at("2026-11-18 10:30")
    assert book.take(50, now) is Take.WAIT
    wish = book.wish(now, 50)
    assert wish is not None
    assert (wish.want >= 50, wish.least) == (True, 50)
    book.granted(7, now)
    assert book.take(50, now) is Take.WAIT
    again = book.wish(now, 50)
    assert again is not None
    assert again.least == 43


def test_slices_grow_with_the_rate_and_shrink_again(at: At, shanghai: ZoneInfo) -> None:
    book, now = SliceBook(Quota(day=10**9), shanghai), at("2026-11-18 10:30")
    sizes = []
    for pause_ms in [100] * 12 + [20_000] * 12:
        now += pause_ms
        while book.take(1, now) is Take.YES:
            pass
        wish = book.wish(now)
        assert wish is not None
        sizes.append(wish.want)
        book.granted(wish.want, now)
    assert max(sizes) == LARGEST_SLICE
    assert sizes[-1] == FIRST_SLICE


def test_a_used_up_quota_is_asked_again_after_a_while(at: At, shanghai: ZoneInfo) -> None:
    book, now = SliceBook(Quota(day=10, month=100), shanghai), at("2026-11-18 10:30")
    assert book.take(1, now) is Take.WAIT
    assert book.wish(now) is not None
    book.granted(0, now)
    assert book.take(1, now) is Take.NO
    assert book.wish(now + 1000) is None
    refusal = book.refusal(now)
    assert (refusal.reason.rule_id, refusal.retry_after_s) == ("quota", 13 * 3600 + 1800)
    assert "10 a day, 100 a month" in refusal.detail
    assert book.take(1, now + 2000) is Take.WAIT  # others may have given back, or it was raised
    assert book.wish(now + 2000) is not None


def test_another_day_gives_back_what_is_left(at: At, shanghai: ZoneInfo) -> None:
    book, now = SliceBook(Quota(day=100), shanghai), at("2026-11-18 23:59:59")
    book.take(1, now)
    today = book.wish(now)
    assert today is not None
    book.granted(8, now)
    assert book.take(3, now) is Take.YES
    tomorrow = at("2026-11-19 00:00")
    assert book.take(1, tomorrow) is Take.WAIT
    assert book.returns(tomorrow) == [(today.buckets, 5)]
    wish = book.wish(tomorrow)
    assert wish is not None
    assert wish.buckets[0].name == "d20261119"


def test_a_lease_that_comes_after_midnight_goes_back(at: At, shanghai: ZoneInfo) -> None:
    book, now = SliceBook(Quota(day=100), shanghai), at("2026-11-18 23:59:59")
    book.take(1, now)
    wish = book.wish(now)
    assert wish is not None
    assert book.take(1, at("2026-11-19 00:00")) is Take.WAIT
    book.granted(8, at("2026-11-19 00:00"))
    assert book.left == 0
    assert book.returns(at("2026-11-19 00:00")) == [(wish.buckets, 8)]


def test_business_time_that_goes_back_a_little_loses_nothing(at: At, shanghai: ZoneInfo) -> None:
    book, now = SliceBook(Quota(day=100), shanghai), at("2026-11-18 10:30")
    book.take(1, now)
    book.wish(now)
    book.granted(8, now)
    assert book.take(1, now - 5000) is Take.YES
    assert book.returns(now - 5000) == []
    assert book.left == 7


def test_an_idle_account_and_a_closing_one_give_back(at: At, shanghai: ZoneInfo) -> None:
    now = at("2026-11-18 10:30")
    for later_ms, closing in ((5000, False), (0, True)):
        book = SliceBook(Quota(day=100), shanghai)
        book.take(1, now)
        book.wish(now)
        book.granted(8, now)
        assert book.take(1, now) is Take.YES
        assert book.returns(now) == []
        ((_, count),) = book.returns(now + later_ms, closing)
        assert (count, book.left) == (7, 0)


def test_what_was_refused_after_all_is_put_back(at: At, shanghai: ZoneInfo) -> None:
    book, now = SliceBook(Quota(day=100), shanghai), at("2026-11-18 10:30")
    book.take(1, now)
    book.wish(now)
    book.granted(8, now)
    book.take(3, now)
    book.put_back(3, now)
    assert book.left == 8
    book.put_back(3, now - 86_400_000)  # another day's
    assert book.left == 8
