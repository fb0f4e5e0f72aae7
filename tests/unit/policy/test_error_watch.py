"""Rising errors: against what was usual before, with a sample, of each kind by itself."""

from __future__ import annotations

import pytest

from smsgw.policy.error_watch import BEFORE_S, ErrorWatch, Totals


def watched(*before: Totals, rise: float = 0.1, sample: int = 50) -> ErrorWatch:
    """A watch that noted these totals, a minute apart, and began at the last of them."""
    watch = ErrorWatch(rise, sample)
    for number, totals in enumerate(before):
        watch.note(number * 60.0, totals)
    watch.begin(before[-1] if before else Totals())
    return watch


USUAL = (Totals(), Totals(20, 100, 5, 100, 10, 100))


def test_what_was_usual_before_is_no_rise() -> None:
    assert watched(*USUAL).judge(Totals(49, 200, 14, 200, 29, 200)) == ""


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (Totals(51, 200, 5, 100, 10, 100), "refused to applications: 31.0% of 100 since it is in force, 20.0% before"),
        (Totals(20, 100, 21, 200, 10, 100), "not answered by carriers: 16.0% of 100 since it is in force, 5.0% before"),
        (Totals(20, 100, 5, 100, 31, 200), "report a failure: 21.0% of 100 since it is in force, 10.0% before"),
    ],
)
def test_each_kind_is_judged_by_itself(after: Totals, said: str) -> None:
    assert said in watched(*USUAL).judge(after)


def test_few_messages_say_nothing() -> None:
    watch = watched(*USUAL)
    assert watch.judge(Totals(69, 149, 5, 100, 10, 100)) == ""
    assert watch.judge(Totals(70, 150, 5, 100, 10, 100)) != ""


def test_without_a_before_more_than_half_must_go_wrong() -> None:
    watch = watched()
    assert watch.judge(Totals(50, 100)) == ""
    assert "too few before to compare with" in watch.judge(Totals(51, 100))


def test_only_the_last_minutes_before_count() -> None:
    """An outage an hour ago is not what is usual."""
    watch = ErrorWatch(0.1, 50)
    watch.note(0, Totals())
    watch.note(10, Totals(1000, 1000))
    watch.note(11 + BEFORE_S, Totals(1000, 2000))
    watch.begin(Totals(1000, 3000))
    assert "0.0% before" in watch.judge(Totals(1020, 3100))


def test_a_site_that_refuses_all_is_never_worse() -> None:
    assert watched(Totals(), Totals(100, 100)).judge(Totals(200, 200)) == ""
