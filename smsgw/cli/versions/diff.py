"""``smsgw diff``: what the files here change of what is in force, and how messages of late would go by them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import clean, console, counted, print_json, table
from smsgw.clock import from_ms
from smsgw.config.bundle import Bundle, load_bundle, own_tables
from smsgw.config.differences import Change, differences
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.records.record import Record, Step
from smsgw.services import versions as service
from smsgw.services.archive import history_of
from smsgw.services.rerouting import Rerouting, rerouting

#: How far back the last messages are looked for, in steps: records of half a year are not read for two hundred.
_LOOK_BACK_H: Final = (1, 24, 7 * 24)
MessagesOption = Annotated[
    int, typer.Option("--messages", "-m", min=0, max=1_000_000, help="Route so many of the last messages by both.")
]


def diff(
    old: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", help="What to compare with.", show_default="what is in force")
    ] = None,
    new: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", help="What is compared.", show_default="the files here")
    ] = None,
    messages: MessagesOption = 200,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """What the files change (差异) of the version in force, and how messages of late would go another way."""
    visit = Visit(site, who, load_site(site) if new is None else None)
    number, before = visit.ask(lambda desk: service.files(desk, old))
    if new is None:
        loaded, what, after = visit.site, f"the files in {site}", Bundle.read(site)
    else:
        _, after = visit.ask(lambda desk: service.files(desk, new))
        what = f"version {new}"
        loaded = load_bundle(after, site, own_tables(site))
    changes = differences(before, after)
    moved = _rerouting(visit, before, loaded, messages) if messages and changes else None
    if as_json:
        print_json(_as_json(number, changes, moved))
        return
    if not changes:
        typer.echo(f"{what}: the same as version {number}")
        return
    typer.echo(f"{what} against version {number}:")
    print_changes(changes)
    if moved is not None:
        print_rerouting(moved)


def print_changes(changes: list[Change]) -> None:
    """One line each."""
    for change in changes:
        typer.echo(f"  {clean(str(change))}")


def print_rerouting(found: Rerouting) -> None:
    """How the messages of late would go."""
    if not found.looked_at:
        typer.echo("no messages recorded yet, so none to route by both")
        return
    if found.count:
        likely = f", {found.perhaps} more perhaps: about {found.expected:.0f} in all" if found.perhaps else ""
        typer.echo(f"of the last {counted(found.looked_at, 'message')} {found.sure} would go another way{likely}:")
    else:
        typer.echo(f"of the last {counted(found.looked_at, 'message')} none would go another way")
    rows = [
        (
            each.account,
            each.message_class,
            each.before,
            each.after,
            each.count,
            each.possible or "",
            f"{each.expected:.0f}" if each.expected >= 1 else f"{each.expected:.1f}",
            each.example,
        )
        for each in found.moved
    ]
    if rows:
        columns = ("account", "class", "before", "after", "messages", "perhaps", "about", "such as")
        console().print(table(columns, rows, right=("messages", "perhaps", "about")))
    if any(each.possible for each in found.moved):
        typer.echo("perhaps: it depends on digits that records don't show; about: if these are spread evenly")
    if found.unknown:
        typer.echo(f"{found.unknown} can't be judged: their account is not here any more, or their number is too short")


def _rerouting(visit: Visit, before: Bundle, after: Site, messages: int) -> Rerouting:
    site = load_bundle(before, after.directory, own_tables(after.directory))
    accepted: list[Record] = []
    for hours in _LOOK_BACK_H:
        since = from_ms(visit.now_ms) - timedelta(hours=hours)
        accepted = history_of(after).find(since=since, step=int(Step.ACCEPTED), last=messages)
        if len(accepted) >= messages:
            break
    return rerouting(site, after, accepted)


def _as_json(number: int, changes: list[Change], moved: Rerouting | None) -> dict[str, Any]:
    return {
        "version": number,
        "changes": [asdict(each) for each in changes],
        "messages": None if moved is None else {**asdict(moved), "count": moved.count},
    }
