"""The file of a backup: a readable header, then numbered frames that only who has the site's secrets can read or make.

Owns the format. ``MAGIC``, length (4) and JSON of the header, then frames: length (4), section (1), AES-256-GCM text of
packed and deflated rows. The key is derived from the recipients' secret, which is never rotated, and a salt of this
file; the nonce is the frame's number, and header and section are authenticated with each frame. The last frame has the
counts. So a changed, missing, moved or cut frame is found, and told with its number and place.
Raises RequestError ``invalid`` for a file that is not whole. Rows are lists of what msgpack can hold.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smsgw.errors import RequestError
from smsgw.store.packing import pack, unpack
from smsgw.store.seal import KEY_OCTETS, Recipients

MAGIC: Final = b"smsgw-backup 1\n"
MOST_ROWS: Final = 1_000
MOST_ROW_OCTETS: Final = 1 << 20
"""A frame is closed at this size of its rows, so memory is bounded by one frame; a single row may be larger."""
_MOST_HEADER_OCTETS: Final = 1 << 16
_MOST_FRAME_OCTETS: Final = 1 << 30
_PURPOSE: Final = "backup"
_LEAD: Final = 5


class Section(IntEnum):
    """What the rows of a frame are. Numbers stay as they are for ever; a reader passes over those it doesn't know."""

    END = 0
    REGISTER = 1
    """(kind, id, document)"""
    AUDIT = 2
    """(number, packed entry, hash)"""
    FACTS = 3
    """(recipient's hash, what is known of it as the store has it)"""
    QUOTA = 4
    """(account, bucket, messages leased, ms that it is still kept)"""
    PORTED = 5
    """(number, network)"""
    ID_FORMS = 6
    """(carrier, document)"""
    LINKS = 7
    """(short link's token, mark, until (real, Unix ms), what it is for and where it leads)"""


NAMES: Final = {
    Section.REGISTER: "registered",
    Section.AUDIT: "audit entries",
    Section.FACTS: "recipients",
    Section.QUOTA: "quota counters",
    Section.PORTED: "ported numbers",
    Section.ID_FORMS: "learnt id forms",
    Section.LINKS: "short links",
}
"""Sections in words, in the order in which they are shown."""
_KNOWN: Final = frozenset(map(int, Section))


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself in the clear. ``made_ms`` is real time; ``secrets`` tells which site's they are."""

    smsgw: str
    schema: int
    partitions: int
    made_ms: int
    salt: str
    secrets: str


def fingerprint(recipients: Recipients) -> str:
    """Tells the secrets of one site from another's, and nothing of them."""
    return blake2b(recipients.key_for(_PURPOSE), digest_size=8).hexdigest()


def _cipher(recipients: Recipients, salt: str) -> AESGCM:
    key = blake2b(bytes.fromhex(salt), digest_size=KEY_OCTETS, key=recipients.key_for(_PURPOSE)).digest()
    return AESGCM(key)


class Writer:
    """Writes a file: ``add`` rows, then ``end``. ``counts`` are rows by section so far."""

    def __init__(
        self, file: BinaryIO, recipients: Recipients, *, smsgw: str, schema: int, partitions: int, made_ms: int
    ) -> None:
        salt = os.urandom(16).hex()
        self.header = Header(smsgw, schema, partitions, made_ms, salt, fingerprint(recipients))
        self.counts: dict[Section, int] = {}
        self._file = file
        self._cipher = _cipher(recipients, salt)
        self._number = 0
        self._rows: dict[Section, list[Any]] = {}
        self._octets: dict[Section, int] = {}
        text = json.dumps(asdict(self.header)).encode()
        self._digest = blake2b(MAGIC + text, digest_size=32).digest()
        file.write(MAGIC + len(text).to_bytes(4, "big") + text)

    def add(self, section: Section, row: Sequence[Any]) -> None:
        """One row more."""
        rows = self._rows.setdefault(section, [])
        rows.append(packed := pack(tuple(row)))
        octets = self._octets[section] = self._octets.get(section, 0) + len(packed)
        if len(rows) >= MOST_ROWS or octets >= MOST_ROW_OCTETS:
            self._flush(section)

    def end(self) -> None:
        """No more rows."""
        for section in list(self._rows):
            self._flush(section)
        self._frame(Section.END, pack({int(section): count for section, count in self.counts.items()}))

    def _flush(self, section: Section) -> None:
        rows = self._rows.pop(section)
        self._octets.pop(section)
        self.counts[section] = self.counts.get(section, 0) + len(rows)
        self._frame(section, pack(rows))

    def _frame(self, section: int, body: bytes) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number), zlib.compress(body, 1), _bound(self._digest, section))
        self._file.write(len(sealed).to_bytes(4, "big") + bytes([section]) + sealed)
        self._number += 1


