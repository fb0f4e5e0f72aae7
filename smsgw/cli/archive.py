"""``smsgw archive``: records for months: Parquet files with a chain of digests; one recipient's part of them, and its
end.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.ops_port import business_now
from smsgw.cli.options import JsonOption, NumberArgument, SiteOption
from smsgw.cli.output import counted, print_json
from smsgw.cli.versions.recovered import usable_site
from smsgw.clock import to_ms
from smsgw.config.site import Site
from smsgw.errors import RequestError, SmsgwError
from smsgw.records.archive.place import Place
from smsgw.records.history import ARCHIVE
from smsgw.records.worker import yields
from smsgw.services import archive
from smsgw.services.desk import Desk
from smsgw.store.secrets import load, load_or_create
from smsgw.telemetry.logs import EventLog, configure

if TYPE_CHECKING:
    from smsgw.records.archive.keeper import Done, Keeper

app = typer.Typer(no_args_is_help=True, help="Records for months (归档): keep, verify, disclose, erase.")
_NICE: Final = 10
#: Who stands by looks so often whether it is its turn.
_MOST_STANDING_S: Final = 10.0
_log = EventLog("smsgw.records")


@app.command()
def keep(
    every: Annotated[
        float | None,
        typer.Option(
            min=1, max=3600, help="Seconds from one round to the next.", show_default="[records] archive_every"
        ),
    ] = None,
    leashed: Annotated[bool, typer.Option("--leashed", hidden=True, help="End with standard input.")] = False,
    site: SiteOption = Path(),
) -> None:
    """Keep the archive until SIGTERM: take what gateways write, join the hours that are over, remove what is too
    old. While another keeper of these records is at work, this one stands by.
    """
    loaded = usable_site(site)
    configure(loaded.log.level, loaded.log.format)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if leashed:
        threading.Thread(target=_until_the_end, args=(stopped,), daemon=True).start()
    if yields():
        os.nice(_NICE)  # what a gateway does comes first
    every_s = every if every is not None else loaded.file.records.archive_every_s
    place = Place(loaded.records_dir / ARCHIVE)
    try:
        if _has(place, stopped, min(every_s, _MOST_STANDING_S)):
            _rounds(loaded, stopped, every_s)
    finally:
        place.leave()


def _until_the_end(stopped: threading.Event) -> None:
    """Of standard input: whoever wanted this is there no more."""
    while os.read(0, 1024):
        pass
    stopped.set()


def _has(place: Place, stopped: threading.Event, look_s: float) -> bool:
    """Wait for the keeper's place; False when it is over before that."""
    told = False
    while not stopped.is_set():
        if place.take():
            return True
        if not told:
            _log.event("records.archive.standing_by")
        told = True
        stopped.wait(look_s)
    return False


def _rounds(site: Site, stopped: threading.Event, every_s: float) -> None:
    keeper = _keeper(site)
    _log.event("records.archive.started", directory=str(site.records_dir), every_s=every_s)
    failing = ""
    try:
        while not stopped.is_set():
            try:
                done = keeper.round()
            except (OSError, SmsgwError) as error:
                if str(error) != failing:
                    _log.error("records.archive.failed", reason=str(error))
                failing = str(error)
            else:
                if failing:
                    _log.warning("records.archive.recovered")
                failing = ""
                if any(asdict(done).values()):
                    _log.event("records.archive.round", **asdict(done))
            stopped.wait(every_s)
    finally:
        keeper.close()
        _log.event("records.archive.stopped")


@app.command()
def once(site: SiteOption = Path(), as_json: JsonOption = False) -> None:
    """One round of what `keep` does, for cron and for tests."""
    loaded = usable_site(site)
    keeper = _keeper(loaded)
    try:
        done = keeper.round()
    finally:
        keeper.close()
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(
            f"{counted(done.taken_rows, 'record')} taken; {counted(done.written, 'file')} written, {done.purged} "
            f"purged, {counted(done.removed_raw, 'raw file')} removed{_sent(loaded, done)}"
        )
    if keeper.away:
        typer.echo(f"smsgw: not sent, and kept for the next round: {keeper.away}", err=True)
        raise typer.Exit(1)


