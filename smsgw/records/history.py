"""What is asked of all records, whichever way they are kept.

Owns: the questions and the form of the answers. ``Embedded`` answers from files on this machine: raw ones of the
running hour, and the archive by DuckDB. Another way of keeping them is another class with the same methods.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from smsgw.records.cases import Answered, Case, Optouts
from smsgw.records.lately import Delivered, Hours, Reactions
from smsgw.records.query import query
from smsgw.records.record import Record
from smsgw.records.sought import Found, Sought, Whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgw.records.archive.knowledge import Enclosed, Keys
    from smsgw.records.archive.reading import Reader

ARCHIVE: Final = "archive"
"""The archive's directory in that of records."""
DIMENSIONS: Final = (
    "account",
    "department",
    "carrier",
    "province",
    "message_class",
    "template",
    "campaign",
    "signature",
)
GROUPS: Final = (*DIMENSIONS, "hour", "day")


@dataclass(frozen=True, slots=True)
class Asked:
    """What statistics are asked for. ``by``: of ``GROUPS``, in that order. Times in ms of whole hours; ``where``:
    values of dimensions.

    ``offset_ms``: how much the local time of whoever asks is ahead of UTC; days are theirs. ``accounts``: of these
    alone, whatever else is asked; None for all.
    Latencies by province, template, campaign or signature take longer, so they can be left out. ``reasons``: also why
    messages were refused or kept back.
    """

    by: tuple[str, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    where: tuple[tuple[str, str | int], ...] = ()
    offset_ms: int = 0
    latencies: bool = True
    reasons: bool = False
    accounts: tuple[str, ...] | None = None


@dataclass(slots=True)
class Figures:
    """One row of the answer: ``group`` as it was asked for, hours and days as ms of their beginning.

    Steps are counted in the hour in which they happened. What was accepted and what was delivered are told apart:
    delivered is what the carrier's receipt says is. Each segment that an application submitted is one, for it has an
    id and a receipt of its own; ``sent_segments`` are those on the air. Acceptance has no carrier yet and an
    unsubscription no template, so they stand in the rows in which that is empty.

    ``failed_by``: class of the carrier's code → how many, empty text for none. Latencies: (p50, p95, p99) in ms, of the
    answer to the application, of the carrier's answer, and from acceptance to the receipt of delivery.

    Only if reasons were asked for: ``refused_by``: id of the rule → how many; ``parked_by``: the lot (``review`` for a
    person to look at) → how many; ``reviewed_by``: the reviewer's verdict → how many.
    """

    group: tuple[str | int, ...]
    counts: dict[str, int]
    cost: float = 0.0
    failed_by: dict[str, int] = field(default_factory=dict)
    latencies: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    refused_by: dict[str, int] = field(default_factory=dict)
    parked_by: dict[str, int] = field(default_factory=dict)
    reviewed_by: dict[str, int] = field(default_factory=dict)

    def share(self, name: str, of: str) -> float | None:
        """A count as a share of another; None of nothing."""
        return self.counts[name] / self.counts[of] if self.counts[of] else None

    def delivered_of_final(self) -> float | None:
        """Delivered as a share of all whose last word came; None where none did."""
        final = self.counts["delivered"] + self.counts["failed"]
        return self.counts["delivered"] / final if final else None


class Kept(Protocol):
    """A record with the message itself. ``number`` and ``pdus`` (submit_sm octets by segment) are empty where no
    content is kept with it: all steps but the first, and what was erased.
    """

    @property
    def record(self) -> Record: ...
    @property
    def number(self) -> str: ...
    @property
    def pdus(self) -> tuple[bytes, ...]: ...


class History(Protocol):
    """All records of a site, or of one of its machines."""

    def find(
        self,
        message_id: str | None = None,
        since: datetime | None = None,
        account: str | None = None,
        step: int | None = None,
        *,
        until: datetime | None = None,
        carrier: str | None = None,
        recipient_hash: str | None = None,
        last: int | None = None,
    ) -> list[Record]:
        """The records that fit every condition given, oldest first; ``last`` keeps only the newest so many."""
        ...

    def statistics(self, asked: Asked) -> list[Figures]:
        """The figures of each group, in the groups' order; a moment old. Raises ValueError for a name that is no
        group.
        """
        ...

    def of_recipient(self, recipient_hash: str, keys: Keys) -> list[Kept]:
        """Every archived record of a recipient with what was sent, oldest first."""
        ...

    def search(self, sought: Sought) -> list[Found]:
        """The records that fit, the newest first."""
        ...

    def whole(
        self, message_id: str, since_ms: int, until_ms: int, keys: Keys, enclosed: Callable[[bytes], Enclosed | None]
    ) -> Whole:
        """Every record of a message, with all that is kept of its contents; a segment has its whole message's.

        ``enclosed``: see ``Knowledge``.
        """
        ...

    def affected(self, case: Case, keys: Keys | None = None) -> Answered:
        """The messages of a case and what happened to them, of what is archived; with ``keys`` also their numbers in
        full. Raises RequestError when there are too many.
        """
        ...

    def after_optouts(self, since_ms: int, until_ms: int) -> Optouts:
        """What became of the opt-outs of a time until its end."""
        ...

    def delivered(self, since_ms: int, until_ms: int) -> list[Delivered]:
        """Last receipts that came in a time, to the minute; a moment old."""
        ...

    def reactions(self, since_ms: int, until_ms: int) -> list[Reactions]:
        """What a time's messages were answered with."""
        ...

    def sent_in(self, hours_ms: tuple[int, ...]) -> Hours:
        """What accounts sent in some hours, each by its beginning."""
        ...

    def not_taken_since(self) -> int | None:
        """When the first record was written that no other question here knows of yet, in ms; None: all are known."""
        ...


class Embedded:
    """The records in a directory of this machine. Belongs to one thread at a time.

    ``threads`` and ``memory``: what questions over the archive may use; left out, two and a gigabyte.
    """

    def __init__(self, directory: Path, threads: int = 2, memory: str = "1GB") -> None:
        self._directory = directory
        self._bounds = threads, memory
        self._made: Reader | None = None

    def find(
        self,
        message_id: str | None = None,
        since: datetime | None = None,
        account: str | None = None,
        step: int | None = None,
        *,
        until: datetime | None = None,
        carrier: str | None = None,
        recipient_hash: str | None = None,
        last: int | None = None,
    ) -> list[Record]:
        """As ``History.find``; without an archive nothing of it is loaded."""
        find = self._reader().find if (self._directory / ARCHIVE).exists() else self._find_raw
        return find(
            message_id, since, account, step, until=until, carrier=carrier, recipient_hash=recipient_hash, last=last
        )

    def _find_raw(
        self,
        message_id: str | None,
        since: datetime | None,
        account: str | None,
        step: int | None,
        *,
        until: datetime | None,
        carrier: str | None,
        recipient_hash: str | None,
        last: int | None,
    ) -> list[Record]:
        return query(
            self._directory, message_id, since, account, step,
            until=until, carrier=carrier, recipient_hash=recipient_hash, last=last,
        )  # fmt: skip

    def statistics(self, asked: Asked) -> list[Figures]:
        """As ``History.statistics``: of what is in the archive."""
        from smsgw.records.archive.statistics import statistics

        return statistics(self._reader(), asked)

    def of_recipient(self, recipient_hash: str, keys: Keys) -> list[Kept]:
        """As ``History.of_recipient``. Raises OSError."""
        from smsgw.records.archive.person import of_recipient

        return list(of_recipient(self._reader(), recipient_hash, keys))

    def affected(self, case: Case, keys: Keys | None = None) -> Answered:
        """As ``History.affected``. Raises OSError."""
        from smsgw.records.archive.cases import affected

        return affected(self._reader(), case, keys)

    def after_optouts(self, since_ms: int, until_ms: int) -> Optouts:
        """As ``History.after_optouts``. Raises OSError."""
        from smsgw.records.archive.cases import after_optouts

        return after_optouts(self._reader(), since_ms, until_ms)

    def search(self, sought: Sought) -> list[Found]:
        """As ``History.search``. Raises OSError."""
        from smsgw.records.archive.searching import search

        return search(self._reader(), sought)

    def whole(
        self, message_id: str, since_ms: int, until_ms: int, keys: Keys, enclosed: Callable[[bytes], Enclosed | None]
    ) -> Whole:
        """As ``History.whole``. Raises OSError."""
        from smsgw.records.archive.searching import whole

        return whole(self._reader(), message_id, since_ms, until_ms, keys, enclosed)

    def delivered(self, since_ms: int, until_ms: int) -> list[Delivered]:
        """As ``History.delivered``. Raises OSError."""
        from smsgw.records.archive.lately import delivered

        return delivered(self._reader(), since_ms, until_ms)

    def reactions(self, since_ms: int, until_ms: int) -> list[Reactions]:
        """As ``History.reactions``. Raises OSError."""
        from smsgw.records.archive.lately import reactions

        return reactions(self._reader(), since_ms, until_ms)

    def sent_in(self, hours_ms: tuple[int, ...]) -> Hours:
        """As ``History.sent_in``. Raises OSError."""
        from smsgw.records.archive.lately import sent_in

        return sent_in(self.statistics, hours_ms)

    def not_taken_since(self) -> int | None:
        """As ``History.not_taken_since``. Raises OSError."""
        from smsgw.records.archive.lately import not_taken_since

        return not_taken_since(self._reader())

    def _reader(self) -> Reader:
        # Here and not above: only who asks the archive pays for loading pyarrow and DuckDB.
        from smsgw.records.archive.reading import Reader

        if self._made is None:
            self._made = Reader(self._directory, self._directory / ARCHIVE, *self._bounds)
        return self._made
