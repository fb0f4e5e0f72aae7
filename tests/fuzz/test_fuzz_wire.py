"""Broken PDUs and streams: only documented errors, always with the right ids, and never a hang.

A few thousand rounds in the suite; ``SMSGW_FUZZ_ITERATIONS=1000000`` for a night, ``SMSGW_FUZZ_SEED`` for another
run of chance. The same seed and count make the same octets; a failure prints the PDU, which then belongs in
``tests/vectors``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from smsgw.errors import FatalError, RecoverableError
from smsgw.smpp.codec import decode, encode
from smsgw.smpp.constants import CommandId, CommandStatus
from smsgw.smpp.framing import Framer
from smsgw.smpp.pdu import DataSm, Sm, message_id_of, rebuild_sm
from smsgw.smpp.views import HEADER

_ITERATIONS = int(os.environ.get("SMSGW_FUZZ_ITERATIONS", "4000"))
_SEED = int(os.environ.get("SMSGW_FUZZ_SEED", "34"))
_STATUSES = frozenset(int(status) for status in CommandStatus)
_MESSAGES = (CommandId.SUBMIT_SM, CommandId.DELIVER_SM)

_PDUS = [
    bytes.fromhex(vector["hex"])
    for name in ("pdus.json", "malformed_pdus.json")
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / name).read_text(encoding="utf-8"))["vectors"]
]
# Octets that have a meaning somewhere: NUL, flags, lengths around the limits.
_TELLING = bytes((0, 1, 2, 3, 4, 5, 6, 16, 17, 20, 21, 0x40, 64, 65, 0x7F, 0x80, 254, 255))


def _flip(raw: bytearray, random: Random) -> None:
    raw[random.randrange(len(raw))] = _TELLING[random.randrange(len(_TELLING))]


def _noise(raw: bytearray, random: Random) -> None:
    raw[random.randrange(len(raw))] = random.getrandbits(8)


def _cut(raw: bytearray, random: Random) -> None:
    del raw[random.randrange(len(raw)) + 1 :]


def _remove(raw: bytearray, random: Random) -> None:
    at = random.randrange(len(raw))
    del raw[at : at + random.randrange(1, 9)]


def _insert(raw: bytearray, random: Random) -> None:
    at = random.randrange(len(raw))
    raw[at:at] = random.randbytes(random.randrange(1, 9))


def _splice(raw: bytearray, random: Random) -> None:
    other = _PDUS[random.randrange(len(_PDUS))]
    raw[random.randrange(len(raw)) :] = other[random.randrange(len(other)) :]


_MUTATIONS: tuple[Callable[[bytearray, Random], None], ...] = (_flip, _flip, _noise, _cut, _remove, _insert, _splice)


def _mutant(random: Random) -> bytes:
    """A PDU with its body damaged and its command_length put right, so that it is a sound frame."""
    raw = bytearray(_PDUS[random.randrange(len(_PDUS))])
    body = raw[16:] or bytearray(b"\0")
    for _ in range(random.randrange(1, 4)):
        _MUTATIONS[random.randrange(len(_MUTATIONS))](body, random)
        body = body or bytearray(b"\0")
    raw[16:] = body
    if random.random() < 0.1:
        raw[4:8] = _PDUS[random.randrange(len(_PDUS))][4:8]
    raw[:4] = len(raw).to_bytes(4)
    return bytes(raw)


def _refusal(read: Callable[[bytes], object], raw: bytes) -> RecoverableError | None:
    """What ``read`` raises for ``raw``; any other exception goes through and fails the test."""
    try:
        read(raw)
    except RecoverableError as error:
        return error
    return None


def _check_codec(raw: bytes) -> int | None:
    """The status that ``decode`` refuses with, or None; what it takes it must give back."""
    error = _refusal(decode, raw)
    if error is None:
        assert encode(decode(raw)) == raw
        return None
    _, command_id, _, sequence_number = HEADER.unpack_from(raw)
    assert (error.command_id, error.sequence_number) == (command_id, sequence_number)
    assert error.command_status in _STATUSES
    return error.command_status


def _check_views(raw: bytes, refused_with: int | None) -> None:
    """The views refuse what the codec refuses, with the same status, and give back what they take."""
    command_id = int.from_bytes(raw[4:8])
    message_id_of(raw)
    if command_id in _MESSAGES:
        error = _refusal(lambda octets: Sm(octets).tlvs, raw)
    elif command_id == CommandId.DATA_SM:
        error = _refusal(lambda octets: DataSm(octets).tlvs, raw)
    else:
        return
    assert refused_with == (error.command_status if error else None)
    if error is None:
        view = Sm(raw) if command_id in _MESSAGES else DataSm(raw)
        assert raw.endswith(view.tlvs.encode())
        assert isinstance(view.payload, bytes)
        if isinstance(view, Sm):
            assert rebuild_sm(view)[16:] == raw[16:]


def test_mutated_pdus() -> None:
    random = Random(_SEED)
    for _ in range(_ITERATIONS):
        raw = _mutant(random)
        try:
            _check_views(raw, _check_codec(raw))
        except Exception as error:  # whatever it is, the report must name the octets
            pytest.fail(f"{raw.hex()}: {error!r}")


def test_octets_that_are_no_frame() -> None:
    random = Random(_SEED)
    for _ in range(_ITERATIONS // 4):
        raw = random.randbytes(random.randrange(40))
        if len(raw) >= 4 and int.from_bytes(raw[:4]) == len(raw):
            continue
        with pytest.raises(FatalError):
            decode(raw)


def test_broken_streams() -> None:
    """Whatever comes and however it is cut: the frames are a prefix of the stream and memory stays bounded."""
    random = Random(_SEED)
    for _ in range(_ITERATIONS // 20):
        framer = Framer(300)
        stream = bytearray().join(_PDUS[random.randrange(len(_PDUS))] for _ in range(8))
        for _ in range(random.randrange(3)):
            _MUTATIONS[random.randrange(len(_MUTATIONS))](stream, random)
        taken, at = b"", 0
        while at < len(stream):
            size = random.randrange(1, 200)
            taken += b"".join(framer.feed(bytes(stream[at : at + size])))
            at += size
            assert framer.pending_octets < 300
        assert stream.startswith(taken)
        assert framer.failure is not None or len(taken) + framer.pending_octets == len(stream)
