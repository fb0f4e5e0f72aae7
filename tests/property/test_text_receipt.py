"""Receipts: no octets raise, what we build reads back, and both ways of reading agree."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.smpp import pdu, receipt
from smsgw.smpp.canonical import FORMS, canonical_id
from smsgw.smpp.constants import ESM_RECEIPT, Tag
from smsgw.smpp.receipt import STATES, build_receipt_text, parse_receipt, parse_receipt_date
from smsgw.smpp.tlv import tlv

_VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "receipts.json").read_text(encoding="utf-8"))["receipts"]
_TEXTS = [bytes.fromhex(vector["short_message_hex"]) for vector in _VECTORS]

ids = st.text("0123456789abcdefABCDEF-", min_size=1, max_size=40)
dates = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59)).map(
    lambda date: date.replace(second=0, microsecond=0)
)
receipt_tlvs = st.lists(
    st.builds(
        tlv,
        st.sampled_from([Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE, Tag.MESSAGE_PAYLOAD]),
        st.binary(max_size=12) | st.sampled_from(_TEXTS),
    ),
    max_size=4,
).map(b"".join)
# Texts of labels and their likes in any order reach further into the reader than octets by chance.
label_soups = st.lists(
    st.sampled_from(
        ["id:", "sub:", "dlvrd:", "submit date:", "done date:", "stat:", "err:", "text:", "ID :", "Text:", " ", "  "]
    )
    | st.sampled_from(["DELIVRD", "MK:0001", "001", "2611181030", "130505082615032+", "0", '"x"', ",", "\0", "ſ", "中"])
    | st.text(max_size=4),
    max_size=30,
).map("".join)


def _deliver(short_message: bytes, esm_class: int, data_coding: int, tlvs: bytes = b"") -> pdu.Sm:
    return pdu.Sm(
        pdu.deliver_sm(
            1,
            source_addr=b"8613800000000",
            destination_addr=b"1069",
            short_message=short_message,
            esm_class=esm_class,
            data_coding=data_coding,
            tlvs=tlvs,
        )
    )


@given(
    st.binary(max_size=254) | st.sampled_from(_TEXTS),
    st.integers(0, 255),
    st.integers(0, 255),
    receipt_tlvs | st.binary(max_size=12),
)
def test_no_octets_raise(short_message: bytes, esm_class: int, data_coding: int, tlvs: bytes) -> None:
    read = parse_receipt(_deliver(short_message, esm_class, data_coding, tlvs))
    assert read is not None or not esm_class & 0x24


@given(label_soups, st.integers(0, 255))
def test_no_labels_raise(text: str, data_coding: int) -> None:
    octets = text.encode("utf-16-be", "replace" if data_coding == 8 else "surrogatepass")
    for payload in (text.encode("utf-8", "replace"), octets):
        view = _deliver(b"", ESM_RECEIPT, data_coding, tlv(Tag.MESSAGE_PAYLOAD, payload))
        assert parse_receipt(view) is not None


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_to_a_real_receipt_raises(seed: int) -> None:
    chance = Random(seed)
    for _ in range(500):
        octets = bytearray(chance.choice(_TEXTS))
        for _ in range(chance.randrange(6)):
            at = chance.randrange(len(octets) + 1)
            octets[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        payload = bytes(octets[: chance.randrange(255)])
        assert parse_receipt(_deliver(payload, ESM_RECEIPT, chance.choice((0, 3, 8, 15)))) is not None


@given(
    ids,
    st.integers(0, 999),
    st.integers(0, 999),
    dates,
    dates,
    st.sampled_from(sorted(STATES)),
    st.text("0123456789abcdef", min_size=3, max_size=4),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)
def test_what_we_build_reads_back(
    id_: str, sub: int, dlvrd: int, submit: datetime, done: datetime, stat: str, err: str, text: str
) -> None:
    read = parse_receipt(
        _deliver(build_receipt_text(id_, sub, dlvrd, submit, done, stat, err, text), ESM_RECEIPT, data_coding=0)
    )
    assert read is not None
    assert (read.id, read.sub, read.dlvrd, read.submit_date, read.done_date) == (id_, sub, dlvrd, submit, done)
    assert (read.stat, read.message_state, read.err, read.text) == (stat, STATES[stat], err, text)


@given(st.from_regex(receipt._USUAL, fullmatch=True))
def test_the_fast_way_and_the_careful_way_agree(text: str) -> None:
    usual = receipt._USUAL.fullmatch(text)
    assert usual is not None
    careful = receipt._read_labels(text)
    for quick, slow in zip(usual.groups(), careful, strict=True):
        assert (quick or "").strip(" \t\r\n\0") == (slow or "").strip(" \t\r\n\0")


@given(st.text(max_size=60) | st.from_regex(r"[0-9/:. TZ+-]{0,25}", fullmatch=True))
def test_no_date_raises(value: str) -> None:
    date = parse_receipt_date(value)
    assert date is None or date.tzinfo is None


@given(st.text(max_size=100), st.sampled_from(sorted(FORMS)))
def test_canonical_ids_stay_as_they_are(carrier_id: str, form: str) -> None:
    once = canonical_id(carrier_id, form)
    assert canonical_id(once, "text") == once
    if form == "dec":
        assert canonical_id(once, "dec") == once


@given(st.integers(0, 2**128), st.integers(0, 20), st.booleans())
def test_all_writings_of_a_number_meet(number: int, zeros: int, upper: bool) -> None:
    hexadecimal = "0" * zeros + (f"{number:X}" if upper else f"{number:x}")
    decimal = "0" * zeros + str(number)
    assert canonical_id(hexadecimal, "hex") == canonical_id(decimal, "dec") == str(number)
