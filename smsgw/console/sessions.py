"""Routes of signing in and out in a browser.

The cookie is for the console's own pages: no script can read it, and no other site's page makes a browser send it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from smsgw.config.people import MOST_PASSWORD_CHARS
from smsgw.console.bodies import Body
from smsgw.console.people import COOKIE, At, People, address_of, who
from smsgw.console.problems import CHANGES, LOOKS, responses
from smsgw.errors import RequestError
from smsgw.services.desk import MOST_NAME_CHARS
from smsgw.services.sessions import ALL, MOST_MS, THIS, SessionRow

router = APIRouter(prefix="/api", tags=["sessions"])


class SignIn(Body):
    """Who wants in."""

    name: str = Field(description="As people.toml names them. 用户名。", max_length=MOST_NAME_CHARS)
    password: str = Field(description="密码。", max_length=MOST_PASSWORD_CHARS, repr=False)
    code: str = Field("", description="The code of the telephone, if one is asked for. 动态验证码。", max_length=20)


class End(Body):
    """Which session to end."""

    which: Annotated[str, Field(description="this, all, or an id of /api/sessions. 本会话、全部或会话编号。")] = THIS


class Signed(BaseModel):
    """Who is signed in. ``csrf`` belongs into the header ``X-CSRF-Token`` of every request that is no GET."""

    name: str
    roles: list[str]
    rights: list[str] = Field(description="Such as GET /api/quotas. 可执行的请求。")
    accounts: list[str] | None = Field(description="Those that they see; null: all. 可见账号，null 为全部。")
    csrf: str


class Ended(BaseModel):
    """How many sessions were ended."""

    ended: int


@router.post("/session", summary="Sign in · 登录", responses=responses(409, 413, 415))
async def sign_in(request: Request, response: Response, body: SignIn) -> Signed:
    """Sets the cookie. Idle for half an hour it is worthless, after twelve hours in any case."""
    people: People = request.app.state.people
    address = address_of(request)
    person = await people.proved(body.name, body.password, body.code, address)
    await request.app.state.refresh_clock()
    desk = people.desk_of(person)
    request.state.who = person.name
    cookie = await people.sessions.begin(desk, person, address)
    response.set_cookie(
        COOKIE, cookie, max_age=MOST_MS // 1000, secure=_is_tls(request), httponly=True, samesite="strict"
    )
    return Signed(**who(desk), csrf=people.sessions.csrf(cookie))


@router.get("/session", summary="My session · 当前会话", responses=LOOKS)
async def mine(request: Request, desk: At) -> Signed:
    """What a page needs that was loaded anew; 404 for a program with a token."""
    if not here_of(request):
        raise RequestError("missing", "who comes with a token has no session")
    people: People = request.app.state.people
    csrf = people.sessions.csrf(request.cookies[COOKIE])
    return Signed(**who(desk), csrf=csrf)


@router.post("/session/end", summary="Sign out · 退出登录", responses=CHANGES)
async def end(request: Request, response: Response, desk: At, body: End) -> Ended:
    """Here, everywhere, or somewhere else."""
    people: People = request.app.state.people
    here = here_of(request)
    ended = await people.sessions.end(desk, body.which, here)
    if here and body.which in (THIS, ALL, here):
        response.delete_cookie(COOKIE, secure=_is_tls(request), httponly=True, samesite="strict")
    return Ended(ended=ended)


@router.get("/sessions", summary="Where I am signed in · 我的会话", responses=LOOKS)
async def list_(request: Request, desk: At) -> list[SessionRow]:
    """The oldest first."""
    people: People = request.app.state.people
    return await people.sessions.list_(desk, here_of(request))


def here_of(request: Request) -> str:
    """The id of the session that asks; empty for a token."""
    return str(getattr(request.state, "session", ""))


def _is_tls(request: Request) -> bool:
    return request.url.scheme == "https"
