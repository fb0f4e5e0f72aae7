"""What it costs that an account's rate and binds are one over the fleet: for a message, for a call, for a bind.

    PYTHONPATH=. python tests/bench/bench_limits.py

Prints the CPU time of taking a segment from a held slice beside that of a token bucket of its own; what a call for the
rates of many accounts costs Redis; and how many binds a second are given a place.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from smsgw.gateway.bind_desk import BindDesk
from smsgw.policy.rate_slices import RateSlices
from smsgw.policy.shaping import TokenBucket
from smsgw.store.account_binds import AccountBinds
from smsgw.store.account_rates import AccountRates, RateGrant
from smsgw.store.connection import Store
from smsgw.store.secrets import new_secrets
from smsgw.store.server import EmbeddedServer

TAKES = 300_000
ROUNDS = 5
ACCOUNTS = 200
CALLS = 200
BINDS = 10_000


def take_ns() -> dict[str, float]:
    """The least of some rounds, by what is taken from."""
    slices = RateSlices(1e9)
    slices.granted(10**9, 0.0, 1.0)
    slices._until_s = 1e12
    bucket = TokenBucket(1e9, 1e9)
    kinds: dict[str, Callable[[int, float], object]] = {"slice": slices.take, "token bucket": bucket.take}
    least = dict.fromkeys(kinds, float("inf"))
    for _ in range(ROUNDS):
        for name, take in kinds.items():
            now_s = time.monotonic()
            begun = time.process_time_ns()
            for _ in range(TAKES):
                take(1, now_s)
            least[name] = min(least[name], (time.process_time_ns() - begun) / TAKES)
    return least


async def redis_cpu_s(store: Store) -> float:
    info = (await store.command(0, "INFO", "cpu")).decode()
    used = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


async def rates(store: Store) -> tuple[float, float]:
    """Microseconds of Redis' CPU and of ours for one account of a call for many."""
    asked = AccountRates(store, "bench")
    running = asyncio.create_task(asked.commit.run())
    own_s, its_s = time.process_time(), await redis_cpu_s(store)
    for _ in range(CALLS):
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = ACCOUNTS

        def granted(grant: RateGrant | Exception) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set_result(None)  # noqa: B023

        for number in range(ACCOUNTS):
            asked.ask(f"account{number}", lambda: (1000.0, 1000.0, 20, 0.0, [], 20), granted)
        await done
    own_s, its_s = time.process_time() - own_s, await redis_cpu_s(store) - its_s
    running.cancel()
    return its_s / CALLS / ACCOUNTS * 1e6, own_s / CALLS / ACCOUNTS * 1e6


async def binds(store: Store, accounts: int) -> tuple[float, float]:
    """Binds a second that get a place, all asked for at once, and microseconds of our CPU for each."""
    counted = AccountBinds(store, "bench", f"token{accounts}", 10.0)
    running = asyncio.create_task(counted.commit.run())
    desk = BindDesk(counted, 10.0, lambda: True, lambda: False)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    placed = 0

    def place(open_binds: int | None) -> None:
        nonlocal placed
        assert open_binds is None, open_binds
        placed += 1
        if placed == BINDS:
            done.set_result(None)

    known: list[Any] = [
        SimpleNamespace(settings=SimpleNamespace(system_id=f"bound{number}", max_binds=BINDS))
        for number in range(accounts)
    ]
    begun_s, own_s = time.monotonic(), time.process_time()
    for number in range(BINDS):
        desk.ask(known[number % accounts], place)
        if number % 50 == 49:
            await asyncio.sleep(0)
    await done
    took_s, own_s = time.monotonic() - begun_s, time.process_time() - own_s
    running.cancel()
    return BINDS / took_s, own_s / BINDS * 1e6


async def main() -> None:
    for name, nanoseconds in take_ns().items():
        print(f"take from a {name:13} {nanoseconds:6.0f} ns")
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer(Path(directory))
        await server.start()
        secrets = new_secrets()
        store = Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher())
        await store.ready()
        its_us, own_us = await rates(store)
        print(f"an account's rate, {ACCOUNTS} in a call: Redis {its_us:.1f} us, gateway {own_us:.1f} us")
        for accounts in (1, 100, BINDS):
            per_s, own_us = await binds(store, accounts)
            print(f"{BINDS} binds of {accounts} accounts: {per_s:,.0f} a second, gateway {own_us:.1f} us each")
        await store.close()
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
