"""A world for one scenario: gateways, Redis, carriers, proxies between them, and the load; every part a process.

    async with World(settings, directory) as world:      # all is up and bound; the load is not begun
        ...
        world.gateways[0], world.redis, world.carriers["alpha"], world.proxies["gateway-carrier"], world.load

A scenario says what it does with ``note`` (for the report) and ``strike`` (which also counts: each may leave the
windows in flight uncertain). Proxies are named by their pair; of a second gateway ``app-gateway-2``,
``gateway-redis-2``, of the second carrier ``gateway-carrier-beta``. What can go wrong: TimeoutError or RuntimeError
name what does not come back.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from tests.chaos import wording
from tests.chaos.carrier import PASSWORD, SYSTEM_ID, CarrierProcess
from tests.chaos.load_process import LoadProcess
from tests.chaos.proxy import Proxy
from tests.chaos.scenario import Overrides, Skipped, WorldSettings, joined
from tests.chaos.servers import Servers, SingleServer
from tests.e2e.gateway import ROOT, GatewayProcess, redis_pid

BENCH = ROOT / "config" / "bench"
LEASE_S = 3
_CARRIER_WINDOW = 50
_CARRIER_BINDS = 2
_POLL_S = 0.05
_STOP_S = 40.0
#: On a busy machine a Python process takes its time.
_START_S = 120.0
#: Opt-outs there are before the load begins, and how many more come while it runs, each second.
_OPTED_OUT_BEFORE = 3
_OPT_OUTS_PER_S = 1.0


class EmbeddedStore:
    """The embedded server of one gateway, with the names of ``tests.chaos.servers``; the gateway starts it again."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway

    @property
    def pid(self) -> int:
        """Its process id. Raises OSError, ValueError when it does not run."""
        return redis_pid(self._gateway)

    def master_pids(self) -> list[int]:
        """The one."""
        return [self.pid]

    def kill(self, which: str = "master") -> str:
        """SIGKILL; the gateway starts another on the same data."""
        os.kill(self.pid, signal.SIGKILL)
        return which

    def pause(self, which: str = "master") -> str:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)
        return which

    def resume(self, which: str = "master") -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)


