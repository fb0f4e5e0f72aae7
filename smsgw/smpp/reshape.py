"""A message's segments taken apart and put together: which octets are text, which say "part i of n".

Owns: the pieces of a submit_sm or data_sm, and the submit_sm that carries a piece in one of the forms (user data
header of 8 or 16 bits, sar_* TLVs, message_payload; SMPP 3.4 §5.3.2.22–24, §5.3.2.32). Everything else of the PDU, its
other TLVs too, stays. Never decides which form; ``convert`` does.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from smsgw.smpp.constants import ESM_UDHI, Tag
from smsgw.smpp.pdu import HEADER, rebuild_sm, submit_sm
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import IE_CONCAT_8BIT, IE_CONCAT_16BIT, build_concat_udh, parse_udh
from smsgw.smpp.views import DataSm, Sm

_PAYLOAD: Final = int(Tag.MESSAGE_PAYLOAD)
_REFERENCE, _TOTAL, _INDEX = int(Tag.SAR_MSG_REF_NUM), int(Tag.SAR_TOTAL_SEGMENTS), int(Tag.SAR_SEGMENT_SEQNUM)
_OURS: Final = frozenset({_PAYLOAD, _REFERENCE, _TOTAL, _INDEX})
_CONCATS: Final = (IE_CONCAT_8BIT, IE_CONCAT_16BIT)


class Piece(NamedTuple):
    """A segment's text without its header. ``elements``: what its header says beside which part it is."""

    payload: bytes
    data_coding: int
    elements: tuple[tuple[int, bytes], ...] = ()

    @property
    def element_octets(self) -> int:
        """What ``elements`` take in a header."""
        return sum(2 + len(data) for _, data in self.elements)


def piece_of(view: Sm | DataSm) -> Piece:
    """What a PDU carries. Raises RecoverableError for a broken header or TLVs."""
    payload = view.payload
    udh = parse_udh(payload) if view.has_udh else None
    if udh is None:
        return Piece(payload, view.data_coding)
    others = tuple(element for element in udh.elements if element[0] not in _CONCATS)
    return Piece(payload[udh.header_octets :], view.data_coding, others)


def built(view: Sm | DataSm, piece: Piece, form: str, reference: int, total: int, index: int) -> bytes:
    """A submit_sm like ``view`` that carries ``piece`` as part ``index`` 1..total; ``form`` "short" numbers nothing.

    Raises LocalError when a field does not fit.
    """
    elements = b"".join(bytes((element, len(data))) + data for element, data in piece.elements)
    tlvs = b"".join(tlv(tag, value) for tag, value in view.tlvs if tag not in _OURS)
    header = b""
    if form in ("udh8", "udh16"):
        header = build_concat_udh(reference, total, index, form == "udh16")[1:] + elements
    else:
        header = elements
        if form == "sar":
            number = reference.to_bytes(2, "big")
            tlvs += tlv(_REFERENCE, number) + tlv(_TOTAL, bytes((total,))) + tlv(_INDEX, bytes((index,)))
    octets = (bytes((len(header),)) + header if header else b"") + piece.payload
    esm_class = view.esm_class & ~ESM_UDHI | (ESM_UDHI if header else 0)
    if form == "payload":
        tlvs += tlv(_PAYLOAD, octets)
        octets = b""
    if isinstance(view, DataSm):
        return _from_data_sm(view, esm_class, piece.data_coding, octets, tlvs)
    rebuilt = rebuild_sm(view, esm_class=esm_class, data_coding=piece.data_coding, short_message=octets)
    old = len(view.raw) - view.tlvs_offset
    body = rebuilt[HEADER.size : len(rebuilt) - old] + tlvs
    _, command_id, status, sequence_number = HEADER.unpack_from(rebuilt)
    return HEADER.pack(HEADER.size + len(body), command_id, status, sequence_number) + body


def _from_data_sm(view: DataSm, esm_class: int, data_coding: int, octets: bytes, tlvs: bytes) -> bytes:
    return submit_sm(
        view.sequence_number,
        service_type=view.service_type,
        source_addr_ton=view.source_addr_ton,
        source_addr_npi=view.source_addr_npi,
        source_addr=view.source_addr,
        dest_addr_ton=view.dest_addr_ton,
        dest_addr_npi=view.dest_addr_npi,
        destination_addr=view.destination_addr,
        esm_class=esm_class,
        registered_delivery=view.registered_delivery,
        data_coding=data_coding,
        short_message=octets,
        tlvs=tlvs,
    )
