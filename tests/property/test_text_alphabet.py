"""Codings: what is written reads back, and no octets break a reader."""

from __future__ import annotations

import gsmcodecs
from hypothesis import given
from hypothesis import strategies as st

from smsgw.errors import LocalError
from smsgw.smpp import gsm0338
from smsgw.smpp.alphabet import (
    DEFAULT_ALPHABETS,
    choose_coding,
    decode_text,
    encode_text,
    pack_septets,
    unpack_septets,
)

GSM_CHARACTERS = gsm0338.DEFAULT_ALPHABET.replace("\x1b", "") + "".join(gsm0338.EXTENSION.values())
_ORACLE = gsmcodecs.makeCodec()

data_codings = st.integers(0, 255)
gsm_texts = st.text(GSM_CHARACTERS, max_size=400)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(gsm_texts)
def test_gsm_agrees_with_the_oracle_both_ways(text: str) -> None:
    octets = encode_text(text, 0)
    assert octets == _ORACLE.encode(text)[0]
    assert decode_text(octets, 0) == text == _ORACLE.decode(octets)[0]
    assert choose_coding(text) == 0


@given(texts)
def test_the_chosen_coding_keeps_the_text(text: str) -> None:
    data_coding = choose_coding(text)
    assert decode_text(encode_text(text, data_coding), data_coding) == text
    assert (data_coding == 0) == set(GSM_CHARACTERS).issuperset(text)


@given(texts, data_codings)
def test_what_can_be_written_reads_back(text: str, data_coding: int) -> None:
    try:
        octets = encode_text(text, data_coding)
    except LocalError:
        return
    if data_coding == 0x05:
        # Shift JIS has two codes for some signs; what comes back is written the same way.
        assert encode_text(decode_text(octets, data_coding), data_coding) == octets
    else:
        assert decode_text(octets, data_coding) == text


@given(st.binary(max_size=300), data_codings, st.sampled_from(sorted(DEFAULT_ALPHABETS)))
def test_no_octets_raise(octets: bytes, data_coding: int, default_alphabet: str) -> None:
    text = decode_text(octets, data_coding, default_alphabet)
    assert text.encode("utf-8").decode("utf-8") == text  # no lone surrogate comes out either


@given(st.lists(st.integers(0, 127), max_size=200).map(bytes), st.integers(0, 6))
def test_packing_is_undone_with_a_count(septets: bytes, fill_bits: int) -> None:
    packed = pack_septets(septets, fill_bits)
    assert len(packed) == (len(septets) * 7 + fill_bits + 7) // 8 * bool(septets)
    assert unpack_septets(packed, len(septets), fill_bits) == septets


@given(st.lists(st.integers(0, 127), max_size=200).map(bytes), st.integers(0, 6))
def test_packing_is_undone_without_a_count_but_for_one_at_sign(septets: bytes, fill_bits: int) -> None:
    unpacked = unpack_septets(pack_septets(septets, fill_bits), fill_bits=fill_bits)
    assert unpacked in (septets, septets.removesuffix(b"\0"))


@given(st.binary(max_size=100), st.integers(0, 6), st.none() | st.integers(0, 200))
def test_no_octets_break_unpacking(packed: bytes, fill_bits: int, count: int | None) -> None:
    assert all(code < 128 for code in unpack_septets(packed, count, fill_bits))
