"""``smsgw links``: the server that short links lead to, in the foreground; and which links there are."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.ops_port import business_now
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, print_json, table
from smsgw.cli.site_store import open_store
from smsgw.clock import RealClock, to_ms
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.errors import ConfigError
from smsgw.records.log import RecordLog
from smsgw.store.links import Links, real_ms
from smsgw.telemetry.logs import configure

app = typer.Typer(invoke_without_command=True, help="Short links (短链接): the server that redirects, and a list.")


@app.callback()
def run(context: typer.Context, site: SiteOption = Path()) -> None:
    """Redirect who follows a short link, and count it, until SIGTERM. Needs [links] base_url in smsgw.toml."""
    if context.invoked_subcommand is not None:
        return
    loaded = load_site(site)
    if not loaded.links.is_on:
        why = 'there are no short links; write base_url = "https://s.example.cn", what stands before a token'
        raise ConfigError(loaded.directory / "smsgw.toml", 0, "links.base_url", why)
    configure(loaded.log.level, loaded.log.format)
    asyncio.run(_serve(loaded))


@app.command(name="list")
def list_(
    account: Annotated[str, typer.Option(help="Of this account.", show_default=False)] = "",
    campaign: Annotated[str, typer.Option(help="Of this campaign.", show_default=False)] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="Clicks of so many days.")] = 30,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Short links by template and campaign: how many there are, and how often people followed them."""
    from smsgw.services import links as service
    from smsgw.services.asking import here_of

    visit = Visit(site, who)
    asking = here_of(visit.site)
    found = visit.ask(lambda desk: service.overview(desk, asking, account=account, campaign=campaign, days=days))
    if as_json:
        print_json(found.model_dump())
        return
    if not found.rows:
        typer.echo("there are no short links")
        return
    columns = ("account", "template", "campaign", "class", "links", "clicks", "delivered", "clicked %", "until")
    rows: list[list[str | int]] = [
        [
            each.account, each.template, each.campaign, each.message_class, each.links, each.clicked, each.delivered,
            "" if each.click_rate is None else f"{each.click_rate * 100:.1f}", each.until,
        ]
        for each in found.rows
    ]  # fmt: skip
    console().print(table(columns, rows, right=("links", "clicks", "delivered", "clicked %")))


async def _serve(site: Site) -> None:
    # Here and not above: no other command but the console needs uvicorn.
    from smsgw.redirect.app import Redirects
    from smsgw.redirect.serving import serve

    real = RealClock()

    async def business_ms() -> int:
        if site.clock.mode == "real":
            return real.now_ms()
        return to_ms((await asyncio.to_thread(business_now, site))[0])

    settings = site.links
    async with open_store(site) as store:
        links = Links(store, real_ms)
        last_ms = await business_ms()
        log = RecordLog(site.records_dir, f"{site.node_name}-links", lambda: last_ms)
        base = settings.base_url if "://" in settings.base_url else f"//{settings.base_url}"
        redirects = Redirects(
            links, log, business_ms, real_ms, time.monotonic, path=urlsplit(base).path.rstrip("/"),
            proxies=settings.proxies, per_minute=settings.requests_per_minute,
        )  # fmt: skip
        await serve(redirects, links, log, settings.host, settings.port)
