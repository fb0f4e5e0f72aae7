"""``smsgw quota``: how much of its day and month each account has used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import Cell, console, print_json, table
from smsgw.services import quotas
from smsgw.services.desk import Desk
from smsgw.services.quotas import Period, QuotaUse


def quota(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Only this account.", show_default="all")] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what accounts have used of their quotas (配额); the limits are in the accounts' files."""

    async def look(desk: Desk) -> list[QuotaUse]:
        return [await quotas.get(desk, account)] if account else await quotas.list_(desk)

    found = Visit(site, who).ask(look)
    if as_json:
        print_json({"items": [each.model_dump() for each in found]})
        return
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        rows += [_row(each, period) for period in each.periods] or [(each.account, "no quota", "", "", "", "")]
    console().print(table(("account", "per", "used", "limit", "left", "next begins"), rows, ("used", "limit", "left")))


def _row(use: QuotaUse, period: Period) -> tuple[Cell, ...]:
    left = Text(str(period.left), style="" if period.left else "red")
    return use.account, period.period, period.used, period.limit, left, period.ends
