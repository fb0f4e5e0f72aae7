"""``smsgw stats``: how many were accepted, delivered, refused, how soon and at which cost, by what is asked for."""

from __future__ import annotations

from dataclasses import asdict
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Final

import typer

from smsgw.cli.archive import round_of
from smsgw.cli.ops_port import business_now
from smsgw.cli.options import SiteOption, zone_of
from smsgw.cli.output import console, print_json, table, wrong_usage
from smsgw.cli.versions.recovered import usable_site
from smsgw.clock import from_ms, to_ms
from smsgw.policy.model import CLASS_LABELS
from smsgw.records.history import DIMENSIONS, GROUPS, Figures
from smsgw.services import archive

_COLUMNS: Final = (
    "accepted", "refused", "sent_segments", "delivered", "failed", "unsubscribed", "complained",
)  # fmt: skip
_LATENCIES: Final = ("answer_ms", "receipt_ms")


def stats(
    by: Annotated[str, typer.Option(help=f"Groups, with commas: {', '.join(GROUPS)}.", show_default=False)] = "carrier",
    since: Annotated[str, typer.Option(help="A day or a whole hour, ISO 8601.", show_default="a day ago")] = "",
    until: Annotated[str, typer.Option(help="Before: a day or a whole hour.", show_default=False)] = "",
    where: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Only these; may be repeated.", show_default=False)
    ] = None,
    latencies: Annotated[bool, typer.Option(help="Also how soon; by province or template it takes longer.")] = True,
    fresh: Annotated[bool, typer.Option(help="First take into the archive what is new.")] = True,
    site: SiteOption = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with every figure.")] = False,
) -> None:
    """Count what happened, by what you like: accepted and delivered, failed by class of code, how soon, at which
    cost.
    """
    loaded = usable_site(site)
    zone = zone_of(loaded)
    now_ms = to_ms(business_now(loaded)[0])
    names = tuple(filter(None, (each.strip() for each in by.split(","))))
    asked = archive.asked_of(zone, names, since, until, _conditions(where or []), now_ms=now_ms, latencies=latencies)
    if fresh:
        round_of(loaded)
    found = archive.figures(loaded, asked)
    if as_json:
        print_json({"by": names, "figures": [_as_json(names, each, zone) for each in found]})
        return
    if not found:
        typer.echo("nothing is recorded of that time")
        return
    clicks = ("clicked", "clicked %") if any(each.counts["clicked"] for each in found) else ()
    columns = (
        *names,
        *(name.replace("_", " ") for name in _COLUMNS),
        *clicks,
        "delivered %",
        "within 30 s %",
        "cost",
        *_LATENCIES,
    )
    rows = [_row(names, each, zone, bool(clicks)) for each in found]
    console().print(table(columns, rows, right=columns[len(names) :]))


def _conditions(where: list[str]) -> dict[str, str]:
    found = {}
    for each in where:
        name, equals, value = each.partition("=")
        if not equals or name not in DIMENSIONS:
            wrong_usage(f"--where {each!r}: expected NAME=VALUE, with one of {', '.join(DIMENSIONS)}")
        found[name] = value
    return found


def _row(names: tuple[str, ...], found: Figures, zone: tzinfo, clicks: bool) -> list[str | int]:
    """Latencies as the middle one and that which 95 of 100 are below."""
    times = [found.latencies.get(name, ()) for name in _LATENCIES]
    return [
        *_group(names, found, zone),
        *(found.counts[name] for name in _COLUMNS),
        *((found.counts["clicked"], _percent(found.share("clicked", "delivered"))) if clicks else ()),
        _percent(found.delivered_of_final()),
        _percent(found.share("delivered_within_30_s", "delivered")),
        f"{found.cost:.2f}" if found.cost else "",
        *(f"{each[0]} / {each[1]}" if each else "" for each in times),
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.1f}"


def _group(names: tuple[str, ...], found: Figures, zone: tzinfo) -> list[str]:
    shown = []
    for name, value in zip(names, found.group, strict=True):
        if name in ("hour", "day"):
            at = from_ms(int(value)).astimezone(zone)
            shown.append(f"{at:%Y-%m-%d %H:00}" if name == "hour" else f"{at:%Y-%m-%d}")
        elif name == "message_class":
            shown.append(CLASS_LABELS[int(value)] if 0 <= int(value) < len(CLASS_LABELS) else "")
        else:
            shown.append(str(value))
    return shown


def _as_json(names: tuple[str, ...], found: Figures, zone: tzinfo) -> dict[str, object]:
    shown = asdict(found)
    del shown["group"]
    return {**dict(zip(names, _group(names, found, zone), strict=True)), **shown}
