"""``err:`` of a receipt is three digits whatever the carrier's code is; the code itself travels in a TLV."""

from __future__ import annotations

from datetime import UTC

import pytest

from smsgw.gateway.reports import TAG_CARRIER_CODE, Origin, Report, err_digits, receipt_pdu
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.views import Sm

ORIGIN = Origin(b"\0\x0110690001\0", b"\1\x018613800138000\0", 1_795_000_000_000)


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        ("000", "000"),
        ("7", "007"),
        ("402", "402"),
        ("MK:0001", "001"),
        ("DB:0144", "144"),
        ("0144", "144"),
        ("00B", "000"),
        ("NOSEND", "999"),
        ("", "999"),
    ],
)
def test_a_code_becomes_three_digits(code: str, digits: str) -> None:
    assert err_digits(code) == digits


@pytest.mark.parametrize(("code", "told"), [("144", None), ("DB:0144", b"DB:0144"), ("NOSEND", b"NOSEND")])
def test_a_code_that_is_no_number_is_in_a_tlv(code: str, told: bytes | None) -> None:
    view = Sm(receipt_pdu("00" + "0" * 18, ORIGIN, Report(5, code, 1_795_000_000_000), 1, UTC, True))
    receipt = parse_receipt(view)
    assert receipt is not None
    assert receipt.err is not None
    assert receipt.err.isdigit()
    assert len(receipt.err) == 3
    assert view.tlvs.first(TAG_CARRIER_CODE) == told
