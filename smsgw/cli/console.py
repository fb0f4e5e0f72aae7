"""``smsgw console``: the HTTP interface for staff, in the foreground; its other commands let people in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from io import StringIO
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
from smsgw.config.people import PersonSettings, hash_console_password, hash_token, new_token
from smsgw.config.site import Site
from smsgw.documents.names import with_hint
from smsgw.errors import ConnectFailed, RequestError
from smsgw.services.desk import Desk, masked, named
from smsgw.services.recipients import digits_of, parse_moment
from smsgw.services.tiers import tier_names
from smsgw.store.secrets import load_or_create
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


@app.command()
def password() -> None:
    """Print the stored form of a password to sign in with, for people.toml.

    Asks for the password twice; with standard input from a pipe its first line is taken.
    """
    if sys.stdin.isatty():
        chosen = typer.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)
    else:
        chosen = sys.stdin.readline().rstrip("\r\n")
    try:
        typer.echo(hash_console_password(chosen))
    except ValueError as error:
        typer.echo(f"smsgw: {error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def totp(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who signs in with the codes, as people.toml has them.")],
    site: SiteOption = Path(),
) -> None:
    """Make the secret of somebody's codes: a picture for their telephone, and its stored form for people.toml.

    It is shown this once. The stored form can be read only with the secrets of this site.
    """
    import segno

    from smsgw.services.sessions import enrol

    loaded = load_site(site)
    if loaded.people and name not in loaded.people:
        wrong_usage(with_hint(f"people.toml has no {name!r}", name, loaded.people))
    made = enrol(name, load_or_create(loaded.secrets_file).sealer())
    picture = StringIO()
    segno.make(made.uri, error="m").terminal(out=picture, compact=True)
    typer.echo(picture.getvalue(), err=True)
    typer.echo(made.uri, err=True)
    typer.echo(made.stored)


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
    from smsgw.alarms.running import engine_of, watching
    from smsgw.console.app import build_app, check_people
    from smsgw.console.keeping import keeping
    from smsgw.console.serving import serve
    from smsgw.console.watching import Watcher, addresses, fetch_status
    from smsgw.services.asking import worker_of

    check_people(site)
    clock = _Clock(site)
    await clock.refresh()
    async with open_store(site) as store, keeping(site):
        explainer = _Explainer(site)
        records, watcher = worker_of(site), Watcher(site, store)
        try:
            app = build_app(
                site, store, clock.now_ms, clock.refresh, explainer.explain, asking=records, watcher=watcher
            )
            engine = engine_of(site, store, clock.now_ms, addresses(site), fetch_status, records)
            async with watcher.running(), watching(engine, clock.refresh):
                await serve(app, site.console)
        finally:
            await records.close()
