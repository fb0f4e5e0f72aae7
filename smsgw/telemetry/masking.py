"""Masking: the last line of defence against numbers, secrets and content in a log.

Owns: what a phone number looks like, which fields are never shown. Rooms are to mask before they log;
this catches what they forgot, so it rather masks too much. Never raises.

Kept on purpose: hexadecimal tokens of 20 characters and more (our message ids), integers in fields
whose name ends in a unit or a count, and a carrier's message id, in which only what looks like a Chinese
mobile number is masked, because an id of ten digits is of no use without its digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{20,}(?![0-9A-Za-z])"  # an id, kept
    r"|0x[0-9A-Fa-f]{8}(?![0-9A-Za-z])"  # a command_status, kept
    r"|(?<!\d)(\+|00)?(\d{7,15})(?!\d)"  # \d is any script's digits: full-width ones too
)
_CHINESE_MOBILE = re.compile(r"(?<!\d)(\+|00)?((?:86)?1[3-9]\d{9})(?!\d)")
_SECRET = re.compile(
    r"""(?i)((?:password|passwd|secret|token)\w{0,10}["']?\s*[=:]\s*)(b?"[^"]*"|b?'[^']*'|[^\s,;)}]+)"""
    r"""|(?<=://)([^/\s:@]*:[^/\s@]+)(?=@)"""
)
_SECRET_FIELD = re.compile(r"(?i)password|passwd|secret|credential|private_key|(?:^|_)token$")
_CONTENT_FIELDS = frozenset({"short_message", "message_payload", "payload", "content", "body", "message_text"})
_CARRIER_ID_FIELDS = frozenset({"carrier_message_id", "receipted_message_id"})
_PLAIN_INTEGER = re.compile(
    r"(?:^|_)(?:ns|us|ms|s|tps|octets|bytes|count|total|rows|messages|segments|waiting|pid|port|line|sequence_number)$"
    r"|_?(?:status|command_id)$"
)
_MAX_DEPTH = 4
HIDDEN = "***"


def mask_number(digits: str) -> str:
    """``13912345678`` → ``139****5678``, ``8613912345678`` → ``8613****5678``.

    At least four digits stay hidden, so a short number shows less of itself.
    """
    length = len(digits)
    if length >= 11:
        return f"{digits[: 3 if length == 11 else 4]}****{digits[-4:]}"
    shown = max(length - 4, 0)
    head, tail = min(3, (shown + 1) // 2), min(4, shown // 2)
    return f"{digits[:head]}****{digits[length - tail :]}"


def mask_text(text: str) -> str:
    """``text`` with phone numbers masked and what follows ``password=`` and the like hidden."""
    return _NUMBER.sub(_masked_number, _SECRET.sub(_hidden_secret, text))


def mask_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields of a log line as they may be shown: text, numbers, flags, lists and dicts of those."""
    return {name: _field(name, value, _MAX_DEPTH) for name, value in fields.items()}


def _masked_number(match: re.Match[str]) -> str:
    digits = match[2]
    return match[0] if digits is None else (match[1] or "") + mask_number(digits)


def _hidden_secret(match: re.Match[str]) -> str:
    return HIDDEN if match[1] is None else match[1] + HIDDEN


def _field(name: str, value: object, depth: int) -> object:
    if _SECRET_FIELD.search(name):
        return HIDDEN
    if name in _CONTENT_FIELDS:
        return f"[{len(value)} withheld]" if isinstance(value, str | bytes) else "[withheld]"
    if name in _CARRIER_ID_FIELDS and isinstance(value, str):
        return _CHINESE_MOBILE.sub(_masked_number, value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if _PLAIN_INTEGER.search(name) else _integer(value)
    if isinstance(value, str):
        return mask_text(value)
    return _compound(name, value, depth)


def _compound(name: str, value: object, depth: int) -> object:
    if isinstance(value, bytes | bytearray):
        return mask_text(value.decode("ascii", "backslashreplace"))
    if depth and isinstance(value, Mapping):
        return {str(key): _field(str(key), item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_field(name, item, depth - 1) for item in value]
    try:
        return mask_text(str(value))
    except Exception as error:  # somebody's __str__ is broken; a log line must not stop the caller
        return f"[{type(value).__name__}: {type(error).__name__}]"


def _integer(value: int) -> int | str:
    """A number given as an integer is masked like one given as text."""
    text = str(value)
    masked = mask_text(text)
    return value if masked == text else masked