def _sent(site: Site, done: Done) -> str:
    """What came to ClickHouse, for a site that has one."""
    if site.file.records.clickhouse is None:
        return ""
    waiting = f", {done.waiting} wait" if done.waiting else ""
    return f"; {counted(done.sent, 'piece')} sent to ClickHouse{waiting}"


@app.command("clickhouse-init")
def clickhouse_init(site: SiteOption = Path()) -> None:
    """Make the tables in the ClickHouse of `[records.clickhouse]`; the keeper does that, too, when it first comes."""
    typer.echo(archive.prepare_clickhouse(usable_site(site)))


@app.command()
def verify(
    kept: Annotated[
        str, typer.Option(help="A head that was kept elsewhere, as this command prints it.", show_default=False)
    ] = "",
    site: SiteOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Look at every record and its place in the chain. Exit code 1, and the first rows that don't fit, if it is not
    whole.
    """
    from smsgw.records.archive.verification import verify as look

    loaded = usable_site(site)
    directory = loaded.records_dir / ARCHIVE
    if not directory.exists():
        raise RequestError("missing", f"{directory}: there is no archive yet; `smsgw archive once` begins one")
    secrets = load(loaded.secrets_file)
    keys = archive.keys_of(secrets.hasher(), secrets.sealer())
    found = look(directory, keys, kept)
    there = archive.in_clickhouse(loaded, keys)
    if there is not None:
        found = replace(found, faults=(*found.faults, *there.faults))
    if as_json:
        more = {} if there is None else {"clickhouse": asdict(there)}
        print_json({"whole": not found.faults, **asdict(found), **more})
    elif not found.faults:
        size = f"{counted(found.records, 'record')} in {counted(found.files, 'file')}"
        typer.echo(f"the archive is whole: {size}; head {found.head}")
        if there is not None:
            waiting = f"; {counted(there.waiting, 'file')} wait to be sent" if there.waiting else ""
            size = f"{counted(there.records, 'record')} in {counted(there.pieces, 'piece')}"
            typer.echo(f"ClickHouse has {size}{waiting}")
    else:
        others = f" ({len(found.faults) - 1} more faults; --json shows them)" if len(found.faults) > 1 else ""
        typer.echo(f"smsgw: the archive is broken: {found.faults[0]}{others}", err=True)
    if found.faults:
        raise typer.Exit(1)


@app.command()
def disclose(
    number: NumberArgument,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
) -> None:
    """Print everything that is archived of one recipient, with the texts, as lines of JSON; for compliance, audited."""
    visit = Visit(site, who)
    found = visit.ask(lambda desk: archive.disclose(desk, visit.recipient(number), why=why))
    for line in found:
        typer.echo(line)
    typer.echo(f"{counted(len(found), 'record')} of this number", err=True)


@app.command()
def erase(
    number: NumberArgument,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take one recipient's number and messages out of the archive, for good; for compliance, audited. Opt-outs stay."""
    visit = Visit(site, who)
    recipient = visit.recipient(number)

    async def erased(desk: Desk) -> archive.Erased:
        keeper = _keeper(visit.site)
        try:
            return await archive.erase(desk, recipient, keeper, why=why)
        finally:
            keeper.close()

    found = visit.ask(erased)
    if as_json:
        print_json(asdict(found))
        return
    typer.echo(f"erased from {counted(found.records, 'record')} in {counted(found.files, 'file')}")


def _keeper(site: Site) -> Keeper:
    return archive.keeper_of(site, load_or_create(site.secrets_file), lambda: to_ms(business_now(site)[0]))


def round_of(site: Site) -> Done:
    """One round on the archive of a site."""
    keeper = _keeper(site)
    try:
        return keeper.round()
    finally:
        keeper.close()