class Reader:
    """Reads a file as often as wanted. ``counts`` are there once ``rows`` has come to the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: dict[Section, int] = {}
        try:
            with path.open("rb") as file:
                if file.read(len(MAGIC)) != MAGIC:
                    raise self._error("is no backup of smsgw, or one of a later form; `smsgw backup export` makes them")
                length = int.from_bytes(file.read(4), "big")
                text = file.read(length) if length <= _MOST_HEADER_OCTETS else b""
                self._start = file.tell()
        except OSError as error:
            raise self._error(f"can't be read: {error.strerror}") from error
        self._digest = blake2b(MAGIC + text, digest_size=32).digest()
        self.header = self._header(text)

    def check(self, recipients: Recipients, secrets_file: Path) -> None:
        """Raises RequestError unless the file was made with these secrets."""
        if self.header.secrets != fingerprint(recipients):
            raise self._error(
                f"was made with other secrets than {secrets_file}; put back the file of secrets that was kept beside it"
            )

    def rows(self, recipients: Recipients, *only: Section) -> Iterator[tuple[Section, list[Any]]]:
        """(section, rows) of each frame, or of those of ``only`` sections; the others are passed over unread.

        Rows come before the rest of the file was looked at: run through all of it once before anything is done with it.
        """
        cipher = _cipher(recipients, self.header.salt)
        number, counted = 0, dict[int, int]()
        try:
            with self.path.open("rb") as file:
                file.seek(self._start)
                while True:
                    at = file.tell()
                    section, sealed = self._next(file, number, at, only)
                    if section == Section.END:
                        body = self._opened(cipher, number, at, section, sealed)
                        self._close(body, counted, only, number, file)
                        return
                    if sealed:
                        rows = [unpack(row) for row in self._opened(cipher, number, at, section, sealed)]
                        counted[section] = counted.get(section, 0) + len(rows)
                        if section in _KNOWN:
                            yield Section(section), rows
                    number += 1
        except OSError as error:
            raise self._error(f"can't be read: {error.strerror}") from error

    def _next(self, file: BinaryIO, number: int, at: int, only: Sequence[int]) -> tuple[int, bytes]:
        lead = file.read(_LEAD)
        if not lead:
            raise self._error(f"ends at octet {at} without its last frame: it was cut, or its making was interrupted")
        length, section = int.from_bytes(lead[:4], "big"), lead[-1]
        if len(lead) == _LEAD and only and section != Section.END and section not in only:
            file.seek(length, os.SEEK_CUR)
            return section, b""
        sealed = file.read(length) if len(lead) == _LEAD and length <= _MOST_FRAME_OCTETS else b""
        if not sealed or len(sealed) != length:
            raise self._error(f"frame {number} at octet {at} is cut or was changed")
        return section, sealed

    def _opened(self, cipher: AESGCM, number: int, at: int, section: int, sealed: bytes) -> Any:
        try:
            return unpack(zlib.decompress(cipher.decrypt(_nonce(number), sealed, _bound(self._digest, section))))
        except (InvalidTag, ValueError, zlib.error):
            why = "was changed, or is not where it was written"
            raise self._error(f"frame {number} at octet {at} {why}; nothing behind it can be trusted") from None

    def _close(
        self, body: dict[int, int], counted: dict[int, int], only: Sequence[int], number: int, file: BinaryIO
    ) -> None:
        if not only and body != counted:
            raise self._error(f"frame {number}, the last one, counts {body}, but there are {counted}")
        if file.read(1):
            raise self._error(f"something follows frame {number}, the last one")
        self.counts = {Section(section): count for section, count in body.items() if section in _KNOWN}

    def _header(self, text: bytes) -> Header:
        try:
            fields = json.loads(text)
            found = Header(**{name: fields[name] for name in Header.__slots__})
            bytes.fromhex(found.salt)
        except (ValueError, KeyError, TypeError) as error:
            raise self._error("its header is cut or was changed") from error
        return found

    def _error(self, why: str) -> RequestError:
        return RequestError("invalid", f"{self.path}: {why}")


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _bound(digest: bytes, section: int) -> bytes:
    return digest + bytes([section])
