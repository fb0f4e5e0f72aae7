"""``smsgw pause``, ``resume`` and ``pauses``: stop what a scope sends, at once and everywhere, and let it go on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, print_json, table, wrong_usage
from smsgw.cli.registers.documents import LimitOption, OffsetOption, instant
from smsgw.services import pauses as service
from smsgw.services.pauses import Pause

ScopeArgument = Annotated[
    str,
    typer.Argument(
        metavar="SCOPE",
        help="global, or department:, account:, signature:, template:, campaign: or carrier: and a name.",
        show_default=False,
    ),
]


def pause(
    scope: ScopeArgument,
    *,
    why: WhyOption,
    duration: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 7d.", show_default="until resumed")] = "",
    until: Annotated[str, typer.Option("--until", help="Or until when: 2026-11-18T18:00.", show_default=False)] = "",
    change: Annotated[bool, typer.Option("--change", help="Give a pause that stands another end and reason.")] = False,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Stop what a scope sends (暂停); in force on every process within a second."""
    if duration and until:
        wrong_usage("pause: --for and --until exclude each other; give one of them")
    put = service.change if change else service.pause
    visit = Visit(site, who)
    done = visit.ask(lambda desk: put(desk, scope, why=why, expires=duration or until))
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"{done.scope}: paused" + (f" until {instant(done.expires_ms, visit.zone)}" if done.expires_ms else ""))


def resume(
    scope: ScopeArgument,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a pause (恢复); what waited goes out in order, at the site's rate, and is looked at again."""
    visit = Visit(site, who)
    done = visit.ask(lambda desk: service.resume(desk, scope, why=why))
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"{done.scope}: resumed; {done.who} had paused it at {instant(done.at_ms, visit.zone)}: {done.reason}")


def pauses(
    ended: Annotated[bool, typer.Option("--ended", help="Also those whose end has come.")] = False,
    offset: OffsetOption = 0,
    limit: LimitOption = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what is paused (暂停清单), by whom, why and until when."""
    visit = Visit(site, who)
    found = visit.ask(lambda desk: service.list_(desk, ended=ended, offset=offset, limit=limit))
    if as_json:
        print_json({"total": found.total, "offset": found.offset, "items": [asdict(each) for each in found.items]})
    elif found.items:
        rows = [_row(each, visit) for each in found.items]
        console().print(table(("scope", "since", "until", "who", "why"), rows))
    else:
        typer.echo("nothing is paused")


def _row(found: Pause, visit: Visit) -> tuple[str, ...]:
    until = instant(found.expires_ms, visit.zone) or "resumed"
    ended = "" if found.in_force else ", ended"
    return found.scope, instant(found.at_ms, visit.zone), until + ended, found.who, found.reason
