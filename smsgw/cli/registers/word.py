"""``smsgw word``: the national and the company's list of words, changed word by word or brought in whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.lists import FileArgument, bring
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import counted, print_json
from smsgw.cli.registers.documents import (
    LimitOption,
    OffsetOption,
    SearchOption,
    print_list,
    print_one,
    told,
)
from smsgw.services import words

app = typer.Typer(no_args_is_help=True, help="Word lists (敏感词): add, remove, import, list, show.")

ListArgument = Annotated[str, typer.Argument(metavar="LIST", help="national or company.", show_default=False)]
WordArgument = Annotated[str, typer.Argument(metavar="WORD", help="As it is written.", show_default=False)]
_CATEGORY = "What it is about: finance, gambling, …"
_ACTION = "reject, review (a person decides) or count."


@app.command()
def add(
    list_name: ListArgument,
    word: WordArgument,
    *,
    category: Annotated[str, typer.Option(help=_CATEGORY, show_default=False)] = "",
    action: Annotated[str, typer.Option(help=_ACTION)] = "reject",
    evasion: Annotated[
        bool, typer.Option("--evasion", help="Find it also with spaces and marks between its letters.")
    ] = False,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Add a word, or change what one does; in force within a second."""
    done = Visit(site, who).ask(
        lambda desk: words.put(desk, list_name, word, category=category, action=action, evasion=evasion, why=why)
    )
    told(done, action, as_json)


@app.command()
def remove(
    list_name: ListArgument,
    word: WordArgument,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
) -> None:
    """Take a word off a list; in force within a second."""
    Visit(site, who).ask(lambda desk: words.remove(desk, list_name, word, why=why))
    typer.echo(f"{list_name}/{word.strip()}: removed")


@app.command("import")
def import_file(
    list_name: ListArgument,
    file: FileArgument,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Remove the words that the file lacks.")] = False,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Bring a list in: columns word and, if wanted, category, action, evasion. In force at once, in one go."""
    done = bring(
        Visit(site, who),
        file,
        lambda desk, data: words.import_(desk, data, list_name=list_name, replace=replace, name=file.name, why=why),
    )
    if as_json:
        print_json(asdict(done))
        return
    changes = f"{done.added} added, {done.changed} changed, {done.removed} removed, {done.unchanged} as before"
    typer.echo(f"{done.list}: {counted(done.total, 'word')}: {changes}")


@app.command("list")
def list_all(
    list_name: Annotated[str, typer.Option("--list", help="Only national, or company.", show_default=False)] = "",
    category: Annotated[str, typer.Option(help="Only of this category.", show_default=False)] = "",
    action: Annotated[str, typer.Option(help="Only with this action.", show_default=False)] = "",
    search: SearchOption = "",
    offset: OffsetOption = 0,
    limit: LimitOption = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """List words; --search compares as texts are compared (full-width, traditional, look-alike letters)."""
    found = Visit(site, who).ask(
        lambda desk: words.list_(
            desk, list_name=list_name, category=category, action=action, search=search, offset=offset, limit=limit
        )
    )
    print_list(found, ("category", "action", "evasion"), as_json)


@app.command()
def show(
    list_name: ListArgument,
    word: WordArgument,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a word; who changed it is in the audit log."""
    visit = Visit(site, who)
    print_one(visit, visit.ask(lambda desk: words.get(desk, list_name, word)), as_json)
