"""``smsgw optout``: who does not want to hear from us, by hand.

In force for the next message of the running gateway when the command returns. Of an opt-out and a re-subscription the
newer one counts, whoever wrote it. Each change leaves a record, in the file of node ``cli``.
"""

from __future__ import annotations

import asyncio
import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from smsgw.cli.ops_port import business_now
from smsgw.cli.options import JsonOption, NumberArgument, SiteOption, account_named, known, recipient, zone_of
from smsgw.cli.output import clean, console, print_json, table, wrong_usage
from smsgw.cli.site_store import open_store
from smsgw.clock import from_ms, to_ms
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.policy.numbers import mask
from smsgw.records.log import RecordLog
from smsgw.records.record import Step
from smsgw.store.connection import Store
from smsgw.store.recipients import SCOPE_COMPANY, Fact, RecipientFacts, scope_account, scope_signature

app = typer.Typer(no_args_is_help=True, help="Opt-outs of recipients: add, remove, show.")

CompanyOption = Annotated[
    bool, typer.Option("--company", help="From everything the company sends; the default.", show_default=False)
]
AccountOption = Annotated[str, typer.Option("--account", help="Only from this account.", show_default=False)]
SignatureOption = Annotated[str, typer.Option("--signature", help="Only from this signature.", show_default=False)]
SourceOption = Annotated[
    str, typer.Option("--source", help="Where the wish came from, for the record.", show_default="cli:<user>")
]

RECORDS_NODE: Final = "cli"
_MAX_SOURCE_CHARS: Final = 100
_KINDS: Final = {"optout": "opted out", "subscribe": "subscribed again", "tier": "tier"}


@app.command()
def add(
    number: NumberArgument,
    site: SiteOption = Path(),
    company: CompanyOption = False,
    account: AccountOption = "",
    signature: SignatureOption = "",
    source: SourceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Opt a recipient out; in force for the next message."""
    loaded = load_site(site)
    scope = _scope(loaded, company, account, signature)
    _change(loaded, number, scope, source, True, as_json)


@app.command()
def remove(
    number: NumberArgument,
    site: SiteOption = Path(),
    company: CompanyOption = False,
    account: AccountOption = "",
    signature: SignatureOption = "",
    source: SourceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record that a recipient subscribed again, which ends an older opt-out of the same scope."""
    loaded = load_site(site)
    scope = _scope(loaded, company, account, signature)
    _change(loaded, number, scope, source, False, as_json)


@app.command()
def show(number: NumberArgument, site: SiteOption = Path(), as_json: JsonOption = False) -> None:
    """Show what is known of a recipient, with source and time. Exit code 0 also when that is nothing."""
    loaded = load_site(site)
    digits = recipient(number)

    async def look() -> list[Fact]:
        async with open_store(loaded) as store:
            return await RecipientFacts(store).show(digits)

    facts = asyncio.run(look())
    if as_json:
        print_json({"number": digits, "facts": facts_json(facts)})
    else:
        _print_facts(loaded, digits, facts)


def scope_words(scope: str) -> str:
    """``company``, ``account shop``, ``signature 示例商城``."""
    kind, _, name = scope.removeprefix(":").partition(":")
    return "company" if not scope else f"{'account' if kind == 'a' else 'signature'} {name}"


def facts_json(facts: list[Fact]) -> list[dict[str, str]]:
    """What is known, for programs."""
    return [
        {"kind": fact.kind, "tier": fact.source}
        if fact.kind == "tier"
        else {
            "kind": fact.kind,
            "scope": scope_words(fact.scope),
            "source": fact.source,
            "at": from_ms(fact.at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        for fact in facts
    ]


def _scope(site: Site, company: bool, account: str, signature: str) -> str:
    if company + bool(account) + bool(signature) > 1:
        wrong_usage("--company, --account and --signature exclude each other")
    if account:
        return scope_account(account_named(site, account).system_id)
    if signature:
        registered = frozenset(name for each in site.accounts.values() for name in each.signatures)
        return scope_signature(known(signature.strip("【】"), registered, "signature"))
    return SCOPE_COMPANY


def _change(site: Site, number: str, scope: str, source: str, is_stop: bool, as_json: bool) -> None:
    digits = recipient(number)
    source = source or f"cli:{getpass.getuser()}"
    if len(source) > _MAX_SOURCE_CHARS or not source.isprintable():
        wrong_usage(f"--source must be printable and have at most {_MAX_SOURCE_CHARS} characters")
    at, _ = business_now(site)

    async def write() -> tuple[bool, list[Fact]]:
        async with open_store(site) as store:
            facts = RecipientFacts(store)
            put = facts.add if is_stop else facts.remove
            changed = await put(digits, scope, source, to_ms(at))
            if changed:
                _record(site, store, digits, scope, source, is_stop, at)
            return changed, await facts.show(digits)

    changed, facts = asyncio.run(write())
    if as_json:
        print_json({"number": digits, "changed": changed, "facts": facts_json(facts)})
        return
    done = "opted out" if is_stop else "subscribed again"
    why = "something as new or newer is known"
    typer.echo(f"{digits}: {done}: {scope_words(scope)}" if changed else f"{digits}: not changed: {why}")
    _print_facts(site, digits, facts)


def _record(site: Site, store: Store, digits: str, scope: str, source: str, is_stop: bool, at: datetime) -> None:
    account = scope.removeprefix(":a:") if scope.startswith(":a:") else ""
    at_ms = to_ms(at)
    log = RecordLog(site.records_dir, RECORDS_NODE, lambda: at_ms)
    step = int(Step.OPTOUT if is_stop else Step.RESUBSCRIBED)
    rhash = store.recipients.hash(digits)
    log.append((at_ms, step, "", account, "", 0, rhash, mask(digits), 0, 0, "", "", 0, scope, source))
    log.close()


def _print_facts(site: Site, digits: str, facts: list[Fact]) -> None:
    if not facts:
        typer.echo(f"{digits}: nothing is known")
        return
    zone = zone_of(site)
    rows = [
        ("tier", fact.source, "", "")
        if fact.kind == "tier"
        else (
            _KINDS[fact.kind],
            scope_words(fact.scope),
            clean(fact.source),
            from_ms(fact.at_ms).astimezone(zone).isoformat(" ", "seconds"),
        )
        for fact in facts
    ]
    console().print(table(("known", "scope", "source", "time"), rows))
