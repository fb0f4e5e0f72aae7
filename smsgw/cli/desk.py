"""The one pattern of every command over the services: load the site, sit down at the desk, ask, print.

Owns: who asks (``--who``) and why (``--why``), and that the user of the machine is known beside that. Holds no rule of
its own: what may be done, by whom and with which values is the services' to say, and a RequestError ends the command in
one line and exit code 1.
"""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from smsgw.cli.ops_port import business_now
from smsgw.cli.options import recipient, zone_of
from smsgw.cli.site_store import open_store
from smsgw.cli.versions.recovered import usable_site
from smsgw.clock import to_ms
from smsgw.config.site import Site
from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.services.desk import Desk, Person, person_of
from smsgw.store.connection import Store

WhyOption = Annotated[str, typer.Option("--why", "--reason", help="The reason, for the audit log.", show_default=False)]
WhoOption = Annotated[str, typer.Option("--who", help="Who does this.", show_default="the user of this machine")]

T = TypeVar("T")


class Visit:
    """One command's visit to the desk of a site, on behalf of ``who`` (empty: the user of this machine).

    While the files of the site can't be used it is the site of the version in force, unless ``loaded`` is given.
    """

    def __init__(self, directory: Path, who: str = "", loaded: Site | None = None) -> None:
        self.site = loaded if loaded is not None else usable_site(directory)
        user = os_user()
        self._person = replace(person_named(self.site, who or user), os_user=user)
        self.now_ms = to_ms(business_now(self.site)[0])

    @property
    def zone(self) -> tzinfo:
        """The zone that times are shown in."""
        return zone_of(self.site)

    def recipient(self, number: str) -> str:
        """The number that was typed, with plus and country code; ends the command when it can't be one."""
        return "+" + recipient(self.site, number)

    def ask(self, call: Callable[[Desk], Awaitable[T]]) -> T:
        """What ``call`` finds or does at the desk. Raises StoreError, and RequestError for what can't be done."""
        return asyncio.run(self._sit_down(call))

    def desk(self, store: Store) -> Desk:
        """The desk, with a store that was opened otherwise."""
        return Desk(self.site, store, self._person, lambda: self.now_ms)

    async def _sit_down(self, call: Callable[[Desk], Awaitable[T]]) -> T:
        async with open_store(self.site) as store:
            return await call(self.desk(store))


def os_user() -> str:
    """The user of this machine, as the system and not the environment says; ``uid 1234`` when it has no name."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def person_named(site: Site, name: str) -> Person:
    """A member of the staff with their roles; anybody with all roles where the site has no people.toml.

    Raises RequestError ``forbidden`` for somebody whom people.toml does not know.
    """
    if not site.people:
        return Person(name)
    known = site.people.get(name)
    if known is None:
        raise RequestError("forbidden", with_hint(f"--who: people.toml has no {name!r}", name, site.people))
    if not known.enabled:
        raise RequestError("forbidden", f"--who: {name} is not enabled in people.toml")
    return person_of(known)
