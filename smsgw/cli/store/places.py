"""Where a store is and where it goes: opens both for a migration, and puts the new one in the old one's place.

Owns the embedded servers of both sides. The new embedded one lies in ``redis-new`` of the state directory until it is
whole; then the two directories change their names, and the old one is kept under its date. Stops what it started.
What can go wrong: somebody is connected to the old server, such as the console (StoreRefused; nothing was exchanged).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from smsgw.cli.output import counted
from smsgw.config.load import load_store
from smsgw.config.site import Site
from smsgw.errors import RequestError, StoreRefused
from smsgw.site_rules import store_settings
from smsgw.store.connection import Store
from smsgw.store.migration.walk import OldStore
from smsgw.store.secrets import Secrets, load
from smsgw.store.server import EmbeddedServer

EMBEDDED: Final = "embedded"
_NEW: Final = "redis-new"
_TIMEOUT_S: Final = 20.0
_WAIT: Final = "end every other command and the console, then run the same command again"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a store goes. ``change``: lines of ``[store]`` that must stand in smsgw.toml from then on."""

    site: Site
    change: list[str]

    @property
    def partitions(self) -> int:
        """Their number there."""
        return self.site.store.partitions


def target_of(site: Site, to: str, partitions: int) -> Target:
    """What ``--to`` and ``--partitions`` mean: empty and 0 for what is so now. Raises ConfigErrors, RequestError."""
    now = site.store
    if to == EMBEDDED and not now.url:
        to = ""  # it is there already
    if "://" in to:
        # As a site would have it with this URL alone: the old one's login and TLS are not the new one's.
        plain = {"user": "", "password_file": "", "tls": None, "sentinel": None, "replicas": 0, "memory_octets": None}
        settings = now.model_copy(update={"url": to, **plain})
        change = ['url = "<the URL that --to had>"']
    elif to == EMBEDDED:
        plain = {"user": "", "password_file": "", "tls": None, "sentinel": None, "replicas": 0}
        settings, change = now.model_copy(update={"url": "", **plain}), ['url = "" (and no other key of the old Redis)']
    elif to:
        path = site.directory / to
        settings, change = load_store(path), [f"everything that stands under [store] in {path}"]
        if not settings.url:
            raise RequestError("invalid", f"{path}: store.url is empty; --to {EMBEDDED} means the embedded server")
    else:
        settings, change = now, []
    number = partitions or (settings.partitions if to else now.partitions)
    if not to and number == now.partitions:
        why = f"the store has {counted(number, 'partition')} already; name another number, or --to another Redis"
        raise RequestError("invalid", why)
    if number != settings.partitions or (not to and number != now.partitions) or "://" in to:
        change.append(f"partitions = {number}")
    settings = settings.model_copy(update={"partitions": number})
    return Target(replace(site, file=site.file.model_copy(update={"store": settings})), change)


class Places:
    """Both stores of one migration. ``kept``: where the old embedded one lies afterwards."""

    def __init__(self, site: Site, target: Target) -> None:
        if not site.secrets_file.exists():
            raise RequestError("missing", f"{site.secrets_file}: is not there; without it nothing can be read")
        self._site = site
        self._target = target
        self._secrets: Secrets = load(site.secrets_file)
        self._old_server = _server(site, site.state_dir)
        swaps = self._old_server is not None
        self._new_state = site.state_dir / _NEW if swaps else site.state_dir
        self._new_server = _server(target.site, self._new_state)
        self.kept: Path | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Store, Store]]:
        """The old store, ready, and the new one, not opened by anybody. Raises StoreError."""
        if self._new_server is not None and self._new_state.name == _NEW and self._new_state.exists():
            # Left by an earlier run that did not come to its end; nobody else makes it.
            await self._new_server.stop()
            shutil.rmtree(self._new_state)
        try:
            old = await self._store(OldStore, self._site, self._old_server)
            try:
                await old.ready()
                new = await self._store(Store, self._target.site, self._new_server)
                try:
                    yield old, new
                finally:
                    await new.close()
            finally:
                await old.close()
        finally:
            if self._new_server is not None:
                await self._new_server.stop()
            if self._old_server is not None:
                await self._old_server.stop_if_unused()

    async def exchange(self) -> None:
        """Put a new embedded server's data in the old one's place; call it after ``open``. Raises StoreRefused."""
        if self._old_server is None or self._new_server is None:
            return
        kept = self._old_server.directory.with_name(time.strftime("redis-before-%Y%m%d-%H%M%S"))
        await self._old_server.start()
        if not await self._old_server.make_way(self._new_server.directory, kept):
            await self._old_server.stop_if_unused()
            raise StoreRefused(f"the new store is whole, but somebody uses the old one's server: {_WAIT}")
        self._new_state.rmdir()
        self.kept = kept

    async def _store(self, kind: type[Store], site: Site, server: EmbeddedServer | None) -> Store:
        if server is not None:
            server.directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            await server.start()
        url = site.store.url if server is None else server.url
        # Nobody waits for an answer, and large calls may take a while.
        settings = replace(store_settings(site), timeout_s=max(_TIMEOUT_S, site.store.timeout_s))
        return kind(url, sealer=self._secrets.sealer(), recipients=self._secrets.hasher(), settings=settings)


def _server(site: Site, state_dir: Path) -> EmbeddedServer | None:
    settings = site.store
    if settings.url:
        return None
    return EmbeddedServer(state_dir, settings.server or None, settings.fsync, settings.memory_octets)
