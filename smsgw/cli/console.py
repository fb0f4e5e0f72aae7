"""``smsgw console``: the HTTP interface for staff, in the foreground; ``smsgw console token`` lets people in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgw.cli.explain.answer import as_json as answer
from smsgw.cli.explain.dry_run import explain_message
from smsgw.cli.explain.findings import Question
from smsgw.cli.ops_port import ask, business_now
from smsgw.cli.options import SiteOption
from smsgw.cli.output import wrong_usage
from smsgw.cli.site_store import open_store
from smsgw.clock import RealClock, to_ms
from smsgw.config.load import load_site
from smsgw.config.people import PersonSettings, hash_token, new_token
from smsgw.config.site import Site
from smsgw.errors import ConnectFailed, RequestError
from smsgw.services.desk import Desk, masked, named
from smsgw.services.recipients import digits_of, parse_moment
from smsgw.services.tiers import tier_names
from smsgw.telemetry.logs import configure

if TYPE_CHECKING:
    from smsgw.console.explaining import Imagined

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


class _Explainer:
    """``smsgw explain`` for the console. One at a time: each reads all that is registered."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turn = asyncio.Lock()

    async def explain(self, desk: Desk, wanted: Imagined) -> dict[str, Any]:
        account = self._site.accounts[named("account", wanted.account, self._site.accounts, "account")]
        if wanted.tier:
            named("tier", wanted.tier, tier_names(self._site), "tier")
        at_ms = parse_moment(wanted.at, desk.zone) if wanted.at else desk.now_ms()
        if at_ms is None:
            raise RequestError("invalid", "at: is no time such as 2026-11-18 10:30")
        digits = digits_of(desk, wanted.number)
        source = wanted.source or next((each.number for each in account.numbers), "")
        question = Question(
            account, digits, source, wanted.text, wanted.tier, at_ms, wanted.campaign, wanted.audience
        )  # fmt: skip
        then = Desk(self._site, desk.store, desk.person, lambda: at_ms)
        async with self._turn:
            found = await explain_message(then, question, await asyncio.to_thread(self._carriers))
        shown = answer(found, desk.zone, "at" if wanted.at else "now")
        return dict(masked(shown))

    def _carriers(self) -> Mapping[str, Any] | None:
        try:
            found = ask(self._site, "/status").get("carriers")
        except ConnectFailed:
            return None
        return found if isinstance(found, dict) else None


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
        explainer = _Explainer(site)
        await serve(build_app(site, store, clock.now_ms, clock.refresh, explainer.explain), site.console)
