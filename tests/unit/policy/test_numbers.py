from __future__ import annotations

import pytest

from smsgw.policy.numbers import mask, to_e164


@pytest.mark.parametrize("written", ["13800138000", "8613800138000", "+8613800138000", "008613800138000"])
def test_one_recipient_however_it_is_written(written: str) -> None:
    assert to_e164(written) == "8613800138000"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("19912345678", "8619912345678"),
        ("1440012345678", "861440012345678"),  # Internet of things: 13 digits
        ("85291234567", "85291234567"),
        ("+85291234567", "85291234567"),
        ("0014155550123", "14155550123"),
        ("14155550123", "8614155550123"),  # without a plus it reads as a Chinese mobile number
        ("12125550123", "12125550123"),
        ("12800138000", None),  # neither a mobile number of China nor one of North America
        ("138001380000", None),
        ("1380013800", None),
        ("861012345678", None),  # a fixed line
        ("10086", None),
        ("10690001234", None),
        ("+13800138000", None),
        ("138 0013 8000", None),
        ("１３８００１３８０００", None),
        ("13800138000\n", None),
        ("", None),
        ("shop", None),
        ("+", None),
    ],
)
def test_table(written: str, number: str | None) -> None:
    assert to_e164(written) == number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        *((written, "12125550123") for written in ("2125550123", "12125550123", "+12125550123", "0012125550123")),
        ("+14155550123", "14155550123"),
        ("8613800138000", "8613800138000"),
        ("+4791234567", "4791234567"),  # Norway, with its plus
        ("4792234567", "14792234567"),  # Arkansas
        ("1125550123", None),
        ("11255501234", None),
        ("21255501234", "21255501234"),
        ("123", None),
        ("0123456789", None),
    ],
)
def test_numbers_of_north_america(written: str, number: str | None) -> None:
    assert to_e164(written, "1") == number


@pytest.mark.parametrize(
    ("written", "number"),
    [("+4791234567", "4791234567"), ("8613800138000", "8613800138000"), ("123", None), ("0123456789", None)],
)
def test_other_profiles_take_the_international_spelling(written: str, number: str | None) -> None:
    assert to_e164(written, "47") == number


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("8613800138000", "138****8000"),
        ("13800138000", "138****8000"),
        ("+8613800138000", "138****8000"),
        ("85291234567", "852****4567"),
        ("10690001", "****01"),
        ("10086", "****86"),
        ("110", "****"),
        ("", "****"),
        ("not a number", "****"),
    ],
)
def test_masks(number: str, masked: str) -> None:
    assert mask(number) == masked
