"""What reading text and receipts costs: ``python tests/bench/bench_text.py`` from the project's root.

Prints microseconds a call, best of several runs, beside the budget of the hot path; exits with 1 when a budget
is exceeded. Not part of the test suite: a busy machine would fail it for nothing.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from datetime import datetime

from smsgw.smpp import pdu, tlv
from smsgw.smpp.alphabet import choose_coding, decode_text, encode_text
from smsgw.smpp.canonical import canonical_id
from smsgw.smpp.constants import ESM_RECEIPT, ESM_UDHI, Tag
from smsgw.smpp.receipt import build_receipt_text, parse_receipt
from smsgw.smpp.segments import count_segments, split_udh
from smsgw.smpp.udh import build_concat_udh, concat_of

_RUNS = 7
_CALLS = 20_000

_CHINESE = "【示例商城】您的验证码是123456,五分钟内有效,请勿告诉他人。" * 3
_GSM = "Your code is 123456. Don't tell anybody, we never ask for it. " * 3
_SUBMITTED = datetime(2026, 11, 18, 10, 30)
_USUAL = build_receipt_text("0123456789", 1, 1, _SUBMITTED, _SUBMITTED, "DELIVRD", "000", "Your code is 123456.")
_UNUSUAL = b"4790000000SMSAlert^id: 1054BC63 stat:DELIVRD submit date:2611181030 done date:2611181030 err: text:"
_STATE_TLVS = tlv.tlv(Tag.RECEIPTED_MESSAGE_ID, b"0123456789\0") + tlv.tlv(Tag.MESSAGE_STATE, b"\x02")


def _deliver(short_message: bytes, esm_class: int = ESM_RECEIPT, data_coding: int = 0, tlvs: bytes = b"") -> bytes:
    return pdu.deliver_sm(
        1,
        source_addr=b"8613800000000",
        destination_addr=b"10690001",
        short_message=short_message,
        esm_class=esm_class,
        data_coding=data_coding,
        tlvs=tlvs,
    )


def _cases() -> list[tuple[str, float | None, Callable[[], object]]]:
    ucs2, gsm = _CHINESE[:70].encode("utf-16-be"), _GSM[:160].encode()
    escaped = encode_text("{€}" + _GSM[:150], 0)
    usual, unusual = pdu.Sm(_deliver(_USUAL)), pdu.Sm(_deliver(_UNUSUAL))
    raw_with_tlvs = _deliver(_USUAL, tlvs=_STATE_TLVS)
    declared = pdu.Sm(_deliver(_USUAL.decode().encode("utf-16-be"), data_coding=8))
    ordinary = pdu.Sm(_deliver(ucs2, esm_class=0, data_coding=8))
    segment = pdu.Sm(_deliver(build_concat_udh(7, 3, 2) + ucs2[:134], esm_class=ESM_UDHI, data_coding=8))
    long_text = _CHINESE + _CHINESE
    return [
        ("decode_text, 70 UCS2 characters", 1.5, lambda: decode_text(ucs2, 8)),
        ("decode_text, 160 GSM characters", 3.0, lambda: decode_text(gsm, 0)),
        ("decode_text, 153 GSM characters with escapes", 3.0, lambda: decode_text(escaped, 0)),
        ("encode_text, 160 GSM characters", None, lambda: encode_text(_GSM[:160], 0)),
        ("encode_text, 70 UCS2 characters", None, lambda: encode_text(_CHINESE[:70], 8)),
        ("choose_coding, 160 GSM characters", None, lambda: choose_coding(_GSM[:160])),
        ("count_segments, one UCS2 segment", None, lambda: count_segments(ucs2, 8)),
        ("split_udh, 3 UCS2 segments", None, lambda: split_udh(long_text[:200], 8, 7)),
        ("concat_of, an ordinary message", None, lambda: concat_of(ordinary)),
        ("concat_of, a segment", None, lambda: concat_of(segment)),
        ("parse_receipt, an ordinary MO", None, lambda: parse_receipt(ordinary)),
        ("parse_receipt, usual form", 6.0, lambda: parse_receipt(usual)),
        ("Sm() and parse_receipt, usual form and TLVs", None, lambda: parse_receipt(pdu.Sm(raw_with_tlvs))),
        ("parse_receipt, usual form in UCS2", 6.0, lambda: parse_receipt(declared)),
        ("parse_receipt, unusual form", None, lambda: parse_receipt(unusual)),
        (
            "build_receipt_text",
            None,
            lambda: build_receipt_text("0123456789", 1, 1, _SUBMITTED, _SUBMITTED, "DELIVRD", "000", "Hello"),
        ),
        ("canonical_id, hex", None, lambda: canonical_id("038601FA", "hex")),
    ]


def main() -> int:
    """Run every case; return 1 when one is over its budget."""
    over = 0
    for name, budget_us, call in _cases():
        best_us = min(timeit.repeat(call, number=_CALLS, repeat=_RUNS)) / _CALLS * 1e6
        is_over = budget_us is not None and best_us > budget_us
        over += is_over
        budget = "" if budget_us is None else f"  budget {budget_us:.1f} µs" + ("  OVER" if is_over else "")
        print(f"{name:<48}{best_us:8.2f} µs{budget}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
