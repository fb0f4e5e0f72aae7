"""What is read off the facts for each kind of alarm."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.alarms import conditions
from smsgw.policy.alarms.conditions import Delivered, Look, Reactions, Traffic
from smsgw.policy.alarms.standing import Reading

INF = float("inf")


def test_delivery_is_read_by_carrier_and_by_province() -> None:
    found = conditions.delivery(
        [Delivered("alpha", "广东", 30, 10), Delivered("alpha", "", 60, 0), Delivered("beta", "广东", 0, 0)]
    )
    alpha = (("carrier", "alpha"),)
    assert found == [Reading(alpha, 0.9, 100), Reading((*alpha, ("province", "广东")), 0.75, 40)]


def test_reactions_are_read_by_account_and_template() -> None:
    counts = [Reactions("shop", "t1", 400, 8, 2), Reactions("shop", "", 600, 30, 1), Reactions("shop", "t2", 50, 0, 0)]
    shop, t1 = (("account", "shop"),), (("account", "shop"), ("template", "t1"))
    assert conditions.complaints(counts) == [Reading(shop, 3, 3), Reading(t1, 2, 2)]
    assert conditions.unsubscribe_rate(counts) == [
        Reading(t1, 0.02, 400), Reading((("account", "shop"), ("template", "t2")), 0.0, 50),
    ]  # fmt: skip


def test_answers_of_a_time_are_the_difference_of_two_looks() -> None:
    before = Look(0, {"alpha": {0.1: 100, 1.0: 100, INF: 100}})
    now = Look(1, {"alpha": {0.1: 190, 1.0: 200, INF: 200}, "beta": {0.1: 0, 1.0: 0, INF: 0}})
    (reading,) = conditions.slow(before, now)
    assert reading.volume == 100
    assert reading.value == pytest.approx(0.55)
    started_anew = Look(1, {"alpha": {0.1: 10, 1.0: 10, INF: 10}})
    assert conditions.slow(before, started_anew)[0].volume == 10
    assert conditions.slow(Look(0), now) == []  # nobody knows when those answers came


@given(st.lists(st.floats(0.001, 40), min_size=1, max_size=200))
def test_the_95th_of_a_hundred_lies_in_its_bucket(times_s: list[float]) -> None:
    bounds = [0.01, 0.1, 1.0, 10.0, INF]
    buckets = {bound: float(sum(each <= bound for each in times_s)) for bound in bounds}
    (reading,) = conditions.slow(Look(0, {"alpha": dict.fromkeys(bounds, 0.0)}), Look(1, {"alpha": buckets}))
    # Any answer that 95 of 100 are not slower than stands in a bucket whose bounds are around the reading.
    fewest = min(each for each in sorted(times_s) if sum(other <= each for other in times_s) >= 0.95 * len(times_s))
    upper = min(bound for bound in bounds if bound >= fewest)
    lower = max((bound for bound in bounds if bound < fewest), default=0.0)
    assert lower <= reading.value <= (upper if upper < INF else 10.0)


def test_a_queue_counts_only_where_it_grew() -> None:
    before = Look(0, waiting={("alpha", "otp"): 10, ("alpha", "notice"): 900})
    now = Look(1, waiting={("alpha", "otp"): 20, ("alpha", "notice"): 800, ("beta", "otp"): 0})
    found = {dict(each.labels)["class"]: each.counts for each in conditions.growing(before, now)}
    assert found == {"otp": True, "notice": False}


def test_traffic_is_compared_with_the_median_of_earlier_weeks() -> None:
    of = {"shop": Traffic(900, 100, (100, 300, 200), (1000, 1000, 10)), "new": Traffic(5, 5, (), ())}
    assert conditions.traffic_high(of) == [Reading((("account", "shop"),), 4.5, 900)]
    assert conditions.traffic_low(of) == [Reading((("account", "shop"),), 0.1, 1000)]


def test_an_account_that_never_sent_at_that_hour_begins_with_one_message() -> None:
    of = {"shop": Traffic(0, 4000, (0, 0), (0, 0))}
    assert conditions.traffic_high(of)[0].value == 4000
    assert conditions.traffic_low(of) == []


def test_days_are_counted_to_the_last_one() -> None:
    rows = [("account", "shop", "2026-12-03"), ("carrier", "alpha", ""), ("carrier", "beta", "2026-11-22")]
    found = {dict(each.labels)["name"]: each.value for each in conditions.ending(rows, date(2026, 11, 23))}
    assert found == {"shop": 10, "beta": -1}
    (reading,) = conditions.calendar(2027, date(2026, 11, 23))
    assert (reading.labels, reading.value) == ((("year", "2027"),), 39)


def test_what_is_refused_for_good_is_told_by_status() -> None:
    look = Look(0, refused={("alpha", "ESME_RINVPASWD"): 2})
    assert conditions.refused(look) == [Reading((("carrier", "alpha"), ("status", "ESME_RINVPASWD")), 2)]
