"""The place of the keeper: who has it takes what gateways write, everybody else who would stands by.

Owns: a lock that is held for as long as a keeper runs, beside the one that a round holds; who dies leaves it. So a
keeper of its own and one that comes with the console may both be started, and the archive is kept when either ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

LOCK: Final = "keeper"
"""In the archive's directory."""


class Place:
    """``take`` until it is had, ``leave`` at the end."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether it is ours now. Raises OSError where the archive can't be written."""
        if self._descriptor is not None:
            return True
        self._directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def leave(self) -> None:
        """It is for the next one."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
