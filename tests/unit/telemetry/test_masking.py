"""Nothing that looks like a phone number, a secret or content gets into a log line."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.telemetry.masking import mask_fields, mask_number, mask_text

ID = "0193ab12345678901234cd5678"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to 13912345678", "to 139****5678"),
        ("to +8613912345678.", "to +8613****5678."),
        ("008613912345678", "008613****5678"),
        ("13912345678,13812345679", "139****5678,138****5679"),
        ("tel:13912345678x", "tel:139****5678x"),
        ("１３９１２３４５６７８", "１３９****５６７８"),
        ("1064912345678 and 106491234567890", "1064****5678 and 1064****7890"),
        ("00861440123456789", "008614****6789"),
        ("1234567", "12****7"),
        ("95588 on 2026-11-18T10:30:00.123Z from 127.0.0.1:2775", None),
        (f"message {ID} sent", None),
        ("12345678901234567890", None),
        ("1234567890123456", None),
    ],
)
def test_numbers_in_text(text: str, shown: str | None) -> None:
    assert mask_text(text) == (text if shown is None else shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2, host=a", "password=***, host=a"),
        ("{'password': 'hun ter2', 'a': 1}", "{'password': ***, 'a': 1}"),
        ('secret_key = "x"', "secret_key = ***"),
        ("redis://user:hunter2@host:6379/0", "redis://***@host:6379/0"),
        ("redis://:hunter2@host:6379/0", "redis://***@host:6379/0"),
        ("the password is wrong", "the password is wrong"),
    ],
)
def test_secrets_in_text(text: str, shown: str) -> None:
    assert mask_text(text) == shown


@given(st.text(alphabet="0123456789", min_size=7, max_size=15), st.sampled_from(["", "+", "to ", "x", "=", "（"]))
def test_no_number_is_shown_whole_and_four_digits_stay_hidden(digits: str, before: str) -> None:
    shown = mask_text(f"{before}{digits} end")
    assert digits not in shown
    assert sum(c.isdigit() for c in shown) <= len(digits) - 4


@given(st.text(max_size=200))
def test_no_run_of_7_to_15_digits_survives_and_masking_twice_changes_nothing(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once
    for run in re.finditer(r"(?<![0-9A-Za-z])\d{7,15}(?![0-9A-Za-z])", once):
        raise AssertionError(run)


@given(st.text(alphabet="0123456789abcdefABCDEF", min_size=20, max_size=40))
def test_message_ids_are_kept(message_id: str) -> None:
    assert mask_text(f"id={message_id};") == f"id={message_id};"


def test_mask_number_shows_nothing_of_what_is_too_short() -> None:
    assert mask_number("123") == "****"
    assert mask_number("8613912345678") == "8613****5678"


def test_fields_are_masked_by_name_and_by_value() -> None:
    shown = mask_fields(
        {
            "recipient": 8613912345678,
            "at_ms": 1_795_000_000_000,
            "sequence_number": 2_147_483_647,
            "status": 0x00000402,
            "password": b"hunter2",
            "access_token": "abc",
            "short_message": "【示例商城】您的验证码",
            "carrier_message_id": "1234567890",
            "addr": b"13912345678",
            "nested": {"to": ["13912345678", 1.5, None, True], "password": "x"},
            "error": ValueError("no route to 13912345678"),
        }
    )
    assert shown == {
        "recipient": "8613****5678",
        "at_ms": 1_795_000_000_000,
        "sequence_number": 2_147_483_647,
        "status": 0x00000402,
        "password": "***",
        "access_token": "***",
        "short_message": "[11 withheld]",
        "carrier_message_id": "1234567890",
        "addr": "139****5678",
        "nested": {"to": ["139****5678", 1.5, None, True], "password": "***"},
        "error": "no route to 139****5678",
    }


def test_a_carriers_id_that_holds_a_mobile_number_is_masked() -> None:
    assert mask_fields({"carrier_message_id": "8613912345678-17"}) == {"carrier_message_id": "8613****5678-17"}


def test_a_broken_str_is_no_trouble() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert mask_fields({"x": Broken()}) == {"x": "[Broken: RuntimeError]"}


def test_endless_nesting_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert "[...]" in str(mask_fields({"x": loop}))
