"""``smsgw queue``: what waits for carriers, for its time, for a person; and to throw it away or move it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from smsgw.cli.carriers.bind import duration
from smsgw.cli.carriers.orders import ReasonOption
from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, print_json, table, wrong_usage
from smsgw.cli.registers.documents import instant
from smsgw.policy.orders import HELD, MOVE, PURGE
from smsgw.services import orders
from smsgw.services import queues as service
from smsgw.services.orders import Order
from smsgw.services.queues import Overview

app = typer.Typer(help="What waits: list, show, move, purge (队列).", no_args_is_help=True)
LaneOption = Annotated[str, typer.Option("--lane", help="Only otp, notice or marketing.", show_default=False)]
AccountOption = Annotated[str, typer.Option("--account", help="Only of this account.", show_default=False)]
WaitOption = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait until it is done; 0: don't.")]
#: Older than this in a queue is told in yellow.
_OLD_S: Final = 30
_POLL_S: Final = 0.2


@app.command("list")
def list_(site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show how much waits for each carrier and lane, for how long, what is held and why, and receipts not taken."""
    found = Visit(site, who).ask(service.overview)
    if as_json:
        print_json(asdict(found))
        return
    _show(found)


@app.command()
def show(
    queue: Annotated[str, typer.Argument(metavar="CARRIER|held", help="A carrier's queue, or what is held.")],
    lane: LaneOption = "",
    account: AccountOption = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many at most.")] = 20,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the first messages of a queue; numbers are masked."""
    found = Visit(site, who).ask(lambda desk: service.show(desk, queue, lane=lane, account=account, limit=limit))
    if as_json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        typer.echo("nothing waits")
        return
    rows = [
        (each.accepted, each.message_id, each.account, each.message_class, each.number, each.segments,
         " ".join(each.carriers), " ".join(each.tried), each.expires, each.why)
        for each in found
    ]  # fmt: skip
    columns = (
        "accepted", "message id", "account", "class", "recipient", "segments", "route", "had it", "expires", "why",
    )  # fmt: skip
    console().print(table(columns, rows, right=("segments",)))


@app.command()
def purge(
    queue: Annotated[str, typer.Argument(metavar="CARRIER|held|all", help="Whose queue; all: also what is held.")],
    *,
    reason: ReasonOption,
    lane: LaneOption = "",
    account: AccountOption = "",
    wait: WaitOption = 10,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Throw away what was accepted before now and waits (清除); its applications are told DELETED by receipt."""
    visit = Visit(site, who)
    what = " ".join(filter(None, (lane, f"of {account}" if account else "")))
    if not (yes or as_json):
        typer.confirm(f"Throw away all {what + ' ' if what else ''}messages that wait in {queue}?", abort=True)
    carrier = "" if queue == "all" else queue
    done = visit.ask(lambda desk: orders.tidy(desk, PURGE, why=reason, carrier=carrier, lane=lane, account=account))
    _wait(visit, done, queue, lane, account, wait, as_json)


@app.command()
def move(
    queue: Annotated[str, typer.Argument(metavar="CARRIER", help="Whose queue.")],
    to: Annotated[str, typer.Option("--to", help="The carrier that they go to.", show_default=False)],
    *,
    reason: ReasonOption,
    lane: LaneOption = "",
    account: AccountOption = "",
    wait: WaitOption = 10,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Move what was accepted before now and waits to another carrier, as far as routes have it (转移)."""
    if queue == HELD:
        wrong_usage("what is held gets its carrier when it is let go; suspend a carrier to keep it from there")
    visit = Visit(site, who)
    done = visit.ask(
        lambda desk: orders.tidy(desk, MOVE, why=reason, carrier=queue, lane=lane, account=account, target=to)
    )
    _wait(visit, done, queue, lane, account, wait, as_json)


def _wait(visit: Visit, order: Order, queue: str, lane: str, account: str, wait_s: float, as_json: bool) -> None:
    """The gateways do it; tell how much is left after a while."""
    deadline_s = time.monotonic() + wait_s
    while True:
        left = visit.ask(lambda desk: service.left(desk, queue, lane, account, order.at_ms))
        if not left or time.monotonic() >= deadline_s:
            break
        time.sleep(_POLL_S)
    if not left:
        visit.ask(lambda desk: orders.end(desk, order.scope, why="nothing is left"))
    if as_json:
        print_json({**asdict(order), "left": left})
    elif not left:
        word = {PURGE: "purged", MOVE: "moved"}[order.action]
        typer.echo(f"{queue}: {word}; nothing that was accepted before is left")
    else:
        stays = f"; what has no route over {order.target} stays" if order.action == MOVE else ""
        until = instant(order.expires_ms, visit.zone)
        typer.echo(f"{queue}: {left} left; gateways go on with it until {until}{stays}")


def _show(found: Overview) -> None:
    rows = [
        (
            each.carrier,
            each.lane,
            each.waiting,
            Text(duration(each.oldest_s) if each.waiting else "", style="yellow" if each.oldest_s > _OLD_S else ""),
        )
        for each in found.lanes
    ]
    screen = console()
    screen.print(table(("carrier", "lane", "waiting", "oldest"), rows, right=("waiting", "oldest")))
    typer.echo()
    if found.held_total:
        sampled = f", of {found.sampled} looked at" if found.sampled < found.held_total else ""
        typer.echo(f"held: {found.held_total}{sampled}")
        screen.print(table(("why", "messages"), found.held.items(), right=("messages",)))
    else:
        typer.echo("held: nothing")
    if found.undelivered:
        typer.echo()
        columns = ("account", "receipts and MO not taken yet")
        screen.print(table(columns, found.undelivered.items(), right=columns[1:]))
