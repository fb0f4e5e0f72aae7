"""``smsgw tier``: which recipients are loyal, normal, …, and so have other caps; by hand or from a list.

A list is read and checked whole before anything is written, and may be imported again after an error.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from smsgw.cli.options import JsonOption, NumberArgument, SiteOption, known, recipient, tier_names
from smsgw.cli.output import print_json
from smsgw.cli.site_store import open_store
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.documents.names import with_hint
from smsgw.errors import ConfigError
from smsgw.policy.numbers import to_e164
from smsgw.store.recipients import RecipientFacts

app = typer.Typer(no_args_is_help=True, help="Tiers of recipients: set, remove, show, import.")

_HEADERS: Final = frozenset(("number", "recipient", "phone", "mobile", "号码", "手机号", "手机号码"))
_SHOWN_ERRORS: Final = 20


@app.command("set")
def set_tier(
    number: NumberArgument,
    tier: Annotated[str, typer.Argument(metavar="TIER", help="A tier that a cap of a profile names.")],
    site: SiteOption = Path(),
) -> None:
    """Put a recipient into a tier; in force for the next message."""
    loaded = load_site(site)
    _write(loaded, recipient(number), known(tier, tier_names(loaded), "tier"))


@app.command()
def remove(number: NumberArgument, site: SiteOption = Path()) -> None:
    """Take a recipient out of its tier: the ordinary limits hold again."""
    _write(load_site(site), recipient(number), "")


@app.command()
def show(number: NumberArgument, site: SiteOption = Path(), as_json: JsonOption = False) -> None:
    """Show a recipient's tier."""
    loaded = load_site(site)
    digits = recipient(number)

    async def look() -> str:
        async with open_store(loaded) as store:
            return await RecipientFacts(store).get_tier(digits)

    tier = asyncio.run(look())
    if as_json:
        print_json({"number": digits, "tier": tier or None})
    else:
        typer.echo(f"{digits}: {tier or 'no tier'}")


@app.command("import")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, readable=True, help="Columns number, tier."),
    ],
    site: SiteOption = Path(),
) -> None:
    """Put the recipients of a list into tiers: two columns, number and tier; a first line with names is allowed.

    An empty tier takes the recipient out of any. Nothing is written when a line is wrong.
    """
    loaded = load_site(site)
    tiers = read_tiers(file, tier_names(loaded))

    async def load() -> int:
        async with open_store(loaded) as store:
            return await RecipientFacts(store).load_tiers(tiers.items())

    changed = asyncio.run(load())
    typer.echo(f"{file}: {len(tiers)} recipients, {changed} changed")


def read_tiers(file: Path, valid: frozenset[str]) -> dict[str, str]:
    """E.164 digits → tier of a list; of a number that comes twice the last line counts.

    Prints every wrong line and ends the command with exit code 1. UTF-8, or GB 18030 as spreadsheets write it.
    """
    tiers: dict[str, str] = {}
    errors: list[ConfigError] = []
    for line, row in _rows(file):
        number, tier = (*(cell.strip() for cell in row), "", "")[:2]
        digits = to_e164(number)
        if len(row) < 2:
            errors.append(ConfigError(file, line, "", "expected two columns, number and tier"))
        elif digits is None:
            errors.append(ConfigError(file, line, "number", "is not a recipient's number, such as 13800138000"))
        elif tier and tier not in valid:
            errors.append(ConfigError(file, line, "tier", with_hint(f"no cap names a tier {tier!r}", tier, valid)))
        else:
            tiers[digits] = tier
    if errors:
        for error in errors[:_SHOWN_ERRORS]:
            typer.echo(f"smsgw: {error}", err=True)
        more = f" ({len(errors) - _SHOWN_ERRORS} more)" if len(errors) > _SHOWN_ERRORS else ""
        typer.echo(f"smsgw: {file}: {len(errors)} wrong lines{more}; nothing was written", err=True)
        raise typer.Exit(1)
    return tiers


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030", "replace")
    for line, row in enumerate(csv.reader(text.splitlines()), 1):
        is_header = line == 1 and bool(row) and row[0].strip().casefold() in _HEADERS
        if row and any(cell.strip() for cell in row) and not is_header:
            yield line, row


def _write(site: Site, digits: str, tier: str) -> None:
    async def write() -> bool:
        async with open_store(site) as store:
            return await RecipientFacts(store).set_tier(digits, tier)

    changed = asyncio.run(write())
    typer.echo(f"{digits}: {tier or 'no tier'}" + ("" if changed else " (as before)"))