class World:
    """See above."""

    def __init__(self, settings: WorldSettings, directory: Path) -> None:
        self.settings = settings
        self.directory = directory
        self.gateways: list[GatewayProcess] = []
        self.carriers = {
            name: CarrierProcess(name, directory, ("--seed", str(settings.seed), *settings.carrier_options))
            for name in settings.carriers
        }
        self.proxies: dict[str, Proxy] = {}
        self.servers: Servers | None = None
        self.load: LoadProcess
        #: (seconds since the load began, what was done).
        self.notes: list[tuple[float, str]] = []
        self.strikes = 0
        #: Promises of this scenario alone that were not kept, in words.
        self.broken: list[str] = []
        #: Words before each ``smsgw run`` (GatewayProcess.wrapper); for ``WorldSettings.prepare`` to set.
        self.wrapper: tuple[str, ...] = ()
        #: Recipients who opted out, each answered before the load was told of it.
        self.opted_out = 0
        self._born_s = self._begun_s = time.monotonic()
        self._stack = AsyncExitStack()

    # -- what scenarios use

    @property
    def redis(self) -> Any:
        """The shared servers (``tests.chaos.servers``), or the first gateway's embedded one."""
        return self.servers or EmbeddedStore(self.gateways[0])

    @property
    def carrier_windows(self) -> int:
        """How many requests may be open with all carriers together."""
        return _CARRIER_WINDOW * _CARRIER_BINDS * len(self.carriers)

    @property
    def elapsed_s(self) -> float:
        """Since the load began."""
        return time.monotonic() - self._begun_s

    def note(self, text: str) -> None:
        """Tell the report what was done, and when."""
        self.notes.append((round(self.elapsed_s, 2), text))

    def strike(self, text: str) -> None:
        """``note``, and count: what is in flight may be uncertain now."""
        self.strikes += 1
        self.note(text)

    def promise(self, holds: object, words: str) -> None:
        """What this scenario promises beside what all do; ``words`` say what was instead, and go to the report."""
        if not holds:
            self.broken.append(words)
            self.note(words)

    async def moments(self, chance: random.Random, count: int) -> AsyncIterator[int]:
        """Come ``count`` times, at a moment of chance in each equal part of the load's time; never two at once."""
        part_s = self.settings.seconds / count
        for number in range(count):
            due_s = (number + chance.uniform(0.3, 0.6)) * part_s
            await asyncio.sleep(max(0.0, due_s - self.elapsed_s))
            yield number

    async def until(self, condition: Callable[[], object], what: str, deadline_s: float = 30.0) -> None:
        """Return once ``condition()`` is true; OSError and ValueError count as not yet. TimeoutError names ``what``."""
        deadline = time.monotonic() + deadline_s
        while not self._holds(condition):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {deadline_s:g} s for {what}")
            await asyncio.sleep(_POLL_S)

    async def store_is_up(self, deadline_s: float = 30.0) -> None:
        """Every gateway that runs says that it has its store."""
        for gateway in self.gateways:
            if gateway.process is not None:
                await self.until(lambda gateway=gateway: gateway.metric("smsgw_store_up") >= 1, "the store", deadline_s)  # type: ignore[misc]

    def at_end(self, do: Callable[[], object]) -> None:
        """Do it when all that is started later has ended."""
        self._stack.callback(do)

    async def traffic(self, more: int = 20, deadline_s: float = 30.0) -> None:
        """Return when so many more of each class were accepted."""
        wanted = {name: self.load.ok(name) + more for name in wording.CLASSES}
        await self.until(
            lambda: all(self.load.ok(name) >= count for name, count in wanted.items()),
            f"{more} more of each class to be accepted",
            deadline_s,
        )

    async def restarted(self, gateway: GatewayProcess) -> None:
        """Start a dead gateway, note how long that took."""
        begun_s = time.monotonic()
        await self._run(gateway)
        self.note(f"ready again after {time.monotonic() - begun_s:.1f} s")

    # -- its life

    async def __aenter__(self) -> World:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def begin(self) -> None:
        """Some opt out; then the load begins, and goes on until ``load.end``."""
        await self._opt_out(_OPTED_OUT_BEFORE)
        self._begun_s = time.monotonic()
        self.load.say(begin=True)

    async def keep_opting_out(self) -> None:
        """Recipients opt out, one after the other; after each one's answer the load sends to them. Cancel it."""
        while True:
            await asyncio.sleep(1 / _OPT_OUTS_PER_S)
            await self._opt_out(1)

    async def stop_gateways(self) -> list[str]:
        """SIGTERM to all that run; what is wrong with how they ended."""
        wrong = []
        for place, gateway in enumerate(self.gateways, 1):
            if gateway.process is None:
                continue
            try:
                status = await gateway.stop(deadline_s=_STOP_S)
            except TimeoutError:
                wrong.append(f"gateway {place} did not end within {_STOP_S:g} s of SIGTERM")
                continue
            if status:
                wrong.append(f"gateway {place} ended with {status}")
        return wrong

    # -- inside

    async def _start(self) -> None:
        settings = self.settings
        if settings.store is not None:
            self.servers = settings.store(self.directory / "redis")
            self._stack.push_async_callback(self.servers.stop)
            await self.servers.start()
        if settings.prepare is not None:
            await settings.prepare(self)
        for carrier in self.carriers.values():
            self._stack.push_async_callback(carrier.stop)
        await asyncio.gather(*(carrier.start() for carrier in self.carriers.values()))
        ports = {name: self._between(_named("gateway-carrier", place, name), each.port)
                 for place, (name, each) in enumerate(self.carriers.items())}  # fmt: skip
        for place in range(settings.gateways):
            self.gateways.append(self._gateway(place, ports))
            self._stack.callback(self.gateways[-1].close)
            await self._run(self.gateways[-1])
        self.load = LoadProcess(self.directory)
        self._stack.push_async_callback(self.load.stop)
        await self.load.start(
            settings,
            [self._between(_named("app-gateway", place), each.port) for place, each in enumerate(self.gateways)],
        )

    async def _run(self, gateway: GatewayProcess) -> None:
        """Start it; its business time is as if it had run since the world began."""
        await gateway.start(deadline_s=_START_S)
        # One that starts just then would have another clock than the rest.
        await self.until(lambda: _all_ready(gateway), "all workers", _START_S)
        await self.until(lambda: gateway.advance(time.monotonic() - self._born_s) is None, "the clock to be moved")

    def _between(self, name: str, port: int) -> int:
        """The port to connect to: the proxy's, if there is one between this pair."""
        if not any(name.startswith(pair) for pair in self.settings.proxies):
            return port
        proxy = self.proxies[name] = Proxy(0, ("127.0.0.1", port))
        proxy.start()
        self._stack.callback(proxy.stop)
        return proxy.port

    def _gateway(self, place: int, ports: dict[str, int]) -> GatewayProcess:
        settings = self.settings
        directory = self.directory / f"gateway{place + 1}"
        directory.mkdir()
        clock = settings.clocks[min(place, len(settings.clocks) - 1)]
        site = joined(
            _site(settings.carriers), {"smsgw.toml": {"node": {"name": f"n{place + 1}"}, **self._store(place)}}
        )
        options: dict[str, Any] = {"run_options": settings.run_options} if settings.run_options else {}
        overrides = joined(joined(site, settings.overrides), settings.overrides_of(place))
        gateway = GatewayProcess(directory, carriers=ports, overrides=overrides, clock=clock, base=BENCH, **options)
        gateway.wrapper = self.wrapper
        (gateway.site / "accounts" / "load.toml").unlink()
        for path in (gateway.site / "carriers").glob("*.toml"):
            if path.stem not in settings.carriers:
                path.unlink()
        return gateway

    def _store(self, place: int) -> Overrides:
        if self.servers is None:
            return {}
        store = {**self.servers.store_settings, "secrets": str(self.directory / "secrets.toml")}
        if "gateway-redis" in self.settings.proxies:
            if not isinstance(self.servers, SingleServer):
                raise Skipped(
                    "a proxy before Redis needs a single server: Sentinel and Cluster name their own addresses"
                )
            store["url"] = f"redis://127.0.0.1:{self._between(_named('gateway-redis', place), _port(store['url']))}/0"
        return {"store": store}

    async def _opt_out(self, count: int) -> None:
        """So many recipients answer R to the marketing number; the load hears of them when that was answered."""
        carrier = next(iter(self.carriers.values()))
        for number in range(self.opted_out, self.opted_out + count):
            await carrier.mo(wording.opting_out(number), wording.SOURCES["marketing"], "R")
        self.opted_out += count
        self.load.say(opted_out=self.opted_out)

    @staticmethod
    def _holds(condition: Callable[[], object]) -> bool:
        try:
            return bool(condition())
        except (OSError, ValueError):
            return False


