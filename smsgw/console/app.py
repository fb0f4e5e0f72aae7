"""The console as an ASGI application over an opened store.

    app = build_app(site, store, clock.now_ms)

Routes are in ``recipients``, ``messages``, ``approvals``, ``content``, ``control`` and ``explaining``.
Never opens or closes the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI
from pydantic import BaseModel

from smsgw import __version__
from smsgw.config.people import PEOPLE_FILE
from smsgw.config.site import Site
from smsgw.console import approvals, content, control, explaining, messages, problems, recipients
from smsgw.console.explaining import Explain
from smsgw.console.guard import Guard
from smsgw.console.people import At, People
from smsgw.console.problems import LOOKS
from smsgw.errors import ConfigError
from smsgw.store.connection import Store

_ABOUT: Final = """What staff and their programs do about messages: who may be written to, what may be sent, when, and
what is stopped at once. Every request has the header `Authorization: Bearer <token>`; every change needs a reason
(`why`) and is audited. Every error is `{"error": a sentence}`.

员工与系统通过本接口管理短信：名单、同意、内容、审批、暂停与审计。每个请求须带令牌，每次变更须说明原因（`why`）并留痕。
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
    {"name": "audit", "description": "Who changed what · 审计"},
    {"name": "console", "description": "The console itself · 控制台"},
]


class Me(BaseModel):
    """Whose token it is."""

    name: str
    roles: list[str]


class Health(BaseModel):
    """That the console runs."""

    status: str = "ok"


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
) -> FastAPI:
    """The application. ``now_ms`` is business time; ``refresh_clock`` is awaited before each request asks it.

    ``explain`` judges an imagined message; without it there is no such route. Raises ConfigError when the
    site names nobody who may use it.
    """
    check_people(site)
    app = FastAPI(
        title="smsgw console",
        description=_ABOUT,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_tags=_TAGS,
    )
    app.state.people = People(site, store, now_ms)
    app.state.refresh_clock = refresh_clock
    for room in (recipients, messages, approvals, content, control):
        app.include_router(room.router)
    if explain is not None:
        app.state.explain = explain
        app.include_router(explaining.router)

    @app.get("/healthz", tags=["console"], summary="Does it run? · 健康检查")
    async def healthz() -> Health:
        """Needs no token and says nothing of the store."""
        return Health()

    @app.get("/api/me", tags=["console"], summary="Who am I? · 当前用户", responses=LOOKS)
    async def me(desk: At) -> Me:
        """The name and the roles behind the token."""
        return Me(name=desk.person.name, roles=sorted(desk.person.roles))

    problems.install(app)
    app.add_middleware(Guard, hosts=(site.console.host, *site.console.hosts))
    return app
