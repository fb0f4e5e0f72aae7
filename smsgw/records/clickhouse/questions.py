"""Statistics as SQL that servers of every age understand: of the cubes, and of records where a cube has not enough.

Owns: what is asked; what the answers make is ``records.archive.statistics``', as for files. Values are written by
``client.text``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from smsgw.records.archive.intake import BEGINNINGS
from smsgw.records.archive.rollups import COUNTS, FIGURES, LATENCIES, NARROW, REASONS
from smsgw.records.clickhouse.client import Client, listed, text
from smsgw.records.clickhouse.ledger import day_of
from smsgw.records.clickhouse.schema import RECORDS
from smsgw.records.history import DIMENSIONS, Asked
from smsgw.records.record import HOUR_MS, Step

_DAY_MS: Final = 24 * HOUR_MS
_TIMES: Final = ("hour", "day")


class Questions:
    """The questions of one ``Asked``. ``counting``: SQL of the batches that count."""

    def __init__(self, client: Client, asked: Asked, counting: str) -> None:
        self._client = client
        self._asked = asked
        self._counting = counting

    def counts(self) -> list[tuple[Any, ...]]:
        """Rows of group, code_class, cost, how many, failed, and every figure as a list."""
        cells = ", ".join(f"sum({name})" for name in COUNTS)
        values = f"sum(cost), count(), sum(failed), [{cells}]"
        return self._grouped(FIGURES.name, FIGURES.dimensions, ("code_class",), values)

    def latencies(self) -> list[tuple[Any, ...]]:
        """Rows of group, step, bucket, how many."""
        dimensions = {*self._asked.by, *(name for name, _ in self._asked.where)} - {*_TIMES}
        if self._asked.accounts is not None:
            dimensions.add("account")
        if dimensions <= {*NARROW}:
            return self._grouped(LATENCIES.name, NARROW, ("step", "bucket"), "sum(records)")
        begun = f"if(step IN {BEGINNINGS}, {int(Step.ACCEPTED)}, step)"
        return self._grouped(RECORDS, DIMENSIONS, (begun, "bucket"), "count()", "bucket >= 0")

    def reasons(self) -> list[tuple[Any, ...]]:
        """Rows of group, step, reason, how many."""
        return self._grouped(REASONS.name, REASONS.dimensions, ("step", "reason"), "sum(records)")

    def _grouped(
        self, table: str, dimensions: Iterable[str], keys: Iterable[str], values: str, *conditions: str
    ) -> list[tuple[Any, ...]]:
        """``values`` by what is asked for and then by ``keys``, in their order."""
        known = {*dimensions}
        hour = f"intDiv(at_ms, {HOUR_MS}) * {HOUR_MS}" if table == RECORDS else "hour_ms"
        groups = [*(self._group(name, hour, known) for name in self._asked.by), *keys]
        selected = "".join(f"{each} AS g{index}, " for index, each in enumerate(groups))
        by = ", ".join(f"g{index}" for index in range(len(groups)))
        where = " AND ".join((f"batch IN {self._counting}", *conditions, *self._conditions(hour, known)))
        source = self._client.table(table)
        return self._client.rows(f"SELECT {selected}{values} FROM {source} WHERE {where} GROUP BY {by} ORDER BY {by}")

    def _group(self, name: str, hour: str, known: set[str]) -> str:
        if name == "hour":
            return hour
        if name == "day":
            offset_ms = self._asked.offset_ms
            return f"intDiv({hour} + {offset_ms}, {_DAY_MS}) * {_DAY_MS} - {offset_ms}"
        # What a cube has no dimension of is empty in all that it counts.
        return name if name in known else "''"

    def _conditions(self, hour: str, known: set[str]) -> Iterable[str]:
        asked = self._asked
        for name, value in asked.where:
            yield f"{self._group(name, hour, known)} = {text(value) if isinstance(value, str) else int(value)}"
        if asked.accounts is not None:
            yield f"account IN {listed(asked.accounts)}" if asked.accounts else "0"
        if asked.since_ms is not None:
            yield f"{hour} >= {asked.since_ms}"
            yield f"day >= {day_of(asked.since_ms)}"
        if asked.until_ms is not None:
            yield f"{hour} < {asked.until_ms}"
            yield f"day <= {day_of(asked.until_ms)}"
