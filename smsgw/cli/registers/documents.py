"""How registered documents are printed: lists as tables, one as names and values with its history; or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Annotated, Any

import typer

from smsgw.cli.desk import Visit
from smsgw.cli.output import console, pairs, print_json, table
from smsgw.clock import from_ms
from smsgw.policy.approvals import ACTIVE, STEPS
from smsgw.policy.entries import Kind
from smsgw.services.desk import Page, Registered

StateOption = Annotated[str, typer.Option("--state", help="Only in this state.", show_default=False)]
SearchOption = Annotated[str, typer.Option("--search", help="Only with this text in it.", show_default=False)]
OffsetOption = Annotated[int, typer.Option("--offset", min=0, help="Leave out so many first.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Show at most so many.")]
ExpiresOption = Annotated[
    str | None, typer.Option("--expires", help="Its last day, such as 2027-06-30; '' for none.", show_default=False)
]
RevisionOption = Annotated[
    int, typer.Option("--revision", min=0, help="What was looked at, as `show` says.", show_default="any")
]

_APART = frozenset(("id", "history"))


def print_list(found: Page[Registered], columns: Sequence[str], as_json: bool) -> None:
    """The documents of a page; ``columns`` are fields, beside the id."""
    if as_json:
        print_json({"total": found.total, "offset": found.offset, "items": [each.as_json() for each in found.items]})
        return
    rows = [(each.id, *(_field(each, name) for name in columns)) for each in found.items]
    if rows:
        console().print(table(("id", *columns), rows))
    shown = len(found.items)
    if shown < found.total:
        typer.echo(f"{found.offset + 1 if shown else 0}–{found.offset + shown} of {found.total}")
    elif not rows:
        typer.echo("none")


def print_one(visit: Visit, found: Registered, as_json: bool, extra: Mapping[str, Any] | None = None) -> None:
    """A whole document, and what became of it when."""
    added = extra or {}
    if as_json:
        print_json({**found.as_json(), **added})
        return
    shown = [(name, _field(found, name)) for name in found.document if name not in _APART]
    shown = [
        (name, value) for name, value in (*shown, *((name, cell(value)) for name, value in added.items())) if value
    ]
    console().print(pairs([("id", found.id), ("revision", found.revision), *shown]))
    history = found.document.get("history") or ()
    if history:
        typer.echo()
        rows = [(instant(row["at_ms"], visit.zone), row["action"], row["who"], row.get("note", "")) for row in history]
        console().print(table(("when", "what", "who", "why"), rows))


def told(found: Registered, done: str, as_json: bool) -> None:
    """What a change came to: one line such as ``spring: registered, draft``, or the document for programs."""
    if as_json:
        print_json(found.as_json())
        return
    state = found.document.get("state")
    typer.echo(f"{found.id}: {done}" + (f", {state}" if state else ""))


def told_step(found: Registered, action: str, as_json: bool) -> None:
    """The same for a step: ``spring@1: activate done, now active``."""
    if as_json:
        print_json(found.as_json())
    else:
        typer.echo(f"{found.id}: {action} done, now {found.document.get('state')}")


def _field(found: Registered, name: str) -> str:
    value = cell(found.document.get(name))
    return f"{value}, ended" if name == "state" and found.ended and value == ACTIVE else value


def cell(value: Any) -> str:
    """A field in one cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {cell(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(cell(each) for each in value)
    return str(value)


def instant(at_ms: int, zone: tzinfo) -> str:
    """Business time for people; empty for none."""
    return from_ms(at_ms).astimezone(zone).isoformat(" ", "seconds") if at_ms else ""


def next_steps(kind: Kind, following: Sequence[str]) -> dict[str, list[str]]:
    """Of the steps that may follow those that people take."""
    taken = dict(steps(kind))
    return {"next": [action for action in following if action in taken]}


def steps(kind: Kind) -> list[tuple[str, str]]:
    """The steps that people take with a document of a kind: name and help, one command each."""
    return [
        (step.action, f"From {' or '.join(step.before)} to {step.after}; by {', '.join(step.roles)}.")
        for step in STEPS[kind]
        if step.action != "supersede"  # comes of activating another version
    ]
