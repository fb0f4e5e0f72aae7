"""The histogram against exact quantiles."""

from __future__ import annotations

import math
import random

import pytest

from simulators.histogram import Histogram


def test_quantiles_are_within_one_percent() -> None:
    chance = random.Random(1)
    values = sorted(chance.lognormvariate(-6, 2) for _ in range(20_000))
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    for q in (0.01, 0.5, 0.9, 0.99, 0.999):
        exact = values[math.ceil(q * len(values)) - 1]
        assert histogram.quantile(q) == pytest.approx(exact, rel=0.01)
    assert histogram.count == len(values)
    assert histogram.max_s == values[-1]
    assert histogram.milliseconds()["mean"] == pytest.approx(sum(values) / len(values) * 1e3, abs=0.001)


def test_nothing_and_extremes() -> None:
    histogram = Histogram()
    assert histogram.milliseconds() == {
        "n": 0,
        "mean": 0.0,
        "p50": 0.0,
        "p90": 0.0,
        "p99": 0.0,
        "p999": 0.0,
        "max": 0.0,
    }
    for value in (-1.0, 0.0, 1e-9, 1e9):
        histogram.add(value)
    assert histogram.count == 4
    assert histogram.max_s == 1e9
    assert histogram.quantile(0.5) <= 1.01e-6
