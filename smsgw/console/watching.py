"""Asking the gateways what they do, in one place however many browsers look.

Owns: how often: at most every ``LOOK_S`` while somebody looks, once a minute else, so that the last two hours are
there for who comes. Each look is one GET of ``/status`` a gateway, in threads; what waits is read from the store every
``STORE_S`` and only while somebody looks. A gateway that does not answer costs ``PATIENCE_S`` and is named.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, Request

from smsgw.clock import RealClock
from smsgw.config.site import Site
from smsgw.errors import StoreError
from smsgw.policy.model import CLASS_LABELS
from smsgw.services.live import Waits
from smsgw.services.queues import Lane
from smsgw.services.sight import Sight
from smsgw.store.connection import Store
from smsgw.store.queues import Queues
from smsgw.telemetry.logs import EventLog

LOOK_S: Final = 1.8
STORE_S: Final = 4.5
IDLE_S: Final = 60.0
PATIENCE_S: Final = 3.0
REMEMBERED_S: Final = 3.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
#: Gateways are asked directly, whatever proxy the environment names.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
_log = EventLog("smsgw.console")
Fetch = Callable[[str], Mapping[str, Any] | str]
T = TypeVar("T")


def addresses(site: Site) -> tuple[str, ...]:
    """Where the gateways are asked: as the settings say, else this site's own ops port."""
    if site.console.gateways:
        return site.console.gateways
    host = _EVERYWHERE.get(site.ops.host, site.ops.host)
    return (f"http://[{host}]:{site.ops.port}" if ":" in host else f"http://{host}:{site.ops.port}",)


def fetch_status(address: str) -> Mapping[str, Any] | str:
    """A gateway's status, or why there is none. For threads."""
    if address.endswith(":0"):
        return "[ops] port is 0: the gateway takes any, so it can't be asked"
    try:
        with _open(address + "/status", timeout=PATIENCE_S) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        return f"answers {error.code} {error.reason}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return f"does not answer: {getattr(reason, 'strerror', None) or reason}"
    if not isinstance(found, dict) or "accounts" not in found or "carriers" not in found:
        return "answers, but is no gateway that runs"
    return found


class Watcher:
    """``look`` for whoever wants to see; ``running`` around the console's life."""

    def __init__(self, site: Site, store: Store, fetch: Fetch = fetch_status) -> None:
        self._site = site
        self._store = store
        self._fetch = fetch
        self._addresses: Sequence[str] = addresses(site)
        self._sight = Sight()
        self._waits: Waits | None = None
        self._looked_s = self._counted_s = float("-inf")
        self._turn = asyncio.Lock()
        #: Maps of deliveries, by what was asked and by whom it may be seen.
        self.maps: Remembered[Any] = Remembered()

    async def look(self) -> tuple[Sight, Waits | None]:
        """What gateways and store say, at most some seconds old."""
        async with self._turn:
            if time.monotonic() - self._looked_s >= LOOK_S:
                await self._look()
            if time.monotonic() - self._counted_s >= STORE_S:
                self._waits = await self._count()
                self._counted_s = time.monotonic()
        return self._sight, self._waits

    def forget(self) -> None:
        """Something was changed just now: the next look is a new one."""
        self._looked_s = self._counted_s = float("-inf")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks once a minute by itself as long as this lasts."""
        task = asyncio.create_task(self._idle())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _idle(self) -> None:
        while True:
            async with self._turn:
                waited_s = time.monotonic() - self._looked_s
                if waited_s >= IDLE_S:
                    await self._look()
                    waited_s = 0.0
            await asyncio.sleep(IDLE_S - waited_s)

    async def _look(self) -> None:
        pages = await asyncio.gather(*(asyncio.to_thread(self._fetch, each) for each in self._addresses))
        found = dict(zip(self._addresses, pages, strict=True))
        for address, page in found.items():
            before = self._sight.gateways.get(address)
            if isinstance(page, str) and not isinstance(before, str):
                _log.warning("console.gateway_silent", address=address, why=page)
        self._sight.add(RealClock().now_ms(), time.monotonic(), found)
        self._looked_s = time.monotonic()

    async def _count(self) -> Waits | None:
        queues = Queues(self._store)
        now_ms = time.time() * 1000
        try:
            lengths = await queues.lengths(list(self._site.carriers))
            return Waits(
                [
                    Lane(each.carrier, CLASS_LABELS[each.lane], each.waiting,
                         round(max(0.0, now_ms - each.oldest_ms) / 1000, 1) if each.oldest_ms else 0.0)
                    for each in lengths
                ],
                await queues.held_count(),
                await queues.lots(),
            )  # fmt: skip
        except StoreError:
            return None


class Remembered(Generic[T]):
    """Answers that may be some seconds old, so that many who look at the same cost as one. For one event loop."""

    def __init__(self, life_s: float = REMEMBERED_S) -> None:
        self._life_s = life_s
        self._found: dict[Hashable, tuple[float, T]] = {}
        self._turns: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What is known of the key, or made now. Who asks for the same meanwhile waits for it."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            at_s, found = self._found.get(key, (float("-inf"), None))
            if found is not None and time.monotonic() - at_s < self._life_s:
                return found
            made = await make()
            self._drop_old()
            self._found[key] = time.monotonic(), made
            return made

    def _drop_old(self) -> None:
        now_s = time.monotonic()
        for key in [key for key, (at_s, _) in self._found.items() if now_s - at_s >= self._life_s]:
            del self._found[key]
        for key in [key for key, turn in self._turns.items() if key not in self._found and not turn.locked()]:
            del self._turns[key]


def watcher_of(request: Request) -> Watcher:
    """For ``Depends``."""
    watcher: Watcher = request.app.state.watcher
    return watcher


Live = Annotated[Watcher, Depends(watcher_of)]
"""What the gateways say just now."""
