"""``smsgw check``: is this site usable, and what is wrong with it — all of it, by file and line.

What the company must decide and has not is told once more at the end, so that it is not lost among typing errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from smsgw.alarms.checking import channel_faults
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import counted
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.documents.problems import ConfigErrors
from smsgw.errors import ConfigError
from smsgw.route_tests import run_route_tests

_TO_DECIDE: Final = re.compile(r"\b(has to decide|nobody has decided)\b")


def check(
    site: SiteOption = Path(),
    as_json: JsonOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail too.")] = False,
    today: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Judge expiry dates and the calendar as of this day.", show_default="now"
        ),
    ] = None,
) -> None:
    """Check every file of a site. Exit code 0: usable; 1: not."""
    day = today.date() if today is not None else None
    loaded, errors, warnings = _load(site, day)
    bad = bool(errors) or (strict and bool(warnings))
    if as_json:
        typer.echo(_as_json(site, loaded, errors, warnings, not bad))
    else:
        _print("error", errors, typer.colors.RED)
        _print("warning", warnings, typer.colors.YELLOW)
        _print_undecided((*errors, *warnings))
        typer.echo(_summary(site, loaded, len(errors), len(warnings)))
    if bad:
        raise typer.Exit(1)


def _load(directory: Path, today: date | None) -> tuple[Site | None, tuple[ConfigError, ...], tuple[ConfigError, ...]]:
    try:
        site = load_site(directory, today=today)
    except ConfigErrors as found:
        return None, found.errors, found.warnings
    failed = (*run_route_tests(site), *channel_faults(site))
    return None if failed else site, failed, site.warnings


def _print(severity: str, problems: Iterable[ConfigError], colour: str) -> None:
    for problem in problems:
        place = f"{problem.file}:{problem.line}" if problem.line else f"{problem.file}"
        key = f"{problem.key}: " if problem.key else ""
        typer.echo(f"{place}: {typer.style(severity, fg=colour)}: {key}{problem.why}")


def _print_undecided(problems: Iterable[ConfigError]) -> None:
    found = _undecided(problems)
    if found:
        typer.echo(typer.style("the company has to decide · 须由公司决定：", bold=True))
        for file, key in found:
            typer.echo(f"  {file.name}: {key}")


def _undecided(problems: Iterable[ConfigError]) -> list[tuple[Path, str]]:
    """The values that have no default on purpose and that nobody has given, by file and key."""
    found = [(each.file, each.key) for each in problems if _TO_DECIDE.search(each.why)]
    return list(dict.fromkeys(found))


def _counts(site: Site) -> dict[str, int]:
    return {
        "accounts": len(site.accounts),
        "carriers": len(site.carriers),
        "routes": len(site.routes.routes),
        "tests": len(site.site_routes.tests),
        "profiles": len(site.profiles),
    }


def _summary(directory: Path, site: Site | None, errors: int, warnings: int) -> str:
    found = [counted(errors, "error")] if errors else []
    found += [counted(warnings, "warning")] if warnings else []
    if site is None:
        return f"{directory}: not usable: {', '.join(found)}"
    held = ", ".join(counted(count, name.removesuffix("s")) for name, count in _counts(site).items())
    return f"{directory}: ok: {held}" + (f"; {', '.join(found)}" if found else "")


def _as_json(
    directory: Path, site: Site | None, errors: Iterable[ConfigError], warnings: Iterable[ConfigError], ok: bool
) -> str:
    def rows(problems: Iterable[ConfigError]) -> list[dict[str, str | int]]:
        return [{"file": str(each.file), "line": each.line, "key": each.key, "why": each.why} for each in problems]

    report = {
        "site": str(directory),
        "ok": ok,
        "errors": rows(errors),
        "warnings": rows(warnings),
        "undecided": [{"file": str(file), "key": key} for file, key in _undecided((*errors, *warnings))],
        "holds": _counts(site) if site is not None else None,
    }
    return json.dumps(report, ensure_ascii=False, indent=2)
