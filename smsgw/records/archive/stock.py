"""What an archive has at one moment, told to whoever brings it to another place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from smsgw.records.archive.chain import Read
from smsgw.records.archive.names import Piece

_ARCHIVE_CHARS: Final = 16


def archive_of(first_hash: str) -> str:
    """What an archive is known by, of the digest in its chain's first line; empty while there is none.

    A machine that has lost its disk writes another archive.
    """
    return first_hash[:_ARCHIVE_CHARS]


@dataclass(frozen=True, slots=True)
class Stock:
    """An archive: its chain, its pieces that count, by hour, and ``is_settled``: whether an hour is over and has but
    one piece. Whole hours before ``purged_ms`` are no longer kept.
    """

    chain: Read
    pieces: Sequence[Piece]
    is_settled: Callable[[int], bool]
    purged_ms: int = 0

    @property
    def archive(self) -> str:
        """What it is known by; empty while it has nothing."""
        return archive_of(self.chain.links[0].hash if self.chain.links else "")

    @property
    def seq(self) -> int:
        """The chain's last line."""
        return self.chain.links[-1].seq if self.chain.links else 0
