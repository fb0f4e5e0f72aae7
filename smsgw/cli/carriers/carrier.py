"""``smsgw carrier``: which carriers are up, and to suspend, drain, resume or bind one again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from smsgw.cli.carriers.orders import ExpiresOption, ReasonOption, end, give, in_force, live, order_cell
from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.ops_port import act
from smsgw.cli.options import JsonOption, SiteOption, known
from smsgw.cli.output import Cell, console, print_json, table
from smsgw.policy.orders import DRAIN, SUSPEND
from smsgw.services import acts

app = typer.Typer(help="Carriers: list, suspend, drain, resume, bind again (上游通道).", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="CARRIER", help="Its name, as its file says.")]


@app.command("list")
def list_(site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show every carrier: its binds, rate and queue, what is ordered of it, and why nothing is given to it."""
    visit = Visit(site, who)
    orders, found = in_force(visit), live(visit, "carriers")
    names = [*visit.site.carriers, *(name for name in found if name not in visit.site.carriers)]
    if as_json:
        print_json(
            {
                name: {
                    **found.get(name, {}),
                    "order": asdict(order) if (order := orders.get(f"carrier:{name}")) is not None else None,
                }
                for name in names
            }
        )
        return
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            *_live_cells(found.get(name), f"carrier:{name}" in orders),
            order_cell(visit, orders.get(f"carrier:{name}")),
        )
        for name in names
    ]
    columns = ("carrier", "binds", "rate/s", "in flight", "waiting", "usable", "ordered")
    console().print(table(columns, rows, right=("rate/s", "in flight", "waiting")))


@app.command()
def suspend(
    name: NameArgument,
    *,
    reason: ReasonOption,
    expires: ExpiresOption = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send nothing new over it (停用): what waits goes to the next carrier of its route; receipts still come."""
    give(Visit(site, who), f"carrier:{name}", SUSPEND, reason, expires, as_json)


@app.command()
def drain(
    name: NameArgument,
    *,
    reason: ReasonOption,
    expires: ExpiresOption = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Give it nothing new, send what waits for it, then unbind (排空)."""
    give(Visit(site, who), f"carrier:{name}", DRAIN, reason, expires, as_json)


@app.command()
def resume(
    name: NameArgument,
    *,
    reason: ReasonOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """End its suspension or drain (恢复)."""
    end(Visit(site, who), (f"carrier:{name}",), reason, as_json)


@app.command()
def rebind(
    name: Annotated[str, typer.Argument(metavar="CARRIER[#N]", help="A carrier, or one bind of it: alpha#0.")],
    *,
    reason: ReasonOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Unbind when all is answered and bind again at once, in the gateway of this site directory.

    A bind that waits for its next try, after a wrong password for instance, is tried now.
    """
    visit = Visit(site, who)
    carrier, number = visit.ask(lambda desk: acts.rebind(desk, name, why=reason))
    done = act(visit.site, "rebind", carrier=carrier, bind=number)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{', '.join(done['rebound'])}: binding again")


@app.command()
def ids(
    name: Annotated[str, typer.Argument(metavar="[CARRIER]", help="Only this one.")] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the form of each carrier's message ids, in answers and receipts, as configured or learnt."""
    visit = Visit(site, who)
    if name:
        known(name, visit.site.carriers, "carrier")
    found = {each: dict(forms) for each, forms in live(visit, "carrier_ids").items() if name in ("", each)}
    if as_json:
        print_json(found)
        return
    fields = ("response_id", "receipt_id", "learnt", "matched", "orphan", "overdue")
    rows = [(each, *(str(forms.get(field, "")) for field in fields)) for each, forms in found.items()]
    console().print(table(("carrier", "in answers", "in receipts", "learnt", "matched", "orphan", "overdue"), rows))


def _live_cells(found: Mapping[str, Any] | None, ordered: bool) -> tuple[Cell, ...]:
    if found is None:
        return ("", "", "", "", Text("not known", style="yellow"))
    up, wanted = found["binds_up"], found["binds"]
    style = "green" if up == wanted else "yellow" if up else "red"
    why_not = "drained" if found["drained"] else "no" if ordered else found["why_not"]
    return (
        Text(f"{up} of {wanted}", style=style),
        Text(f"{found['rate_per_s']:g}", style="yellow" if found["slowed"] else ""),
        found["in_flight"],
        sum(found["waiting"].values()),
        Text(why_not or "yes", style="red" if why_not else "green"),
    )
