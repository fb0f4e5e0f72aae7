"""A site whose files can't be used, as the version in force has it: commands go on while somebody mends the files.

Needs only that smsgw.toml can be read, for it says where the store is. Says on standard error what it does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from smsgw.cli.output import counted
from smsgw.cli.site_store import open_store
from smsgw.config.bundle import Bundle, load_bundle, own_tables
from smsgw.config.load import load_node, load_site
from smsgw.config.site import Site
from smsgw.documents.problems import ConfigErrors
from smsgw.errors import ConfigError, RequestError, StoreError
from smsgw.store.versions import VersionStore


def usable_site(directory: Path) -> Site:
    """The site of a directory; if its files can't be used, as it is in force. Raises ConfigErrors for the files."""
    try:
        return load_site(directory)
    except ConfigErrors as found:
        try:
            number, site = asyncio.run(_in_force(directory))
        except (ConfigError, StoreError, RequestError):
            raise found from None
        errors = counted(len(found.errors), "error")
        said = f"the files in {directory} can't be used ({errors}; `smsgw check` shows them)"
        typer.echo(f"smsgw: warning: {said}; going by version {number}, which is in force", err=True)
        return site


async def _in_force(directory: Path) -> tuple[int, Site]:
    async with open_store(load_node(directory)) as store:
        versions = VersionStore(store)
        number = (await versions.now()).number
        return number, load_bundle(Bundle(await versions.files(number)), directory, own_tables(directory))
