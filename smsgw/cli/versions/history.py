"""``smsgw history``: which versions there were, by whom and why; one of them in words, or its files on disk."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, counted, print_json, table, wrong_usage
from smsgw.cli.registers.documents import LimitOption, instant
from smsgw.cli.versions.diff import print_changes
from smsgw.config.bundle import Bundle
from smsgw.config.differences import differences
from smsgw.errors import RequestError
from smsgw.services import versions as service
from smsgw.services.desk import Desk
from smsgw.services.versions import Listing
from smsgw.store.versions import KEPT, Version


def history(
    version: Annotated[
        int | None, typer.Argument(help="Only this one, with what it changed.", show_default="all")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write its files into this new directory.", show_default=False)
    ] = None,
    why: Annotated[
        str, typer.Option("--why", "--reason", help="The reason for --to: files hold passwords.", show_default=False)
    ] = "",
    limit: LimitOption = 20,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the versions of the site (历史), newest first, and which one each process runs."""
    visit = Visit(site, who)
    if to is not None:
        if version is None:
            wrong_usage("--to needs the number of a version: smsgw history 7 --to DIR")
        bundle = visit.ask(lambda desk: service.export(desk, version, why=why))
        typer.echo(f"version {version}: {counted(len(bundle.write(to)), 'file')} written to {to}")
        return
    found = visit.ask(lambda desk: service.list_(desk, limit if version is None else KEPT))
    if version is not None and not any(each.number == version for each in found.versions):
        raise RequestError("missing", f"there is no version {version}; `smsgw history` lists them")
    if as_json:
        now: dict[str, object] = {**asdict(found.now), "left_s": found.left_s}
        rows = [asdict(each) for each in found.versions if version in (None, each.number)]
        print_json({"now": now, "versions": rows, "fleet": [asdict(each) for each in found.fleet]})
    elif version is None:
        _print_list(found, visit)
    else:
        _print_one(visit, found, version)


def _print_list(found: Listing, visit: Visit) -> None:
    if not found.versions:
        typer.echo("no version yet: the first one is made when the gateway starts")
        return
    rows = [
        (each.number, instant(each.at_ms, visit.zone), _state(each, found.now.number), each.who, _why(each))
        for each in found.versions
    ]
    console().print(table(("version", "when", "state", "who", "why"), rows, right=("version",)))
    if found.now.trial == "roll back":
        typer.echo(f"version {found.now.number} goes back by itself in {found.left_s:.0f} s, unless: smsgw confirm")
    for process in found.fleet:
        fault = f", and can't run version {process.fault_of}: {process.fault}" if process.fault else ""
        typer.echo(f"{process.node} runs version {process.running}{fault}")


def _print_one(visit: Visit, found: Listing, number: int) -> None:
    version = next(each for each in found.versions if each.number == number)
    typer.echo(f"version {number}, {instant(version.at_ms, visit.zone)}, {version.who}: {version.why}")
    typer.echo(_state(version, found.now.number) + (f": {version.ended}" if version.ended else ""))
    if version.before:
        before, after = visit.ask(lambda desk: _both(desk, version.before, number))
        typer.echo(f"against version {version.before}:")
        print_changes(differences(before, after))


async def _both(desk: Desk, before: int, after: int) -> tuple[Bundle, Bundle]:
    return (await service.files(desk, before))[1], (await service.files(desk, after))[1]


def _why(version: Version) -> str:
    return f"{version.why} · {version.state}: {version.ended}" if version.ended else version.why


def _state(version: Version, now: int) -> str:
    return f"in force, {version.state}" if version.number == now else version.state
