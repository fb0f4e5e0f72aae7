"""The tables, their versions, and making them.

Owns: what a table holds. Every table begins with ``day`` (20261118, UTC, of the piece's hour), ``stage`` and ``batch``.
Tables are partitioned by the first two: ``stage`` is empty for what stays, and names archive and hour for pieces of
hours that are not over, so these go as a whole when the hour's one piece has come. ``batch`` is one sending of a piece;
which of them count is in ``batches`` (see ``ledger``).

``records`` lies by message id, which begins with the time, so a timeline is a few reads, and a day one partition;
``recipients`` leads from a keyed hash to messages. ``counts``, ``latencies`` and ``reasons`` are the archive's cubes.
A later version adds statements to ``_VERSIONS``; what has been applied is in ``versions``.
"""

from __future__ import annotations

import time
from typing import Final

from smsgw.records.archive.columns import TYPES
from smsgw.records.archive.rollups import CUBES, FIGURES, LATENCIES, REASONS, Cube
from smsgw.records.clickhouse.client import ClickHouseError, Client
from smsgw.records.history import DIMENSIONS

BATCHES: Final = "batches"
RECORDS: Final = "records"
RECIPIENTS: Final = "recipients"
_BEGINNING: Final = {"day": "UInt32", "stage": "String", "batch": "UInt64"}
_ARROW: Final = {
    "int16": "Int16", "int32": "Int32", "int64": "Int64", "double": "Float64", "string": "String", "binary": "String",
}  # fmt: skip
_CELLS: Final = {
    "step": "Int16", "bucket": "Int16", "reason": "String", "cost": "Float64", "message_class": "Int16",
    "code_class": "String",
}  # fmt: skip


def _cube(cube: Cube) -> dict[str, str]:
    texts = {name for name in DIMENSIONS if name != "message_class"}
    names = ("hour_ms", *cube.dimensions, *cube.cells)
    return {**_BEGINNING, **{name: "String" if name in texts else _CELLS.get(name, "Int64") for name in names}}


COLUMNS: Final[dict[str, dict[str, str]]] = {
    # place: of a row among those of its hour. bucket: of its latency, as in the archive's cubes; -1 for none.
    RECORDS: {
        **_BEGINNING, "place": "UInt64", **{name: _ARROW[str(kind)] for name, kind in TYPES.items()}, "bucket": "Int16",
    },
    RECIPIENTS: {**_BEGINNING, "recipient_hash": "String", "message_id": "String"},
    **{cube.name: _cube(cube) for cube in CUBES},
    # One line for every sending that counts, and for what no longer does; see ledger.
    BATCHES: {
        **_BEGINNING, "archive": "String", "hour_ms": "Int64", "first": "UInt32", "last": "UInt32", "rows": "UInt64",
        "seq": "UInt64", "at_ms": "Int64", "retires": "Array(UInt64)",
    },
}  # fmt: skip
_ORDER: Final = {
    RECORDS: "message_id, at_ms", RECIPIENTS: "recipient_hash, message_id", BATCHES: "batch",
    FIGURES.name: "hour_ms, account", LATENCIES.name: "hour_ms, account", REASONS.name: "hour_ms, account",
}  # fmt: skip


def _create(client: Client, name: str) -> str:
    columns = ", ".join(f"`{column}` {kind}" for column, kind in COLUMNS[name].items())
    return (
        f"CREATE TABLE IF NOT EXISTS {client.table(name)} ({columns}) "
        f"ENGINE = MergeTree PARTITION BY (day, stage) ORDER BY ({_ORDER[name]})"
    )


def _first(client: Client) -> list[str]:
    return [_create(client, name) for name in COLUMNS]


_VERSIONS: Final = (_first,)
"""What each version does to the one before; every statement may be repeated."""
VERSION: Final = len(_VERSIONS)


def version_of(client: Client) -> int:
    """Of the tables that are there; 0 for none."""
    there = f"database = '{client.server.database}' AND name = 'versions'"
    if not client.rows(_count("tables", there))[0][0]:
        return 0
    return int(client.rows(f"SELECT max(version) FROM {client.table('versions')}")[0][0])


def prepare(client: Client) -> None:
    """Make the tables where there are none, and look at them where there are.

    Raises ClickHouseError for those of another version, or of a layout that is not ours, with what mends it.
    """
    found = version_of(client)
    _refuse_newer(client, found)
    if not found:
        migrate(client)
    elif found < VERSION:
        raise ClickHouseError(
            f"{_place(client)} are of version {found}, and this program needs {VERSION}: run `smsgw archive "
            "clickhouse-init`, which brings them there; until then records wait in the files of the archive"
        )
    else:
        _require_layout(client)


def migrate(client: Client) -> int:
    """Bring the tables to this program's version; gives the one that was there before. Raises ClickHouseError."""
    found = version_of(client)
    _refuse_newer(client, found)
    if found < VERSION and not client.rows(_count("databases", f"name = '{client.server.database}'"))[0][0]:
        client.do(f"CREATE DATABASE IF NOT EXISTS `{client.server.database}`")
    for statements in _VERSIONS[found:]:
        for statement in statements(client):
            client.do(statement)
    _require_layout(client)
    if found < VERSION:
        versions = client.table("versions")
        columns = "(version UInt32, at_ms Int64)"
        client.do(f"CREATE TABLE IF NOT EXISTS {versions} {columns} ENGINE = MergeTree ORDER BY version")
        client.do(f"INSERT INTO {versions} VALUES ({VERSION}, {time.time_ns() // 1_000_000})")
    return found


def _refuse_newer(client: Client, found: int) -> None:
    if found > VERSION:
        raise ClickHouseError(
            f"{_place(client)} are of version {found}, and this program knows {VERSION}: upgrade smsgw on this machine"
        )


def _require_layout(client: Client) -> None:
    """Columns that are there besides ours are let be: every statement names its own."""
    rows = client.rows(f"SELECT table, name, type FROM system.columns WHERE database = '{client.server.database}'")
    there = {(table, name): kind for table, name, kind in rows}
    for table, columns in COLUMNS.items():
        for name, kind in columns.items():
            found = there.get((table, name))
            if found != kind:
                raise ClickHouseError(
                    f"{_place(client)} are not as this program made them: {table}.{name} should be {kind}, and is "
                    f"{found or 'missing'}; name another database in [records.clickhouse], or drop this one and run "
                    "`smsgw archive clickhouse-init`, and the keeper sends everything that the archive has again"
                )


def _count(table: str, where: str) -> str:
    return f"SELECT count() FROM system.{table} WHERE {where}"


def _place(client: Client) -> str:
    return f"ClickHouse at {client.server.url}: the tables of the database {client.server.database}"
