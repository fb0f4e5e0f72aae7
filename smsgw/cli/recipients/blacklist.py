"""``smsgw blacklist``: recipients that get nothing, by the company's list or by what was learnt of a carrier's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.lists import FileArgument, SkipOption, bring, told_list
from smsgw.cli.options import JsonOption, NumberArgument, SiteOption
from smsgw.cli.recipients.known import EndOption, SourceOption, print_changed, print_known
from smsgw.services import blacklist

app = typer.Typer(no_args_is_help=True, help="The blacklist (黑名单): add, complaint, remove, show, import.")


@app.command()
def add(
    number: NumberArgument,
    *,
    expires: EndOption = "",
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put a recipient on the company's blacklist; in force for the next message."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    done = visit.ask(lambda desk: blacklist.add(desk, e164, why, expires=expires))
    print_changed(e164, done, "blacklisted", as_json)


@app.command()
def complaint(
    number: NumberArgument,
    *,
    source: SourceOption = "",
    expires: EndOption = "",
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record a complaint (投诉), which blacklists the recipient at once."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    done = visit.ask(lambda desk: blacklist.complain(desk, e164, why, source=source, expires=expires))
    print_changed(e164, done, "complained, blacklisted", as_json)


@app.command()
def remove(
    number: NumberArgument,
    *,
    carrier: Annotated[
        str, typer.Option(help="From what was learnt of this carrier's list.", show_default="the company's list")
    ] = "",
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a recipient off the blacklist; in force for the next message."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    done = visit.ask(lambda desk: blacklist.remove(desk, e164, why, carrier=carrier))
    print_changed(e164, done, "taken off the blacklist", as_json)


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
    """Put a list on the company's blacklist: columns number and, if wanted, reason and expires."""
    take = Visit(site, who)
    done = bring(take, file, lambda desk, data: blacklist.import_list(desk, data, why, skip_wrong=skip_wrong))
    told_list(file, done, as_json)


@app.command()
def show(number: NumberArgument, site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show a recipient's entries, with reason, time, who made them and their end."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    print_known(e164, visit.ask(lambda desk: blacklist.show(desk, e164)), as_json)
