"""``smsgw explain``: what would become of a message, rule by rule, on the live counters and without counting it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from smsgw.cli.explain.answer import as_json as answer
from smsgw.cli.explain.dry_run import explain_message
from smsgw.cli.explain.findings import Explanation, Question
from smsgw.cli.explain.page import print_page
from smsgw.cli.ops_port import ask, business_now
from smsgw.cli.options import JsonOption, SiteOption, account_named, known
from smsgw.cli.output import print_json, wrong_usage
from smsgw.cli.site_store import open_store
from smsgw.clock import MAX_MS, to_ms
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.errors import ConnectFailed, SmsgwError
from smsgw.policy.model import Refusal
from smsgw.services.desk import Desk, Person
from smsgw.services.tiers import tier_names

_CAN_NOT_TELL = 2


def explain(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The whole text, with its signature.", show_default=False)
    ],
    account: Annotated[str, typer.Option("--account", "-a", help="Who would send it.", show_default=False)],
    to: Annotated[str, typer.Option("--to", help="The recipient's number.", show_default=False)],
    site: SiteOption = Path(),
    source: Annotated[str, typer.Option("--from", help="The source number.", show_default="the account's first")] = "",
    tier: Annotated[str, typer.Option(help="The recipient's tier.", show_default="the one that is known")] = "",
    campaign: Annotated[str, typer.Option(help="The campaign that it names.", show_default="its template's")] = "",
    audience: Annotated[str, typer.Option(help="The audience that it names.", show_default="none")] = "",
    at: Annotated[
        str, typer.Option(help="Time to judge it at, ISO 8601: 2026-11-18T10:30.", show_default="the gateway's now")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Say what the gateway would do with a message and why; nothing is sent and nothing counted.

    Exit code 0: it would be accepted, at once or held; 1: refused; 2: wrong usage, or it can't be told.
    """
    try:
        loaded = load_site(site)
        sender = account_named(loaded, account)
        if tier:
            known(tier, tier_names(loaded), "tier")
        zone = loaded.profile_of(sender).zone
        when, clock = (_moment(at, zone), "--at") if at else business_now(loaded)
        source = source or next((each.number for each in sender.numbers), "")
        question = Question(sender, to, source, text, tier, to_ms(when), campaign, audience)
        found = asyncio.run(_look(loaded, question))
    except (SmsgwError, OSError) as error:
        _give_up(error)
    if as_json:
        print_json(answer(found, zone, clock))
    else:
        print_page(found, zone, clock)
    if isinstance(found.verdict, Refusal):
        raise typer.Exit(1)


async def _look(site: Site, question: Question) -> Explanation:
    carriers = await asyncio.to_thread(_carriers, site)
    async with open_store(site) as store:
        desk = Desk(site, store, Person("explain"), lambda: question.at_ms)
        return await explain_message(desk, question, carriers)


def _carriers(site: Site) -> Mapping[str, Any] | None:
    try:
        found = ask(site, "/status").get("carriers")
    except ConnectFailed:
        return None
    return found if isinstance(found, dict) else None


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
        if not 0 <= to_ms(at) <= MAX_MS:
            raise ValueError
    except (ValueError, OverflowError):
        wrong_usage(f"--at {text!r} is no time of ISO 8601, such as 2026-11-18T10:30 or 2026-11-18T10:30:00+08:00")
    return at


def _give_up(error: Exception) -> NoReturn:
    """Not refused, but not to be told: neither of the two answers."""
    for line in str(error).splitlines():
        typer.echo(f"smsgw: {line}", err=True)
    raise typer.Exit(_CAN_NOT_TELL)
