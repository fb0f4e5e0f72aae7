"""``smsgw route``: the routes of a site in their order, the tests beside them, and the networks of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.options import JsonOption, NumberArgument, SiteOption, account_named
from smsgw.cli.output import console, counted, print_json, table, wrong_usage
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.config.site_routes import PlacedTest
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.numbers import mask
from smsgw.policy.route import Route
from smsgw.policy.route_words import carriers_of, conditions, describe
from smsgw.route_tests import Outcome, route_outcomes
from smsgw.services import ported

_SOURCES: Final = {"learnt": "as a carrier or staff said", "file": "by numbers/ported.csv", "plan": "by its prefix"}

app = typer.Typer(no_args_is_help=True, help="Routes (路由): list them in their order, run the tests beside them.")


@app.command("list")
def list_all(
    account: Annotated[str, typer.Option(help="Only those that may take this account's.", show_default=False)] = "",
    message_class: Annotated[str, typer.Option("--class", help="otp, notice or marketing.", show_default=False)] = "",
    carrier: Annotated[str, typer.Option(help="Only those that lead to this carrier.", show_default=False)] = "",
    site: SiteOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """List the routes from the first to the last: a message takes the first that fits it."""
    loaded = load_site(site)
    if message_class and message_class not in CLASS_LABELS:
        wrong_usage(f"--class: expected one of {', '.join(CLASS_LABELS)}, found {message_class!r}")
    chosen = list(_chosen(loaded, account, message_class, carrier))
    if as_json:
        print_json([_as_json(loaded, place, route) for place, route in chosen])
        return
    lines = loaded.site_routes.lines
    rows = [(place + 1, route.name, describe(route), carriers_of(route), lines[place]) for place, route in chosen]
    console().print(table(("", "route", "takes", "goes to", "line"), rows, ("", "line")))


def _chosen(site: Site, account: str, message_class: str, carrier: str) -> Iterator[tuple[int, Route]]:
    settings = account_named(site, account) if account else None
    number = CLASS_LABELS.index(message_class) if message_class else None
    for place, route in enumerate(site.routes.routes):
        if settings is not None and not route.is_for(settings.system_id, settings.department):
            continue
        if number is not None and route.classes is not None and number not in route.classes:
            continue
        if not carrier or carrier in route.carriers:
            yield place, route


def _as_json(site: Site, place: int, route: Route) -> dict[str, Any]:
    return {
        "order": place + 1,
        "name": route.name,
        "line": site.site_routes.lines[place],
        "takes": dict(conditions(route)),
        "carriers": list(route.carriers),
        "weights": dict(zip(route.carriers, route.weights, strict=False)),
        "prefer": route.prefer,
        "by_network": {network or "other": list(ways.carriers) for network, ways in (route.by_network or {}).items()},
    }


@app.command("test")
def run_tests(site: SiteOption = Path(), as_json: JsonOption = False) -> None:
    """Run the tests beside the routes. Exit code 0: all pass; 1: not."""
    loaded = load_site(site)
    outcomes = list(route_outcomes(loaded))
    failed = sum(1 for _, outcome in outcomes if outcome.faults)
    if as_json:
        print_json({"ok": not failed, "tests": [_outcome(placed, outcome) for placed, outcome in outcomes]})
    else:
        rows = [
            (placed.line, placed.test.name or f"test {placed.number}", placed.test.account, mask(placed.test.recipient),
             _came(outcome), _said(outcome))
            for placed, outcome in outcomes
        ]  # fmt: skip
        console().print(table(("line", "test", "account", "recipient", "came to", ""), rows, ("line",)))
        typer.echo(f"{counted(len(outcomes), 'test')}, {failed} failed" if outcomes else "routes.toml has no [[test]]")
    if failed:
        raise typer.Exit(1)


@app.command()
def network(
    number: NumberArgument,
    to: Annotated[str, typer.Option(help="Say that it belongs to this network; needs --why.", show_default=False)] = "",
    why: Annotated[str, typer.Option("--why", "--reason", help="Why it is put right.", show_default=False)] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show which network a number belongs to and how that is known, or put it right; ported numbers are learnt."""
    visit = Visit(site, who)
    digits = visit.recipient(number)
    if to:
        found = visit.ask(lambda desk: ported.set_network(desk, digits, to, why))
    else:
        found = visit.ask(lambda desk: ported.show(desk, digits))
    if as_json:
        print_json(found.model_dump())
        return
    source = _SOURCES[found.source]
    province = f", {found.province}" if found.province else ""
    planned = f"; its prefix is {found.planned}" if found.source != "plan" else ""
    typer.echo(f"{found.number}: {found.network}{province} ({source}{planned})")


def _outcome(placed: PlacedTest, outcome: Outcome) -> dict[str, Any]:
    route = outcome.route.name if outcome.route is not None else None
    return {
        "test": placed.number,
        "name": placed.test.name,
        "line": placed.line,
        "account": placed.test.account,
        "recipient": mask(placed.test.recipient),
        "route": route,
        "carriers": list(outcome.carriers),
        "network": outcome.network or None,
        "province": outcome.province or None,
        "refusal": outcome.refusal or None,
        "faults": outcome.faults,
    }


def _came(outcome: Outcome) -> str:
    if outcome.refusal or outcome.route is None:
        return outcome.refusal
    return f"{outcome.route.name}: {', '.join(outcome.carriers)}"


def _said(outcome: Outcome) -> Text:
    if outcome.faults:
        return Text("; ".join(outcome.faults), style="red")
    return Text("passes", style="green")
