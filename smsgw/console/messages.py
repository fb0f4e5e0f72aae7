"""Routes about messages and accounts: the review queue, quotas."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from smsgw.console.bodies import Limit, Why
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.services import quotas, review

router = APIRouter(prefix="/api")

MessageId = Annotated[str, Path(description="The message's id, as its submit_sm_resp gave it. 消息编号。")]


@router.get("/review", tags=["review"], summary="Messages that wait for a person · 待审核消息", responses=LOOKS)
async def waiting(
    desk: At,
    limit: Limit = 50,
    after: Annotated[str, Query(description="What the page before gave as next. 上一页的 next。")] = "",
) -> review.WaitingPage:
    """The longest waiting first, with the whole text and masked numbers."""
    return await review.list_(desk, limit=limit, after=after)


@router.get("/review/{message_id}", tags=["review"], summary="One message that waits · 待审核消息详情", responses=LOOKS)
async def one_waiting(desk: At, message_id: MessageId) -> review.Waiting:
    """With the whole text and a masked number."""
    return await review.get(desk, message_id)


@router.post("/review/{message_id}/reveal", tags=["review"], summary="Its full number · 完整号码", responses=CHANGES)
async def reveal(desk: At, message_id: MessageId, body: Why) -> review.Revealed:
    """The audit log says who looked, and why."""
    return await review.reveal(desk, message_id, body.why)


@router.post("/review/{message_id}/release", tags=["review"], summary="Let it go on · 放行", responses=CHANGES)
async def release(desk: At, message_id: MessageId, body: Why) -> review.Decided:
    """All other rules are still looked at."""
    return await review.release(desk, message_id, body.why)


@router.post("/review/{message_id}/reject", tags=["review"], summary="Reject it · 驳回", responses=CHANGES)
async def reject(desk: At, message_id: MessageId, body: Why) -> review.Decided:
    """Its application gets a receipt."""
    return await review.reject(desk, message_id, body.why)


@router.get("/quotas", tags=["quotas"], summary="Every account's quota · 配额使用情况", responses=LOOKS)
async def all_quotas(desk: At) -> list[quotas.QuotaUse]:
    """Used, limit and what is left of the day and the month."""
    return await quotas.list_(desk)


@router.get("/quotas/{account}", tags=["quotas"], summary="One account's quota · 单个账号配额", responses=LOOKS)
async def one_quota(desk: At, account: str) -> quotas.QuotaUse:
    """Used, limit and what is left of the day and the month."""
    return await quotas.get(desk, account)
