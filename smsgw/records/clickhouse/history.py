"""All records of a site in ClickHouse, with what this machine has not sent yet, as ``records.history.History``.

What is on its way is read from this machine's files: the raw ones of the running hour and pieces that wait, so a
message is found at once here, and a minute later everywhere. Figures are of what was sent. A question during which the
ledger changed is asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from smsgw.records.archive.chain import first_hash
from smsgw.records.archive.intake import unpacked_content
from smsgw.records.archive.knowledge import Enclosed, Keys
from smsgw.records.archive.lately import first_untaken, sent_in
from smsgw.records.archive.person import Kept, of_recipient_in
from smsgw.records.archive.reading import RECORD_COLUMNS, Look, Reader, record_of
from smsgw.records.archive.statistics import figures_of, require_groups
from smsgw.records.archive.stock import archive_of
from smsgw.records.cases import Answered, Case, Optouts
from smsgw.records.clickhouse import cases
from smsgw.records.clickhouse.client import Client, Server
from smsgw.records.clickhouse.ledger import Batch, Ledger
from smsgw.records.clickhouse.plan import missing
from smsgw.records.clickhouse.questions import Questions
from smsgw.records.clickhouse.schema import prepare
from smsgw.records.clickhouse.searching import MessageThere, search
from smsgw.records.clickhouse.source import Source, equal, within
from smsgw.records.history import ARCHIVE, Asked, Figures
from smsgw.records.history import Kept as AnyKept
from smsgw.records.lately import Delivered, Hours, Reactions
from smsgw.records.record import Record, Step, to_ms
from smsgw.records.sought import Found, Sought, Whole

_ATTEMPTS: Final = 4
T = TypeVar("T")


class ClickHouse:
    """Belongs to one thread at a time. ``directory``: of records on this machine; ``threads`` and ``memory``: what
    questions over its files may use.

    Every method raises ClickHouseError, an OSError, with one line that names the server.
    """

    def __init__(self, server: Server, directory: Path, threads: int = 2, memory: str = "1GB") -> None:
        self._client = Client(server)
        self._ledger = Ledger(self._client)
        self._source = Source(self._client, self._ledger)
        self._directory = directory
        self._bounds = threads, memory
        self._made: Reader | None = None
        self._is_ready = False
        self._stamp: tuple[int, ...] = ()
        self._batches: list[Batch] = []

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
        """As ``History.find``."""
        wanted = {"message_id": message_id, "account": account, "step": step, "carrier": carrier}
        conditions = [equal(name, value) for name, value in wanted.items() if value is not None]
        if recipient_hash is not None:
            conditions.append(self._source.recipient(recipient_hash))
        if step is None:
            conditions.append(f"step <> {int(Step.CARRIER_PDU)}")
        conditions += within(*(None if at is None else to_ms(at) for at in (since, until)))
        newest, bound = (" DESC", f" LIMIT {last}") if last is not None else ("", "")
        order = f"ORDER BY at_ms{newest}, place{newest}, batch{newest}{bound}"

        def question(look: Look) -> list[Record]:
            here = self._reader().find_in(
                look, message_id, since, account, step,
                until=until, carrier=carrier, recipient_hash=recipient_hash, last=last,
            )  # fmt: skip
            there = [record_of(row) for row in self._source.rows(RECORD_COLUMNS, conditions, order)]
            if last is None:
                return sorted(there + here, key=_at_ms)
            both = sorted(there[::-1] + here, key=_at_ms)
            return both[max(0, len(both) - last) :]

        return self._asked(question)

    def statistics(self, asked: Asked) -> list[Figures]:
        """As ``History.statistics``: of what was sent."""
        require_groups(asked)
        questions = Questions(self._client, asked, self._ledger.counting())
        return self._unchanged(lambda: figures_of(asked, questions))

    def of_recipient(self, recipient_hash: str, keys: Keys) -> list[AnyKept]:
        """As ``History.of_recipient``."""

        def question(look: Look) -> list[AnyKept]:
            found: list[AnyKept] = []
            for content, *row in self._source.rows(
                f"hex(content), {RECORD_COLUMNS}", [self._source.recipient(recipient_hash)], "ORDER BY place, batch"
            ):
                kept = unpacked_content(keys.open(bytes.fromhex(content))) if content else ("", "", ())
                found.append(Kept(record_of(tuple(row)), kept[0], kept[2]))
            found += of_recipient_in(self._reader(), look, recipient_hash, keys)
            return sorted(found, key=lambda each: each.record.at_ms)

        return self._asked(question)

    def search(self, sought: Sought) -> list[Found]:
        """As ``History.search``."""
        return self._asked(lambda look: search(self._source, self._reader(), look, sought))

    def whole(
        self, message_id: str, since_ms: int, until_ms: int, keys: Keys, enclosed: Callable[[bytes], Enclosed | None]
    ) -> Whole:
        """As ``History.whole``."""

        def question(look: Look) -> Whole:
            message = MessageThere(self._source, self._reader(), look, keys, enclosed)
            return message.whole(message_id, since_ms, until_ms)

        return self._asked(question)

    def affected(self, case: Case, keys: Keys | None = None) -> Answered:
        """As ``History.affected``: of what was sent."""
        return self._unchanged(lambda: cases.affected(self._source, case, keys))

    def after_optouts(self, since_ms: int, until_ms: int) -> Optouts:
        """As ``History.after_optouts``: of what was sent."""
        return self._unchanged(lambda: cases.after_optouts(self._source, since_ms, until_ms))

    def delivered(self, since_ms: int, until_ms: int) -> list[Delivered]:
        """As ``History.delivered``: of what was sent."""
        return self._unchanged(lambda: cases.delivered(self._source, since_ms, until_ms))

    def reactions(self, since_ms: int, until_ms: int) -> list[Reactions]:
        """As ``History.reactions``: of what was sent."""
        return self._unchanged(lambda: cases.reactions(self._source, since_ms, until_ms))

    def sent_in(self, hours_ms: tuple[int, ...]) -> Hours:
        """As ``History.sent_in``: of what was sent."""
        return sent_in(self.statistics, hours_ms)

    def not_taken_since(self) -> int | None:
        """As ``History.not_taken_since``; of this machine, and pieces that wait count by the hour."""

        def question(look: Look) -> int | None:
            fresh = first_untaken(look)
            return min([piece.hour_ms for piece in look.pieces] + ([] if fresh is None else [fresh]), default=None)

        return self._asked(question)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    # --- asking

    def _asked(self, question: Callable[[Look], T]) -> T:
        """A question of ClickHouse and, at the same moment, of what is only here."""
        try:
            return self._reader().asked(lambda look: self._unchanged(lambda: question(self._unsent(look))))
        finally:
            self._source.without = []

    def _unchanged(self, question: Callable[[], T]) -> T:
        """What was found while the ledger stayed as it was; after some attempts whatever was found."""
        if not self._is_ready:
            prepare(self._client)
            self._is_ready = True
        for _ in range(_ATTEMPTS):
            before = self._ledger.stamp()
            found = question()
            if self._ledger.stamp() == before:
                break
        return found

    def _unsent(self, look: Look) -> Look:
        """Without the pieces that are in ClickHouse; of one that is partly there, ClickHouse is not asked."""
        archive = archive_of(first_hash(self._directory / ARCHIVE))
        stamp = self._ledger.stamp(archive)
        if stamp != self._stamp:
            self._batches, self._stamp = self._ledger.of_archive(archive), stamp
        unsent, self._source.without = missing(look.pieces, self._batches, self._reader().rows_of)
        return Look(look.directory, tuple(unsent), look.raw)

    def _reader(self) -> Reader:
        if self._made is None:
            self._made = Reader(self._directory, self._directory / ARCHIVE, *self._bounds)
        return self._made


def _at_ms(record: Record) -> int:
    return record.at_ms
