"""What a backup costs. Run: ``python tests/bench/bench_backup.py [--total N] [--beside N]``.

N recipients (default 200,000) with an opt-out each, and as many other keys beside them that the walk passes over, on an
embedded server. Export, look through the file, import into an empty store of four partitions, and once more into the
same: seconds, CPU of this process and of Redis for each recipient, octets of the file, and the most memory this process
ever had.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, process_time

import uvloop

from smsgw.store.audit import AuditLog
from smsgw.store.backup.frames import Reader, Writer
from smsgw.store.backup.gather import gather
from smsgw.store.backup.restore import Restorer, check
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.recipients import OptOut, RecipientFacts, scope_account
from smsgw.store.secrets import Secrets, new_secrets
from smsgw.store.server import EmbeddedServer

NOW_MS = 1_800_000_000_000
AT_ONCE = 5_000


class Bench:
    """Measures steps on one server."""

    def __init__(self, server: EmbeddedServer, secrets: Secrets, total: int) -> None:
        self.server = server
        self.secrets = secrets
        self.total = total

    def store(self, partitions: int) -> Store:
        settings = StoreSettings(partitions=partitions, timeout_s=60.0)
        secrets = self.secrets
        return Store(self.server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)

    def redis_cpu_s(self) -> float:
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        began, cpu, redis = perf_counter(), process_time(), self.redis_cpu_s()
        yield
        took, own, theirs = perf_counter() - began, process_time() - cpu, self.redis_cpu_s() - redis
        per = 1e6 / self.total
        print(
            f"{name:<22}{took:8.1f} s {self.total / took:10,.0f}/s {own * per:7.1f} µs {theirs * per:7.1f} µs of Redis"
        )


async def main(total: int, beside: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer(Path(directory), fsync="everysec")
        await server.start()
        try:
            await _measure(Bench(server, new_secrets(), total), Path(directory) / "backup", beside)
        finally:
            await server.stop()


async def _measure(bench: Bench, path: Path, beside: int) -> None:
    store = bench.store(1)
    await store.ready()
    facts = RecipientFacts(store)
    for first in range(0, bench.total, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, bench.total))
        await facts.load_optouts(OptOut(f"861{n:010}", scope_account("shop"), "MO", NOW_MS) for n in numbers)
    for first in range(0, beside, 500):
        pairs = [word for n in range(first, min(first + 500, beside)) for word in (f"{{p00}}:c:{n:016}", "x")]
        await store.command(0, "MSET", *pairs)
    async with bench.step("export"):
        with path.open("wb") as file:
            await gather(store, Writer(file, store.recipients, smsgw="", schema=1, partitions=1, made_ms=NOW_MS))
    async with bench.step("show"):
        reader = Reader(path)
        checked = check(reader, store.recipients)
    await store.command(0, "FLUSHALL")
    await store.close()
    store = bench.store(4)
    await store.ready()
    for name in ("import, empty store", "import, all known"):
        async with bench.step(name):
            restorer = Restorer(store, reader, AuditLog(store), now_ms=NOW_MS, replaces=False, looks=False)
            await restorer.audit(checked)
            await restorer.rest()
    await store.close()
    most_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{path.stat().st_size / bench.total:.0f} octets of the file a recipient; at most {most_kib / 1024:.0f} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--total", type=int, default=200_000)
    parser.add_argument("--beside", type=int, default=200_000)
    options = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(options.total, options.beside))
