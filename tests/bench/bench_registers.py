"""What staff's registers cost. Run: ``python tests/bench/bench_registers.py [--words 100000]``.

A bulk of words written, with the longest that another command waited; all of them read again, with the longest time
that the loop was held up; how soon the gateway has them in force, all and a few; how soon another process hears of a
change; the audit log's appends and verification.
Targets: 100,000 words read in 0.6 s with no gap over 20 ms; a change heard of within 10 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import uvloop

from smsgw.gateway.register_feed import RegisterFeed
from smsgw.policy.native import IS_COMPILED
from smsgw.policy.registers import Registers
from smsgw.store.audit import AuditEntry, AuditLog
from smsgw.store.changes import ChangeFeed
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.registers import RegisterChange, RegisterStore
from smsgw.store.secrets import new_secrets
from smsgw.store.server import EmbeddedServer

WHY = AuditEntry(1_800_000_000_000, "bench", "word.import", "words national", "benchmark", {"total": 1})
CHANGES = 200
ENTRIES = 2_000


class Bench:
    """One server, two stores."""

    def __init__(self, url: str) -> None:
        secrets = new_secrets()
        self.stores = [
            Store(url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=StoreSettings()) for _ in range(2)
        ]
        self.registers = RegisterStore(self.stores[0])

    async def words(self, count: int) -> None:
        waits: list[float] = []
        pinging = asyncio.create_task(self._ping(waits))
        began = perf_counter()
        await self.registers.write("word", [_word(number) for number in range(count)], WHY)
        took = perf_counter() - began
        pinging.cancel()
        print(f"{count} words written       {took:8.3f} s   another command waits {max(waits) * 1e3:.1f} ms at most")

    async def reading(self, count: int) -> None:
        # As a running gateway has it set.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gaps: list[float] = []
        ticking = asyncio.create_task(self._tick(gaps))
        began = perf_counter()
        documents: dict[str, object] = {}
        await self.registers.read_bodies(
            "word", lambda names, bodies: documents.update(zip(names, bodies, strict=True))
        )
        took = perf_counter() - began
        ticking.cancel()
        assert len(documents) == count
        print(f"{count} words read          {took:8.3f} s   the loop is held up for {max(gaps) * 1e3:.1f} ms at most")

    async def reloading(self, count: int) -> None:
        """All words written anew and then a few: how soon the gateway's feed has them in force."""
        came = asyncio.Event()
        feed = RegisterFeed(self.stores[1], Registers(), lambda kind: came.set(), lambda event, fields: None)
        await feed.load()
        running = asyncio.create_task(feed.run())
        for changes in ([_word(number) for number in range(count)], [_word(number) for number in range(5)]):
            await self.registers.write("word", changes, WHY)
            gaps: list[float] = []
            ticking = asyncio.create_task(self._tick(gaps))
            came.clear()
            began = perf_counter()
            await came.wait()
            took = perf_counter() - began
            ticking.cancel()
            held_up = f"the loop is held up for {max(gaps) * 1e3:.1f} ms at most"
            how = "compiled" if IS_COMPILED else "as Python"
            print(f"{len(changes)} of {count} words in force after {took:5.3f} s ({how})   {held_up}")
        running.cancel()

    async def hearing(self) -> None:
        heard = asyncio.Event()
        feed = ChangeFeed(self.stores[1], lambda kind, ids: heard.set())
        await feed.begin()
        running = asyncio.create_task(feed.run())
        times = []
        for number in range(CHANGES):
            heard.clear()
            began = perf_counter()
            await self.registers.write("pause", [RegisterChange(str(number), {"n": 1})], WHY)
            await heard.wait()
            times.append(perf_counter() - began)
        running.cancel()
        print(f"a change is heard of after {median(times) * 1e3:8.2f} ms, {max(times) * 1e3:.2f} ms at most")

    async def auditing(self) -> None:
        log = AuditLog(self.stores[0])
        began = perf_counter()
        for _ in range(ENTRIES):
            await log.append(WHY)
        wrote = perf_counter() - began
        began = perf_counter()
        verdict = await log.verify()
        took = perf_counter() - began
        assert not verdict.faults
        print(f"audit: {ENTRIES / wrote:.0f} entries/s written, {verdict.entries / took:.0f}/s verified")

    async def _ping(self, waits: list[float]) -> None:
        while True:
            began = perf_counter()
            await self.stores[1].command(0, "PING")
            waits.append(perf_counter() - began)
            await asyncio.sleep(0.001)

    async def _tick(self, gaps: list[float]) -> None:
        last = perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = perf_counter()
            gaps.append(now - last - 0.001)
            last = now


def _word(number: int) -> RegisterChange:
    # Three to six Han of three thousand, no two alike: neighbours would be quick to compile.
    chance = random.Random(number)
    word = "".join(chr(0x4E00 + chance.randrange(3_000)) for _ in range(3 + number % 4)) + chr(0x4E00 + number % 8_000)
    body = {"list": "national", "word": word, "category": "gambling", "action": "reject", "evasion": True}
    return RegisterChange(f"national/{word}", body)


async def bench(words: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer(Path(directory))
        await server.start()
        run = Bench(server.url)
        await run.words(words)
        for _ in range(3):
            await run.reading(words)
        await run.reloading(words)
        await run.hearing()
        await run.auditing()
        for store in run.stores:
            await store.close()
        await server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=100_000)
    uvloop.run(bench(parser.parse_args().words))
