"""Process 1 of a container buries what others leave behind: the kernel makes it their parent, and nobody else waits."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path


class Orphans:
    """Call ``bury`` about once a second; it does something only in process 1."""

    def __init__(self) -> None:
        self._dead: set[int] = set()

    def bury(self, ours: Collection[int] = ()) -> None:
        """Wait for children that have been dead since the last call, but for ``ours``: whoever started one waits."""
        if os.getpid() != 1:
            return
        dead = {pid for pid in _dead_children() if pid not in ours}
        for pid in dead & self._dead:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._dead = dead


def _dead_children() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # gone meanwhile
            state, parent, *_ = path.read_text().rpartition(")")[2].split()
            if state == "Z" and parent == "1":
                found.append(int(path.parent.name))
    return found
