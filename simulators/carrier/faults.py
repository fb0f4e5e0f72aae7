"""PDUs that no carrier should send, and some do: malformed ones, and commands that nobody knows.

Each is made from a drawn word alone, so that a seed brings the same octets every time. Kinds that lie
about their length or are no SMPP at all (``ends_stream``) leave the peer with a stream that can't be read
any more; after the others it can go on, and should. Nothing here sends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smsgw.documents.names import with_hint
from smsgw.smpp import pdu
from smsgw.smpp.constants import MAX_SEQUENCE_NUMBER, CommandId, CommandStatus, Tag

_HEADER = pdu.HEADER
_DELIVER_SM = int(CommandId.DELIVER_SM)
_DELIVERED = 2
#: SMPP 3.4 §5.1.2.1: ids that the specification reserves, without those that SMPP 5.0 took.
_RESERVED = (0x0A, 0x0C, 0x14, 0x16, 0x20, 0x25, 0x100, 0x101, 0x104, 0x110, 0x114, 0x1FF, 0x7FFFFFFF)
#: The range for vendors' own (SMPP 3.4 §5.1.2.1, 0x00010200 to 0x000102FF).
_VENDOR = 0x00010200
#: SMPP 5.0 §4.8.1: tags for vendors' own.
_VENDOR_TAG = 0x1400


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of PDU that should not be."""

    about: str
    #: Makes the octets from a drawn word and a sequence number.
    make: Callable[[int, int], bytes]
    #: Nothing after it can be read.
    ends_stream: bool = False


