"""Passwords never get into a capture, however a bind is cut, and nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.capture.blank import Blanker, Trust
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import CommandId
from tests.unit.simulators.capture.streams import PASSWORD, bind, submit

_BINDS = [CommandId.BIND_TRANSCEIVER, CommandId.BIND_TRANSMITTER, CommandId.BIND_RECEIVER]
_OUTBIND = encode(Pdu(int(CommandId.OUTBIND), 0, 9, {"system_id": b"smsc", "password": PASSWORD}))


def _recorded(pieces: list[bytes]) -> bytes:
    blanker = Blanker(Trust())
    return b"".join([blanker.feed(piece) for piece in pieces]) + blanker.rest()


def _cut(octets: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(octets) + 1) for place in places} | {len(octets)})
    return [octets[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize("frame", [*(bind(1, command) for command in _BINDS), _OUTBIND])
def test_only_the_password_changes_wherever_the_stream_is_cut(frame: bytes) -> None:
    octets = submit(1) + frame + submit(2)
    wanted = octets.replace(PASSWORD, b"*" * len(PASSWORD))
    assert wanted != octets
    for place in range(len(octets) + 1):
        assert _recorded([octets[:place], octets[place:]]) == wanted
    assert _recorded([octets[at : at + 1] for at in range(len(octets))]) == wanted


def test_what_is_blanked_is_still_a_bind() -> None:
    fields = decode(_recorded([bind()])).fields
    assert fields["password"] == b"********"
    assert fields["system_id"] == b"shop"


@given(
    frames=st.lists(
        st.one_of(
            st.sampled_from([bind(), _OUTBIND, submit(7)]),
            st.binary(max_size=60).map(lambda body: (len(body) + 16).to_bytes(4) + b"\0\0\0\x15" + bytes(8) + body),
        ),
        max_size=6,
    ),
    places=st.lists(st.integers(0, 2000), max_size=20),
)
def test_lengths_stay_and_no_password_is_left(frames: list[bytes], places: list[int]) -> None:
    octets = b"".join(frames)
    recorded = _recorded(_cut(octets, places))
    assert len(recorded) == len(octets)
    assert PASSWORD not in recorded
    assert recorded == octets.replace(PASSWORD, b"*" * len(PASSWORD))


@given(octets=st.binary(max_size=200), places=st.lists(st.integers(0, 200), max_size=8))
def test_any_octets_keep_their_number(octets: bytes, places: list[int]) -> None:
    assert len(_recorded(_cut(octets, places))) == len(octets)


def test_a_bind_that_cannot_be_read_loses_its_body() -> None:
    # no NUL after the system_id: where the password begins is anybody's guess
    body = b"shop" + PASSWORD + b"\0\0\x34\0\0"
    frame = (len(body) + 16).to_bytes(4) + b"\0\0\0\x09" + bytes(8) + body
    assert _recorded([frame]) == frame[:16] + b"*" * len(body)


@pytest.mark.parametrize("length", [4, 16, 20, 30, 100_000])
def test_a_bind_with_a_wrong_length_shows_nothing(length: int) -> None:
    frame = length.to_bytes(4) + bind()[4:]
    recorded = _recorded([frame, submit(2), bind()])
    assert PASSWORD not in recorded
    assert len(recorded) == len(frame) + len(submit(2)) + len(bind())


def test_a_half_bind_at_the_end_of_the_connection_shows_nothing() -> None:
    assert _recorded([bind()[:-6]]) == bind()[:16] + b"*" * (len(bind()) - 22)


def test_a_bound_connection_shows_octets_that_are_no_pdu() -> None:
    garbage = b"\0\0\0\x01garbage that a faulty peer sends"
    trust = Trust()
    application, carrier = Blanker(trust), Blanker(trust)
    application.feed(bind())
    assert carrier.feed(garbage) + carrier.feed(garbage) == garbage + garbage


def test_after_a_gap_octets_are_blanked_until_a_pdu_begins() -> None:
    blanker = Blanker(Trust())
    blanker.lose_place()
    assert blanker.feed(bind()[20:]) == b"*" * (len(bind()) - 20)
    assert blanker.feed(submit(2)) == submit(2)
