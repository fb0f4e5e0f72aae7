"""A stream is cut into frames wherever the network cut it; a length that can't be true ends it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smsgw.smpp.constants import CommandStatus
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS, BEFORE_BIND_MAX_OCTETS, Framer
from smsgw.smpp.pdu import bind, enquire_link, submit_sm, unbind
from smsgw.smpp.tlv import tlv

_STREAMS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "streams.json").read_text(encoding="utf-8")
)["vectors"]
_A = enquire_link(1)
_B = submit_sm(2, source_addr=b"1", destination_addr=b"2", short_message=b"hello")
_C = unbind(3)


@pytest.mark.parametrize("vector", _STREAMS, ids=lambda v: v["name"])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_streams(vector: dict[str, Any], step: int) -> None:
    data = bytes.fromhex(vector["hex"])
    framer = Framer(AFTER_BIND_MAX_OCTETS)
    frames = [frame.hex() for at in range(0, len(data), step) for frame in framer.feed(data[at : at + step])]
    assert frames == vector["frames"]
    assert framer.pending_octets == vector["pending_octets"]
    assert (framer.failure is not None) is vector["fails"]


def test_one_whole_frame_is_handed_over_uncopied() -> None:
    assert Framer(1024).feed(_B)[0] is _B


def test_several_frames_at_once() -> None:
    assert Framer(1024).feed(_A + _B + _C) == [_A, _B, _C]


def test_nothing_in_nothing_out() -> None:
    framer = Framer(1024)
    assert framer.feed(b"") == []
    framer.feed(_B[:5])
    assert framer.feed(b"") == []
    assert framer.feed(_B[5:]) == [_B]


def test_an_unfinished_frame_waits_and_is_completed_in_front_of_others() -> None:
    framer = Framer(1024)
    assert framer.feed(_A + _B[:20]) == [_A]
    assert framer.pending_octets == 20
    assert framer.feed(_B[20:] + _C + _A[:2]) == [_B, _C]
    assert framer.pending_octets == 2
    assert framer.feed(_A[2:]) == [_A]
    assert framer.pending_octets == 0


def test_a_whole_frame_is_not_mistaken_while_another_is_unfinished() -> None:
    framer = Framer(1024)
    framer.feed(_B[:20])
    assert framer.feed(_A) == []
    assert framer.pending_octets == 20 + len(_A)


@pytest.mark.parametrize("length", [0, 1, 15, 1025, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_an_impossible_length_ends_the_stream_after_the_good_frames(length: int, cut: int) -> None:
    framer = Framer(1024)
    head = length.to_bytes(4)
    frames = framer.feed(_A + _B + head[:cut])
    frames += framer.feed(head[cut:] + _C)
    assert frames == [_A, _B]
    assert framer.failure is not None
    assert framer.failure.command_status == CommandStatus.ESME_RINVCMDLEN
    assert framer.pending_octets == 0
    assert framer.feed(_C) == []
    assert framer.feed(_C + _C) == []


def test_the_bounds_themselves_are_possible() -> None:
    assert len(_A) == 16
    framer = Framer(16)
    assert framer.feed(_A) == [_A]
    assert framer.feed(_A + _A) == [_A, _A]


def test_a_stranger_can_not_send_what_a_bound_peer_may() -> None:
    payload = submit_sm(
        1, source_addr=b"1" * 20, destination_addr=b"1" * 20, short_message=b"", tlvs=tlv(0x0424, bytes(65535))
    )
    stranger = Framer(BEFORE_BIND_MAX_OCTETS)
    assert stranger.feed(payload) == []
    assert stranger.failure is not None
    peer = Framer(BEFORE_BIND_MAX_OCTETS)
    peer.max_octets = AFTER_BIND_MAX_OCTETS
    assert peer.feed(payload) == [payload]


def test_the_longest_bind_fits_before_the_bind() -> None:
    longest = bind(9, 1, system_id=b"s" * 15, password=b"p" * 64, system_type=b"t" * 12, address_range=b"a" * 40)
    assert Framer(BEFORE_BIND_MAX_OCTETS).feed(longest) == [longest]


def test_what_is_kept_is_bounded() -> None:
    framer = Framer(1024)
    head = (1024).to_bytes(4)
    for octet in head + bytes(1019):
        framer.feed(bytes([octet]))
    assert framer.pending_octets == 1023
    assert [len(frame) for frame in framer.feed(b"\0")] == [1024]
