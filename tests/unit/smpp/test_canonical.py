"""Carriers' ids in one form."""

from __future__ import annotations

import pytest

from smsgw.errors import LocalError
from smsgw.smpp.canonical import FORMS, canonical_id


@pytest.mark.parametrize(
    ("carrier_id", "form", "expected"),
    [
        ("BC614E", "hex", "12345678"),
        ("bc614e", "hex", "12345678"),
        ("00bc614e", "hex", "12345678"),
        ("0xBC614E", "hex", "12345678"),
        ("0000000012345678", "dec", "12345678"),
        ("0", "dec", "0"),
        ("000", "hex", "0"),
        ("6C7C7DE28BB3E961947700000000FE37", "hex", str(0x6C7C7DE28BB3E961947700000000FE37)),
        ("64567564356765435676", "dec", "64567564356765435676"),
        (" 0042\0", "dec", "42"),
        ("0042", "text", "0042"),
        (" AbC-7 \0", "text", "AbC-7"),
        ("", "text", ""),
        ("", "hex", ""),
        ("", "dec", ""),
    ],
)
def test_forms(carrier_id: str, form: str, expected: str) -> None:
    assert canonical_id(carrier_id, form) == expected


@pytest.mark.parametrize("carrier_id", ["38601fa", "1_000", "+7", "-7", "1.5", "²", "٣", "0x10", "1 2"])
def test_what_is_not_decimal_stays_as_it_is(carrier_id: str) -> None:
    assert canonical_id(carrier_id, "dec") == carrier_id


@pytest.mark.parametrize("carrier_id", ["c87c2273-7edb", "0x", "1_000", "+7", "xyz", "٣", "0x0x1"])
def test_what_is_not_hexadecimal_stays_as_it_is(carrier_id: str) -> None:
    assert canonical_id(carrier_id, "hex") == carrier_id


@pytest.mark.parametrize("form", sorted(FORMS))
def test_an_id_of_absurd_length_stays_as_it_is(form: str) -> None:
    absurd = "1" * 10_000  # int() refuses more than 4300 digits
    assert canonical_id(absurd, form) == absurd


def test_hexadecimal_and_decimal_of_one_number_meet() -> None:
    assert canonical_id("38601fa", "hex") == canonical_id("0059113978", "dec")


def test_an_unknown_form_is_an_error() -> None:
    with pytest.raises(LocalError, match="expected one of dec, first10, hex, last10, nocase, text"):
        canonical_id("1", "auto")


@pytest.mark.parametrize(
    ("carrier_id", "form", "expected"),
    [
        (" aBc-1 ", "nocase", "abc-1"),
        ("123456789012", "last10", "3456789012"),
        ("003456789012", "last10", "3456789012"),
        ("3456789012", "last10", "3456789012"),
        ("ABCDEFGHIJKL", "first10", "abcdefghij"),
        ("0012345678901", "first10", "12345678"),
        ("short", "last10", "short"),
    ],
)
def test_other_case_and_cut_to_ten(carrier_id: str, form: str, expected: str) -> None:
    assert canonical_id(carrier_id, form) == expected
