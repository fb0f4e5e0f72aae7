"""``smsgw optout``: who does not want to hear from us, by hand.

In force for the next message of the running gateway when the command returns. Of an opt-out and a re-subscription the
newer one counts, whoever wrote it.
"""

from __future__ import annotations

from pathlib import Path

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.lists import FileArgument, SkipOption, bring, print_left_out
from smsgw.cli.options import JsonOption, NumberArgument, SiteOption
from smsgw.cli.output import counted, print_json, wrong_usage
from smsgw.cli.recipients.known import (
    AccountOption,
    CompanyOption,
    SignatureOption,
    SourceOption,
    print_changed,
    print_known,
)
from smsgw.services import optouts

app = typer.Typer(no_args_is_help=True, help="Opt-outs of recipients (退订): add, remove, import, show.")


@app.command()
def add(
    number: NumberArgument,
    *,
    company: CompanyOption = False,
    account: AccountOption = "",
    signature: SignatureOption = "",
    source: SourceOption = "",
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Opt a recipient out; in force for the next message."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    one_scope(company, account, signature)
    done = visit.ask(lambda desk: optouts.add(desk, e164, why, account=account, signature=signature, source=source))
    print_changed(e164, done, f"opted out: {scope_typed(account, signature)}", as_json)


@app.command()
def remove(
    number: NumberArgument,
    *,
    company: CompanyOption = False,
    account: AccountOption = "",
    signature: SignatureOption = "",
    source: SourceOption = "",
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record that a recipient subscribed again, which ends an older opt-out of the same scope."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    one_scope(company, account, signature)
    done = visit.ask(lambda desk: optouts.remove(desk, e164, why, account=account, signature=signature, source=source))
    print_changed(e164, done, f"subscribed again: {scope_typed(account, signature)}", as_json)


@app.command("import")
def import_file(
    file: FileArgument,
    *,
    company: CompanyOption = False,
    account: AccountOption = "",
    signature: SignatureOption = "",
    skip_wrong: SkipOption = False,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Opt out a list: columns number and, if wanted, scope, source and time. Who subscribed later stays subscribed."""
    one_scope(company, account, signature)
    scope = {"account": account, "signature": signature}
    take = Visit(site, who)
    done = bring(take, file, lambda desk, data: optouts.import_list(desk, data, why, **scope, skip_wrong=skip_wrong))
    if as_json:
        print_json(done.model_dump())
        return
    print_left_out(file, done.faults, done.wrong)
    left_out = f", {done.wrong} left out as wrong" if done.wrong else ""
    typer.echo(
        f"{file}: {counted(done.lines, 'line')}, {done.taken} taken, {done.known} known already, "
        f"{done.subscribed} not taken because the recipient subscribed or consented later{left_out}"
    )
    typer.echo(f"{file}: SHA-256 {done.digest}")


@app.command()
def show(number: NumberArgument, site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show a recipient's opt-outs, with source and time. Exit code 0 also when there are none."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    print_known(e164, visit.ask(lambda desk: optouts.show(desk, e164)), as_json)


def one_scope(company: bool, account: str, signature: str) -> None:
    """Ends the command with exit code 2 when more than one scope was typed."""
    if company + bool(account) + bool(signature) > 1:
        wrong_usage("--company, --account and --signature exclude each other")


def scope_typed(account: str, signature: str) -> str:
    """The scope that was typed, in words."""
    return f"account {account}" if account else f"signature {signature.strip('【】')}" if signature else "company"
