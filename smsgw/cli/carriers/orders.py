"""What commands about orders share: options, the one line that tells an order, and what of the live state is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from smsgw.cli.desk import Visit
from smsgw.cli.ops_port import ask
from smsgw.cli.output import print_json
from smsgw.cli.registers.documents import instant
from smsgw.errors import ConnectFailed
from smsgw.services import orders as service
from smsgw.services.orders import Order

ReasonOption = Annotated[str, typer.Option("--reason", "--why", help="Why, for the audit log.", show_default=False)]
ExpiresOption = Annotated[
    str, typer.Option("--expires", help="How long, 2h, or until when, 2026-11-18T18:00.", show_default="until resumed")
]
_DONE = {"suspend": "suspended", "drain": "draining", "close": "closed", "purge": "purging", "move": "moving"}


def give(visit: Visit, scope: str, action: str, reason: str, expires: str, as_json: bool) -> None:
    """Order something and tell it."""
    told(visit, visit.ask(lambda desk: service.give(desk, scope, action, why=reason, expires=expires)), as_json)


def end(visit: Visit, scopes: tuple[str, ...], reason: str, as_json: bool) -> None:
    """End what was ordered and tell what that was."""
    ended = visit.ask(lambda desk: service.end(desk, *scopes, why=reason))
    if as_json:
        print_json([asdict(each) for each in ended])
        return
    for each in ended:
        typer.echo(
            f"{each.scope}: resumed; {each.who} had ordered {each.action} at {since(visit, each)}: {each.reason}"
        )


def told(visit: Visit, order: Order, as_json: bool) -> None:
    """What was ordered."""
    if as_json:
        print_json(asdict(order))
        return
    until = f" until {instant(order.expires_ms, visit.zone)}" if order.expires_ms > order.at_ms else ""
    typer.echo(f"{order.scope}: {_DONE[order.action]}{until}")


def since(visit: Visit, order: Order) -> str:
    """When it was given."""
    return instant(order.at_ms, visit.zone)


def in_force(visit: Visit) -> dict[str, Order]:
    """All orders by scope."""
    found = visit.ask(lambda desk: service.list_(desk, limit=1000))
    return {each.scope: each for each in found.items}


def order_cell(visit: Visit, order: Order | None) -> Text:
    """An order in one cell."""
    if order is None:
        return Text("")
    until = f" until {instant(order.expires_ms, visit.zone)}" if order.expires_ms else ""
    return Text(f"{_DONE[order.action]}{until} by {order.who}: {order.reason}", style="yellow")


def live(visit: Visit, part: str) -> Mapping[str, Any]:
    """A part of what the running gateway says of itself; empty, with a word on stderr, when it does not answer."""
    try:
        found = ask(visit.site, "/status").get(part, {})
    except ConnectFailed as error:
        typer.echo(f"smsgw: {error}; shown is what is ordered", err=True)
        return {}
    return found if isinstance(found, Mapping) else {}
