"""What is to be sent: the archive as it is against what counts of it in ClickHouse.

Pure. Of an hour that is over there should be one batch, of the hour's one piece, as it is now; of a running hour its
pieces in whatever batches, sent again only when they are not all there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from smsgw.records.archive.chain import ERASED, Link
from smsgw.records.archive.names import Piece, piece_of
from smsgw.records.archive.stock import Stock
from smsgw.records.clickhouse.ledger import Batch


@dataclass(frozen=True, slots=True)
class Job:
    """A piece to send, and the batches that it takes the place of."""

    piece: Piece
    rows: int
    settled: bool
    retires: tuple[Batch, ...]


def jobs(stock: Stock, batches: Iterable[Batch]) -> Iterator[Job]:
    """What to send, the newest hour first: figures of today are asked for before those of last week."""
    present = stock.chain.present()
    erasures = [link for link in stock.chain.links if link.act == ERASED]
    there = {hour_ms: list(each) for hour_ms, each in groupby(batches, key=lambda each: each.hour_ms)}
    hours = [(hour_ms, list(each)) for hour_ms, each in groupby(stock.pieces, key=lambda each: each.hour_ms)]
    for hour_ms, pieces in reversed(hours):
        sent = there.get(hour_ms, [])
        settled = len(pieces) == 1 and stock.is_settled(hour_ms)
        for piece in pieces:
            link = present.get(piece.name)
            if link is None or not link.rows:
                continue
            near = tuple(each for each in sent if piece.overlaps(each.piece))
            if not _agrees(piece, link, near, settled) or any(is_stale(each, erasures) for each in near):
                yield Job(piece, link.rows, settled, near)


def gone(stock: Stock, batches: Iterable[Batch]) -> list[Batch]:
    """What counts still and is older than records are kept."""
    return [each for each in batches if each.hour_ms < stock.purged_ms]


def is_stale(batch: Batch, erasures: Iterable[Link]) -> bool:
    """Whether somebody was erased from its piece since it was sent."""
    for link in erasures:
        piece = piece_of(link.file)
        if link.seq > batch.seq and piece is not None and piece.overlaps(batch.piece):
            return True
    return False


def missing(
    pieces: Iterable[Piece], batches: Iterable[Batch], rows_of: Callable[[Piece], int]
) -> tuple[list[Piece], list[int]]:
    """The pieces whose records are not all in ClickHouse, and the batches that some of theirs are in all the same.

    What was erased since does not matter here.
    """
    there = {hour_ms: list(each) for hour_ms, each in groupby(batches, key=lambda each: each.hour_ms)}
    found: list[Piece] = []
    partly: list[int] = []
    for piece in pieces:
        near = [each for each in there.get(piece.hour_ms, ()) if piece.overlaps(each.piece)]
        if len(near) == 1 and near[0].piece == piece:
            continue
        if sum(each.rows for each in near) != rows_of(piece) or not all(piece.holds(each.piece) for each in near):
            found.append(piece)
            partly += [each.number for each in near]
    return found, partly


def _agrees(piece: Piece, link: Link, near: tuple[Batch, ...], settled: bool) -> bool:
    if settled and not (len(near) == 1 and near[0].piece == piece and not near[0].stage):
        return False
    return sum(each.rows for each in near) == link.rows and all(piece.holds(each.piece) for each in near)
