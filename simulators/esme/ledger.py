"""The file of a load run that says which messages were accepted: ``number message_id`` a line.

Lines are written at the end of each turn of the loop, so nothing is lost when the server dies, and
nothing but the last turn when this process is killed.
"""

from __future__ import annotations

from pathlib import Path


class Ledger:
    """Appends lines; ``flush`` is called at the end of each turn."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("wb")  # noqa: SIM115  # closed by close()
        self._lines: list[bytes] = []

    def add(self, n: int, message_id: bytes) -> None:
        """Message ``n`` was answered ESME_ROK with this id."""
        self._lines.append(b"%d %b\n" % (n, message_id))

    def flush(self) -> None:
        """Write what was added."""
        if self._lines:
            self._file.write(b"".join(self._lines))
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        """Write the rest and close."""
        self.flush()
        self._file.close()
