"""The console as an ASGI application over an opened store.

    app = build_app(site, store, clock.now_ms)

Routes are in ``recipients``, ``messages``, ``approvals``, ``content``, ``control``, ``sessions`` and ``explaining``.
Never opens or closes the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field

from smsgw import __version__
from smsgw.alarms.running import Book
from smsgw.alarms.sending import Sender
from smsgw.config.people import PEOPLE_FILE
from smsgw.config.site import Site
from smsgw.console import (
    alarms,
    approvals,
    content,
    control,
    directory,
    explaining,
    figures,
    links,
    live,
    messages,
    oidc,
    pages,
    problems,
    recipients,
    reports,
    search,
    sessions,
    staff,
)
from smsgw.console.explaining import Explain
from smsgw.console.guard import Guard
from smsgw.console.people import At, People, who
from smsgw.console.problems import LOOKS
from smsgw.console.watching import Watcher
from smsgw.errors import ConfigError
from smsgw.services.asking import Asking, here_of
from smsgw.services.oidc import Provider
from smsgw.services.sessions import Sessions
from smsgw.store.connection import Store

_ABOUT: Final = """What staff and their programs do about messages: who may be written to, what may be sent, when, and
what is stopped at once. Every request has the header `Authorization: Bearer <token>`, or the cookie of a session and,
if it is no GET, the header `X-CSRF-Token`; every change needs a reason (`why`) and is audited. Every error is
`{"error": a sentence}`.

员工与系统通过本接口管理短信：名单、同意、内容、审批、暂停与审计。每个请求须带令牌或登录会话，每次变更须说明原因（`why`）并留痕。
"""
_TAGS: Final = [
    {"name": "recipients", "description": "What is known of a recipient · 号码"},
    {"name": "optouts", "description": "Who does not want to hear from us · 退订"},
    {"name": "consents", "description": "Who agreed, with proof · 同意"},
    {"name": "blacklist", "description": "Blacklists and complaints · 黑名单与投诉"},
    {"name": "dead numbers", "description": "Numbers that nobody has · 空号"},
    {"name": "tiers", "description": "Tiers of recipients · 等级"},
    {"name": "review", "description": "Messages held for a person · 人工审核"},
    {"name": "quotas", "description": "Day and month of each account · 配额"},
    {"name": "signatures", "description": "Registered signatures · 签名"},
    {"name": "templates", "description": "Approved texts · 模板"},
    {"name": "channels", "description": "Accounts and carriers approved for use · 通道审批"},
    {"name": "words", "description": "Word lists · 敏感词"},
    {"name": "contacts", "description": "Registered links and phone numbers · 链接与电话"},
    {"name": "campaigns", "description": "Campaigns and their slots · 活动"},
    {"name": "pauses", "description": "Stop at once, resume · 暂停与恢复"},
    {"name": "explain", "description": "What would become of a message · 试算"},
    {"name": "live", "description": "What happens now · 实时状态"},
    {"name": "messages", "description": "Finding messages, and one whole · 消息查询"},
    {"name": "figures", "description": "Statistics and costs · 统计与费用"},
    {"name": "reports", "description": "Monthly, audit and incident reports · 报表"},
    {"name": "alarms", "description": "What rings, and who is told · 告警"},
    {"name": "audit", "description": "Who changed what · 审计"},
    {"name": "sessions", "description": "Signing in with a browser · 登录"},
    {"name": "people", "description": "Who may come in · 人员"},
    {"name": "console", "description": "The console itself · 控制台"},
]


class Me(BaseModel):
    """Who asks, and what they may do."""

    name: str
    roles: list[str]
    rights: list[str] = Field(description="Such as GET /api/quotas. 可执行的请求。")
    accounts: list[str] | None = Field(description="Those that they see; null: all. 可见账号，null 为全部。")


class Health(BaseModel):
    """That the console runs."""

    status: str = "ok"


_about = APIRouter()


@_about.get("/healthz", tags=["console"], summary="Does it run? · 健康检查")
async def healthz() -> Health:
    """Needs no token and says nothing of the store."""
    return Health()


@_about.get("/api/me", tags=["console"], summary="Who am I? · 当前用户", responses=LOOKS)
async def me(desk: At) -> Me:
    """The name and the roles behind the token or the session."""
    return Me(**who(desk))


ROOMS: Final = (
    recipients.router, messages.router, approvals.router, content.router, control.router, sessions.router,
    oidc.router, figures.router, links.router, search.router, live.router, directory.router, reports.router,
    alarms.router, staff.router, pages.router, _about,
)  # fmt: skip
"""Everything but ``explaining``, which not every application has."""


async def _clock_is_fresh() -> None:
    """Real time needs no asking."""


def check_people(site: Site) -> None:
    """Raises ConfigError when the site names nobody who may use the console."""
    if not site.people:
        why = (
            "is missing or names nobody, so nobody could use the console; write a [[person]] with name, roles and the"
            " token that `smsgw console token NAME` prints (people.toml.example shows how)"
        )
        raise ConfigError(site.directory / PEOPLE_FILE, 0, "", why)


def build_app(
    site: Site,
    store: Store,
    now_ms: Callable[[], int],
    refresh_clock: Callable[[], Awaitable[None]] = _clock_is_fresh,
    explain: Explain | None = None,
    real_ms: Callable[[], int] | None = None,
    asking: Asking | None = None,
    watcher: Watcher | None = None,
) -> FastAPI:
    """The application. ``now_ms`` is business time; ``refresh_clock`` is awaited before each request asks it.

    ``explain`` judges an imagined message; without it there is no such route. ``real_ms``: the time that sessions and
    codes go by, the machine's if left out. ``asking`` answers questions over records, this process if left out. Raises
    ConfigError when the site names nobody who may use it.
    """
    check_people(site)
    app = FastAPI(
        title="smsgw console",
        description=_ABOUT,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=_TAGS,
    )
    signed_in = Sessions(store, real_ms)
    known = site.console.oidc
    provider = Provider(known, store.sealer, signed_in.use_state, signed_in.now_ms) if known is not None else None
    app.state.people = People(site, store, now_ms, signed_in, provider)
    app.state.refresh_clock = refresh_clock
    app.state.asking = asking if asking is not None else here_of(site)
    app.state.watcher = watcher if watcher is not None else Watcher(site, store)
    for room in ROOMS:
        app.include_router(room)
    app.state.alarm_book, app.state.alarm_sender = Book(site), Sender()
    if explain is not None:
        app.state.explain = explain
        app.include_router(explaining.router)
    problems.install(app)
    app.add_middleware(Guard, hosts=(site.console.host, *site.console.hosts))
    return app
