"""Faults as octets, against what reads them."""

from __future__ import annotations

import pytest

from simulators.carrier.faults import FAULTS, MALFORMED, UNKNOWN, fault_named, malformed_pdu, unknown_pdu
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer

_WORDS = [0, 1, 2, 15, 16, 33, 97, 4096, 65_535, 0x7FFFFFFF, 0xFFFFFFFF]


@pytest.mark.parametrize("word", _WORDS)
@pytest.mark.parametrize("kind", FAULTS)
def test_every_word_makes_what_the_kind_says(kind: str, word: int) -> None:
    fault = FAULTS[kind]
    octets = fault.make(word, 77)
    assert octets == fault.make(word, 77)
    framer = Framer(70_000)
    frames = framer.feed(octets)
    if fault.ends_stream:
        assert frames != [octets]
        # Either the framer sees it at once, or it takes what follows for a part of it.
        follows = pdu.enquire_link(78)
        assert framer.failure is not None or framer.feed(follows) != [follows]
        return
    assert (frames, framer.failure) == ([octets], None)
    if kind in UNKNOWN and kind != "unknown_tlv":
        assert pdu.HEADER.unpack_from(octets)[1] not in set(CommandId)
    elif kind in ("body_cut", "no_nul", "address_too_long", "sm_length", "tlv_overrun", "tlv_cut"):
        with pytest.raises(RecoverableError):
            decode(octets)
    else:
        decode(octets)


def test_a_word_picks_among_all_kinds() -> None:
    starts = {malformed_pdu(word, 1) for word in range(len(MALFORMED))}
    assert len(starts) == len(MALFORMED)
    unknown = {pdu.HEADER.unpack_from(unknown_pdu(word, 1))[1] for word in range(200)}
    assert len(unknown) > 20


def test_a_wrong_name_is_explained() -> None:
    assert fault_named("no_nul") is MALFORMED["no_nul"]
    with pytest.raises(ValueError, match=r"kind: 'nonul' is no fault; did you mean 'no_nul'\?"):
        fault_named("nonul")
