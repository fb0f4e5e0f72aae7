"""Plain text files of a load run: a body, or recipients a line each."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without its mark. Raises ValueError for another coding, OSError when it can't be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not UTF-8 (octet {error.start})") from None


def read_recipients(path: Path) -> tuple[str, ...]:
    """A recipient a line; empty lines and what follows ``#`` don't count. Raises ValueError when none is left."""
    lines = read_text(path).splitlines()
    recipients = tuple(word for line in lines if (word := line.partition("#")[0].strip()))
    for recipient in recipients:
        if not recipient.isascii() or len(recipient) > 20:
            raise ValueError(f"{path}: {recipient!r} is no recipient: at most 20 ASCII characters")
    if not recipients:
        raise ValueError(f"{path}: expected a recipient a line, found none")
    return recipients
