"""Durations and rates as text."""

from __future__ import annotations

import pytest

from smsgw.documents.units import parse_duration, parse_rate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300ms", 0.3), ("30s", 30.0), ("5m", 300.0), ("72h", 259_200.0), ("7d", 604_800.0), ("0s", 0.0), ("1.5 s", 1.5)],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["3661d", "9" * 400 + "s"])
def test_a_duration_has_an_end(value: str) -> None:
    with pytest.raises(ValueError, match="expected at most ten years"):
        parse_duration(value)


@pytest.mark.parametrize("value", ["30", 30, "", "s", "-1s", "1 week", "1s 5ms", None, "1e3s", "١s"])
def test_anything_else_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="expected a duration with its unit"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "per_s"), [("100/s", 100.0), ("600/m", 10.0), ("3600/h", 1.0), ("0.5/s", 0.5), ("86400 / d", 1.0)]
)
def test_a_rate_is_per_second(text: str, per_s: float) -> None:
    assert parse_rate(text) == pytest.approx(per_s)


@pytest.mark.parametrize("value", ["100", 100, "100/week", "/s", "-5/s", "0/s", "1000001/s", "9" * 400 + "/s"])
def test_anything_else_is_no_rate(value: object) -> None:
    with pytest.raises(ValueError, match="expected a rate"):
        parse_rate(value)
