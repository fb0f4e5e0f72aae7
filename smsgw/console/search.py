"""Routes of the search for messages, and of one message whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from smsgw.console.bodies import Body, Why
from smsgw.console.figures import AskingOf
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.services import message_view, search
from smsgw.services.message_view import Message
from smsgw.services.search import MessagePage, Question

router = APIRouter(prefix="/api/messages", tags=["messages"])

MessageId = Annotated[str, Path(description="As its submit_sm_resp gave it. 消息编号。", max_length=40)]
_MOST: int = 200


class Look(Body):
    """What is looked for; left out: any. In a body, for a number belongs into no address."""

    number: str = Field("", description="A recipient's. 手机号码。", examples=["13800138000"], max_length=40)
    message_id: str = Field("", description="Ours. 消息编号。", max_length=40)
    carrier_message_id: str = Field("", description="The carrier's. 通道消息编号。", max_length=_MOST)
    account: str = Field("", description="账号。", max_length=_MOST)
    carrier: str = Field("", description="通道。", max_length=_MOST)
    template: str = Field("", description="With or without its version. 模板。", max_length=_MOST)
    campaign: str = Field("", description="活动。", max_length=_MOST)
    province: str = Field("", description="省份。", max_length=_MOST)
    message_class: str = Field("", description="otp, notice or marketing. 类别。", max_length=20)
    step: str = Field("", description=f"One of {', '.join(search.STEPS)}. 环节。", max_length=40)
    rule: str = Field("", description="That refused it. 拒绝规则。", examples=["optout"], max_length=_MOST)
    since: str = Field("", description="Empty: a day ago, of a number a week. 起。", max_length=40)
    until: str = Field("", description="Empty: now. 止。", max_length=40)
    after: str = Field("", description="What the page before gave as next. 上一页的 next。", max_length=40)
    limit: int = Field(50, ge=1, le=search.MOST_ROWS)


@router.post("/search", summary="Find messages · 查询消息", responses=CHANGES)
async def find(desk: At, asking: AskingOf, body: Look) -> MessagePage:
    """The newest first; numbers masked."""
    return await search.search(desk, asking, Question(**body.model_dump()))


@router.get("/{message_id}", summary="One message whole · 消息轨迹", responses=LOOKS)
async def one(desk: At, asking: AskingOf, message_id: MessageId) -> Message:
    """Every step of both legs, with the PDUs that are kept; number and text masked."""
    return await message_view.message(desk, asking, message_id)


@router.post("/{message_id}/reveal", summary="With number and text · 查看号码与内容", responses=CHANGES)
async def reveal(desk: At, asking: AskingOf, message_id: MessageId, body: Why) -> Message:
    """The audit log says who looked, and why."""
    return await message_view.reveal(desk, asking, message_id, body.why)
