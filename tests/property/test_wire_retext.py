"""A message that is given another text: read back it is that text, in its own coding and form, nothing too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.smpp.alphabet import choose_coding, encode_text
from smsgw.smpp.constants import ESM_UDHI
from smsgw.smpp.convert import Converted
from smsgw.smpp.pdu import Sm
from smsgw.smpp.reshape import Piece, built, piece_of
from smsgw.smpp.retext import retexted
from smsgw.smpp.segments import count_segments, joined_text, segment_limit
from smsgw.smpp.udh import concat_of
from smsgw.smpp.views import DataSm
from tests.property.test_wire_convert import base, sent

_texts = st.one_of(st.text("ab1 €{}[]@", min_size=1, max_size=400), st.text("a中1，😀", min_size=1, max_size=200))


def _given(made: Converted) -> tuple[str, set[int]]:
    views = [Sm(raw) for raw in made.pdus]
    pieces = [piece_of(view) for view in views]
    return joined_text((piece.payload, piece.data_coding) for piece in pieces), {p.data_coding for p in pieces}


@given(_texts, st.sampled_from(["udh8", "udh16", "sar", "payload"]), st.integers(0, 200), st.booleans())
def test_the_new_text_arrives_whole(text: str, form: str, at: int, is_longer: bool) -> None:
    coding = choose_coding(text)
    views = sent(text, coding, form)
    change = (lambda old: old[:at] + "https://s.cn/aB3dE6gH" + old[at:]) if is_longer else (lambda old: old[: at + 1])
    made = retexted(views, change)
    assert made is not None
    assert _given(made) == (change(text), {coding})
    payload = encode_text(change(text), coding)
    assert sum(made.segments) == count_segments(payload, coding) if form == "payload" else len(made.pdus)
    if form == "payload":
        assert len(made.pdus) == 1
        return
    for index, raw in enumerate(made.pdus, 1):
        view = Sm(raw)
        concat = concat_of(view)
        assert (concat is None) == (len(made.pdus) == 1)
        if concat is not None:
            assert (concat.index, concat.total) == (index, len(made.pdus))
            assert concat.kind == (form if len(views) > 1 else "udh8")
        header = len(view.payload) - len(piece_of(view).payload)
        assert len(piece_of(view).payload) <= segment_limit(coding, header or (6 if concat is not None else 0))
        assert (view.destination_addr, view.registered_delivery, view.priority_flag) == (b"8613800000000", 1, 1)


def _one(payload: bytes, coding: int, **fields: object) -> Sm:
    return base(short_message=payload, data_coding=coding, **fields)


@pytest.mark.parametrize(
    "views",
    [
        [_one(b"\x00a\x00", 8)],
        [_one(b"\xd8\x3d", 8)],
        [_one(b"abc", 4)],
        [_one(b"\x1b", 0)],
        [_one(b"\x06\x05\x04\x0b\x84\x23\xf0abc", 0, esm_class=ESM_UDHI)],
        [_one(b"\x09\x00", 0, esm_class=ESM_UDHI)],
        [
            Sm(built(base(), Piece(b"a" * 140, 0), "udh8", 1, 2, 1)),
            Sm(built(base(), Piece(b"\x00a", 8), "udh8", 1, 2, 2)),
        ],
    ],
    ids=["odd", "half a pair", "binary", "open escape", "ports", "broken header", "two codings"],
)
def test_what_can_not_be_written_again_keeps_its_text(views: list[Sm | DataSm]) -> None:
    assert retexted(views, lambda text: "short") is None


def test_a_text_that_its_coding_can_not_say_or_that_is_too_long() -> None:
    assert retexted([_one(b"abc", 0)], lambda text: "中") is None
    assert retexted([_one(b"abc", 0)], lambda text: "a" * 153 * 256) is None


def test_a_long_short_message_stays_one_while_it_can() -> None:
    made = retexted([_one(b"a" * 200, 0)], lambda text: text + "b")
    assert made is not None
    assert (len(made.pdus), made.segments) == (1, (2,))
    cut = retexted([_one(b"a" * 200, 0)], lambda text: text * 2)
    assert cut is not None
    assert len(cut.pdus) == 3