def malformed_pdu(word: int, sequence_number: int) -> bytes:
    """A malformed PDU of a kind that the word picks."""
    kinds = tuple(MALFORMED.values())
    return kinds[word % len(kinds)].make(word // len(kinds), sequence_number)


def unknown_pdu(word: int, sequence_number: int) -> bytes:
    """A well-formed PDU with a command_id that the word picks and no version knows."""
    kinds = tuple(UNKNOWN.values())
    return kinds[word % len(kinds)].make(word // len(kinds), sequence_number)


def fault_named(kind: str) -> Fault:
    """A fault of either sort by its name; raises ValueError naming those that there are."""
    fault = FAULTS.get(kind)
    if fault is None:
        raise ValueError(with_hint(f"kind: {kind!r} is no fault", kind, FAULTS))
    return fault


def _deliver(word: int, sequence_number: int, *, source: bytes = b"", tlvs: bytes = b"") -> bytes:
    """A usual MO, for the faults to be put in."""
    return pdu.deliver_sm(
        sequence_number,
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=source or b"86138%08d" % (word % 100_000_000),
        dest_addr_npi=1,
        destination_addr=b"10690001",
        short_message=b"fault %08x" % (word & 0xFFFFFFFF),
        tlvs=tlvs,
    )


def _with_length(octets: bytes, length: int) -> bytes:
    return (length & 0xFFFFFFFF).to_bytes(4, "big") + octets[4:]


def _noise(word: int, octets: int) -> bytes:
    return hashlib.shake_128(word.to_bytes(8, "big")).digest(octets)


def _length_below_header(word: int, sequence_number: int) -> bytes:
    return _with_length(_deliver(word, sequence_number), word % 16)


def _length_too_small(word: int, sequence_number: int) -> bytes:
    whole = _deliver(word, sequence_number)
    return _with_length(whole, len(whole) - 1 - word % 12)


def _length_too_large(word: int, sequence_number: int) -> bytes:
    whole = _deliver(word, sequence_number)
    return _with_length(whole, len(whole) + 1 + word % 64)


def _length_huge(word: int, sequence_number: int) -> bytes:
    return _with_length(_deliver(word, sequence_number), 0x01000000 + word % 0x70000000)


def _body_cut(word: int, sequence_number: int) -> bytes:
    whole = _deliver(word, sequence_number)
    cut = whole[: 16 + word % 33]  # the fields before short_message take 41 octets
    return _with_length(cut, len(cut))


def _no_nul(word: int, sequence_number: int) -> bytes:
    whole = _deliver(word, sequence_number)
    body = b"\0\1\1" + b"8613800138" * (4 + word % 3)  # source_addr, up to the end of the PDU
    return _with_length(whole[:16] + body, 16 + len(body))


def _address_too_long(word: int, sequence_number: int) -> bytes:
    whole = _deliver(word, sequence_number)
    body = b"\0\1\1" + b"86138001380001234567890"[:22] + whole[16 + 3 + 13 :]
    return _with_length(whole[:16] + body, 16 + len(body))


def _sm_length(word: int, sequence_number: int) -> bytes:
    whole = bytearray(_deliver(word, sequence_number))
    at = len(whole) - len(b"fault 00000000") - 1
    whole[at] = min(255, whole[at] + 1 + word % 200)
    return bytes(whole)


def _tlv_overrun(word: int, sequence_number: int) -> bytes:
    overrun = _VENDOR_TAG.to_bytes(2, "big") + (5 + word % 1000).to_bytes(2, "big") + b"abcd"
    return _deliver(word, sequence_number, tlvs=overrun)


def _tlv_cut(word: int, sequence_number: int) -> bytes:
    return _deliver(word, sequence_number, tlvs=b"\x14\x00\x00"[: 1 + word % 3])


def _receipt_without_id(word: int, sequence_number: int) -> bytes:
    return pdu.deliver_sm(
        sequence_number,
        source_addr=b"86138%08d" % (word % 100_000_000),
        destination_addr=b"10690001",
        esm_class=4,
        short_message=_noise(word, 40),
        tlvs=int(Tag.MESSAGE_STATE).to_bytes(2, "big") + b"\0\1" + bytes([_DELIVERED]),
    )


def _garbage(word: int, sequence_number: int) -> bytes:
    noise = _noise(word, 24 + word % 200)
    return bytes([noise[0] | 0x80]) + noise[1:]  # so that it is no length at all


def _text(word: int, sequence_number: int) -> bytes:
    return b"HTTP/1.1 400 Bad Request\r\nServer: gate-%d\r\nConnection: close\r\n\r\n" % (word % 100)


def _response_to_nothing(word: int, sequence_number: int) -> bytes:
    asked = int(CommandId.SUBMIT_SM)
    return pdu.response(asked, 0, MAX_SEQUENCE_NUMBER - word % 1_000_000, b"%d" % (word % 1_000_000_000))


def _wrong_sequence(word: int, sequence_number: int) -> bytes:
    """SMPP 3.4 §5.1.4 allows 1 to 0x7FFFFFFF."""
    wrong = (0, 0x80000000 + word % 0x7FFFFFFF, 0xFFFFFFFF)[word % 3]
    return _HEADER.pack(16, int(CommandId.ENQUIRE_LINK), 0, wrong)


def _status_in_request(word: int, sequence_number: int) -> bytes:
    statuses = (int(CommandStatus.ESME_RSYSERR), int(CommandStatus.ESME_RTHROTTLED), 0x400 + word % 0x100)
    return pdu.with_header(_deliver(word, sequence_number), sequence_number, statuses[word % 3])


def _request_of_esme(word: int, sequence_number: int) -> bytes:
    """Only an application may submit."""
    return pdu.submit_sm(sequence_number, source_addr=b"1", destination_addr=b"%d" % word, short_message=b"x")


def _reserved(word: int, sequence_number: int) -> bytes:
    body = _noise(word, word % 24)
    return _HEADER.pack(16 + len(body), _RESERVED[word % len(_RESERVED)], 0, sequence_number) + body


def _vendor(word: int, sequence_number: int) -> bytes:
    body = _noise(word, word % 24)
    return _HEADER.pack(16 + len(body), _VENDOR + word % 0x100, 0, sequence_number) + body


def _unknown_response(word: int, sequence_number: int) -> bytes:
    command_id = 0x80000000 | _RESERVED[word % len(_RESERVED)]
    return _HEADER.pack(16, command_id, 0, MAX_SEQUENCE_NUMBER - word % 1_000_000)


def _unknown_tlv(word: int, sequence_number: int) -> bytes:
    value = _noise(word, word % 32)
    tag = (_VENDOR_TAG + word % 0x400).to_bytes(2, "big")
    return _deliver(word, sequence_number, tlvs=tag + len(value).to_bytes(2, "big") + value)


#: name -> fault
MALFORMED: Mapping[str, Fault] = {
    "length_below_header": Fault("command_length below 16", _length_below_header, ends_stream=True),
    "length_too_small": Fault("command_length smaller than the PDU", _length_too_small, ends_stream=True),
    "length_too_large": Fault("command_length greater than the PDU: it eats the next", _length_too_large, True),
    "length_huge": Fault("command_length of many megabytes", _length_huge, ends_stream=True),
    "body_cut": Fault("the PDU ends within its mandatory fields", _body_cut),
    "no_nul": Fault("a C-string without its NUL", _no_nul),
    "address_too_long": Fault("source_addr of 22 octets", _address_too_long),
    "sm_length": Fault("sm_length beyond the end of the PDU", _sm_length),
    "tlv_overrun": Fault("a TLV longer than what is left", _tlv_overrun),
    "tlv_cut": Fault("one to three octets where a TLV should be", _tlv_cut),
    "receipt_without_id": Fault("a receipt whose text is no receipt's, with no id", _receipt_without_id),
    "garbage": Fault("octets that are no SMPP", _garbage, ends_stream=True),
    "text": Fault("an HTTP answer", _text, ends_stream=True),
    "response_to_nothing": Fault("submit_sm_resp to what was never sent", _response_to_nothing),
    "wrong_sequence": Fault("enquire_link with a sequence_number that is not allowed", _wrong_sequence),
    "status_in_request": Fault("a deliver_sm with a command_status", _status_in_request),
    "request_of_esme": Fault("submit_sm from the carrier", _request_of_esme),
}  # fmt: skip
UNKNOWN: Mapping[str, Fault] = {
    "reserved_command": Fault("a request with a reserved command_id", _reserved),
    "vendor_command": Fault("a request with a vendor's command_id", _vendor),
    "unknown_response": Fault("a response with a reserved command_id", _unknown_response),
    "unknown_tlv": Fault("a deliver_sm with a TLV of a vendor, which must be taken", _unknown_tlv),
}
FAULTS: Mapping[str, Fault] = {**MALFORMED, **UNKNOWN}
