"""``smsgw message``: everything that happened to one message, or the last messages of a number."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import Cell, console, pairs, print_json, table, wrong_usage
from smsgw.errors import RequestError
from smsgw.services import messages as service
from smsgw.services.messages import Timeline

_ID: Final = "20 digits and letters a–f, as the application was answered and `smsgw records` shows"
_NUMBER: Final = "13800138000, +86138…"


def message(
    which: Annotated[str, typer.Argument(metavar="ID|NUMBER", help="A message's id, or a recipient's number.")],
    hours: Annotated[float, typer.Option("--hours", min=0.1, help="Of a number: how far back.")] = 24,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Of a number: how many at most.")] = 20,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a message's whole timeline on both legs, and where it is now; of a number its last messages."""
    visit = Visit(site, who)
    message_id = which.strip().lower()
    if service.ID.fullmatch(message_id):
        found = visit.ask(lambda desk: service.timeline(desk, message_id))
        if as_json:
            print_json(asdict(found))
        else:
            _show(found)
        return
    try:
        briefs = visit.ask(lambda desk: service.of_number(desk, which, hours=hours, limit=limit))
    except RequestError as error:
        if error.kind != "invalid":
            raise
        wrong_usage(f"message: {which!r:.60} is neither a message's id ({_ID}) nor a recipient's number ({_NUMBER})")
    if as_json:
        print_json([asdict(each) for each in briefs])
    elif briefs:
        rows = [
            (each.at, each.message_id or "–", each.account, each.message_class, each.state, each.last_step,
             each.carrier, each.detail)
            for each in briefs
        ]  # fmt: skip
        columns = ("came", "message id", "account", "class", "state", "last step", "carrier", "details")
        console().print(table(columns, rows))
    else:
        typer.echo(
            f"no message to that number within {hours:g} h is in {visit.site.records_dir}; --hours looks further back, "
            "and each machine has the records of its own processes"
        )


def _show(found: Timeline) -> None:
    head: list[tuple[str, Cell]] = [
        ("message", found.message_id), ("account", found.account), ("class", found.message_class),
        ("recipient", found.number), ("signature", found.signature), ("now", Text(found.now, style="bold")),
    ]  # fmt: skip
    screen = console()
    screen.print(pairs([(name, value) for name, value in head if value]))
    typer.echo()
    rows = [
        (
            each.at,
            _after(each.after_ms),
            each.leg,
            each.step,
            each.carrier,
            Text(each.status, style="red"),
            f"{each.took_ms:.0f}" if each.took_ms else "",
            ", ".join(f"{name} {value}" for name, value in each.detail.items()),
        )
        for each in found.events
    ]
    screen.print(
        table(("time", "after", "leg", "step", "carrier", "status", "ms", "details"), rows, right=("after", "ms"))
    )


def _after(ms: int) -> str:
    if ms < 1000:
        return f"+{ms} ms"
    seconds = ms / 1000
    return (
        f"+{seconds:.1f} s"
        if seconds < 120
        else f"+{seconds / 60:.0f} min"
        if seconds < 7200
        else f"+{seconds / 3600:.1f} h"
    )
