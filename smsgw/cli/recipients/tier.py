"""``smsgw tier``: which recipients are loyal, normal, …, and so have other caps; by hand or from a list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.lists import FileArgument, SkipOption, bring, told_list
from smsgw.cli.options import JsonOption, NumberArgument, SiteOption
from smsgw.cli.output import print_json
from smsgw.services import tiers
from smsgw.services.recipients import RecipientKnown

app = typer.Typer(no_args_is_help=True, help="Tiers of recipients (等级): set, remove, show, import.")


@app.command("set")
def set_tier(
    number: NumberArgument,
    tier: Annotated[str, typer.Argument(metavar="TIER", help="A tier that a cap of a profile names.")],
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
) -> None:
    """Put a recipient into a tier; in force for the next message."""
    _set(number, tier, why, site, who)


@app.command()
def remove(number: NumberArgument, *, why: WhyOption, site: SiteOption = Path(), who: WhoOption = "") -> None:
    """Take a recipient out of its tier: the ordinary limits hold again."""
    _set(number, "", why, site, who)


@app.command()
def show(number: NumberArgument, site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show a recipient's tier."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    tier = _tier(visit.ask(lambda desk: tiers.show(desk, e164)))
    if as_json:
        print_json({"number": e164[1:], "tier": tier or None})
    else:
        typer.echo(f"{e164[1:]}: {tier or 'no tier'}")


@app.command("import")
def import_file(
    file: FileArgument,
    *,
    skip_wrong: SkipOption = False,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put the recipients of a list into tiers: columns number and tier; an empty tier takes them out of any."""
    take = Visit(site, who)
    done = bring(take, file, lambda desk, data: tiers.import_list(desk, data, why, skip_wrong=skip_wrong))
    told_list(file, done, as_json)


def _set(number: str, tier: str, why: str, site: Path, who: str) -> None:
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    done = visit.ask(lambda desk: tiers.set_tier(desk, e164, tier, why))
    typer.echo(f"{e164[1:]}: {tier or 'no tier'}" + ("" if done.changed else " (as before)"))


def _tier(known: RecipientKnown) -> str:
    return next((fact.source for fact in known.facts if fact.kind == "tier"), "")
