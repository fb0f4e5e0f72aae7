"""``smsgw template``: texts that are approved by two people and then may be sent, version by version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import print_json
from smsgw.cli.registers.documents import (
    ExpiresOption,
    LimitOption,
    OffsetOption,
    RevisionOption,
    SearchOption,
    StateOption,
    next_steps,
    print_list,
    print_one,
    steps,
    told,
    told_step,
)
from smsgw.services import templates
from smsgw.services.desk import Page

app = typer.Typer(no_args_is_help=True, help="Templates (模板): write, approve in two steps, activate, suspend, show.")

NameArgument = Annotated[str, typer.Argument(metavar="ID", help="The template.", show_default=False)]
VersionOption = Annotated[int, typer.Option("--version", min=0, help="This version.", show_default="the latest")]
_TEXT = "The text without its signature, with {placeholders}."
_CLASS = "otp, notice or marketing."
_ACCOUNT = "Whose it is; '' for any account."
_CAMPAIGN = "The campaign that its messages belong to."
_VARIABLE = "A placeholder: name, name:digits, name:text:2-10, … Kinds: text digits letters code amount date time."
_COLUMNS = ("state", "message_class", "account", "campaign", "text", "expires")


@app.command()
def add(
    name: NameArgument,
    *,
    text: Annotated[str, typer.Option(help=_TEXT, show_default=False)],
    message_class: Annotated[str, typer.Option("--class", help=_CLASS, show_default=False)],
    account: Annotated[str, typer.Option(help=_ACCOUNT, show_default="any")] = "",
    campaign: Annotated[str, typer.Option(help=_CAMPAIGN, show_default="none")] = "",
    variable: Annotated[list[str] | None, typer.Option("--var", help=_VARIABLE, show_default=False)] = None,
    expires: ExpiresOption = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write a new template, as a draft; two other people approve it."""
    done = Visit(site, who).ask(
        lambda desk: templates.add(
            desk, name, text=text, message_class=message_class, account=account, campaign=campaign,
            variables=variable or (), expires=expires or "", why=why,
        )
    )  # fmt: skip
    told(done, "written", as_json)


@app.command()
def edit(
    name: NameArgument,
    *,
    text: Annotated[str | None, typer.Option(help=_TEXT, show_default=False)] = None,
    message_class: Annotated[str | None, typer.Option("--class", help=_CLASS, show_default=False)] = None,
    account: Annotated[str | None, typer.Option(help=_ACCOUNT, show_default=False)] = None,
    campaign: Annotated[str | None, typer.Option(help=_CAMPAIGN, show_default=False)] = None,
    variable: Annotated[list[str] | None, typer.Option("--var", help=_VARIABLE, show_default=False)] = None,
    expires: ExpiresOption = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write the next version, as a draft; what is not given stays as it is. The version in force stays in force."""
    done = Visit(site, who).ask(
        lambda desk: templates.change(
            desk, name, text=text, message_class=message_class, account=account, campaign=campaign,
            variables=variable, expires=expires, why=why,
        )
    )  # fmt: skip
    told(done, "written", as_json)


@app.command("list")
def list_all(
    account: Annotated[str, typer.Option(help="Those that this account may use.", show_default=False)] = "",
    message_class: Annotated[str, typer.Option("--class", help=_CLASS, show_default=False)] = "",
    state: StateOption = "",
    search: SearchOption = "",
    offset: OffsetOption = 0,
    limit: LimitOption = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """List templates, each version by itself."""
    found = Visit(site, who).ask(
        lambda desk: templates.list_(
            desk, account=account, message_class=message_class, state=state, search=search, offset=offset, limit=limit
        )
    )
    print_list(found, _COLUMNS, as_json)


@app.command()
def show(
    name: NameArgument,
    version: VersionOption = 0,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a template with its variables, what became of it when, and what it waits for."""
    visit = Visit(site, who)
    found = visit.ask(lambda desk: templates.get(desk, name, version))
    print_one(visit, found, as_json, next_steps("template", templates.waits_for(found)))


@app.command()
def versions(
    name: NameArgument,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show all versions of a template, oldest first."""
    found = Visit(site, who).ask(lambda desk: templates.versions(desk, name))
    if as_json:
        print_json({"items": [each.as_json() for each in found]})
        return
    print_list(Page(found, len(found)), _COLUMNS, False)


def _step(action: str) -> Callable[..., None]:
    def take(
        name: NameArgument,
        *,
        why: WhyOption,
        version: VersionOption = 0,
        revision: RevisionOption = 0,
        site: SiteOption = Path(),
        who: WhoOption = "",
        as_json: JsonOption = False,
    ) -> None:
        done = Visit(site, who).ask(
            lambda desk: templates.step(desk, name, action, version=version, revision=revision, why=why)
        )
        told_step(done, action, as_json)

    return take


for _action, _help in steps("template"):
    app.command(_action, help=_help)(_step(_action))
