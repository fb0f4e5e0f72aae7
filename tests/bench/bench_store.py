"""What a message's way costs in the store. Run: ``python tests/bench/bench_store.py [--server PATH] [--rules]``.

Each step alone, over its public class, against an embedded server: messages a second, and CPU per message of
the server and of this process. Targets at batches of 64 to 256: server <= 30 µs, Python <= 10 µs for
admit + settle + correlate + out + acknowledgements. Reading (XREADGROUP) is shown beside it. ``--rules`` measures
admission alone, with every rule that has state: eight facts with a consent that is there, two clock caps and a rolling
one, and the same content; the first three messages to each recipient, of different contents.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import uvloop

from smsgw.errors import StoreError
from smsgw.policy.caps import KIND_CONTENT, KIND_ROLLING, content_hash, row_key
from smsgw.store import keys
from smsgw.store.admission import Admission, AdmitItem, AdmitReply
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.correlation import KIND_SUCCESS, Correlation, Mapping
from smsgw.store.entries import Entry
from smsgw.store.outbound import Outbound
from smsgw.store.recipients import Consent, RecipientFacts, facts_for, scope_account
from smsgw.store.secrets import new_secrets
from smsgw.store.server import EmbeddedServer
from smsgw.store.settlement import Settlement
from smsgw.store.state import ENROUTE_HEADER, States, state_header, state_value
from smsgw.store.streams import StreamReader

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
STATE = state_value(ENROUTE_HEADER, "shop", "10690001")
FACTS = ("o", "o:a:shop", "o:s:示例商城")
CAPS = (
    (row_key("marketing_day"), 0, 1000, {}, NOW_MS - 1000, NOW_MS + DAY_MS, DAY_MS),
    (row_key("marketing_week"), 0, 3000, {"loyal": 5000}, NOW_MS - 1000, NOW_MS + 7 * DAY_MS, 7 * DAY_MS),
)
ALL_FACTS = facts_for("shop", "", "alpha", optout=True, blacklist=True, dead=True, consent=True)
ALL_CAPS = (
    *CAPS,
    (row_key("company_day"), KIND_ROLLING, 2000, {}, 0, 0, DAY_MS),
    (b"", KIND_CONTENT, 1, {}, 0, 0, DAY_MS),
)
IN_FLIGHT = 2
Row = tuple[str, float, float, float]


class Bench:
    """One server, one store, and every step of the way."""

    def __init__(self, server: EmbeddedServer, total: int, batch: int) -> None:
        self.server = server
        self.total = total
        self.batch = batch
        self.rows: list[Row] = []
        secrets = new_secrets()
        self.store = Store(
            server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=StoreSettings(out_limit=10**9)
        )
        self._reported = 0
        self._progress = asyncio.Event()
        self.read: list[tuple[str, Entry]] = []

    def report(self, items: list[object], _replies: object) -> None:
        """The ``done`` of every class."""
        self._reported += len(items)
        self._progress.set()

    async def step(self, name: str, put: Callable[[int], None]) -> None:
        """Put everything, a batch a turn and two batches in flight, and measure."""
        self._reported = 0
        began = perf_counter(), process_time(), self._server_cpu_s()
        given = 0
        while self._reported < self.total:
            while given < self.total and given - self._reported < IN_FLIGHT * self.batch:
                for number in range(given, min(given + self.batch, self.total)):
                    put(number)
                given += self.batch
                await asyncio.sleep(0)
            self._progress.clear()
            if self._reported < self.total:
                await self._progress.wait()
        self._note(name, began)

    async def read_step(self, name: str, stream: str) -> None:
        """Read a whole stream with the reader."""
        self.read.clear()
        self._reported = 0

        def deliver(key: str, entries: list[Entry], pending: bool) -> None:
            self.read.extend((key, entry) for entry in entries)
            self.report(list(entries), None)

        began = perf_counter(), process_time(), self._server_cpu_s()
        reader = StreamReader(self.store, 0, "bench", deliver, lambda _key: self.batch)
        reader.add(stream)
        task = asyncio.ensure_future(reader.run())
        while self._reported < self.total:
            self._progress.clear()
            await self._progress.wait()
        self._note(name, began)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _note(self, name: str, began: tuple[float, float, float]) -> None:
        took = perf_counter() - began[0]
        own = (process_time() - began[1]) / self.total * 1e6
        server = (self._server_cpu_s() - began[2]) / self.total * 1e6
        self.rows.append((name, self.total / took, server, own))

    def _server_cpu_s(self) -> float:
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def whole_way(bench: Bench) -> None:
    """Every message from admission to the application's answer."""
    store = bench.store
    await store.ready()
    outbound, states = Outbound(store), States(store)
    admission = Admission(store, bench.report, lambda: NOW_MS)
    correlation = Correlation(store, outbound, states, bench.report)
    settlement = Settlement(store, correlation, bench.report)
    commits = (admission.commit, outbound.appends, outbound.acks, correlation.commit, settlement.commit)
    tasks = [asyncio.ensure_future(commit.run()) for commit in commits]
    blob, origin = bytes(260), bytes(90)
    hashes = [store.recipients.hash(f"86138{number:08d}") for number in range(bench.total)]
    ids = [f"00{number:018x}" for number in range(bench.total)]

    def admit(n: int) -> None:
        admission.submit(
            AdmitItem(None, hashes[n], [ids[n]], blob, "alpha:2", NOW_MS, STATE, FACTS, CAPS, "", 2, 10**9)
        )

    await bench.step("admit", admit)
    await bench.read_step("read mt", keys.mt(0, "alpha", 2))
    entries = list(bench.read)

    def settle(n: int) -> None:
        stream, (entry_id, _) = entries[n]
        settlement.sent(None, stream, entry_id, "alpha", f"c{n:012d}", Mapping("shop", ids[n], 3, origin, "10690001"))

    await bench.step("settle", settle)
    header = state_header(2, 0, NOW_MS)
    await bench.step(
        "correlate", lambda n: correlation.put(None, "alpha", f"c{n:012d}", bytes(80), KIND_SUCCESS, True, header)
    )
    await bench.read_step("read out", keys.out("shop", 1))
    answered = list(bench.read)
    acks = outbound.acks
    acks._done = bench.report  # type: ignore[method-assign,assignment]
    await bench.step("ack", lambda n: outbound.ack(answered[n][0], answered[n][1][0]))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()


