"""``smsgw contact``: links and phone numbers that messages may name."""

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
    SearchOption,
    StateOption,
    print_list,
    print_one,
    steps,
    told,
    told_step,
)
from smsgw.services import contacts

app = typer.Typer(
    no_args_is_help=True, help="Links and phone numbers in texts (链接与电话): register, suspend, remove, show."
)

AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Whose it is; '*' for the whole company.", show_default=False)
]
KindArgument = Annotated[str, typer.Argument(metavar="KIND", help="link or phone.", show_default=False)]
ValueArgument = Annotated[
    str, typer.Argument(metavar="VALUE", help="shop.example, shop.example/offers or 400-800-1234.", show_default=False)
]
_OWNER = "Whose it is, for the record."


@app.command()
def add(
    account: AccountArgument,
    kind: KindArgument,
    value: ValueArgument,
    *,
    owner: Annotated[str, typer.Option(help=_OWNER, show_default=False)] = "",
    expires: ExpiresOption = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Register a link (a host with all below it) or a phone number; active at once."""
    done = Visit(site, who).ask(
        lambda desk: contacts.add(desk, account, kind, value, owner=owner, expires=expires or "", why=why)
    )
    told(done, "registered", as_json)


@app.command()
def edit(
    account: AccountArgument,
    kind: KindArgument,
    value: ValueArgument,
    *,
    owner: Annotated[str | None, typer.Option(help=_OWNER, show_default=False)] = None,
    expires: ExpiresOption = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Change whose a contact is, or how long it holds; what is not given stays as it is."""
    done = Visit(site, who).ask(
        lambda desk: contacts.change(desk, account, kind, value, owner=owner, expires=expires, why=why)
    )
    told(done, "changed", as_json)


@app.command()
def remove(
    account: AccountArgument,
    kind: KindArgument,
    value: ValueArgument,
    *,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
) -> None:
    """Take a link or phone number off the list."""
    Visit(site, who).ask(lambda desk: contacts.remove(desk, account, kind, value, why=why))
    typer.echo(f"{account}/{kind}/{value}: removed")


@app.command("list")
def list_all(
    account: Annotated[str, typer.Option(help="Those that this account may name.", show_default=False)] = "",
    kind: Annotated[str, typer.Option(help="Only link, or phone.", show_default=False)] = "",
    state: StateOption = "",
    search: SearchOption = "",
    offset: OffsetOption = 0,
    limit: LimitOption = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """List links and phone numbers."""
    found = Visit(site, who).ask(
        lambda desk: contacts.list_(
            desk, account=account, kind=kind, state=state, search=search, offset=offset, limit=limit
        )
    )
    print_list(found, ("state", "owner", "expires"), as_json)


@app.command()
def show(
    account: AccountArgument,
    kind: KindArgument,
    value: ValueArgument,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a link or phone number, and what became of it when."""
    visit = Visit(site, who)
    print_one(visit, visit.ask(lambda desk: contacts.get(desk, account, kind, value)), as_json)


def _step(action: str) -> Callable[..., None]:
    def take(
        account: AccountArgument,
        kind: KindArgument,
        value: ValueArgument,
        *,
        why: WhyOption,
        site: SiteOption = Path(),
        who: WhoOption = "",
        as_json: JsonOption = False,
    ) -> None:
        done = Visit(site, who).ask(lambda desk: contacts.step(desk, account, kind, value, action, why=why))
        told_step(done, action, as_json)

    return take


for _action, _help in steps("contact"):
    app.command(_action, help=_help)(_step(_action))
