"""``smsgw apply``, ``confirm`` and ``rollback``: put the files in force everywhere, let them stay, or go back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any, Final

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.ops_port import ask
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import counted, print_json, wrong_usage
from smsgw.cli.versions.diff import print_changes
from smsgw.config.bundle import Bundle
from smsgw.config.differences import Change, differences
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.documents.problems import ConfigErrors
from smsgw.documents.units import parse_duration
from smsgw.errors import ConnectFailed
from smsgw.route_tests import run_route_tests
from smsgw.services import versions as service
from smsgw.services.desk import Desk
from smsgw.store.publishing import Published

#: New binds of a changed carrier are waited for so long before it is said that they are down.
BIND_S: Final = 3.0
_LOOK_S: Final = 0.1


def apply(
    *,
    why: WhyOption,
    confirm_within: Annotated[
        str,
        typer.Option("--confirm-within", help="Go back by itself unless confirmed by then: 5m.", show_default=False),
    ] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put the files in force (生效) on every process, with binds and sessions kept."""
    within_s = _seconds(confirm_within)
    # A site that can't be used ends here, with all that is wrong.
    loaded = load_site(site)
    for warning in loaded.warnings:
        typer.echo(f"smsgw: warning: {warning}", err=True)
    bundle = Bundle.read(site)
    visit = Visit(site, who, loaded)
    problems = list(run_route_tests(visit.site))
    if problems:
        raise ConfigErrors(problems)
    changes = visit.ask(lambda desk: _changes(desk, bundle))
    done = visit.ask(lambda desk: service.apply(desk, bundle, why=why, confirm_within_s=within_s))
    restart = service.to_restart(visit.site, done.fleet)
    down = [] if done.refused else _down(visit.site, changes)
    if as_json:
        print_json({**asdict(done), "changes": [asdict(each) for each in changes], "restart": restart, "down": down})
    else:
        _tell(done, changes, restart, confirm_within, visit.site.file.apply.watch_s)
        for line in down:
            typer.echo(line, err=True)
    if done.refused:
        raise typer.Exit(1)


def confirm(
    *,
    why: WhyOption = "it works",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let the version that is on trial stay (确认)."""
    now = Visit(site, who).ask(lambda desk: service.confirm(desk, why=why))
    if as_json:
        print_json(asdict(now))
    else:
        typer.echo(f"version {now.number}: confirmed")


def rollback(
    version: Annotated[int | None, typer.Argument(help="Go back to it.", show_default="the one before")] = None,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put an earlier version in force again (回退), on every process. The files here stay as they are."""
    visit = Visit(site, who)
    now, fleet = visit.ask(lambda desk: service.roll_back(desk, version, why=why))
    if as_json:
        print_json({**asdict(now), "fleet": [asdict(each) for each in fleet]})
        return
    typer.echo(f"version {now.number}: in force again {_where(len(fleet))}")
    typer.echo(
        f"the files here may be others: `smsgw diff` shows how, `smsgw history {now.number} --to DIR` writes them"
    )


def _down(site: Site, changes: list[Change]) -> list[str]:
    """Changed carriers of which not every bind is up after a while, as the process here sees it."""
    names = {change.what.partition(" ")[2] for change in changes if change.what.startswith("carrier ")}
    names &= site.carriers.keys()
    deadline_s = monotonic() + BIND_S
    while names:
        try:
            carriers = ask(site, "/status")["carriers"]
        except ConnectFailed:
            return []  # no process here to ask
        there = {name: carriers[name] for name in sorted(names) if name in carriers}
        down = {name: each for name, each in there.items() if _is_down(each)}
        if not down or monotonic() > deadline_s:
            return [f"carrier {name}: binds: {each['binds_up']} of {each['binds']} up" for name, each in down.items()]
        sleep(_LOOK_S)
    return []


def _is_down(carrier: dict[str, Any]) -> bool:
    """Of binds that other processes have, this one knows only that there are some; a drained carrier has none."""
    wanted = max(carrier["leased"], 0 if carrier["elsewhere"] else 1)
    return carrier["allowed"] and not carrier["drained"] and carrier["binds_up"] < wanted


async def _changes(desk: Desk, bundle: Bundle) -> list[Change]:
    listing = await service.list_(desk, 1)
    if not listing.now.number:
        return []
    _, before = await service.files(desk)
    return differences(before, bundle)


def _tell(done: Published, changes: list[Change], restart: list[str], confirm_within: str, watch_s: float) -> None:
    number = done.version.number
    if done.refused:
        typer.echo(f"version {number}: refused; version {done.now.number} stays in force: {done.refused}", err=True)
        return
    print_changes(changes)
    behind = [each.node for each in done.fleet if each.running != number]
    typer.echo(f"version {number}: in force {_where(len(done.fleet))}")
    if behind:
        typer.echo(f"not yet on {', '.join(behind)}: see its log", err=True)
    if done.now.trial == "roll back":
        typer.echo(f"version {done.version.before} comes back in {confirm_within}, unless: smsgw confirm")
    elif done.now.trial:
        typer.echo(f"version {done.version.before} comes back by itself if errors rise within {watch_s:g}s")
    for table in restart:
        typer.echo(f"smsgw.toml [{table}] is no part of a version: it changes when the process here is restarted")


def _where(processes: int) -> str:
    if not processes:
        return "when the gateway starts: none runs"
    return f"on {counted(processes, 'process', 'processes')}"


def _seconds(text: str) -> float:
    if not text:
        return 0.0
    try:
        return parse_duration(text)
    except ValueError as error:
        wrong_usage(f"apply: --confirm-within: {error}")
