"""The file of secrets: sealing keys, the current one's id, and the secret of the recipients' hash.

Made at the first start with mode 0600. Losing it loses every waiting message and every opt-out, so
it belongs in the backup; it is never written again by smsgw, keys are added by hand or a command.
Raises ConfigError with the file and the key when something in it is wrong.
"""

from __future__ import annotations

import binascii
import os
import tempfile
import tomllib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path

from smsgw.errors import ConfigError
from smsgw.store.seal import KEY_OCTETS, Recipients, Sealer

_PAGE = """\
# Secrets of this site's store. Keep a copy: without it nothing in the store can be read.
# To rotate: add a key with the next number, then name it in `current`. Keep the old ones.
current = {current}
recipients = "{recipients}"

[keys]
{keys}
"""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys by id (0–255, 32 octets each), which one seals, and the recipients' secret."""

    keys: dict[int, bytes]
    current: int
    recipients: bytes

    def sealer(self) -> Sealer:
        """A new Sealer, with its own nonces."""
        return Sealer(self.keys, self.current)

    def hasher(self) -> Recipients:
        """The recipients' hasher."""
        return Recipients(self.recipients)


def new_secrets() -> Secrets:
    """Fresh secrets, not written anywhere."""
    return Secrets({1: os.urandom(KEY_OCTETS)}, 1, os.urandom(32))


def load_or_create(path: Path) -> Secrets:
    """Read the file, or make it when there is none. Raises ConfigError."""
    if not path.exists():
        _create(path, new_secrets())
    return load(path)


def load(path: Path) -> Secrets:
    """Read the file. Raises ConfigError when it is missing, readable by others or malformed."""
    try:
        mode = path.stat().st_mode
        if mode & 0o077:
            raise ConfigError(path, 0, "", f"mode {mode & 0o777:03o} lets others read it; chmod 600")
        page = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(path, 0, "", f"can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, 0, "", f"not TOML: {error}") from error
    table = page.get("keys")
    if not isinstance(table, dict) or not table:
        raise ConfigError(path, 0, "keys", "expected a table of sealing keys")
    keys = {_key_id(path, name): _octets(path, f"keys.{name}", text, KEY_OCTETS) for name, text in table.items()}
    current = page.get("current")
    if not isinstance(current, int) or current not in keys:
        raise ConfigError(path, 0, "current", f"expected one of the ids {sorted(keys)}")
    return Secrets(keys, current, _octets(path, "recipients", page.get("recipients"), 32))


def _key_id(path: Path, name: str) -> int:
    if not name.isdecimal() or int(name) > 255:
        raise ConfigError(path, 0, f"keys.{name}", "a key's id is a number from 0 to 255")
    return int(name)


def _octets(path: Path, key: str, text: object, length: int) -> bytes:
    try:
        value = b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error:
        value = b""
    if len(value) != length:
        raise ConfigError(path, 0, key, f"expected {length} octets in base64")
    return value


def _create(path: Path, secrets: Secrets) -> None:
    """Whole or not at all, and never over an existing file: two processes may start at once."""
    lines = "\n".join(f'{key_id} = "{b64encode(key).decode()}"' for key_id, key in secrets.keys.items())
    recipients = b64encode(secrets.recipients).decode()
    page = _PAGE.format(current=secrets.current, recipients=recipients, keys=lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "w") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
    except OSError as error:
        raise ConfigError(path, 0, "", f"can't be written: {error.strerror}") from error
