"""How to get into Redis: login, TLS, and the sentinels' own; besides the URL, so that no secret need stand in one.

Owns what ``[store]`` and its tables ``tls`` and ``sentinel`` say, and the TLS context made of it. A certificate that
was renewed on disk is used by the next connection: nothing has to be restarted for it.
What can go wrong: a file that is gone or can't be read is a StoreRefused naming it, at the next connection.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smsgw.errors import StoreRefused

_Mark = tuple[int, int, int]


@dataclass(frozen=True)
class Tls:
    """TLS to a server. Without ``ca`` the system's authorities are trusted, with it only those in the file.

    ``server_name``: what the server's certificate must name; empty: the host as the URL, a sentinel or the Cluster
    names it. The last two name addresses unless Redis was told to announce host names.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""
    _made: dict[tuple[_Mark, ...], ssl.SSLContext] = field(default_factory=dict, init=False, repr=False, compare=False)

    def context(self) -> ssl.SSLContext:
        """The context of the files as they are now. Raises StoreRefused for files that can't be used."""
        files = [file for file in (self.ca, self.certificate, self.key) if file is not None]
        marks = tuple(_mark(file) for file in files)
        context = self._made.get(marks)
        if context is None:
            context = self._make()
            self._made.clear()
            self._made[marks] = context
        return context

    def _make(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise StoreRefused(f"store.tls.ca {self.ca}: no certificates of authorities in it: {error}") from error
        if self.certificate is not None and self.key is not None:
            try:
                # Without a password OpenSSL would ask for one on the terminal.
                context.load_cert_chain(self.certificate, self.key, password="")
            except (OSError, ssl.SSLError, ValueError) as error:
                raise StoreRefused(
                    f"store.tls.certificate {self.certificate}: can't be used with {self.key}: {error}"
                ) from error
        return context


@dataclass(frozen=True, slots=True)
class Access:
    """Everything beside the URL. Where a login is given here, the URL has none."""

    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls | None = None
    sentinel_user: str = ""
    sentinel_password: str = field(default="", repr=False)
    sentinel_tls: Tls | None = None

    @property
    def login(self) -> dict[str, Any]:
        """As ``channel.Target`` takes it; empty without a password."""
        return login_of(self.user, self.password)

    @property
    def sentinel_login(self) -> dict[str, Any]:
        """The same for the sentinels."""
        return login_of(self.sentinel_user, self.sentinel_password)


def login_of(user: str, password: str) -> dict[str, Any]:
    """A login as ``channel.Target`` takes it; empty without a password."""
    return {"username": user or None, "password": password} if password else {}


def _mark(file: Path) -> _Mark:
    try:
        found = file.stat()
    except OSError as error:
        raise StoreRefused(f"store.tls: {file} can't be read: {error.strerror}") from error
    return found.st_ino, found.st_mtime_ns, found.st_size
