"""The site's store for the length of one command: what a running gateway writes is what a command reads.

With an embedded server that does not run, it is started and stopped again; one that runs is left alone, and so is
one that a gateway has begun to use meanwhile. Secrets are made when the site has none yet, as a gateway would.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from smsgw.config.site import Site
from smsgw.errors import ConfigError
from smsgw.site_rules import store_settings
from smsgw.store.connection import Store
from smsgw.store.secrets import load_or_create
from smsgw.store.server import EmbeddedServer


@asynccontextmanager
async def open_store(site: Site) -> AsyncIterator[Store]:
    """A ready Store. Raises StoreError when it can't be had, ConfigError for the secrets or the state directory."""
    try:
        site.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(site.state_dir, 0, "store.state_dir", f"can't be made: {error.strerror}") from error
    secrets = load_or_create(site.secrets_file)
    settings = site.store
    embedded = (
        None
        if settings.url
        else EmbeddedServer(site.state_dir, settings.server or None, settings.fsync, settings.memory_octets)
    )
    if embedded is not None:
        await embedded.start()
    try:
        url = site.store.url if embedded is None else embedded.url
        store = Store(url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=store_settings(site))
        try:
            await store.ready()
            yield store
        finally:
            await store.close()
    finally:
        if embedded is not None:
            await embedded.stop_if_unused()
