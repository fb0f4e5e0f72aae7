"""What the gateway notices of the console: throughput at saturation, and the 99th percentile of answers at a fixed
rate, while the console's child answers its heaviest question again and again, over the same without. And what it costs
to keep the carriers' PDUs.

    flock /tmp/w/bench.lock python -m tests.bench.bench_console console --rounds 5
    flock /tmp/w/bench.lock python -m tests.bench.bench_console pdus --rounds 5

Both ways in turn on one site, the first of them changing from round to round; what is told is the median of the rounds'
ratios. Where others use the machine, many short rounds tell more than a few long ones. ``--archive`` takes a directory
that ``bench_archive`` has filled, else 20 million records are made first. Targets: throughput at least 0.95, p99 at
most 1.20.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from smsgw.records.history import Asked, Embedded
from smsgw.records.worker import Worker
from smsgw.services.asking import MEMORY, THREADS
from tests.bench.bench_archive import fill
from tests.bench.suite.code import here
from tests.bench.suite.load import External, Load, Simulators, Tools
from tests.bench.suite.measure import Result, measure
from tests.bench.suite.site import BenchSite

_RECORDS, _DAYS = 20_000_000, 31


def opened(directory: Path) -> Embedded:
    """What the child works with, as the console's does."""
    return Embedded(directory, THREADS, MEMORY)


def heaviest(history: Embedded) -> int:
    """Everything by carrier and province, with latencies made of records."""
    return len(history.statistics(Asked(("carrier", "province"))))


class Asker:
    """Asks again and again from a thread of its own while it is on."""

    def __init__(self, directory: Path) -> None:
        # By its importable name: what is pickled must be found in the child as well.
        from tests.bench import bench_console as own

        self._worker: Worker[Embedded] = Worker(partial(own.opened, directory), limit_s=600)
        self._question = own.heaviest
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.answers = 0

    def __enter__(self) -> Asker:
        self._thread.start()
        self._done(self._ask())  # loading its libraries is no question
        return self

    def __exit__(self, *error: object) -> None:
        self._done(self._worker.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While this lasts; the question that is under way at its end is given up."""
        asked = asyncio.run_coroutine_threadsafe(self._again_and_again(), self._loop)
        try:
            yield
        finally:
            if asked.done():
                asked.result()
            asked.cancel()
            self._done(self._idle())

    async def _again_and_again(self) -> None:
        while True:
            await self._ask()
            self.answers += 1

    async def _ask(self) -> None:
        assert await self._worker.ask(self._question)

    async def _idle(self) -> None:
        """Until nobody asks any more."""
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)

    def _done(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()


def compared(site: BenchSite, args: argparse.Namespace, beside: Callable[[], Any]) -> dict[str, list[float]]:
    """The ratios of each round, with over without."""
    full, fixed = Load(args.count), Load.at_rate(args.rate, args.seconds)
    measure(site, full, Load(args.count // 10))
    ratios: dict[str, list[float]] = {"throughput": [], "p99": []}
    for number in range(args.rounds):
        found: dict[bool, tuple[Result, Result]] = {}
        for is_with in (True, False) if number % 2 else (False, True):
            with beside() if is_with else nullcontext():
                found[is_with] = measure(site, full), measure(site, fixed)
        (full_with, fixed_with), (full_without, fixed_without) = found[True], found[False]
        ratios["throughput"].append(full_with.per_s / full_without.per_s)
        ratios["p99"].append(fixed_with.answer_ms.p99 / fixed_without.answer_ms.p99)
        print(
            f"round {number + 1}: {full_without.per_s:,.0f}/s without, {full_with.per_s:,.0f}/s with; p99 at "
            f"{args.rate:g}/s {fixed_without.answer_ms.p99:.2f} ms without, {fixed_with.answer_ms.p99:.2f} ms with",
            flush=True,
        )
    return ratios


def kept(args: argparse.Namespace, tools: Tools) -> dict[str, list[float]]:
    """Keeping the carriers' PDUs over not keeping them: a site each, in turn."""
    ratios: dict[str, list[float]] = {"throughput": [], "CPU a message": []}
    for number in range(args.rounds):
        found: dict[bool, Result] = {}
        for is_kept in (True, False) if number % 2 else (False, True):
            records = {"smsgw.toml": {"records": {"carrier_pdus": is_kept}}}
            with tempfile.TemporaryDirectory() as scratch, BenchSite(Path(scratch), tools, here(), records) as site:
                found[is_kept] = measure(site, Load(args.count), Load(args.count // 10))
        ratios["throughput"].append(found[True].per_s / found[False].per_s)
        ratios["CPU a message"].append(found[True].cpu_us["gateway"] / found[False].cpu_us["gateway"])
        print(f"round {number + 1}: {found[False].per_s:,.0f}/s without, {found[True].per_s:,.0f}/s with", flush=True)
    return ratios


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("console", "pdus"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=40_000, help="messages of a run at saturation")
    parser.add_argument("--rate", type=float, default=1000.0, help="messages a second of the fixed rate")
    parser.add_argument("--seconds", type=float, default=15.0, help="of a run at the fixed rate")
    parser.add_argument("--archive", type=Path, help="records that bench_archive made")
    parser.add_argument("--records", type=int, default=_RECORDS, help="how many to make where there is no --archive")
    parser.add_argument("--external", type=Path, help="a directory with smppload and smppsink, in place of simulators")
    args = parser.parse_args()
    tools: Tools = External(args.external) if args.external else Simulators()
    if args.what == "pdus":
        ratios = kept(args, tools)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            archive = args.archive
            if archive is None:
                archive = Path(scratch) / "records"
                fill(archive, args.records, _DAYS)
            gateway = Path(scratch) / "gateway"
            gateway.mkdir()
            with Asker(archive) as asker, BenchSite(gateway, tools, here()) as site:
                ratios = compared(site, args, asker.asking)
                print(f"{asker.answers} questions were answered meanwhile")
    for name, each in ratios.items():
        print(f"{name}: {median(each):.3f} (median of {len(each)}; {min(each):.3f} to {max(each):.3f})")


if __name__ == "__main__":
    main()
