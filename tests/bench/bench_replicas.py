"""What ``replicas = 1`` costs: ``python tests/bench/bench_replicas.py [--seconds 2] [--rounds 5]``.

A master and a replica on this machine, both with ``appendfsync always``, and two stores that differ only in
``replicas``, used in turns, so that the machine's slow minutes fall on both. Shown: the answer's time of single
messages, messages a second at full batches, and CPU of this process, the master and the replica per message. Read the
ratios. The replica's CPU is there without ``replicas`` as well; the network's way to it, here none, comes on top.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

import uvloop

from smsgw.errors import StoreError
from smsgw.store.admission import Admission, AdmitItem, AdmitReply
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.secrets import Secrets, new_secrets
from tests.chaos.servers import Servers, SingleServer, free_ports, until

NOW_MS = 1_800_000_000_000
BLOB = b"x" * 200
BATCH = 256


class Pair(SingleServer):
    """``node0`` and its replica ``node1``."""

    async def start(self) -> None:
        await super().start()
        replica = self._make_data("node1", free_ports(1)[0], f"replicaof 127.0.0.1 {self.nodes['node0'].port}")
        replica.run()
        await self._answering([replica])
        await until(lambda: self.replicas() == ["node1"], "the replica in step")


@dataclass
class Measured:
    """Of one kind of store, a value a round."""

    single_ms: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)
    cpu_us: list[tuple[float, float, float]] = field(default_factory=list)


class Client:
    """Admission on a store of its own."""

    def __init__(self, url: str, secrets: Secrets, replicas: int) -> None:
        settings = StoreSettings(replicas=replicas)
        self.store = Store(url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
        self.admission = Admission(self.store, self._done, lambda: NOW_MS)
        self.count = 0
        self.answered = 0
        self._waiter: Callable[[], None] = lambda: None

    def _done(self, items: list[AdmitItem], replies: list[AdmitReply] | StoreError) -> None:
        if isinstance(replies, StoreError):
            raise replies
        self.answered += len(items)
        self._waiter()

    def submit(self) -> None:
        self.count += 1
        message_id = f"00{self.count:016x}"
        self.admission.submit(AdmitItem(None, f"{self.count:016x}", [message_id], BLOB, "alpha:2", NOW_MS, b"state"))

    async def singles(self, seconds: float) -> float:
        """Milliseconds of an answer, one at a time; the median."""
        took = []
        ends = perf_counter() + seconds
        while perf_counter() < ends:
            begun = perf_counter()
            self.submit()
            await self.admission.commit.drain()
            took.append((perf_counter() - begun) * 1000)
        return statistics.median(took)

    async def flood(self, seconds: float) -> int:
        """Keep four full batches waiting; how many were answered."""
        before = self.answered
        news = asyncio.Event()
        self._waiter = news.set
        ends = perf_counter() + seconds
        while perf_counter() < ends:
            for _ in range(4 * BATCH - self.admission.commit.waiting):
                self.submit()
            news.clear()
            await news.wait()
        await self.admission.commit.drain()
        return self.answered - before


def _cpu_s(servers: Servers) -> list[float]:
    """Of this process, the master and the replica."""
    found = [process_time()]
    for name in ("node0", "node1"):
        process = servers.nodes[name].process
        assert process is not None
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        found.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return found


async def measure(seconds: float, rounds: int) -> tuple[Measured, Measured]:
    with tempfile.TemporaryDirectory() as directory:
        servers = Pair(Path(directory))
        await servers.start()
        secrets = new_secrets()
        clients = [Client(servers.url, secrets, replicas) for replicas in (0, 1)]
        found = (Measured(), Measured())
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(client.admission.commit.run()) for client in clients]
            for client in clients:
                await client.store.ready()
                await client.singles(0.2)
            for _ in range(rounds):
                for client, into in zip(clients, found, strict=True):
                    into.single_ms.append(await client.singles(seconds / 2))
                    servers.ask("node0", "FLUSHALL")
                    before, begun = _cpu_s(servers), perf_counter()
                    count = await client.flood(seconds)
                    took_s, after = perf_counter() - begun, _cpu_s(servers)
                    into.per_s.append(count / took_s)
                    us, master, replica = (1e6 * (b - a) / count for a, b in zip(before, after, strict=True))
                    into.cpu_us.append((us, master, replica))
            for task in running:
                task.cancel()
        for client in clients:
            await client.store.close()
        await servers.stop()
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each part of each round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    without, with_one = uvloop.run(measure(options.seconds, options.rounds))
    print(f"{'median of rounds':<28}{'replicas = 0':>14}{'replicas = 1':>14}{'ratio':>8}")
    rows: list[tuple[str, Callable[[Measured], list[float]]]] = [
        ("answer to one message, ms", lambda each: each.single_ms),
        ("messages a second", lambda each: each.per_s),
        ("CPU here, µs a message", lambda each: [cpu[0] for cpu in each.cpu_us]),
        ("CPU of the master, µs", lambda each: [cpu[1] for cpu in each.cpu_us]),
        ("CPU of the replica, µs", lambda each: [cpu[2] for cpu in each.cpu_us]),
    ]
    for name, of in rows:
        first, second = statistics.median(of(without)), statistics.median(of(with_one))
        print(f"{name:<28}{first:>14.2f}{second:>14.2f}{second / first:>8.2f}")


if __name__ == "__main__":
    main()
