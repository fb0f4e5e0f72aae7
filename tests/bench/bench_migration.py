"""How long a migration takes: so many recipients, receipt maps, states and waiting messages, 1 → 4 partitions.

    python -m tests.bench.bench_migration [--keys 100000]

Prints for each kind how many a second were moved, as far as it is a step of its own, and the CPU of this process and of
both servers for each. Both are embedded servers that write every call to disk.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import tempfile
import time
from pathlib import Path

from smsgw.store.connection import Store, StoreSettings
from smsgw.store.correlation import Mapping, mapping_value
from smsgw.store.envelope import Envelope
from smsgw.store.migration.run import Migration
from smsgw.store.migration.target import Writer
from smsgw.store.packing import to_script
from smsgw.store.secrets import Secrets, new_secrets
from smsgw.store.server import EmbeddedServer
from smsgw.store.state import ENROUTE_HEADER, state_value

_DAY_MS = 86_400_000
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def _store(server: EmbeddedServer, secrets: Secrets, partitions: int) -> Store:
    settings = StoreSettings(partitions=partitions, timeout_s=30)
    return Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


async def _fill(store: Store, count: int) -> None:
    """As a gateway leaves it: a message that waits, its state, its recipient's counters; a receipt map, an opt-out."""
    writer = Writer(store)
    blobs: list[bytes] = []
    states: list[str | bytes] = []
    for n in range(count):
        digits, message_id = f"86138{n:08}", f"00{1_700_000_000:08x}abcd{n:06x}"
        rhash = store.recipients.hash(digits).encode()
        envelope = Envelope([message_id], [b"x" * 120], "shop", 2, digits, "10690001", "示例", [1], 1_800_000_000_000)
        blobs.append(store.sealer.seal(envelope.pack()))
        mapping = mapping_value(Mapping("shop", message_id, 3, b"o" * 90, "10690001"), 1)
        caps = to_script([b"capA", 1_800_000_000, 1, b"capB", 1_800_000_000, 1])
        await writer.add(0, "string", b":c:" + rhash, caps, _DAY_MS)
        await writer.add(0, "string", b":who:" + rhash, to_script({"o": ["web", 1_800_000_000_000]}))
        states += [message_id[19:], state_value(ENROUTE_HEADER, "shop", "1069")]
        if len(states) == 32:
            await writer.add(0, "hash", f":st:{message_id[:19]}".encode(), states, _DAY_MS)
            states = []
        await writer.add(0, "string", f":rcpt:alpha:{n:016x}".encode(), mapping, 3 * _DAY_MS)
        if len(blobs) == 40:
            fields = [b"b", to_script(blobs)]
            await writer.add(0, "xadd", b":mt:alpha:2", (b"1700000000000-%d" % n, fields, 40))
            blobs = []
    await writer.flush_all()


async def _run(count: int) -> None:
    secrets = new_secrets()
    with tempfile.TemporaryDirectory() as directory:
        servers = [EmbeddedServer(Path(directory) / name) for name in ("old", "new")]
        for server in servers:
            await server.start()
        old, new = _store(servers[0], secrets, 1), _store(servers[1], secrets, 4)
        steps: list[tuple[str, float, int]] = []

        def told(step: str, written: int) -> None:
            if not steps or steps[-1][0] != step:
                steps.append((step, time.monotonic(), written))

        try:
            await old.ready()
            await _fill(old, count)
            pids = [os.getpid(), *(server.pid for server in servers)]
            before, began_s = [_cpu_s(pid) for pid in pids], time.monotonic()
            done = await Migration(old, new, told).run()
            took_s, after = time.monotonic() - began_s, [_cpu_s(pid) for pid in pids]
        finally:
            for store in (old, new):
                await store.close()
            for server in servers:
                await server.stop()
    _print(count, steps, took_s, [end - begin for begin, end in zip(before, after, strict=True)])
    assert not any(line.fault for line in done.lines)


def _print(count: int, steps: list[tuple[str, float, int]], took_s: float, cpu_s: list[float]) -> None:
    for (step, at_s, _), (_, next_s, _) in itertools.pairwise(steps):
        print(f"{step:<75} {next_s - at_s:6.2f} s")
    things = 5 * count
    print(f"{things} things, {count} each of 4 kinds of keys and messages, in {took_s:.1f} s: {things / took_s:,.0f}/s")
    ours, old, new = (each / things * 1e6 for each in cpu_s)
    print(f"CPU for each: {ours:.1f} µs here, {old:.1f} µs old Redis, {new:.1f} µs new Redis")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--keys", type=int, default=100_000, help="of each kind")
    asyncio.run(_run(arguments.parse_args().keys))
