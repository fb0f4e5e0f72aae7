"""``smsgw campaign``: between which days, and at which times of them, a campaign's messages may be sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.registers.documents import (
    LimitOption,
    OffsetOption,
    SearchOption,
    StateOption,
    print_list,
    print_one,
    steps,
    told,
    told_step,
)
from smsgw.services import campaigns

app = typer.Typer(no_args_is_help=True, help="Campaigns (活动) with their days and slots: register, suspend, show.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The campaign.", show_default=False)]
_ACCOUNT = "Whose it is; '' for any account."
_SLOT = "A time of day, such as 11:00-12:30. Repeat it for several; none is all day."
_STARTS = "The first day, such as 2026-11-01."
_ENDS = "The last day."


@app.command()
def add(
    name: NameArgument,
    *,
    account: Annotated[str, typer.Option(help=_ACCOUNT, show_default="any")] = "",
    slot: Annotated[list[str] | None, typer.Option(help=_SLOT, show_default="all day")] = None,
    starts: Annotated[str, typer.Option(help=_STARTS, show_default=False)] = "",
    ends: Annotated[str, typer.Option(help=_ENDS, show_default=False)] = "",
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Register a campaign; it is active at once."""
    done = Visit(site, who).ask(
        lambda desk: campaigns.add(desk, name, account=account, slots=slot or (), starts=starts, ends=ends, why=why)
    )
    told(done, "registered", as_json)


@app.command()
def edit(
    name: NameArgument,
    *,
    account: Annotated[str | None, typer.Option(help=_ACCOUNT, show_default=False)] = None,
    slot: Annotated[list[str] | None, typer.Option(help=_SLOT, show_default=False)] = None,
    all_day: Annotated[bool, typer.Option("--all-day", help="Take the slots away.")] = False,
    starts: Annotated[str | None, typer.Option(help=_STARTS, show_default=False)] = None,
    ends: Annotated[str | None, typer.Option(help=_ENDS, show_default=False)] = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Change a campaign, in force for what is sent or held from now on; what is not given stays as it is."""
    slots = [] if all_day else slot or None
    done = Visit(site, who).ask(
        lambda desk: campaigns.change(desk, name, account=account, slots=slots, starts=starts, ends=ends, why=why)
    )
    told(done, "changed", as_json)


@app.command("list")
def list_all(
    account: Annotated[str, typer.Option(help="Those that this account may name.", show_default=False)] = "",
    state: StateOption = "",
    search: SearchOption = "",
    offset: OffsetOption = 0,
    limit: LimitOption = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """List campaigns."""
    found = Visit(site, who).ask(
        lambda desk: campaigns.list_(desk, account=account, state=state, search=search, offset=offset, limit=limit)
    )
    print_list(found, ("state", "account", "slots", "starts", "ends"), as_json)


@app.command()
def show(
    name: NameArgument,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a campaign, and what became of it when."""
    visit = Visit(site, who)
    print_one(visit, visit.ask(lambda desk: campaigns.get(desk, name)), as_json)


def _step(action: str) -> Callable[..., None]:
    def take(
        name: NameArgument,
        *,
        why: WhyOption,
        site: SiteOption = Path(),
        who: WhoOption = "",
        as_json: JsonOption = False,
    ) -> None:
        told_step(Visit(site, who).ask(lambda desk: campaigns.step(desk, name, action, why=why)), action, as_json)

    return take


for _action, _help in steps("campaign"):
    app.command(_action, help=_help)(_step(_action))
