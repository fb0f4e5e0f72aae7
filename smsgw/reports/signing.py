"""Signatures of reports: Ed25519 over the file's octets, 64 of them in a file beside it, so that others can check them.

Owns: the forms. The private key is made of 32 octets that the site keeps; who may sign is a service's to say.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

SUFFIX: Final = ".sig"
SEED_OCTETS: Final = 32
SIGNATURE_OCTETS: Final = 64
_FINGERPRINT_CHARS: Final = 32


class SiteKey:
    """The key of a site, from the octets that it keeps."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> PublicKey:
        """What others check with."""
        return PublicKey(self._key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature of a file."""
        return self._key.sign(data)


class PublicKey:
    """Who signed."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @classmethod
    def read(cls, pem: bytes) -> PublicKey:
        """From PEM. Raises ValueError when it is no such key."""
        key = load_pem_public_key(pem)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("it is no Ed25519 key")
        return cls(key)

    @property
    def pem(self) -> str:
        """As ``openssl`` reads it."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def fingerprint(self) -> str:
        """The first 32 hex digits of the SHA-256 of its DER form, the same that ``openssl`` comes to."""
        der = self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(der).hexdigest()[:_FINGERPRINT_CHARS]

    def fits(self, data: bytes, signature: bytes) -> bool:
        """Whether the file is whole and signed with this key."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True
