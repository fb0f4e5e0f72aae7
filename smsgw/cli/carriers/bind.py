"""``smsgw bind``: every link that is bound, to carriers and of applications, and to close one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from smsgw.cli.carriers.orders import ExpiresOption, ReasonOption, end, give
from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.ops_port import act, ask
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import Cell, console, print_json, table, wrong_usage
from smsgw.config.load import load_node
from smsgw.policy.orders import CLOSE
from smsgw.services import acts

app = typer.Typer(help="Binds to carriers and of applications: list, close, open (连接).", no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As listed: alpha#0, a bind of ours, or shop/3, theirs.")]


@app.command("list")
def list_(
    carrier: Annotated[str, typer.Option("--carrier", help="Only of this carrier.", show_default=False)] = "",
    account: Annotated[str, typer.Option("--account", help="Only of this account.", show_default=False)] = "",
    site: SiteOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Show the binds of the gateway of this site directory: which are up, for how long, and how full."""
    found = ask(load_node(site), "/status")
    ours = [
        each
        for name, of in found["carriers"].items()
        if name == carrier or not (carrier or account)
        for each in of["links"]
    ]
    theirs = [
        each
        for name, of in found["accounts"].items()
        if name == account or not (carrier or account)
        for each in of["links"]
    ]
    if as_json:
        print_json({"carriers": ours, "accounts": theirs})
        return
    rows: list[tuple[Cell, ...]] = [
        (
            each["id"], each["kind"], _state(each["up"], each["why_down"]), each["peer"], duration(each["up_s"]),
            f"{each['in_flight']} of {each['window']}", "",
        )
        for each in ours
    ]  # fmt: skip
    rows += [
        (
            each["id"], each["kind"], _state(True, ""), each["peer"], duration(each["up_s"]),
            each["delivering"], each["unanswered"],
        )
        for each in theirs
    ]  # fmt: skip
    columns = ("bind", "kind", "state", "peer", "for", "ours unanswered", "theirs unanswered")
    console().print(table(columns, rows, right=("for", "ours unanswered", "theirs unanswered")))


@app.command()
def close(
    name: IdArgument,
    *,
    reason: ReasonOption,
    expires: ExpiresOption = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Unbind one link (断开): a carrier's bind stays closed until it is opened or the order expires.

    A session of an application is told to go, and may bind again; see smsgw account close to keep it away.
    """
    visit = Visit(site, who)
    if "/" not in name:
        give(visit, f"bind:{name}", CLOSE, reason, expires, as_json)
        return
    if expires:
        wrong_usage("--expires is for binds of carriers; smsgw account close keeps an application away for a time")
    label = visit.ask(lambda desk: acts.close_session(desk, name, why=reason))
    done = act(visit.site, "close", session=label)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{label}: told to go")


@app.command("open")
def open_(
    name: Annotated[str, typer.Argument(metavar="ID", help="A bind that was closed: alpha#0.")],
    *,
    reason: ReasonOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let a carrier's bind that was closed come back."""
    end(Visit(site, who), (f"bind:{name}",), reason, as_json)


def duration(seconds: float) -> str:
    """``3d 4h``, ``2h 5m``, ``3m 2s`` or ``9s``."""
    whole = int(seconds)
    for unit, size, smaller, part in (("d", 86_400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // part}{smaller}"
    return f"{whole}s"


def _state(up: bool, why_down: str) -> Text:
    return Text("up", style="green") if up else Text(f"down: {why_down}", style="red")
