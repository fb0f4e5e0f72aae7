"""``smsgw channel``: whether an account or carrier may be used, applied for, reviewed by three, approved, activated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
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
from smsgw.services import channels

app = typer.Typer(
    no_args_is_help=True, help="Channels, the accounts and carriers (通道): apply, review, approve, activate, suspend."
)

ChannelArgument = Annotated[
    str, typer.Argument(metavar="CHANNEL", help="account:<name> or carrier:<name>.", show_default=False)
]
_LICENCE = "The number of the licence that it rests on."
_LICENCE_EXPIRES = "That licence's last day, such as 2027-06-30."


@app.command()
def add(
    channel: ChannelArgument,
    *,
    licence: Annotated[str, typer.Option(help=_LICENCE, show_default=False)],
    licence_expires: Annotated[str, typer.Option(help=_LICENCE_EXPIRES, show_default=False)],
    expires: ExpiresOption = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Apply for a channel; market, legal and technical review it, management approves it."""
    done = Visit(site, who).ask(
        lambda desk: channels.add(
            desk, channel, licence=licence, licence_expires=licence_expires, expires=expires or "", why=why
        )
    )
    told(done, "applied for", as_json)


@app.command()
def edit(
    channel: ChannelArgument,
    *,
    licence: Annotated[str | None, typer.Option(help=_LICENCE, show_default=False)] = None,
    licence_expires: Annotated[str | None, typer.Option(help=_LICENCE_EXPIRES, show_default=False)] = None,
    expires: ExpiresOption = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Change the papers of a draft, which undoes its reviews; what is not given stays as it is."""
    done = Visit(site, who).ask(
        lambda desk: channels.change(
            desk, channel, licence=licence, licence_expires=licence_expires, expires=expires, why=why
        )
    )
    told(done, "changed", as_json)


@app.command("list")
def list_all(
    state: StateOption = "",
    search: SearchOption = "",
    offset: OffsetOption = 0,
    limit: LimitOption = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """List channels."""
    found = Visit(site, who).ask(
        lambda desk: channels.list_(desk, state=state, search=search, offset=offset, limit=limit)
    )
    print_list(found, ("state", "licence", "licence_expires", "expires"), as_json)


@app.command()
def show(
    channel: ChannelArgument,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a channel, what became of it when, and what it waits for."""
    visit = Visit(site, who)
    found = visit.ask(lambda desk: channels.get(desk, channel))
    print_one(visit, found, as_json, next_steps("channel", channels.waits_for(found)))


def _step(action: str) -> Callable[..., None]:
    def take(
        channel: ChannelArgument,
        *,
        why: WhyOption,
        revision: RevisionOption = 0,
        site: SiteOption = Path(),
        who: WhoOption = "",
        as_json: JsonOption = False,
    ) -> None:
        done = Visit(site, who).ask(lambda desk: channels.step(desk, channel, action, revision=revision, why=why))
        told_step(done, action, as_json)

    return take


for _action, _help in steps("channel"):
    app.command(_action, help=_help)(_step(_action))
