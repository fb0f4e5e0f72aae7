"""Routes about people: who may use the console, and ending somebody's sessions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from smsgw.console.bodies import Why
from smsgw.console.people import At, People
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.console.sessions import Ended, here_of
from smsgw.services import people
from smsgw.services.sessions import ALL, SessionRow

router = APIRouter(prefix="/api", tags=["people"])


class EndTheirs(Why):
    """Which of somebody's sessions to end."""

    which: str = Field(ALL, description="all, or an id of their sessions. 全部或会话编号。")


@router.get("/people", summary="Who may come in · 人员", responses=LOOKS)
async def list_(request: Request, desk: At) -> people.PeopleShown:
    """As people.toml has them now, with their last sign-in; never what is stored of their secrets."""
    known: People = request.app.state.people
    return await people.list_(desk, known.all(), known.sessions)


@router.get("/people/{name}/sessions", summary="Where they are signed in · 人员会话", responses=LOOKS)
async def sessions_of(request: Request, desk: At, name: str) -> list[SessionRow]:
    """The oldest first."""
    known: People = request.app.state.people
    return await people.sessions_of(desk, known.all(), known.sessions, name, here_of(request))


@router.post("/people/{name}/sessions/end", summary="Sign them out · 强制退出", responses=CHANGES)
async def end_sessions(request: Request, desk: At, name: str, body: EndTheirs) -> Ended:
    """At once; they may sign in again unless people.toml says otherwise."""
    known: People = request.app.state.people
    return Ended(ended=await people.end_sessions(desk, known.all(), known.sessions, name, body.which, body.why))
