"""Bytes of Redis memory a recipient takes. Run: ``python tests/bench/bench_recipients.py [--server PATH] [--total N]``.

Messages to N recipients (default 1,000,000) through the public classes, on an embedded server; after each kind the
growth of ``used_memory`` divided by N, messages a second, and what the append-only file grew by. Kinds: one message
within three clock caps, a second one after it, two clock caps and a rolling one, three caps with the rule of the same
content; an opt-out, a consent and a blacklist entry. Streams are emptied under way: they do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from smsgw.errors import StoreError
from smsgw.policy.caps import KIND_CONTENT, content_hash, row_key
from smsgw.store import keys
from smsgw.store.admission import ACCEPTED, Admission, AdmitItem, AdmitReply
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.facts import FactChange, FactOp
from smsgw.store.recipients import RecipientFacts, scope_account
from smsgw.store.secrets import new_secrets
from smsgw.store.server import EmbeddedServer

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
TODAY_MS = NOW_MS - NOW_MS % DAY_MS
BATCH = 256
TRIM_EVERY = 40_000
MINUTE = [row_key("c_minute"), 0, 9, {}, NOW_MS, NOW_MS + 60_000, 60_000]
DAY = [row_key("c_day:shop"), 0, 9, {}, TODAY_MS, TODAY_MS + DAY_MS, DAY_MS]
WEEK = [row_key("c_week"), 0, 9, {}, TODAY_MS, TODAY_MS + 7 * DAY_MS, 7 * DAY_MS]
ROLLING = [row_key("c_rolling"), 1, 9, {}, 0, 0, 7 * DAY_MS]
SAME = [b"", KIND_CONTENT, 9, {}, 0, 0, DAY_MS]
CLOCKS, MIXED, CONTENT = (MINUTE, DAY, WEEK), (DAY, WEEK, ROLLING), (DAY, WEEK, ROLLING, SAME)


class Bench:
    """One server, one million recipients."""

    def __init__(self, store: Store, total: int, append_only: Callable[[], int]) -> None:
        self.store = store
        self.total = total
        self.append_only = append_only
        self.hashes: list[str] = []
        self.reported = 0
        self.admission = Admission(store, self._done, lambda: NOW_MS)

    def _done(self, items: list[AdmitItem], replies: list[AdmitReply] | StoreError) -> None:
        assert not isinstance(replies, StoreError), replies
        assert all(reply.code == ACCEPTED for reply in replies)
        self.reported += len(items)

    async def memory(self) -> tuple[int, int]:
        """Octets used by the server's data, keys."""
        info = dict(
            line.split(":", 1)
            for line in (await self.store.command(0, "INFO", "memory")).decode().splitlines()
            if ":" in line
        )
        return int(info["used_memory_dataset"]) + int(info["used_memory_overhead"]), int(
            await self.store.command(0, "DBSIZE")
        )

    async def messages(self, caps: tuple[Any, ...], content: bytes = b"") -> None:
        """One message to each recipient."""
        self.reported = 0
        for first in range(0, self.total, BATCH):
            for number in range(first, min(first + BATCH, self.total)):
                self.admission.submit(
                    AdmitItem(None, self.hashes[number], ["00"], b"", "a:2", NOW_MS, caps=caps, content=content)
                )
            while self.admission.commit.waiting > 4 * BATCH:
                await asyncio.sleep(0)
            if first % TRIM_EVERY < BATCH:
                await self.forget_messages()
        await self.admission.commit.drain()
        await self.forget_messages()

    async def forget_messages(self) -> None:
        """Nobody reads the streams here."""
        stream = keys.mt(0, "a", 2)
        await self.store.command(0, "DEL", stream, keys.part(stream), keys.events(0))

    async def facts(self, op: FactOp, scope: str, source: str, **more: Any) -> None:
        """One fact about each recipient."""
        numbers = (f"86138{number:08d}" for number in range(self.total))
        await RecipientFacts(self.store).write(
            FactChange(None, op, number, scope, source, NOW_MS, **more) for number in numbers
        )
        await self.forget_messages()

    @asynccontextmanager
    async def measured(self, name: str, fresh: bool = True) -> AsyncIterator[None]:
        """Prints what the block took, and empties the store before it if ``fresh``."""
        if fresh:
            await self.store.command(0, "FLUSHALL", "SYNC")
            await self.store.ready()
        before, keys_before = await self.memory()
        disk, began = self.append_only(), perf_counter()
        yield
        took_s = perf_counter() - began
        after, keys_after = await self.memory()
        print(
            f"{name:44} {(after - before) / self.total:8.1f} B {keys_after - keys_before:10,} keys "
            f"{self.total / took_s:10,.0f}/s {(self.append_only() - disk) / self.total:8.1f} B of AOF",
            flush=True,
        )


async def clocks(bench: Bench) -> None:
    """Three clock caps, and an opt-out beside them."""
    async with bench.measured("three clock caps, first message"):
        await bench.messages(CLOCKS)
    async with bench.measured("  + second message to each", fresh=False):
        await bench.messages(CLOCKS)
    async with bench.measured("  + opt-out of an account", fresh=False):
        await bench.facts(FactOp.OPT_OUT, scope_account("shop"), "mo")


async def mixed(bench: Bench) -> None:
    """A rolling cap keeps every time."""
    async with bench.measured("two clock caps, one rolling, first message"):
        await bench.messages(MIXED)
    async with bench.measured("  + second message to each", fresh=False):
        await bench.messages(MIXED)


async def content(bench: Bench) -> None:
    """The content's hash and its time besides."""
    async with bench.measured("the same with the same content, first message"):
        await bench.messages(CONTENT, content_hash("今日特价"))


async def facts(bench: Bench) -> None:
    """What is kept for good."""
    async with bench.measured("opt-out alone"):
        await bench.facts(FactOp.OPT_OUT, scope_account("shop"), "mo")
    async with bench.measured("consent with its proof alone"):
        await bench.facts(FactOp.CONSENT_IMPORT, scope_account("shop"), "web form", wording="2026-03")
    async with bench.measured("blacklist entry alone"):
        await bench.facts(FactOp.BLACKLIST, "", "complaint", by="lin")


KINDS = {"clocks": clocks, "mixed": mixed, "content": content, "facts": facts}


async def run(arguments: argparse.Namespace) -> None:
    """All kinds on one server."""
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer(Path(directory), binary=arguments.server, fsync="everysec")
        await server.start()
        secrets = new_secrets()
        # Emptying a million keys, or a slow disk, takes longer than a gateway would wait.
        settings = StoreSettings(timeout_s=120)
        store = Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
        await store.ready()

        def append_only() -> int:
            files = [path for path in Path(directory).rglob("*") if path.is_file() and ".aof" in path.name]
            return sum(path.stat().st_size for path in files)

        bench = Bench(store, arguments.total, append_only)
        hasher = store.recipients
        bench.hashes = [hasher.hash(f"86138{number:08d}") for number in range(bench.total)]
        await store.command(0, "CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
        work = asyncio.ensure_future(bench.admission.commit.run())
        print(f"server {store.server_version}, {bench.total:,} recipients")
        for kind in arguments.kinds:
            await KINDS[kind](bench)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await store.close()
        await server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="path to a redis-server or valkey-server")
    parser.add_argument("--total", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
