"""``smsgw account``: which applications are bound, what they may and do, and to suspend one or send it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from smsgw.cli.carriers.bind import duration
from smsgw.cli.carriers.orders import ExpiresOption, ReasonOption, end, give, in_force, live, order_cell
from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.options import JsonOption, SiteOption, account_named
from smsgw.cli.output import Cell, console, pairs, print_json, table
from smsgw.policy.orders import CLOSE, SUSPEND
from smsgw.services import queues as service
from smsgw.services.orders import Order

app = typer.Typer(help="Accounts of applications: list, show, suspend, close, resume (账号).", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its system_id.")]


@app.command("list")
def list_(site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show every account: binds, what was accepted and refused, what it has not taken yet, what is ordered of it."""
    visit = Visit(site, who)
    orders, found = in_force(visit), live(visit, "accounts")
    untaken = visit.ask(service.undelivered)
    names = [*visit.site.accounts, *(name for name in found if name not in visit.site.accounts)]
    if as_json:
        print_json({name: {**found.get(name, {}), "orders": _orders_json(orders, name)} for name in names})
        return
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        each = found.get(name)
        cells: tuple[Cell, ...] = ("", "", "", "", untaken.get(name, 0))
        if each is not None:
            cells = (
                each["class"],
                each["binds"],
                each["accepted"],
                sum(each["refused"].values()),
                untaken.get(name, 0),
            )
        ordered = Text("; ").join(
            cell
            for cell in (order_cell(visit, orders.get(f"{what}:{name}")) for what in ("account", "sessions"))
            if cell
        )
        rows.append((name, *cells, ordered))
    columns = ("account", "class", "binds", "accepted", "refused", "undelivered", "ordered")
    console().print(table(columns, rows, right=("binds", "accepted", "refused", "undelivered")))


@app.command()
def show(name: NameArgument, site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show one account: its limits, its binds, why requests of it were refused, and what is ordered of it."""
    visit = Visit(site, who)
    settings = account_named(visit.site, name)
    orders, found = in_force(visit), live(visit, "accounts").get(name)
    limits = {
        "profile": settings.profile,
        "department": settings.department,
        "max_binds": settings.max_binds,
        "window": settings.window,
        "rate": f"{settings.rate_per_s:g}/s",
    }
    if as_json:
        print_json({"account": name, **limits, "live": found, "orders": _orders_json(orders, name)})
        return
    rows: list[tuple[str, Cell]] = [("account", name), *((key, str(value)) for key, value in limits.items())]
    if found is not None:
        refused = ", ".join(f"{rule} {count}" for rule, count in found["refused"].items()) or "–"
        rows += [
            ("enabled, licensed", Text("yes", style="green") if found["in_force"] else Text("no", style="red")),
            ("received", found["received"]), ("accepted", found["accepted"]), ("refused", refused),
            ("receipts taken", found["receipts_delivered"]),
            ("not taken yet", visit.ask(service.undelivered).get(name, 0)),
        ]  # fmt: skip
        for period, (used, limit) in found["quota"].items():
            rows.append((f"quota of the {period}", f"{used} of {limit}" if limit else str(used)))
    for what in ("account", "sessions"):
        order = orders.get(f"{what}:{name}")
        if order is not None:
            rows.append(("ordered", order_cell(visit, order)))
    screen = console()
    screen.print(pairs(rows))
    if found is not None and found["links"]:
        typer.echo()
        links = [
            (each["id"], each["kind"], each["version"], each["peer"], duration(each["up_s"]), each["unanswered"])
            for each in found["links"]
        ]
        screen.print(
            table(("bind", "kind", "version", "peer", "for", "unanswered"), links, right=("for", "unanswered"))
        )


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
    """Refuse whatever it sends, with 0x401 and the reason (停用); its binds stay, and it still gets its receipts.

    What was accepted goes on; smsgw pause account:NAME stops that too.
    """
    give(Visit(site, who), f"account:{name}", SUSPEND, reason, expires, as_json)


@app.command()
def close(
    name: NameArgument,
    *,
    reason: ReasonOption,
    expires: Annotated[
        str,
        typer.Option("--expires", help="Refuse its binds for so long, 2h, or until a time.", show_default="not at all"),
    ] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Unbind all its sessions, in every process (断开); it may bind again at once, or when the order expires."""
    give(Visit(site, who), f"sessions:{name}", CLOSE, reason, expires, as_json)


@app.command()
def resume(
    name: NameArgument,
    *,
    reason: ReasonOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """End its suspension, and let it bind again (恢复)."""
    end(Visit(site, who), (f"account:{name}", f"sessions:{name}"), reason, as_json)


def _orders_json(orders: Mapping[str, Order], name: str) -> list[dict[str, object]]:
    return [asdict(orders[scope]) for scope in (f"account:{name}", f"sessions:{name}") if scope in orders]
