"""``smsgw dead``: numbers that nobody has any more, learnt from receipts or entered by hand."""

from __future__ import annotations

from pathlib import Path

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.lists import FileArgument, SkipOption, bring, told_list
from smsgw.cli.options import JsonOption, NumberArgument, SiteOption
from smsgw.cli.recipients.known import EndOption, print_changed, print_known
from smsgw.services import dead_numbers

app = typer.Typer(no_args_is_help=True, help="Dead numbers (空号): show, forget, add, import.")


@app.command()
def show(number: NumberArgument, site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show whether a number is known to be dead, and how many failures were counted towards it."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    print_known(e164, visit.ask(lambda desk: dead_numbers.show(desk, e164)), as_json)


@app.command()
def forget(
    number: NumberArgument,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """The number is in use again: take its entry away, and what was counted towards one."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    done = visit.ask(lambda desk: dead_numbers.forget(desk, e164, why))
    print_changed(e164, done, "forgotten", as_json)


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
    """Enter a number as dead; in force for the next message."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    done = visit.ask(lambda desk: dead_numbers.add(desk, e164, why, expires=expires))
    print_changed(e164, done, "dead number", as_json)


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
    """Enter a list of dead numbers: columns number and, if wanted, reason and expires."""
    take = Visit(site, who)
    done = bring(take, file, lambda desk, data: dead_numbers.import_list(desk, data, why, skip_wrong=skip_wrong))
    told_list(file, done, as_json)
