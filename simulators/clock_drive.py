"""Moves the test clocks of gateways along with a simulation's clock, over their ops ports.

    async with ClockDriver(clock, ["http://127.0.0.1:8775"]) as driver:
        clock.advance(3600)
        await driver.push()

``push`` returns when every gateway has our time and rate; changes that nobody pushes are pushed by the
driver itself, as soon as the loop comes to it. What is due at the new time (receipts, events) is done after
that, so that a gateway never hears of it before it is there itself. While our clock is the system's, theirs
are left alone.
A gateway that can't be reached, or whose clock is real, is an error in words; the others are still told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from simulators.clock import SimClock

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)
_TIMEOUT_S = 5.0


class ClockDriveError(OSError):
    """Some gateway's clock could not be set; one line for each."""


class ClockDriver:
    """Gateways whose clocks follow ``clock``. ``urls`` are those of their ops ports."""

    def __init__(self, clock: SimClock, urls: Sequence[str]) -> None:
        self.urls = tuple(ops_url(url) for url in urls)
        self._changes = 0
        self._clock = clock
        self._moved = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None
        self._following: asyncio.Task[None] | None = None
        self._tell: Callable[[], None] | None = None
        #: What the last push that nobody awaited could not do.
        self.problem = ""

    async def __aenter__(self) -> ClockDriver:
        import httpx  # takes a while to load, and most runs drive nobody

        # A proxy of the environment is not for gateways beside us.
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False)
        self._clock.before_change = self._changed
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clock.before_change = None
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        self._go_on()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def push(self) -> None:
        """Give every gateway our time and rate; raises ClockDriveError naming those that did not take it."""
        self._moved.clear()
        wrong: list[str] = []
        async with self._one_at_a_time:
            told = self._changes
            if not self._clock.is_real:
                wrong = [why for why in await asyncio.gather(*map(self._push, self.urls)) if why]
        # A change that came meanwhile is not there yet; who made it, or the driver itself, pushes it next.
        if told == self._changes:
            self._go_on()
        if wrong:
            raise ClockDriveError("\n".join(wrong))

    def _changed(self, tell: Callable[[], None]) -> None:
        self._changes += 1
        self._tell = tell
        self._moved.set()

    def _go_on(self) -> None:
        """Our own side may act on the new time now."""
        tell, self._tell = self._tell, None
        if tell is not None:
            tell()

    async def _follow(self) -> None:
        while True:
            await self._moved.wait()
            try:
                await self.push()
                self.problem = ""
            except ClockDriveError as error:
                self.problem = str(error)
                _log.error("%s", error)

    async def _push(self, url: str) -> str:
        import httpx

        assert self._client is not None, "push is for inside `async with`"
        try:
            wanted = {"set": self._clock.now().isoformat(), "rate": self._clock.rate}
            answer = await self._client.put(f"{url}/clock", json=wanted)
        except httpx.HTTPError as error:
            return f"{url}: its clock can't be set: {error or type(error).__name__}; is the gateway running?"
        if answer.status_code == httpx.codes.OK:
            return ""
        try:
            why = str(answer.json()["error"])
        except (ValueError, KeyError, TypeError):
            why = f"it answered {answer.status_code}; is this a gateway's ops port?"
        return f"{url}: its clock can't be set: {why}"


def ops_url(text: str) -> str:
    """``http://host:port`` of what was written; raises ValueError for anything else."""
    parts = urlsplit(text if "//" in text else f"http://{text}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None:
        raise ValueError(
            f'expected the address of a gateway\'s ops port such as "http://127.0.0.1:8775", found {text!r}'
        )
    return f"{parts.scheme}://{parts.netloc}"
