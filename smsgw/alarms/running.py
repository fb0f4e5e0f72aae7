"""Looks after alarms as long as its process lives: beside the console, or alone.

Owns: the loop, ``alarms.toml`` as it now is, and who the audit log names. Nothing that goes wrong ends the watch; it is
told in the log, and the next look is another try.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from smsgw.alarms.acting import PERSON
from smsgw.alarms.engine import Engine
from smsgw.alarms.facts import RECORDS_EVERY_S, Facts, Fetch
from smsgw.alarms.sending import Sender, Sends
from smsgw.config.alarms import ALARMS_FILE, AlarmSettings, load_alarms
from smsgw.config.node import ConsoleSettings
from smsgw.config.site import Site
from smsgw.documents.problems import Problems
from smsgw.errors import StoreError
from smsgw.services.asking import Asking
from smsgw.services.desk import Desk, Person
from smsgw.store.alarms import AlarmStore
from smsgw.store.connection import Store
from smsgw.telemetry.logs import EventLog

STAND_BY_S: Final = 5.0
"""How often a process looks whose turn it is not."""
_ROLES: Final = frozenset(("engineer", "compliance"))
_WARNINGS: Final = frozenset(("alarms.firing", "alarms.channel_failed", "alarms.not_acted", "alarms.acted"))
_log = EventLog("smsgw.alarms")


class Book:
    """The settings of ``alarms.toml`` as it now is. A file that can't be used changes nothing, and is told."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._settings = site.alarms
        self._stamp = self._stamp_now()

    def settings(self) -> AlarmSettings:
        """What holds now; costs a look at the file's time."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            problems = Problems()
            found = load_alarms(self._site.directory, problems, self._site.carriers, self._site.accounts)
            if problems.count:
                _log.warning("alarms.file_unusable", why="; ".join(str(error) for error in problems.errors))
            else:
                self._settings = found
                _log.event("alarms.file_changed", channels=len(found.channels))
        return self._settings

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = (self._site.directory / Path(ALARMS_FILE)).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def engine_of(
    site: Site,
    store: Store,
    now_ms: Callable[[], int],
    addresses: Sequence[str],
    fetch: Fetch,
    asking: Asking,
    *,
    sender: Sends | None = None,
    records_every_s: float = RECORDS_EVERY_S,
    real_ms: Callable[[], int] | None = None,
) -> Engine:
    """An engine over a site, its store and its gateways. ``now_ms`` is business time, ``real_ms`` the network's."""
    desk = Desk(site, store, Person(PERSON, _ROLES), now_ms)
    facts = Facts(desk, addresses, fetch, asking, every_s=records_every_s)
    return Engine(
        desk, facts, AlarmStore(store), sender or Sender(), Book(site).settings, tell, page_address(site.console),
        real_ms,
    )  # fmt: skip


@asynccontextmanager
async def watching(engine: Engine, refresh_clock: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Alarms are looked after as long as this lasts."""
    task = asyncio.create_task(keep_looking(engine, refresh_clock))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def keep_looking(engine: Engine, refresh_clock: Callable[[], Awaitable[None]]) -> None:
    """Look until cancelled; then another may at once."""
    is_ours = False
    try:
        while True:
            was = is_ours
            try:
                await refresh_clock()
                is_ours = await engine.look()
            except StoreError as error:
                _log.warning("alarms.store_away", why=str(error))
            except Exception as error:  # a watch that ended would be noticed by nobody
                _log.error("alarms.mistake", error=error)
            if is_ours != was:
                _log.event("alarms.on_watch" if is_ours else "alarms.stands_by")
            await asyncio.sleep(engine.every_s if is_ours else STAND_BY_S)
    finally:
        with contextlib.suppress(StoreError):
            await engine.leave()


def tell(event: str, fields: Mapping[str, object]) -> None:
    """An event of the engine into the log."""
    _log.tell(logging.WARNING if event in _WARNINGS else logging.INFO, event, fields)


def page_address(console: ConsoleSettings) -> str:
    """Where a reader finds the page of alarms; empty where the settings don't say how the console is reached."""
    if not console.hosts:
        return ""
    scheme = "https" if console.certificate is not None else "http"
    return f"{scheme}://{console.hosts[0]}:{console.port}/#/alarms"