def _all_ready(gateway: GatewayProcess) -> bool:
    workers = gateway.status().get("workers", {}).values()
    return all(each["status"] == "ready" for each in workers)


def _named(pair: str, place: int, name: str = "") -> str:
    """The name of a pair's proxy; the first has the pair's."""
    return pair if place == 0 else f"{pair}-{name or place + 1}"


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None, url
    return port


def _site(carriers: tuple[str, ...]) -> dict[str, Any]:
    """What differs from config/bench: an account of each class, windows that mean something, and shorter times."""
    account = tomllib.loads((BENCH / "accounts" / "load.toml").read_text(encoding="utf-8"))
    site: dict[str, Any] = {
        "smsgw.toml": {
            "node": {"lease": f"{LEASE_S}s"},
            "long": {"expire": "5s"},
            "log": {"level": "info"},
        }
    }
    for name in wording.CLASSES:
        number = {"number": wording.SOURCES[name], "signature": "示例商城"}
        site[f"accounts/{name}.toml"] = {
            **account,
            "system_id": name,
            "class": name,
            "numbers": [number],
            "window": 100,
        }
    for name in carriers:
        site[f"carriers/{name}.toml"] = {
            "system_id": SYSTEM_ID,
            "password": PASSWORD,
            "binds": [{"type": "transceiver", "count": _CARRIER_BINDS}],
            "window": _CARRIER_WINDOW,
            "response": "3s",
            "enquire_link": "3s",
            "failover_after": "1s",
        }
    return site
