"""The route that says what would become of a message. How it is found out is handed in: the commands have it too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from fastapi import APIRouter, Request
from pydantic import Field

from smsgw.console.bodies import Number
from smsgw.console.people import At
from smsgw.console.problems import CHANGES
from smsgw.services.desk import EVERYBODY, Desk

router = APIRouter(prefix="/api")


class Imagined(Number):
    """A message that nobody sends."""

    account: str = Field(description="Who would send it. 账号。", examples=["shop"])
    text: str = Field(description="The whole text, with its signature. 短信全文（含签名）。")
    source: str = Field("", description="The source number; empty: the account's first. 主叫号码。")
    tier: str = Field("", description="The recipient's tier; empty: the one that is known. 等级。")
    campaign: str = Field("", description="The campaign that it names. 活动。")
    audience: str = Field("", description="The audience that it names. 人群。")
    at: str = Field("", description="When; empty for now. 时间。", examples=["2026-11-18 10:30"])


Explain: TypeAlias = Callable[[Desk, Imagined], Awaitable[dict[str, Any]]]


@router.post("/explain", tags=["explain"], summary="What would become of a message · 试算", responses=CHANGES)
async def explain(desk: At, request: Request, body: Imagined) -> dict[str, Any]:
    """Every rule's verdict with the value it looked at, and what would have to change. Nothing is sent or counted."""
    desk.require_role(*EVERYBODY)
    desk.require_account(body.account)
    ask: Explain = request.app.state.explain
    return await ask(desk, body)