async def all_rules(bench: Bench) -> None:
    """Three messages to each recipient under every rule that has state."""
    store = bench.store
    await store.ready()
    numbers = [f"86138{number:08d}" for number in range(bench.total)]
    consents = (Consent(number, scope_account("shop"), "web form", NOW_MS - DAY_MS, "2026-03") for number in numbers)
    await RecipientFacts(store).load_consents(consents)
    refused: list[object] = []

    def report(items: list[AdmitItem], replies: list[AdmitReply] | StoreError) -> None:
        refused.extend([replies] if isinstance(replies, StoreError) else [each for each in replies if each.code])
        bench.report(list(items), None)

    admission = Admission(store, report, lambda: NOW_MS)
    task = asyncio.ensure_future(admission.commit.run())
    hashes, blob = [store.recipients.hash(number) for number in numbers], bytes(260)
    for place in ("first", "second", "third"):
        content = content_hash(place)

        def admit(n: int, place: str = place, content: bytes = content) -> None:
            admission.submit(
                AdmitItem(
                    None, hashes[n], [f"00{place}{n:012x}"], blob, "alpha:2", NOW_MS, b"", ALL_FACTS, ALL_CAPS, "", 2,
                    10**9, content=content,
                )
            )  # fmt: skip

        await bench.step(place, admit)
    assert not refused, refused[0]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()


async def run(batch: int, arguments: argparse.Namespace) -> list[Row]:
    """One batch size on a fresh server."""
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer(directory, binary=arguments.server, fsync=arguments.fsync)
        await server.start()
        bench = Bench(server, arguments.total if batch > 1 else arguments.total // 8, batch)
        try:
            await (all_rules if arguments.rules else whole_way)(bench)
        finally:
            await server.stop()
        return bench.rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="path to a redis-server or valkey-server")
    parser.add_argument("--fsync", default="always")
    parser.add_argument("--total", type=int, default=20_000)
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 16, 64, 256])
    parser.add_argument("--rules", action="store_true", help="admission under every rule that has state")
    arguments = parser.parse_args()
    for batch in arguments.batch:
        rows = uvloop.run(run(batch, arguments))
        print(f"\nbatch {batch}: {'step':10} {'messages/s':>12} {'server µs':>10} {'python µs':>10}")
        for name, rate, server, own in rows:
            print(f"{'':12}{name:10} {rate:12,.0f} {server:10.1f} {own:10.1f}")
        if arguments.rules:
            continue
        work = [row for row in rows if not row[0].startswith("read")]
        sums = sum(row[2] for row in work), sum(row[3] for row in work)
        print(f"{'':12}{'way':10} {'':12} {sums[0]:10.1f} {sums[1]:10.1f}")
        print(f"{'':12}{'with reads':10} {'':12} {sum(r[2] for r in rows):10.1f} {sum(r[3] for r in rows):10.1f}")


if __name__ == "__main__":
    main()
