"""Routes of statistics and costs, as JSON and as CSV."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from smsgw.console.people import At
from smsgw.console.problems import LOOKS
from smsgw.services import figures
from smsgw.services.asking import Asking
from smsgw.services.figures import CostReport, FigureReport, Wanted

router = APIRouter(prefix="/api", tags=["figures"])

_CSV: Final = "text/csv; charset=utf-8"
_AS_CSV: Final[dict[int | str, dict[str, Any]]] = {
    **LOOKS,
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The table. 表格。"},
}


async def asking_of(request: Request) -> Asking:
    """Who answers questions over records."""
    found: Asking = request.app.state.asking
    return found


AskingOf = Annotated[Asking, Depends(asking_of)]
By = Annotated[str, Query(description=f"Groups, with commas: {', '.join(figures.GROUPS)}. 分组。", max_length=200)]
Since = Annotated[str, Query(description="A day or a whole hour, ISO 8601; empty: a day ago. 起。", max_length=40)]
Until = Annotated[str, Query(description="Before: a day or a whole hour; empty: now. 止（不含）。", max_length=40)]
Only = Annotated[str, Query(description="Only of this one; empty: all. 仅此项。", max_length=200)]
Class = Annotated[Literal["", "otp", "notice", "marketing"], Query(description="Only of this class. 仅此类别。")]


async def conditions(
    account: Only = "",
    department: Only = "",
    carrier: Only = "",
    province: Only = "",
    message_class: Class = "",
    template: Only = "",
    campaign: Only = "",
    signature: Only = "",
) -> dict[str, str]:
    """One value of some dimensions."""
    return {
        "account": account, "department": department, "carrier": carrier, "province": province,
        "message_class": message_class, "template": template, "campaign": campaign, "signature": signature,
    }  # fmt: skip


Where = Annotated[dict[str, str], Depends(conditions)]
Latencies = Annotated[bool, Query(description="Also how soon; by province or template it takes longer. 含时延。")]


def _wanted(by: str, since: str, until: str, where: dict[str, str], latencies: bool = False) -> Wanted:
    names = tuple(filter(None, (each.strip() for each in by.split(","))))
    return Wanted(names, since, until, where, latencies)


def _file(text: str, name: str) -> Response:
    return Response(text, media_type=_CSV, headers={"content-disposition": f'attachment; filename="{name}.csv"'})


@router.get("/figures", summary="Statistics by any groups · 统计", responses=LOOKS)
async def statistics(
    desk: At,
    asking: AskingOf,
    where: Where,
    by: By = "",
    since: Since = "",
    until: Until = "",
    latencies: Latencies = True,
) -> FigureReport:
    """What happened in that time: each step counts in the hour in which it happened."""
    return await figures.statistics(desk, asking, _wanted(by, since, until, where, latencies))


@router.get("/figures.csv", summary="The same as CSV · 导出统计", responses=_AS_CSV, response_class=Response)
async def statistics_file(
    desk: At,
    asking: AskingOf,
    where: Where,
    by: By = "",
    since: Since = "",
    until: Until = "",
    latencies: Latencies = True,
) -> Response:
    """For spreadsheets."""
    found = await figures.statistics(desk, asking, _wanted(by, since, until, where, latencies))
    return _file(figures.statistics_csv(found), "smsgw-figures")


@router.get("/figures/cost", summary="What was spent · 费用", responses=LOOKS)
async def costs(
    desk: At, asking: AskingOf, where: Where, by: By = "department", since: Since = "", until: Until = ""
) -> CostReport:
    """Segments that carriers took, at their prices."""
    return await figures.costs(desk, asking, _wanted(by, since, until, where))


@router.get("/figures/cost.csv", summary="Costs as CSV · 导出费用", responses=_AS_CSV, response_class=Response)
async def costs_file(
    desk: At, asking: AskingOf, where: Where, by: By = "department", since: Since = "", until: Until = ""
) -> Response:
    """For spreadsheets."""
    found = await figures.costs(desk, asking, _wanted(by, since, until, where))
    return _file(figures.costs_csv(found), "smsgw-costs")
