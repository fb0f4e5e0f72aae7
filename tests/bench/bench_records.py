"""Cost of records and telemetry on the hot path. Run: ``python tests/bench/bench_records.py``.

Targets: append + flush <= 1.2 µs a record (fsync never and in its thread); clock.now_ms < 0.3 µs.
The best of several rounds is shown, because the machine may be doing something else.
"""

from __future__ import annotations

import tempfile
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from smsgw.clock import RealClock, TestClock
from smsgw.records.log import Fsync, RecordLog
from smsgw.records.query import iter_site, query
from smsgw.records.record import Row, Step
from smsgw.telemetry.counters import AccountCounters, CarrierCounters

ROUNDS = 7
AT_MS = 1_795_000_000_000


def row(i: int) -> Row:
    """A usual row: Han signature, hash, latency and one detail."""
    return (
        AT_MS + i, Step.ANSWERED, f"0193ab12cd34ef56{i:08x}", "shop", "alpha", 2, "Ab3dEf6hIj9kLmN0",
        "139****5678", 1, 0, "", "示例商城", 12, f"carrier-{i}",
    )  # fmt: skip


def append_and_flush(batch: int, fsync: Fsync, total: int = 60_000) -> float:
    """Microseconds a record, when every flush writes ``batch`` of them."""
    rows = [row(i) for i in range(total)]
    best = float("inf")
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            log = RecordLog(directory, "bench", lambda: AT_MS, fsync=fsync)
            append, flush = log.append, log.flush
            began = perf_counter()
            for start in range(0, total, batch):
                for each in rows[start : start + batch]:
                    append(each)
                flush()
            best = min(best, perf_counter() - began)
            log.close()
    return best / total * 1e6


def reading(total: int = 100_000) -> tuple[float, float]:
    """Microseconds a record: reading all, and looking for one message."""
    with tempfile.TemporaryDirectory() as directory:
        log = RecordLog(directory, "bench", lambda: AT_MS, fsync=Fsync.NEVER)
        for start in range(0, total, 1000):
            for i in range(start, start + 1000):
                log.append(row(i))
            log.flush()
        log.close()
        all_of_them = best_of(lambda: sum(1 for _ in iter_site(Path(directory))), 1)
        one = best_of(lambda: query(directory, f"0193ab12cd34ef56{total // 2:08x}"), 1)
    return all_of_them / total, one / total


def best_of(call: Callable[[], object], number: int = 200_000) -> float:
    """Microseconds a call."""
    return min(timeit.repeat(call, number=number, repeat=ROUNDS)) / number * 1e6


def main() -> None:
    for batch in (16, 64, 256, 1024, 5000):
        cost = append_and_flush(batch, Fsync.NEVER)
        print(f"append + flush, {batch:5} a flush           {cost:7.3f} µs a record")
    print(f"append + flush,   256 a flush, fsync/s   {append_and_flush(256, Fsync.SECOND):7.3f} µs a record")
    all_of_them, one = reading()
    print(f"read all                                 {all_of_them:7.3f} µs a record")
    print(f"find one message                         {one:7.3f} µs a record passed over")
    print(f"RealClock.now_ms                         {best_of(RealClock().now_ms):7.3f} µs")
    print(f"TestClock.now_ms                         {best_of(TestClock(datetime.now(UTC)).now_ms):7.3f} µs")
    account, carrier = AccountCounters("shop"), CarrierCounters("alpha")
    cost = min(timeit.repeat("a.mt_accepted += 1", globals={"a": account}, number=200_000)) * 5
    print(f"counter += 1                             {cost:7.3f} µs")
    cost = min(timeit.repeat("c[88] += 1", globals={"c": carrier.answered}, number=200_000)) * 5
    print(f"counts[status] += 1                      {cost:7.3f} µs")
    print(f"histogram.observe                        {best_of(lambda: carrier.answer_latency.observe(12.5)):7.3f} µs")


if __name__ == "__main__":
    main()
