"""The route of short links and their clicks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from smsgw.console.figures import AskingOf, Only
from smsgw.console.people import At
from smsgw.console.problems import LOOKS
from smsgw.services import links
from smsgw.services.links import MOST_DAYS, LinksReport

router = APIRouter(prefix="/api", tags=["figures"])
Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="Clicks of so many days. 统计天数。")]


@router.get("/links", summary="Short links and clicks · 短链接与点击", responses=LOOKS)
async def overview(
    desk: At, asking: AskingOf, account: Only = "", campaign: Only = "", days: Days = 30
) -> LinksReport:  # fmt: skip
    """By template and campaign: how many short links there are, and how often people followed them."""
    return await links.overview(desk, asking, account=account, campaign=campaign, days=days)
