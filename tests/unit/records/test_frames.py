"""Record files that were torn, damaged or never ours."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.records.frames import HEADER_OCTETS, MAGIC, begins_like_ours, bodies, frame, sound_end

BODIES = st.lists(st.one_of(st.binary(max_size=60), st.just(MAGIC * 3)), max_size=6)


@contextmanager
def file_of(octets: bytes) -> Iterator[int]:
    with tempfile.TemporaryFile() as file:
        file.write(octets)
        file.flush()
        yield file.fileno()


def read(octets: bytes) -> list[bytes]:
    with file_of(octets) as descriptor:
        return [body for _, body in bodies(descriptor)]


@given(BODIES)
def test_what_is_written_is_read(written: list[bytes]) -> None:
    assert read(b"".join(map(frame, written))) == written


@given(BODIES, st.data())
def test_cut_anywhere_whole_frames_are_read_and_the_sound_end_is_theirs(
    written: list[bytes], data: st.DataObject
) -> None:
    frames = [frame(body) for body in written]
    octets = b"".join(frames)
    cut = data.draw(st.integers(0, len(octets)))
    ends = [sum(map(len, frames[: i + 1])) for i in range(len(frames))]
    whole = sum(end <= cut for end in ends)
    assert read(octets[:cut]) == written[:whole]
    with file_of(octets[:cut]) as descriptor:
        assert sound_end(descriptor) == (ends[whole - 1] if whole else 0)


@given(BODIES.filter(len), st.data())
def test_one_wrong_bit_costs_its_own_frame_and_no_other(written: list[bytes], data: st.DataObject) -> None:
    frames = [frame(body) for body in written]
    hit = data.draw(st.integers(0, len(frames) - 1))
    bit = data.draw(st.integers(0, len(frames[hit]) * 8 - 1))
    damaged = bytearray(frames[hit])
    damaged[bit // 8] ^= 1 << bit % 8
    rest = [body for i, body in enumerate(written) if i != hit]
    assert read(b"".join([*frames[:hit], bytes(damaged), *frames[hit + 1 :]])) == rest


@given(BODIES, st.binary(max_size=80), BODIES)
def test_junk_between_frames_is_skipped(before: list[bytes], junk: bytes, after: list[bytes]) -> None:
    octets = b"".join([*map(frame, before), junk, *map(frame, after)])
    assert read(octets) == before + after
    with file_of(octets + b"\0" * 5000) as descriptor:
        expected = len(octets) if after else len(octets) - len(junk)
        assert sound_end(descriptor) == (expected if before or after else 0)


@given(st.binary(max_size=300))
def test_any_octets_are_read_without_an_exception(octets: bytes) -> None:
    with file_of(MAGIC + octets) as descriptor:
        list(bodies(descriptor))
        assert sound_end(descriptor) <= os.fstat(descriptor).st_size


def test_zeros_after_a_power_cut_and_an_unwritten_body_are_cut_back() -> None:
    """The length reached the disk, the body did not: several frames may be bad, not only the last."""
    good, lost = frame(b"good" * 100), frame(b"lost" * 100)
    zeroed = lost[:HEADER_OCTETS] + b"\0" * 400
    with file_of(good + zeroed + zeroed) as descriptor:
        assert sound_end(descriptor) == len(good)


def test_magic_is_found_across_the_edges_of_a_search() -> None:
    for before in range((1 << 20) - 3, (1 << 20) + 2):
        assert read(b"x" * before + frame(b"here")) == [b"here"]


def test_reading_goes_on_from_an_offset() -> None:
    first, second = frame(b"first"), frame(b"second")
    with file_of(first + second) as descriptor:
        assert [(end, body) for end, body in bodies(descriptor, len(first))] == [(len(first + second), b"second")]


@pytest.mark.parametrize(("head", "ours"), [(b"", True), (b"\xa5S", True), (b"\0\0", True), (b"PK\3\4", False)])
def test_a_strange_file_is_told_from_a_torn_first_frame(head: bytes, ours: bool) -> None:
    with file_of(head) as descriptor:
        assert begins_like_ours(descriptor) is ours
