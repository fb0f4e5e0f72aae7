"""The archive of records at its size: octets a message, and how long questions take.

Run: ``python tests/bench/bench_archive.py --records 10000000 --days 10 --into DIRECTORY``. The records are made (five
of each message: accepted, sent, answered, receipt, receipt returned; one message in twenty fails) by the archive's own
writer, from a seed; ``--into`` an archive that is there already only asks. The directory stays, to be asked again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from smsgw.config.load import load_site
from smsgw.records.archive.columns import SCHEMA
from smsgw.records.archive.duck import connection
from smsgw.records.archive.files import sorted_run
from smsgw.records.archive.keeper import Keeper
from smsgw.records.archive.knowledge import Keys, Knowledge
from smsgw.records.archive.names import Piece
from smsgw.records.archive.reading import Reader
from smsgw.records.archive.statistics import statistics
from smsgw.records.history import ARCHIVE, Asked, Embedded
from smsgw.records.record import HOUR_MS
from smsgw.reports.monthly import Monthly
from smsgw.services.asking import MEMORY, THREADS, Source
from smsgw.services.report_files import file_of
from smsgw.services.reports import asked_of_month, month_before, month_figures, month_of, monthly_of
from smsgw.store.seal import Sealer

START_MS = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp()) * 1000
RECIPIENTS = 5_000_000
_STEPS = 5
_RUN_MESSAGES = 100_000
_SEALER = Sealer({1: b"k" * 32}, 1)
KEYS = Keys(b"c" * 32, _SEALER.seal, _SEALER.open)
NOBODY = Knowledge({}, lambda carrier, network: 0.0, lambda carrier, status, codes: "", lambda blob: None)

# One message a row: who, where, what, and when. Nothing is random: all comes of hashes of the message's number.
_MESSAGES = """
    SELECT {start} + (i - {first}) * {apart} // 1000 AS t,
        (hash(i) >> 2)::BIGINT AS h, (hash(i, 1) >> 2)::BIGINT AS h1, (hash(i, 2) >> 2)::BIGINT AS h2,
        (hash(hash(i) % {recipients}, 7) >> 2)::BIGINT AS recipient,
        (hash(i, 4) % 20)::BIGINT AS account, least(2, account // 6) AS class,
        ((hash(i, 5) % 1000) * (hash(i, 6) % 1000))::BIGINT * 31 // 1000000 AS province,
        1500 + h1 % 4000 + if(h2 % 10 = 0, h2 % 60000, 0) AS receipt,
        h2 % 20 = 0 AS fails,
        format('00{{:08x}}07d1{{:06x}}', t // 1000, i % 16777216) AS id
    FROM range({first}, {last}) AS messages(i)
"""
# Five records of each.
_RECORDS = """
    SELECT t + [2, 6, 40 + h1 % 60, receipt, receipt + 10][s] AS at_ms,
        [1, 5, 6, 9, 10][s] AS step,
        id AS message_id,
        format('account{{:02d}}', account) AS account,
        if(s IN (2, 3, 4), ['alpha', 'beta', 'gamma'][1 + h % 3], '') AS carrier,
        class AS message_class,
        if(s < 4, format('{{:016x}}', recipient), '') AS recipient_hash,
        if(s < 4, format('{{}}****{{:04d}}', 130 + recipient % 70, recipient // 100 % 10000), '') AS recipient_masked,
        if(s < 4, 1, 0) AS segments,
        0 AS status,
        '' AS rule_id,
        format('签名{{}}', account % 7) AS signature,
        [2 + h1 % 8, 0, 34 + h1 % 60, 0, 0][s] AS latency_ms,
        format('department{{}}', account % 5) AS department,
        if(class = 0, '', format('template{{}}@1', account * 5 + h2 % 5)) AS template,
        if(class = 2, format('campaign{{}}', account % 6), '') AS campaign,
        ['mobile', 'unicom', 'telecom'][1 + recipient % 3] AS network,
        format('省{{}}', province) AS province,
        if(s = 3, 0.03, 0) AS cost,
        [0, 4, 38 + h1 % 60, receipt - 2, receipt + 8][s] AS age_ms,
        if(s < 4, 0, if(fails, 5, 2)) AS state,
        if(s <> 4, '', if(fails, ['MBBLACK', 'MK:0001', 'MK:0010'][1 + h % 3], '000')) AS err,
        if(s = 4 AND fails, ['blacklist', 'invalid_number', 'suspended'][1 + h % 3], '') AS code_class,
        if(s IN (3, 4), format('{{:012d}}', h1 % 1000000000000), '') AS carrier_message_id,
        ['["main"]', '[1]', '', '', ''][s] AS detail,
        if(s = 1, encode(format(
            '138{{:08d}}10690000【签名{{}}】您好，您尾号{{:04d}}的订单已发出，预计{{}}日送达，回复{{:06d}}查询',
            recipient % 100000000, account % 7, h1 % 10000, h1 % 30, h2 % 1000000)), ''::BLOB) AS content,
        1 AS counts
    FROM ({messages}), range(1, 6) AS steps(s)
"""


def runs(source: Any, first: int, count: int, start_ms: int) -> Iterator[pa.Table]:
    """The records of one hour's messages, in runs."""
    apart_us = HOUR_MS * 1000 // count
    for at in range(first, first + count, _RUN_MESSAGES):
        last = min(at + _RUN_MESSAGES, first + count)
        start = start_ms + (at - first) * apart_us // 1000
        messages = _MESSAGES.format(first=at, last=last, start=start, apart=apart_us, recipients=RECIPIENTS)
        table = source.sql(_RECORDS.format(messages=messages)).to_arrow_table()
        yield sorted_run(table.select(SCHEMA.names).cast(SCHEMA))


def fill(directory: Path, records: int, days: int) -> None:
    """Write an archive of so many records."""
    keeper = Keeper(directory, NOBODY, KEYS, lambda: START_MS + 400 * 24 * HOUR_MS)
    source = connection(directory / "spill")
    hours = days * 24
    messages = records // _STEPS
    for hour in range(hours):
        first, last = messages * hour // hours, messages * (hour + 1) // hours
        hour_ms = START_MS + hour * HOUR_MS
        keeper.write(Piece(hour_ms, 1, 1), runs(source, first, last - first, hour_ms), {})
    keeper.round()
    keeper.close()


def timed(name: str, ask: Callable[[], Any]) -> None:
    """How long a question takes, the first time and the second, and how many rows it found."""
    took = []
    found: Any = ()
    for _ in range(2):
        began = time.perf_counter()
        found = ask()
        took.append(time.perf_counter() - began)
    print(f"{name:58} {took[0]:7.2f} s, again {took[1]:6.2f} s; {len(found):7} rows")


def ask(directory: Path) -> None:
    """Every kind of question once."""
    archive = directory / ARCHIVE
    reader = Reader(directory, archive)
    paths = [path for path in archive.rglob("*.parquet") if "rollups" not in path.parts]
    octets = sum(path.stat().st_size for path in paths)
    rolled = sum(path.stat().st_size for path in archive.glob("rollups/*/*"))
    everything = f"read_parquet({[str(path) for path in paths]})"
    records, until_ms = reader.rows(f"SELECT count(*), max(at_ms) FROM {everything}")[0]
    each, counted = octets / records * _STEPS, rolled / records * _STEPS
    print(f"{records:,} records, {len(paths)} files, {octets / 1e9:.2f} GB")
    print(f"octets a message: {each:.1f}, roll-ups {counted:.1f}")
    one = f"read_parquet('{paths[len(paths) // 3]}')"
    some = reader.rows(f"SELECT message_id, recipient_hash, at_ms FROM {one} WHERE step = 1 LIMIT 1")[0]
    since = datetime.fromtimestamp(some[2] // 1000 - 3600, UTC)
    day = 24 * HOUR_MS
    last_day = Asked(("hour", "carrier"), until_ms - day, until_ms + HOUR_MS)
    month = Asked(("department",), until_ms - 31 * day, until_ms + HOUR_MS)
    timed("timeline of a message, since its id's hour", lambda: reader.find(some[0], since))
    timed("all records of a number", lambda: reader.find(recipient_hash=some[1]))
    timed("overview: the last day by hour and carrier", lambda: statistics(reader, last_day))
    ask_reports(directory, until_ms)
    timed("report: a month by department", lambda: statistics(reader, month))
    timed(
        "a month by department and template, without latencies",
        lambda: statistics(reader, replace(month, by=("department", "template"), latencies=False)),
    )
    timed("all by carrier and province", lambda: statistics(reader, Asked(("carrier", "province"))))
    timed(
        "the last day by every dimension, without latencies",
        lambda: statistics(
            reader,
            Asked(
                ("carrier", "province", "message_class", "template", "account", "department"),
                until_ms - day,
                latencies=False,
            ),
        ),
    )
    timed(
        "all by every dimension, without latencies",
        lambda: statistics(
            reader,
            Asked(("carrier", "province", "message_class", "template", "account", "department"), latencies=False),
        ),
    )
    timed("all by day", lambda: statistics(reader, Asked(("day",))))


def ask_reports(directory: Path, until_ms: int) -> None:
    """A whole monthly report with its page and its workbook, as the console's child asks: one thread, 512 MB."""
    source = Source(directory, Embedded(directory, THREADS, MEMORY), KEYS, NOBODY)
    month = month_of(UTC, f"{datetime.fromtimestamp(until_ms / 1000 - 3600, UTC):%Y-%m}")
    before = month_before(UTC, month)
    site = load_site(Path(__file__).parents[2] / "config" / "example")

    def made() -> Monthly:
        found = month_figures(source, asked_of_month(month), asked_of_month(before))
        return monthly_of(site, UTC, found, month, before, "", until_ms)

    timed("monthly report of all departments", lambda: made().departments)
    report = made()
    timed("its page", lambda: file_of(report, "html", "zh").data)
    timed("its workbook", lambda: file_of(report, "xlsx", "zh").data)
    timed(
        "marketing after opt-outs, of a month",
        lambda: source.history.after_optouts(month.since_ms, month.until_ms).late,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--into", type=Path, required=True)
    options = parser.parse_args()
    if not (options.into / ARCHIVE).exists():
        began = time.perf_counter()
        fill(options.into, options.records, options.days)
        print(f"written in {time.perf_counter() - began:.0f} s")
    ask(options.into)


if __name__ == "__main__":
    main()
