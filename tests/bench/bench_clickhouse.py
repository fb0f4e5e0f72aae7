"""Records in ClickHouse: octets a message, how long sending takes, and questions; beside the same of files.

Run: ``python tests/bench/bench_clickhouse.py --records 10000000 --days 10 --into DIRECTORY --url http://127.0.0.1:8123``.
The archive is that of ``bench_archive``, made if it is not there; what ClickHouse has already is not sent again. The
database is ``bench``, and stays.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from smsgw.records.archive.keeper import Keeper
from smsgw.records.clickhouse import shipping
from smsgw.records.clickhouse.client import Client, Server
from smsgw.records.clickhouse.history import ClickHouse
from smsgw.records.clickhouse.shipping import Shipper
from smsgw.records.history import ARCHIVE, Asked, Embedded, History
from smsgw.records.record import HOUR_MS
from tests.bench.bench_archive import KEYS, NOBODY, START_MS, fill, timed

_MESSAGE_RECORDS = 5
_DAY_MS = 24 * HOUR_MS


def send(directory: Path, server: Server) -> None:
    """All that is not there yet."""
    setattr(shipping, "ROUND_S", 86_400.0)  # noqa: B010 — all at once
    keeper = Keeper(directory, NOBODY, KEYS, lambda: START_MS + 400 * _DAY_MS)
    keeper.sends_with(lambda connection: Shipper(Client(server), keeper.directory, KEYS, connection))
    began = time.perf_counter()
    done = keeper.round()
    keeper.close()
    if keeper.away:
        raise SystemExit(keeper.away)
    print(f"{done.sent} pieces sent in {time.perf_counter() - began:.0f} s")


def size(client: Client) -> None:
    """Of each table, an octets a message."""
    sql = "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts WHERE database = 'bench' AND active"
    rows = client.rows(f"{sql} GROUP BY table ORDER BY table")
    messages = next(count for name, count, _ in rows if name == "records") / _MESSAGE_RECORDS
    for name, count, octets in rows:
        print(f"{name:12} {count:12,} rows {octets / 1e6:9.1f} MB {octets / messages:7.1f} octets a message")
    print(f"{'all':12} {'':12}      {sum(row[2] for row in rows) / 1e6:9.1f} MB "
          f"{sum(row[2] for row in rows) / messages:7.1f} octets a message")  # fmt: skip


def ask(history: History, client: Client, days: int) -> None:
    """The questions of docs/records.md."""
    until_ms = START_MS + days * _DAY_MS
    ((name, rhash, at_ms),) = client.rows(
        f"SELECT message_id, recipient_hash, at_ms FROM {client.table('records')} WHERE step = 1 LIMIT 1"
    )
    since = datetime.fromtimestamp(at_ms // 1000 - 3600, UTC)
    month = until_ms - 31 * _DAY_MS
    for words, asked in (
        ("overview: the last day by hour and carrier", Asked(("hour", "carrier"), until_ms - _DAY_MS)),
        ("report: a month by department, with latencies", Asked(("department",), month)),
        ("a month by department and template", Asked(("department", "template"), month, latencies=False)),
        ("all by carrier and province, latencies of records", Asked(("carrier", "province"))),
    ):
        timed(words, partial(history.statistics, asked))
    timed("all records of a number", lambda: history.find(recipient_hash=rhash))
    timed("timeline of a message, since its id's hour", lambda: history.find(name, since))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--url", required=True)
    options = parser.parse_args()
    if not (options.into / ARCHIVE).exists():
        fill(options.into, options.records, options.days)
    server = Server(options.url, "bench", timeout_s=600.0)
    send(options.into, server)
    client = Client(server)
    size(client)
    for name, history in (("ClickHouse", ClickHouse(server, options.into)), ("files", Embedded(options.into))):
        print(name)
        ask(history, client, options.days)


if __name__ == "__main__":
    main()
