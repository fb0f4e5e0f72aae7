"""``smsgw review``: messages that a word held back until a person has looked at them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, pairs, print_json, table
from smsgw.cli.registers.documents import LimitOption
from smsgw.services import review
from smsgw.services.review import Decided

app = typer.Typer(no_args_is_help=True, help="Messages that wait for a person (人工审核): list, show, release, reject.")

IdArgument = Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="As `list` shows it.", show_default=False)]


@app.command("list")
def list_all(
    limit: LimitOption = 50,
    after: Annotated[str, typer.Option(help="Go on behind the page before.", show_default=False)] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """List messages that wait, the longest waiting first."""
    found = Visit(site, who).ask(lambda desk: review.list_(desk, limit=limit, after=after))
    if as_json:
        print_json(found.model_dump())
        return
    if not found.items:
        typer.echo("none waits")
        return
    rows = [(each.id, each.accepted, each.account, each.number, each.reason, each.text) for each in found.items]
    console().print(table(("message id", "accepted", "account", "recipient", "because of", "text"), rows))
    if found.next:
        typer.echo(f"{len(found.items)} of {found.total}; more with --after {found.next}")


@app.command()
def show(
    message_id: IdArgument,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the full number; needs --why, and is audited.")
    ] = False,
    why: Annotated[str, typer.Option("--why", help="Why the number must be seen.", show_default=False)] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show one message that waits: its whole text, whose it is, and the word."""
    visit = Visit(site, who)
    if reveal:
        found = visit.ask(lambda desk: review.reveal(desk, message_id, why)).model_dump()
    else:
        found = visit.ask(lambda desk: review.get(desk, message_id)).model_dump()
    if as_json:
        print_json(found)
        return
    console().print(pairs([(name.replace("_", " "), value) for name, value in found.items() if value != ""]))


@app.command()
def release(
    message_id: IdArgument,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let a message go on; all other rules are still looked at."""
    _tell(Visit(site, who).ask(lambda desk: review.release(desk, message_id, why)), "released", as_json)


@app.command()
def reject(
    message_id: IdArgument,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Reject a message; its application is told by receipt."""
    _tell(Visit(site, who).ask(lambda desk: review.reject(desk, message_id, why)), "rejected", as_json)


def _tell(done: Decided, words: str, as_json: bool) -> None:
    if as_json:
        print_json(done.model_dump())
    else:
        typer.echo(f"{done.id}: {words} by {done.who}")
