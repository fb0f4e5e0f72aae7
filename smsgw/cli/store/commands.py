"""``smsgw store``: what is in the store, and moving it to another number of partitions or to another Redis."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, counted, pairs, print_json, table
from smsgw.cli.store.places import Places, Target, target_of
from smsgw.config.load import NODE_FILE
from smsgw.services import stores
from smsgw.services.stores import StoreInfo
from smsgw.store.migration.counts import Line
from smsgw.store.migration.run import Migrated

app = typer.Typer(no_args_is_help=True, help="What is in the store, and moving all of it (存储): info, migrate.")

_SHOW_EVERY_S: Final = 2.0
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


@app.command()
def info(
    quick: Annotated[bool, typer.Option("--quick", help="Without counting keys (seconds for a million).")] = False,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the store's schema, partitions, keys and memory by kind, what waits, and the processes."""
    found = Visit(site, who).ask(lambda desk: stores.info(desk, quick))
    if as_json:
        print_json(found.model_dump())
        return
    _print(found)


@app.command()
def migrate(
    *,
    why: WhyOption,
    partitions: Annotated[
        int | None,
        typer.Option("--partitions", "-p", min=1, max=256, help="How many from now on.", show_default="as now"),
    ] = None,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="URL|FILE|embedded", show_default="where it is",
            help="An empty Redis: its URL, a file in the site whose \\[store] names it, or the embedded server.",
        ),
    ] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Move everything in the store, while no gateway runs; the old store is only read, and kept."""
    visit = Visit(site, who)
    target = target_of(visit.site, to, partitions or 0)
    try:
        done, kept = asyncio.run(_migrate(visit, target, why))
    except KeyboardInterrupt:
        typer.echo(
            "smsgw: interrupted; the old store is as it was: run the same command again, it begins anew", err=True
        )
        raise typer.Exit(130) from None
    if as_json:
        lines = [{name: getattr(line, name) for name in Line.__slots__} for line in done.lines]
        print_json({"lines": lines, "uncertain": done.uncertain, "unreadable": done.unreadable, "change": target.change,
                    "kept": str(kept or "")})  # fmt: skip
        return
    _report(done)
    _say_what_to_do(visit, target, kept)


async def _migrate(visit: Visit, target: Target, why: str) -> tuple[Migrated, Path | None]:
    places, progress = Places(visit.site, target), _Progress()
    async with places.open() as (old, new):
        done = await stores.migrate(visit.desk(old), new, why, progress.told)
        for warning in new.warnings:
            typer.echo(f"smsgw: warning: the new Redis: {warning}", err=True)
    await places.exchange()
    return done, places.kept


class _Progress:
    """A line for each step, on standard error; on a terminal also how far it is."""

    def __init__(self) -> None:
        self._step = ""
        self._shown_s = 0.0

    def told(self, step: str, written: int) -> None:
        now_s = monotonic()
        if step != self._step:
            typer.echo(f"{step} …", err=True)
        elif now_s - self._shown_s < _SHOW_EVERY_S or not sys.stderr.isatty():
            return
        else:
            typer.echo(f"  {written} written", err=True)
        self._step, self._shown_s = step, now_s


def _report(done: Migrated) -> None:
    rows = [
        (line.title, line.unit, line.old, line.left or "", line.new,
         "; ".join(filter(None, (line.why, f"{line.ended} ended by themselves" if line.ended else ""))))
        for line in done.lines
    ]  # fmt: skip
    console().print(table(("what", "in", "old", "left behind", "new", ""), rows, ("old", "left behind", "new")))
    old, new = done.partitions
    typer.echo(f"moved from {counted(old, 'partition')} to {new}, and counted; the old store is as it was")
    if done.uncertain:
        typer.echo(
            f"{counted(done.uncertain, 'message')} may be at a carrier: the first gateway decides as after a crash"
        )
    if done.unreadable:
        typer.echo(
            f"{counted(done.unreadable, 'message')} can't be opened with the keys of this site: left where the ids say"
        )
    if done.stray:
        typer.echo(f"not smsgw's, and left alone in the old Redis: {counted(done.stray, 'key')}")


def _say_what_to_do(visit: Visit, target: Target, kept: Path | None) -> None:
    typer.echo(f"now write under [store] of {visit.site.directory / NODE_FILE}, of every gateway and the console:")
    for line in target.change:
        typer.echo(f"    {line}")
    if kept is not None:
        typer.echo(f"the old store lies in {kept}; delete it once all is well")


def _print(found: StoreInfo) -> None:
    console().print(
        pairs(
            [
                ("redis", found.redis),
                ("schema", found.store_schema),
                ("partitions", f"{found.partitions}{', changed once' if found.migrated else ''}"),
                ("held", found.held),
                *((f"parked, {lot}", count) for lot, count in found.parked.items()),
                *((f"receipts and MO for {account}", count) for account, count in found.undelivered.items()),
            ]
        )
    )
    nodes = [(each.node, f"lives, {each.lease_s:g} s" if each.lease_s else "ended", each.smsgw) for each in found.nodes]
    if nodes:
        console().print(table(("process", "lease", "smsgw"), nodes))
    waiting = [(each.carrier, each.lane, each.messages) for each in found.waiting if each.messages]
    console().print(table(("carrier", "lane", "waiting"), waiting or [("none", "", 0)], ("waiting",)))
    if found.kinds:
        rows = [(each.kind, each.what, each.keys, octets_text(each.octets)) for each in found.kinds]
        total = sum(each.keys for each in found.kinds), sum(each.octets for each in found.kinds)
        rows.append(("", "all", total[0], octets_text(total[1])))
        console().print(table(("kind", "what", "keys", "memory"), rows, ("keys", "memory")))


def octets_text(octets: int) -> str:
    """Octets as people read them: ``12.3 MiB``."""
    size = float(octets)
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{octets} B"
