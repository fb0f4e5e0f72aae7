"""Routes of signing in by the company's identity provider, and of which ways in there are.

A browser goes away and comes back by plain links, so what went wrong is told to the page by a word in its address:
``/?oidc=over``, ``refused``, ``away``, ``unknown`` or ``wait``; the console's own log has the reason.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from smsgw.config.oidc import START
from smsgw.console.people import COOKIE, People, address_of
from smsgw.console.problems import responses
from smsgw.errors import RequestError
from smsgw.services.desk import masked
from smsgw.services.oidc import PENDING_MS, NotProved, Provider
from smsgw.services.sessions import MOST_MS
from smsgw.telemetry.logs import EventLog

router = APIRouter(prefix="/api", tags=["sessions"])

PENDING_COOKIE = "smsgw_oidc"
_HOME = "/"
_REDIRECTS = {**responses(404), 303: {"description": "To the provider, or back to the page. 跳转。"}}
_log = EventLog("smsgw.console")


class OidcWay(BaseModel):
    """Signing in by the company's own account."""

    start: str = Field(description="Where a link goes to. 登录链接。")
    label: str = Field(description="How the company calls it; may be empty. 名称。")


class Ways(BaseModel):
    """How people may sign in here."""

    password: bool
    oidc: OidcWay | None = None


@router.get("/session/ways", summary="Ways to sign in · 登录方式", responses=responses())
async def ways(request: Request) -> Ways:
    """For the page on which nobody is signed in yet."""
    people: People = request.app.state.people
    provider = people.provider
    way = OidcWay(start=START, label=provider.settings.label) if provider is not None else None
    return Ways(password=people.has_passwords(), oidc=way)


@router.get(
    "/session/oidc",
    summary="Sign in elsewhere · 统一身份登录",
    responses=_REDIRECTS,
    status_code=303,
    response_class=RedirectResponse,
)
async def begin(request: Request) -> RedirectResponse:
    """Sends the browser to the identity provider."""
    provider = _provider(request)
    try:
        where, pending = await provider.begin()
    except NotProved as error:
        return _back(error.word, str(error))
    answer = RedirectResponse(where, 303)
    answer.set_cookie(
        PENDING_COOKIE,
        pending,
        max_age=PENDING_MS // 1000,
        path=START,
        samesite="lax",  # the provider's page sends the browser back
        secure=_is_tls(provider),
        httponly=True,
    )
    return answer


@router.get(
    "/session/oidc/callback",
    summary="Back from there · 统一身份登录返回",
    responses=_REDIRECTS,
    status_code=303,
    response_class=RedirectResponse,
)
async def finish(request: Request) -> RedirectResponse:
    """Where the provider sends the browser back to: signs in whom people.toml knows by ``oidc``."""
    provider = _provider(request)
    people: People = request.app.state.people
    address = address_of(request)
    pending = request.cookies.get(PENDING_COOKIE, "")
    try:
        person = await people.proved_by(provider, pending, request.query_params, address)
    except NotProved as error:
        return _back(error.word, str(error))
    except HTTPException as error:
        return _back("wait", str(error.detail))
    await request.app.state.refresh_clock()
    request.state.who = person.name
    cookie = await people.sessions.begin(people.desk_of(person), person, address, how="OpenID Connect")
    answer = _back()
    answer.set_cookie(
        COOKIE, cookie, max_age=MOST_MS // 1000, samesite="strict", secure=_is_tls(provider), httponly=True
    )
    return answer


def _provider(request: Request) -> Provider:
    people: People = request.app.state.people
    if people.provider is None:
        raise RequestError("missing", "this site has no identity provider; [console.oidc] in smsgw.toml names one")
    return people.provider


def _is_tls(provider: Provider) -> bool:
    return provider.settings.url.startswith("https:")


def _back(word: str = "", why: str = "") -> RedirectResponse:
    if word:
        _log.warning("console.oidc_refused", word=word, why=masked(why))
    answer = RedirectResponse(f"{_HOME}?oidc={word}" if word else _HOME, 303)
    answer.delete_cookie(PENDING_COOKIE, path=START)
    return answer
