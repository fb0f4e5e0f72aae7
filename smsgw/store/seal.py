"""Encryption of values and hashing of recipients.

Owns the sealed form: 1 octet key id, 12 octets nonce, AES-256-GCM text and tag. The nonce is a random
prefix of this process and a counter, so that it never comes twice under one key. Keys are rotated
by adding one and naming it current; old ones stay as long as something sealed with them may be read.
Never does I/O; the file of keys is ``secrets``.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smsgw.errors import StoreError
from smsgw.store import keys

KEY_OCTETS = 32
_HASH_OCTETS = 12
_CACHED_HASHES = 65_536


class SealError(StoreError):
    """A sealed value can't be opened: its key is unknown, or it was changed."""


class Sealer:
    """Seals with the current key and opens with any known one. Key ids are 0–255."""

    def __init__(self, key_ring: Mapping[int, bytes], current: int) -> None:
        if current not in key_ring:
            raise SealError(f"the current key {current} is not among the keys")
        for key_id, key in key_ring.items():
            if not 0 <= key_id <= 255 or len(key) != KEY_OCTETS:
                raise SealError(f"key {key_id}: a key has an id of 0-255 and {KEY_OCTETS} octets")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in key_ring.items()}
        self._encrypt = self._ciphers[current].encrypt
        self._lead = bytes([current])
        # 8 random octets tell processes apart; 4 count. A process that has sealed 2**32 values takes new ones.
        self._prefix = os.urandom(8)
        self._next = count().__next__

    def seal(self, value: bytes) -> bytes:
        """Encrypt ``value``; 29 octets longer."""
        number = self._next()
        if number > 0xFFFFFFFF:
            self._prefix = os.urandom(8)
            self._next = count(1).__next__
            number = 0
        nonce = self._prefix + number.to_bytes(4, "big")
        return self._lead + nonce + self._encrypt(nonce, value, None)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt. Raises SealError when the key is unknown or the octets were changed."""
        try:
            return self._ciphers[sealed[0]].decrypt(sealed[1:13], sealed[13:], None)
        except (KeyError, IndexError):
            raise SealError(f"sealed with unknown key {sealed[0] if sealed else 'none'}") from None
        except (InvalidTag, ValueError):
            raise SealError("a sealed value was changed or cut") from None


class Recipients:
    """Keyed hash of a number: 16 characters, the only form of a recipient in a key.

    The hashes of the last numbers are kept: a number comes two or three times within a second.
    """

    def __init__(self, secret: bytes) -> None:
        if not 16 <= len(secret) <= 64:
            raise SealError("the secret of the recipients' hash has 16 to 64 octets")
        self._secret = secret
        self._hasher = blake2b(digest_size=_HASH_OCTETS, key=secret)
        self._known: dict[str, str] = {}

    def hash(self, digits: str) -> str:
        """Hash of E.164 digits, base64url."""
        known = self._known
        found = known.get(digits)
        if found is not None:
            return found
        hasher = self._hasher.copy()
        hasher.update(digits.encode())
        text = urlsafe_b64encode(hasher.digest()).decode()
        if len(known) >= _CACHED_HASHES:
            known.clear()
        known[digits] = text
        return text

    def key_for(self, purpose: str) -> bytes:
        """A key of 32 octets for another purpose, derived from this secret; ``purpose`` has up to 16 octets."""
        return blake2b(digest_size=KEY_OCTETS, key=self._secret, person=purpose.encode()).digest()

    def partition_of_hash(self, rhash: str, partitions: int) -> int:
        """The partition of a recipient's hash."""
        return keys.spread(rhash, partitions)

    def partition(self, digits: str, partitions: int) -> int:
        """The partition of a recipient."""
        return keys.spread(self.hash(digits), partitions) if partitions > 1 else 0
