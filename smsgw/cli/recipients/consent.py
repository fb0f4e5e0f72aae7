"""``smsgw consent``: that recipients agreed to marketing, with its proof: source, version of the wording, time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.lists import FileArgument, SkipOption, bring, print_left_out
from smsgw.cli.options import JsonOption, NumberArgument, SiteOption
from smsgw.cli.output import counted, print_json
from smsgw.cli.recipients.known import AccountOption, CompanyOption, SignatureOption, print_changed, print_known
from smsgw.cli.recipients.optout import one_scope, scope_typed
from smsgw.services import consent

app = typer.Typer(no_args_is_help=True, help="Consent to marketing, with its proof (营销同意): add, import, show.")


@app.command()
def add(
    number: NumberArgument,
    *,
    source: Annotated[str, typer.Option(help="How it was given: a form, a call, a shop.", show_default=False)],
    wording: Annotated[str, typer.Option(help="The version of the text that was agreed to.", show_default=False)],
    at: Annotated[str, typer.Option(help="When it was given: 2026-11-18 10:30.", show_default="now")] = "",
    company: CompanyOption = False,
    account: AccountOption = "",
    signature: SignatureOption = "",
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record one consent. It lifts an opt-out of the same scope that is older."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    one_scope(company, account, signature)
    done = visit.ask(
        lambda desk: consent.add(desk, e164, source, wording, why, at=at, account=account, signature=signature)
    )
    print_changed(e164, done, f"consented: {scope_typed(account, signature)}", as_json)


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
    """Record a list: columns number, source, wording, time and, if wanted, scope. A list never undoes an opt-out."""
    one_scope(company, account, signature)
    done = bring(
        Visit(site, who),
        file,
        lambda desk, data: consent.import_list(
            desk, data, why, account=account, signature=signature, skip_wrong=skip_wrong
        ),
    )
    if as_json:
        print_json(done.model_dump())
        return
    print_left_out(file, done.faults, done.wrong)
    left_out = f", {done.wrong} left out as wrong" if done.wrong else ""
    typer.echo(
        f"{file}: {counted(done.lines, 'line')}, {done.taken} taken, {done.known} known already, "
        f"{done.opted_out} not taken because the recipient opted out{left_out}"
    )
    typer.echo(f"{file}: SHA-256 {done.digest}")


@app.command()
def show(number: NumberArgument, site: SiteOption = Path(), who: WhoOption = "", as_json: JsonOption = False) -> None:
    """Show the proof of a recipient's consent, and what else was said since."""
    visit = Visit(site, who)
    e164 = visit.recipient(number)
    print_known(e164, visit.ask(lambda desk: consent.show(desk, e164)), as_json)
