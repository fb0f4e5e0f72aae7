"""Words for the numbers in a PDU's fields and TLVs, for people who look at one.

Owns wording only; unknown numbers get none. SMPP 3.4 §5.2 (fields), §5.3.2 (TLVs), 23.040 §9.2.3.24 (UDH).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final

from smsgw.smpp.constants import (
    ESM_INTERMEDIATE,
    ESM_RECEIPT,
    ESM_REPLY_PATH,
    ESM_TYPE_MASK,
    ESM_UDHI,
    INTERMEDIATE_NOTIFICATION,
    RECEIPT_MASK,
    MessageState,
    Npi,
    Tag,
    Ton,
)

_CODINGS: Final = {
    0: "default alphabet (GSM 03.38)", 1: "ASCII", 2: "binary", 3: "Latin-1", 4: "binary", 5: "JIS",
    6: "Cyrillic (ISO 8859-5)", 7: "Hebrew (ISO 8859-8)", 8: "UCS2", 9: "pictograms", 10: "ISO 2022 JP",
    13: "extended Kanji", 14: "KS C 5601", 15: "GBK at Chinese carriers",
}  # fmt: skip
_TYPES: Final = {
    ESM_RECEIPT: "delivery receipt", 0x08: "delivery acknowledgement", 0x10: "user acknowledgement",
    0x18: "conversation abort", ESM_INTERMEDIATE: "intermediate notification",
}  # fmt: skip
_MODES: Final = {1: "datagram", 2: "forward", 3: "store and forward"}
_RECEIPTS: Final = ("no receipt", "receipt wanted", "receipt on failure", "receipt on success")
_NETWORKS: Final = {1: "ANSI-136", 2: "IS-95", 3: "GSM"}
_ELEMENTS: Final = {
    0x00: "concatenation, 8-bit reference", 0x01: "special message indication", 0x04: "ports, 8 bits",
    0x05: "ports, 16 bits", 0x08: "concatenation, 16-bit reference", 0x24: "single shift table",
    0x25: "locking shift table",
}  # fmt: skip
_TEXTS: Final = frozenset({Tag.RECEIPTED_MESSAGE_ID, Tag.ADDITIONAL_STATUS_INFO_TEXT})


def data_coding(value: int) -> str:
    """The alphabet."""
    if value in _CODINGS:
        return _CODINGS[value]
    if value >= 0xF0:
        return f"class {value & 3}, " + ("binary" if value & 0x04 else "default alphabet")
    return "message waiting" if value >= 0xC0 else ""


def esm_class(value: int) -> str:
    """Mode, type and flags (SMPP 3.4 §5.2.12)."""
    words = [_MODES.get(value & 3, ""), _TYPES.get(value & ESM_TYPE_MASK, "")]
    words.append("user data header" if value & ESM_UDHI else "")
    words.append("reply path" if value & ESM_REPLY_PATH else "")
    return ", ".join(filter(None, words))


def registered_delivery(value: int) -> str:
    """What receipts are asked for (SMPP 3.4 §5.2.17)."""
    return _RECEIPTS[value & RECEIPT_MASK] + (", intermediate too" if value & INTERMEDIATE_NOTIFICATION else "")


def element(identifier: int, data: bytes) -> str:
    """A part of the user data header."""
    if identifier == 0x00 and len(data) == 3:
        return f"part {data[2]} of {data[1]}, reference {data[0]}"
    if identifier == 0x08 and len(data) == 4:
        return f"part {data[3]} of {data[2]}, reference {data[0] << 8 | data[1]}"
    if identifier == 0x05 and len(data) == 4:
        return f"to port {data[0] << 8 | data[1]} from port {data[2] << 8 | data[3]}"
    return ""


def element_name(identifier: int) -> str:
    """What the part is for."""
    return _ELEMENTS.get(identifier, "")


def tlv(tag: int, value: bytes) -> str:
    """The value of a TLV as a number, a name or a text; empty when it is neither."""
    if tag == Tag.MESSAGE_STATE and len(value) == 1:
        return _named(MessageState)(value[0]) or str(value[0])
    if tag == Tag.NETWORK_ERROR_CODE and len(value) == 3:
        network = _NETWORKS.get(value[0], f"network {value[0]}")
        return f"{network}, code {value[1] << 8 | value[2]} (0x{value[1:].hex().upper()})"
    if tag == Tag.MESSAGE_PAYLOAD:
        return f"{len(value)} octets"
    text = value.rstrip(b"\0")
    if text and (tag in _TEXTS or len(value) > 4):
        shown = text.decode("utf-8", "replace")
        return shown if shown.isprintable() else ""
    return str(int.from_bytes(value)) if 1 <= len(value) <= 4 else ""


def _named(names: type[IntEnum]) -> Callable[[int], str]:
    known = {int(each): each.name for each in names}
    return lambda value: known.get(value, "")


_TON, _NPI, _STATE = _named(Ton), _named(Npi), _named(MessageState)

#: Field of a PDU -> what its number means.
FIELDS: Final[dict[str, Callable[[int], str]]] = {
    "source_addr_ton": _TON,
    "source_addr_npi": _NPI,
    "dest_addr_ton": _TON,
    "dest_addr_npi": _NPI,
    "addr_ton": _TON,
    "addr_npi": _NPI,
    "esme_addr_ton": _TON,
    "esme_addr_npi": _NPI,
    "esm_class": esm_class,
    "registered_delivery": registered_delivery,
    "data_coding": data_coding,
    "message_state": _STATE,
    "interface_version": lambda value: f"{value >> 4}.{value & 15}",
    "replace_if_present_flag": lambda value: "replace" if value == 1 else "",
}
