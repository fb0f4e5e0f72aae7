"""How commands print what is known of a recipient, and what a change did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

import typer

from smsgw.cli.output import console, print_json, table
from smsgw.services.recipients import Changed, Known, RecipientKnown

CompanyOption = Annotated[
    bool, typer.Option("--company", help="All that the company sends; the default.", show_default=False)
]
AccountOption = Annotated[str, typer.Option("--account", help="Only this account.", show_default=False)]
SignatureOption = Annotated[str, typer.Option("--signature", help="Only this signature.", show_default=False)]
SourceOption = Annotated[
    str, typer.Option("--source", help="Where it came from, for the record.", show_default="staff:<who>")
]
EndOption = Annotated[
    str, typer.Option("--expires", help="A day (its end) or time until which it holds.", show_default="for good")
]

_WORDS: Final = {
    "optout": "opted out",
    "subscribe": "subscribed again",
    "consent": "consented",
    "blacklist": "blacklisted",
    "dead": "dead number",
    "failures": "failed receipts",
    "tier": "tier",
}
COLUMNS: Final = ("known", "scope", "source or reason", "wording", "time", "by", "until")


def print_changed(e164: str, done: Changed, words: str, as_json: bool) -> None:
    """What a change did, and what is known of the recipient now."""
    e164 = e164.removeprefix("+")
    if as_json:
        print_json({"number": e164, "changed": done.changed, "why_not": done.why_not, "facts": known_json(done.facts)})
        return
    typer.echo(f"{e164}: {words}" if done.changed else f"{e164}: not changed: {done.why_not}")
    _print_facts(e164, done.facts)


def print_known(e164: str, found: RecipientKnown, as_json: bool) -> None:
    """What is known of the recipient."""
    e164 = e164.removeprefix("+")
    if as_json:
        print_json({"number": e164, "facts": known_json(found.facts)})
    else:
        _print_facts(e164, found.facts)


def known_json(facts: Iterable[Known]) -> list[dict[str, Any]]:
    """What is known, for programs."""
    return [fact.model_dump() for fact in facts]


def known_row(fact: Known) -> tuple[str, ...]:
    """One thing that is known, in the order of ``COLUMNS``."""
    until = fact.expires if fact.in_force else f"{fact.expires}, ended"
    by = f"{fact.by}, list {fact.digest}" if fact.digest else fact.by
    source = f"{fact.count} counted" if fact.kind == "failures" else fact.source
    return _WORDS.get(fact.kind, fact.kind), fact.scope, source, fact.wording, fact.at, by, until


def _print_facts(e164: str, facts: list[Known]) -> None:
    if not facts:
        typer.echo(f"{e164}: nothing is known")
        return
    rows = [known_row(fact) for fact in facts]
    used = [column for column in range(len(COLUMNS)) if any(row[column] for row in rows)]
    screen = table([COLUMNS[column] for column in used], [[row[column] for column in used] for row in rows])
    console().print(screen)
