"""Routes about stopping and accounting for it: pauses, the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from smsgw.console.bodies import Limit, Offset, Why
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.services import audit, pauses

router = APIRouter(prefix="/api")

_EXPIRES = "A duration such as 2h, or a time; empty for no end. 到期，如 2h。"


class Resumed(Why):
    """What to resume."""

    scope: str = Field(description="As it was paused. 暂停范围。", examples=["account:shop"])


class PauseOrdered(Why):
    """What to stop."""

    scope: str = Field(
        description="global, or department:, account:, signature:, template:, campaign: or carrier:<name>. 暂停范围。",
        examples=["account:shop"],
    )
    expires: str = Field("", description=_EXPIRES)


class PauseShown(BaseModel):
    """A pause."""

    model_config = ConfigDict(from_attributes=True)

    scope: str
    reason: str
    who: str
    at_ms: int
    expires_ms: int = Field(description="0: until it is resumed. 0 表示直到人工恢复。")
    in_force: bool
    revision: int


class Pauses(BaseModel):
    """A page of them."""

    items: list[PauseShown]
    total: int
    offset: int


class AuditShown(BaseModel):
    """An entry of the log."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    at: str
    who: str
    action: str
    subject: str
    why: str
    detail: dict[str, Any]
    hash: str


class AuditPageShown(BaseModel):
    """Newest first. ``next_before``: hand it in as ``before`` for older ones; 0: there are none."""

    model_config = ConfigDict(from_attributes=True)

    items: list[AuditShown]
    next_before: int


class FaultShown(BaseModel):
    """What is wrong at an entry."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    why: str


class VerifiedShown(BaseModel):
    """Whether the log is whole. ``head`` is what to keep elsewhere."""

    model_config = ConfigDict(from_attributes=True)

    whole: bool
    entries: int
    head: str
    faults: list[FaultShown]


@router.get("/pauses", tags=["pauses"], summary="Pauses in force · 暂停列表", responses=LOOKS)
async def list_pauses(
    desk: At,
    scope: Annotated[str, Query(description="Its beginning, such as account:. 范围前缀。")] = "",
    ended: Annotated[bool, Query(description="Also those whose end has come. 包括已到期。")] = False,
    offset: Offset = 0,
    limit: Limit = 50,
) -> Pauses:
    """By scope."""
    found = await pauses.list_(desk, scope=scope, ended=ended, offset=offset, limit=limit)
    items = [PauseShown.model_validate(each) for each in found.items]
    return Pauses(items=items, total=found.total, offset=found.offset)


@router.post("/pauses", tags=["pauses"], summary="Pause · 暂停", responses=CHANGES)
async def pause(desk: At, body: PauseOrdered) -> PauseShown:
    """In force on every process when this answers: new messages are refused, waiting ones stay."""
    return PauseShown.model_validate(await pauses.pause(desk, body.scope, why=body.why, expires=body.expires))


@router.patch("/pauses", tags=["pauses"], summary="Another end and reason · 修改暂停", responses=CHANGES)
async def change_pause(desk: At, body: PauseOrdered) -> PauseShown:
    """Without a moment in between that it is not in force."""
    return PauseShown.model_validate(await pauses.change(desk, body.scope, why=body.why, expires=body.expires))


@router.post("/pauses/resume", tags=["pauses"], summary="Resume · 恢复", responses=CHANGES)
async def resume(desk: At, body: Resumed) -> PauseShown:
    """What waited goes out in order, at the site's rate."""
    return PauseShown.model_validate(await pauses.resume(desk, body.scope, why=body.why))


@router.get("/audit", tags=["audit"], summary="Who changed what · 审计日志", responses=LOOKS)
async def list_audit(
    desk: At,
    who: Annotated[str, Query(description="操作人。")] = "",
    action: Annotated[str, Query(description="Its beginning, such as template. 操作前缀。")] = "",
    subject: Annotated[str, Query(description="Part of it. 对象。")] = "",
    since: Annotated[str, Query(description="A day or a time. 起始时间。")] = "",
    until: Annotated[str, Query(description="A day or a time, exclusive. 截止时间。")] = "",
    before: Annotated[int, Query(description="next_before of the page before. 上一页的 next_before。")] = 0,
    limit: Limit = 50,
) -> AuditPageShown:
    """Newest first."""
    found = await audit.list_(
        desk, who=who, action=action, subject=subject, since=since, until=until, before=before, limit=limit
    )
    return AuditPageShown.model_validate(found)


@router.get("/audit/verify", tags=["audit"], summary="Is the log whole? · 校验审计日志", responses=LOOKS)
async def verify_audit(
    desk: At,
    kept: Annotated[str, Query(description="A head that was noted down, <number>:<hash>. 先前留存的校验值。")] = "",
) -> VerifiedShown:
    """Looks at every entry and its place in the chain."""
    return VerifiedShown.model_validate(await audit.verify(desk, kept=kept))


@router.get(
    "/audit/export",
    tags=["audit"],
    summary="A copy of the log · 导出审计日志",
    responses={**LOOKS, 200: {"content": {"application/x-ndjson": {}}, "description": "One JSON object a line."}},
    response_class=StreamingResponse,
)
async def export_audit(desk: At) -> StreamingResponse:
    """Oldest first; the last line is the head to keep elsewhere."""
    lines = audit.export(desk)
    first = await anext(lines)  # a store that is away is an error, and no copy that is empty
    return StreamingResponse(_lines(first, lines), media_type="application/x-ndjson")


async def _lines(first: str, lines: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first + "\n"
    async for line in lines:
        yield line + "\n"
