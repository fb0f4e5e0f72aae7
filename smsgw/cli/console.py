"""``smsgw console``: the HTTP interface for staff, in the foreground; ``smsgw console token`` lets people in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.ops_port import business_now
from smsgw.cli.options import SiteOption
from smsgw.cli.output import wrong_usage
from smsgw.cli.site_store import open_store
from smsgw.clock import RealClock, to_ms
from smsgw.config.load import load_site
from smsgw.config.people import PersonSettings, hash_token, new_token
from smsgw.config.site import Site
from smsgw.telemetry.logs import configure

app = typer.Typer(invoke_without_command=True, help="The console: HTTP for staff and their programs.")


@app.callback()
def run(context: typer.Context, site: SiteOption = Path()) -> None:
    """Run the console of a site until SIGTERM. Who may use it is in people.toml."""
    if context.invoked_subcommand is not None:
        return
    loaded = load_site(site)
    configure(loaded.log.level, loaded.log.format)
    asyncio.run(_serve(loaded))


@app.command()
def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose token it is, as people.toml names them.")],
) -> None:
    """Make a token: its text for its owner, and its stored form for people.toml. It is shown this once."""
    try:
        made = new_token(name)
        stored = hash_token(made)
        PersonSettings(name=name, roles=("viewer",), token=stored)
    except ValueError:
        wrong_usage(f"{name!r}: expected a name of at most 32 letters, digits, '_', '-' and '.'")
    typer.echo(f"token: {made}", err=True)
    typer.echo(stored)


class _Clock:
    """Business time; in test mode the running gateway's, asked before each request."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._real = RealClock()
        self._is_real = site.clock.mode == "real"
        self._asked_ms = 0

    def now_ms(self) -> int:
        return self._real.now_ms() if self._is_real else self._asked_ms

    async def refresh(self) -> None:
        if not self._is_real:
            at, _ = await asyncio.to_thread(business_now, self._site)
            self._asked_ms = to_ms(at)


async def _serve(site: Site) -> None:
    # Here and not above: no other command needs the web framework, and loading it doubles their start.
    from smsgw.console.app import build_app, check_people
    from smsgw.console.serving import serve

    check_people(site)
    clock = _Clock(site)
    await clock.refresh()
    async with open_store(site) as store:
        await serve(build_app(site, store, clock.now_ms, clock.refresh), site.console)
