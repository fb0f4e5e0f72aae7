"""``smsgw signature``: which signatures an account may use, with owner, proof and state."""

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
    print_list,
    print_one,
    steps,
    told,
    told_step,
)
from smsgw.services import signatures

app = typer.Typer(no_args_is_help=True, help="Signatures of accounts (签名): register, activate, suspend, show.")

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Whose it is.", show_default=False)]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="示例商城 or 【示例商城】.", show_default=False)]
AccountOption = Annotated[str, typer.Option("--account", help="Only of this account.", show_default=False)]
_OWNER = "The company or brand that it stands for."
_PROOF = "What proves the right to it: a trademark, a licence, a letter of authority."


@app.command()
def add(
    account: AccountArgument,
    name: NameArgument,
    *,
    owner: Annotated[str, typer.Option(help=_OWNER, show_default=False)],
    proof: Annotated[str, typer.Option(help=_PROOF, show_default=False)],
    expires: ExpiresOption = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Register a signature as a draft; `activate` puts it in force."""
    done = Visit(site, who).ask(
        lambda desk: signatures.add(desk, account, name, owner=owner, proof=proof, expires=expires or "", why=why)
    )
    told(done, "registered", as_json)


@app.command()
def edit(
    account: AccountArgument,
    name: NameArgument,
    *,
    owner: Annotated[str | None, typer.Option(help=_OWNER, show_default=False)] = None,
    proof: Annotated[str | None, typer.Option(help=_PROOF, show_default=False)] = None,
    expires: ExpiresOption = None,
    why: WhyOption,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Change a signature's papers; what is not given stays as it is."""
    done = Visit(site, who).ask(
        lambda desk: signatures.change(desk, account, name, owner=owner, proof=proof, expires=expires, why=why)
    )
    told(done, "changed", as_json)


@app.command("list")
def list_all(
    account: AccountOption = "",
    state: StateOption = "",
    search: SearchOption = "",
    offset: OffsetOption = 0,
    limit: LimitOption = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """List registered signatures. Those of an account's file hold too, unless the register says otherwise."""
    found = Visit(site, who).ask(
        lambda desk: signatures.list_(desk, account=account, state=state, search=search, offset=offset, limit=limit)
    )
    print_list(found, ("state", "owner", "proof", "expires"), as_json)


@app.command()
def show(
    account: AccountArgument,
    name: NameArgument,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a signature, and what became of it when."""
    visit = Visit(site, who)
    print_one(visit, visit.ask(lambda desk: signatures.get(desk, account, name)), as_json)


def _step(action: str) -> Callable[..., None]:
    def take(
        account: AccountArgument,
        name: NameArgument,
        *,
        why: WhyOption,
        revision: RevisionOption = 0,
        site: SiteOption = Path(),
        who: WhoOption = "",
        as_json: JsonOption = False,
    ) -> None:
        done = Visit(site, who).ask(
            lambda desk: signatures.step(desk, account, name, action, revision=revision, why=why)
        )
        told_step(done, action, as_json)

    return take


for _action, _help in steps("signature"):
    app.command(_action, help=_help)(_step(_action))
