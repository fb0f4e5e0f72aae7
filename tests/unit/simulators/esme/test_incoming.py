"""What entries of an application say of the octets that came and went."""

from __future__ import annotations

import pytest

from simulators.esme.incoming import Incoming, Sent
from smsgw.smpp import pdu
from smsgw.smpp.constants import Tag
from smsgw.smpp.tlv import tlv

_LONG = "退订回T".encode("utf-16-be") * 60


@pytest.mark.parametrize(("text", "segments"), [(_LONG[:140], 1), (_LONG[:142], 2), (_LONG, 4)])
def test_a_text_in_one_piece_has_as_many_segments_as_a_handset_gets(text: bytes, segments: int) -> None:
    payload = tlv(Tag.MESSAGE_PAYLOAD, text)
    octets = pdu.submit_sm(
        1, source_addr=b"1069", destination_addr=b"138", data_coding=8, short_message=b"", tlvs=payload
    )
    assert Sent(octets, 1, 1.0, 1).to_entry("app", "shop").segments == segments
    assert Incoming(pdu.Sm(octets), None, 0, 1.0).to_entry("app", "shop").segments == segments
