"""Vendor TLVs of a submit_sm: names, and what is none."""

from __future__ import annotations

import pytest

from smsgw.errors import RecoverableError
from smsgw.gateway.tags import MAX_OCTETS, NO_TAGS, TAG_AUDIENCE, TAG_CAMPAIGN, TAG_TIER, Tags, read_tags
from smsgw.smpp.pdu import Sm, submit_sm
from smsgw.smpp.tlv import tlv


def view(*tlvs: bytes) -> Sm:
    return Sm(submit_sm(1, source_addr=b"1", destination_addr=b"2", short_message=b"x", tlvs=b"".join(tlvs)))


@pytest.mark.parametrize(
    ("tlvs", "said"),
    [
        ((), NO_TAGS),
        ((tlv(0x1500, b"other"),), NO_TAGS),
        ((tlv(TAG_TIER, b"loyal\0"),), Tags("loyal")),
        ((tlv(TAG_CAMPAIGN, b"double11"), tlv(TAG_AUDIENCE, "新客".encode())), Tags("", "double11", "新客")),
        ((tlv(TAG_TIER, b""), tlv(TAG_AUDIENCE, b"\0")), NO_TAGS),
        ((tlv(TAG_TIER, b"x" * MAX_OCTETS),), Tags("x" * MAX_OCTETS)),
        ((tlv(TAG_TIER, b"first"), tlv(TAG_TIER, b"second")), Tags("first")),
    ],
)
def test_names(tlvs: tuple[bytes, ...], said: Tags) -> None:
    assert read_tags(view(*tlvs)) == said


@pytest.mark.parametrize("tag", [TAG_TIER, TAG_CAMPAIGN, TAG_AUDIENCE])
@pytest.mark.parametrize("value", [b"x" * (MAX_OCTETS + 1), b"\xff", b"a\0b", b"a\n"])
def test_no_names(tag: int, value: bytes) -> None:
    with pytest.raises(RecoverableError) as refused:
        read_tags(view(tlv(tag, value)))
    assert refused.value.command_status == 0xC4
