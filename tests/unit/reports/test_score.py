"""The arithmetic of a score."""

from __future__ import annotations

import pytest

from smsgw.reports.score import Part, scored

DELIVERY = Part("delivery", 30, 0.98, 0.80)
COMPLAINTS = Part("complaints", 10, 0.0, 0.001)


@pytest.mark.parametrize(
    ("rate", "points"),
    [(1.0, 30), (0.98, 30), (0.89, 15), (0.80, 0), (0.5, 0), (0.965, 27.5)],
)
def test_more_is_better(rate: float, points: float) -> None:
    (found,) = scored([DELIVERY], {"delivery": rate}).parts
    assert found.points == pytest.approx(points)


@pytest.mark.parametrize(("rate", "points"), [(0.0, 10), (0.0005, 5), (0.001, 0), (0.5, 0), (0.00025, 7.5)])
def test_less_is_better(rate: float, points: float) -> None:
    (found,) = scored([COMPLAINTS], {"complaints": rate}).parts
    assert found.points == pytest.approx(points)


@pytest.mark.parametrize(
    ("delivery", "complaints", "score"),
    [
        (0.98, 0.0, 100.0),  # 30 + 10 of 40
        (0.89, 0.0, 62.5),  # 15 + 10 of 40
        (0.89, 0.001, 37.5),  # 15 + 0 of 40
        (0.89, None, 50.0),  # 15 of 30: nothing delivered, so no rate of complaints
        (None, 0.0005, 50.0),  # 5 of 10
        (None, None, None),
    ],
)
def test_what_can_t_be_measured_takes_no_part(
    delivery: float | None, complaints: float | None, score: float | None
) -> None:
    found = scored([DELIVERY, COMPLAINTS], {"delivery": delivery, "complaints": complaints})
    assert found.score == score
    assert [each.rate for each in found.parts] == [delivery, complaints]
