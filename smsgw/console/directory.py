"""The route of what a site has for people to choose from."""

from __future__ import annotations

from fastapi import APIRouter

from smsgw.console.people import At
from smsgw.console.problems import LOOKS
from smsgw.services.directory import SiteNamed, names

router = APIRouter(prefix="/api")


@router.get("/site", tags=["console"], summary="Names to choose from · 站点名录", responses=LOOKS)
async def site(desk: At) -> SiteNamed:
    """Accounts, departments, carriers, tiers, and who may take which step of a review."""
    return names(desk)
