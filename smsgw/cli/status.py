"""``smsgw status``: what the running gateway says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from smsgw.cli.carriers.bind import duration
from smsgw.cli.ops_port import ask
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import Cell, clean, console, pairs, print_json, table
from smsgw.config.load import load_node
from smsgw.errors import SmsgwError
from smsgw.smpp.constants import status_name


def status(site: SiteOption = Path(), as_json: JsonOption = False) -> None:
    """Show the running gateway: workers, carriers, queues, accounts, store. Exit code 1 when it does not answer."""
    found = ask(load_node(site), "/status")
    if as_json:
        print_json(found)
        return
    try:
        parts = [pairs(_head(found)), _carriers(found["carriers"]), _accounts(found["accounts"])]
        if found["breakers"]:
            parts.insert(2, _breakers(found["breakers"]))
        if found.get("workers"):
            parts.insert(1, _workers(found["workers"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = (
            f"the gateway's status lacks something, so it is another version's ({error}); --json shows it as it is"
        )
        raise SmsgwError(message) from error
    screen = console()
    for number, part in enumerate(parts):
        if number:
            typer.echo()
        screen.print(part)


def _head(found: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    missing = found["not_ready"]
    store, records = found["store"], found["records"]
    ready = Text("yes", style="green")
    if missing:
        ready = Text("no: " + "; ".join(str(why) for why in missing.values()), style="red")
    waiting = sum(call["waiting"] for call in store["calls"].values())
    kept = f"{records['written']} written" + (f", {records['lost']} lost" if records["lost"] else "")
    if records["failing"]:
        kept += f"; can't write: {records['failing']}"
    kind = "embedded" if store["embedded"] else "external"
    return [
        ("gateway", f"smsgw {found['version']}, node {found['node']}, site version {found['site_version'] or 'none'}"),
        ("ready", ready),
        ("business time", found["business_time"]),
        ("store", f"{'up' if store['up'] else 'AWAY'}, {kind}, server {store['server']}, {waiting} calls waiting"),
        ("records", kept),
    ]


def _workers(workers: Mapping[str, Mapping[str, Any]]) -> Table:
    """The processes of this machine, where there are several."""
    columns = ("worker", "role", "pid", "restarts", "up", "CPU s", "state")
    rows = [
        (
            name,
            each["role"],
            each["pid"] or "–",
            each["restarts"],
            duration(each["up_s"]) if each["pid"] else "–",
            f"{each['cpu_s']:.1f}",
            Text(clean(each["status"]), style="green" if each["status"] == "ready" else "red"),
        )
        for name, each in workers.items()
    ]
    return table(columns, rows, right=("pid", "restarts", "up", "CPU s"))


def _carriers(carriers: Mapping[str, Any]) -> Table:
    columns = ("carrier", "binds", "rate/s", "in flight", "waiting", "submitted", "answered", "receipts", "")
    rows = [
        (
            name,
            _binds(each["binds_up"], each["binds"]),
            Text(f"{each['rate_per_s']:g}", style="yellow" if each["slowed"] else ""),
            each["in_flight"],
            _counts(each["waiting"]),
            each["submitted"],
            _counts({status_name(int(status, 16)): count for status, count in each["answered"].items()}),
            _counts(each["receipts"]),
            Text("drained" if each["drained"] else each["why_not"], style="red"),
        )
        for name, each in carriers.items()
    ]
    return table(columns, rows, right=("rate/s", "in flight", "submitted"))


def _breakers(breakers: Sequence[Mapping[str, Any]]) -> Table:
    """What is taken off a carrier just now."""
    rows = [
        (
            each["carrier"],
            each["province"] or "all, for its latency",
            each["state"],
            f"{each['since_s']:.0f}",
            each["why"],
        )
        for each in breakers
    ]
    return table(("breaker", "province", "state", "for s", "why"), rows, right=("for s",))


def _accounts(accounts: Mapping[str, Any]) -> Table:
    columns = ("account", "class", "binds", "accepted", "refused", "receipts", "undelivered")
    rows = [
        (
            name if each["in_force"] else Text(f"{name} (not in force)", style="red"),
            each["class"],
            each["binds"],
            each["accepted"],
            _counts(each["refused"]),
            each["receipts_delivered"],
            each["outbox"],
        )
        for name, each in accounts.items()
    ]
    return table(columns, rows, right=("binds", "accepted", "receipts", "undelivered"))


def _binds(up: int, wanted: int) -> Text:
    style = "green" if up == wanted else "yellow" if up else "red"
    return Text(f"{up} of {wanted}", style=style)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "–"
