"""New message ids instead of the recorded ones, in answers, receipts and questions alike.

For a peer that met the recorded ids before and would take the second message for the first. A new id has
the length and the characters of the old one; a receipt that writes it in another base keeps doing so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from smsgw.errors import ProtocolError
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.tlv import Tlvs

_DECIMAL: Final = re.compile(rb"\d+")
_HEXADECIMAL: Final = re.compile(rb"[\da-f]+|[\dA-F]+")


class Ids:
    """``salt`` makes the ids of one run; nothing or b"" keeps the recorded ones."""

    def __init__(self, salt: bytes = b"") -> None:
        self._salt = salt
        self._new: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}

    def give(self, old: bytes) -> bytes:
        """The id for a message that was given ``old``: the same whenever it is asked."""
        if not self._salt or not old:
            return old
        new = self._new.get(old)
        if new is None:
            new = self._fresh(old)
            self.learn(old, new)
        return new

    def learn(self, old: bytes, new: bytes) -> None:
        """The message that was given ``old`` has the id ``new`` now."""
        self._new[old] = new
        self._old[new] = old

    def now(self, old: bytes) -> bytes:
        """The id that a message has now; the recorded one while it has none."""
        return self._new.get(old, old)

    def in_question(self, octets: bytes) -> bytes:
        """A query_sm, cancel_sm or replace_sm with the id that its message has now."""
        return _with_id(octets, self.now)

    def as_recorded(self, octets: bytes) -> bytes:
        """A query_sm, cancel_sm or replace_sm of now with the id that was recorded."""
        return _with_id(octets, self._recorded)

    def in_answer(self, octets: bytes) -> bytes:
        """A recorded response with the id given now."""
        return _with_id(octets, self.give)

    def in_receipt(self, octets: bytes, recorded_id: str, old: bytes) -> bytes:
        """A receipt about ``old`` that names the new id instead of ``recorded_id``, wherever it does."""
        new = self.now(old)
        if new == old:
            return octets
        return _replace_id(octets, recorded_id.encode("latin-1"), _as_written(recorded_id.encode("latin-1"), old, new))

    def _recorded(self, new: bytes) -> bytes:
        return self._old.get(new, new)

    def _fresh(self, old: bytes) -> bytes:
        for attempt in range(1000):
            digest = hashlib.shake_256(self._salt + attempt.to_bytes(2) + old).hexdigest(len(old))[: len(old)]
            new = _like(old, digest)
            if new not in self._old and new not in self._new:
                return new
        return old  # every id of so short a form is taken


def _with_id(octets: bytes, translate: Callable[[bytes], bytes]) -> bytes:
    """As it was when it can't be read, or the new id does not fit."""
    try:
        pdu = decode(octets)
        old = pdu.fields.get("message_id")
        if isinstance(old, bytes) and (new := translate(old)) != old:
            pdu.fields["message_id"] = new
            return encode(pdu)
    except ProtocolError:
        pass
    return octets


def _replace_id(octets: bytes, old: bytes, new: bytes) -> bytes:
    try:
        pdu = decode(octets)
        message = pdu.fields.get("short_message")
        if isinstance(message, bytes):
            pdu.fields["short_message"] = _replaced(message, old, new)
        tlvs = Tlvs((tag, _replaced(value, old, new)) for tag, value in pdu.tlvs)
        return encode(Pdu(pdu.command_id, pdu.command_status, pdu.sequence_number, pdu.fields, tlvs))
    except ProtocolError:
        return octets


def _replaced(value: bytes, old: bytes, new: bytes) -> bytes:
    wide_old, wide_new = old.decode("latin-1").encode("utf-16-be"), new.decode("latin-1").encode("utf-16-be")
    return value.replace(old, new).replace(wide_old, wide_new)


def _as_written(recorded: bytes, old: bytes, new: bytes) -> bytes:
    """The new id as a receipt writes it that wrote ``old`` as ``recorded``."""
    plain = recorded.lstrip(b"0").lower()
    if plain == old.lstrip(b"0").lower():
        if len(recorded) != len(old):  # padded with zeros, or without them
            new = new.lstrip(b"0").rjust(len(recorded), b"0")
        return new.upper() if recorded.isupper() else new.lower() if recorded.islower() else new
    if len(recorded) == 10 and old.startswith(recorded):
        return new[:10]
    if len(recorded) == 10 and old.endswith(recorded):
        return new[-10:]
    for base, other, form in ((16, 10, "d"), (10, 16, "x" if recorded.islower() else "X")):
        try:
            if int(old, base) == int(recorded, other):
                return format(int(new, base), form).rjust(len(recorded), "0").encode()
        except ValueError:
            continue
    return new


def _like(old: bytes, digest: str) -> bytes:
    number = int(digest, 16)
    if _DECIMAL.fullmatch(old):
        # The first digit stays, so that a number keeps its width.
        return old[:1] + str(number)[-len(old) + 1 :].rjust(len(old) - 1, "0").encode() if len(old) > 1 else old
    if _HEXADECIMAL.fullmatch(old):
        text = digest.upper() if old.upper() == old else digest
        return old[:1] + text[1:].encode()
    return bytes(
        octet if not chr(octet).isalnum() else ord(character) for octet, character in zip(old, digest, strict=True)
    )
