"""However the network cuts a stream, the frames are the same; whatever octets come, nothing raises."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from smsgw.smpp.framing import Framer
from smsgw.smpp.pdu import enquire_link

_PDUS = [
    bytes.fromhex(vector["hex"])
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / "pdus.json").read_text(encoding="utf-8"))[
        "vectors"
    ]
]
_STREAM = b"".join(_PDUS)
_MOST = 1024


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def test_two_pieces_cut_at_every_octet() -> None:
    for place in range(len(_STREAM) + 1):
        framer = Framer(_MOST)
        frames = framer.feed(_STREAM[:place])
        frames += framer.feed(_STREAM[place:])
        assert frames == _PDUS
        assert framer.pending_octets == 0


def test_every_size_of_pieces() -> None:
    for size in range(1, 200):
        framer = Framer(_MOST)
        pieces = (_STREAM[at : at + size] for at in range(0, len(_STREAM), size))
        assert [frame for piece in pieces for frame in framer.feed(piece)] == _PDUS


@given(st.lists(st.sampled_from(_PDUS), max_size=12), st.lists(st.integers(0, 5000), max_size=12))
def test_any_cuts_of_any_stream(pdus: list[bytes], places: list[int]) -> None:
    framer = Framer(_MOST)
    assert [frame for piece in _cut(b"".join(pdus), places) for frame in framer.feed(piece)] == pdus
    assert framer.pending_octets == 0
    assert framer.failure is None


@given(
    st.lists(st.sampled_from(_PDUS), max_size=5),
    st.one_of(st.integers(0, 15), st.integers(_MOST + 1, 0xFFFFFFFF)),
    st.binary(max_size=64),
    st.lists(st.integers(0, 5000), max_size=12),
)
def test_an_impossible_length_is_found_wherever_it_is_cut(
    pdus: list[bytes], length: int, rest: bytes, places: list[int]
) -> None:
    framer = Framer(_MOST)
    data = b"".join(pdus) + length.to_bytes(4) + rest
    assert [frame for piece in _cut(data, places) for frame in framer.feed(piece)] == pdus
    assert framer.failure is not None
    assert framer.pending_octets == 0
    assert framer.feed(enquire_link(1)) == []


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_any_octets_are_cut_the_same_way_however_they_come(pieces: list[bytes]) -> None:
    apart, at_once = Framer(64), Framer(64)
    frames = [frame for piece in pieces for frame in apart.feed(piece)]
    data = b"".join(pieces)
    assert at_once.feed(data) == frames
    assert (apart.failure is None) == (at_once.failure is None)
    assert apart.pending_octets == at_once.pending_octets < 64
    assert data.startswith(b"".join(frames))
    assert all(int.from_bytes(frame[:4]) == len(frame) for frame in frames)
