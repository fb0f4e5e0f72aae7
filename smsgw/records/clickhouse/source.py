"""Asking for records: of batches that count, with conditions that lead to few of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from smsgw.records.clickhouse.client import Client, text
from smsgw.records.clickhouse.ledger import Ledger, day_of
from smsgw.records.clickhouse.schema import RECIPIENTS, RECORDS
from smsgw.records.record import HOUR_MS


class Source:
    """The records of a server. ``without``: batches that are not to be asked, for their pieces are read elsewhere."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self._client = client
        self._ledger = ledger
        self.without: list[int] = []

    def rows(self, columns: str, conditions: Iterable[str], end: str = "") -> list[tuple[Any, ...]]:
        """What fits every condition."""
        return self._client.rows(f"SELECT {columns} {self.of(*conditions)} {end}")

    def of(self, *conditions: str) -> str:
        """SQL: the records that fit."""
        without = [f"batch NOT IN ({', '.join(map(str, self.without))})"] if self.without else []
        where = " AND ".join((*conditions, *without, f"batch IN {self._ledger.counting()}"))
        return f"FROM {self._client.table(RECORDS)} WHERE {where}"

    def recipient(self, recipient_hash: str) -> str:
        """A condition: to a number leads a table of its own, for records lie by message."""
        whose = f"recipient_hash = {text(recipient_hash)}"
        return f"{whose} AND message_id IN (SELECT message_id FROM {self._client.table(RECIPIENTS)} WHERE {whose})"


def within(since_ms: int | None, until_ms: int | None) -> list[str]:
    """Conditions: by milliseconds, and by day, so that others are not even opened."""
    found = []
    for sign, at_ms in ((">=", since_ms), ("<", until_ms)):
        if at_ms is not None:
            found += [f"at_ms {sign} {at_ms}", f"day {sign[0]}= {day_of(at_ms)}"]
    return found


def within_hours(since_ms: int, until_ms: int) -> list[str]:
    """The same, of the whole hours that the time begins and ends in."""
    return within(since_ms // HOUR_MS * HOUR_MS, -(-until_ms // HOUR_MS) * HOUR_MS)


def equal(name: str, value: str | int) -> str:
    """A condition."""
    return f"{name} = {text(value) if isinstance(value, str) else int(value)}"
