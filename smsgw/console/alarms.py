"""Routes of alarms: what rings, silences, acknowledgements, channels."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from smsgw.alarms.sending import Sends
from smsgw.config.alarms import AlarmSettings
from smsgw.console.bodies import Limit, Offset, Why
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.services import alarms

router = APIRouter(prefix="/api/alarms", tags=["alarms"])
_KIND = "A kind, see kinds of GET /api/alarms; empty: every kind. 告警类型，留空为全部。"
_ONLY = "Patterns of labels, such as carrier: alpha or template: spring-*; empty: all. 标签匹配。"


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Alarm(_Shown):
    """An alarm. ``*_zh`` are the Chinese words."""

    id: str
    kind: str
    state: str = Field(description="pending or firing. 状态。")
    severity: str
    labels: dict[str, str]
    title: str
    title_zh: str
    text: str
    text_zh: str
    advice: str
    advice_zh: str
    value: float
    threshold: float
    unit: str
    volume: int
    window_s: float
    since_ms: int
    fired_ms: int
    silenced_until_ms: int
    silenced_why: str
    silenced_by: str
    covered: bool = Field(description="A wider alarm of its kind rings. 已被更大范围的告警覆盖。")
    acknowledged_by: str
    acted: str
    told: dict[str, int]


class Silenced(_Shown):
    """A silence in force."""

    id: str
    kind: str
    only: dict[str, str]
    until_ms: int
    why: str
    who: str
    at_ms: int


class Channel(_Shown):
    """Where alarms go; never how."""

    name: str
    language: str
    severity: str
    quiet: list[str]
    arrived_ms: int
    failing_ms: int
    failures: int
    next_ms: int
    why: str


class Board(_Shown):
    """Everything at a glance."""

    looked_ms: int
    late: bool = Field(description="Nobody has looked lately. 告警引擎近期未运行。")
    why_not: dict[str, str]
    firing: list[Alarm]
    silenced: list[Alarm]
    pending: list[Alarm]
    silences: list[Silenced]
    channels: list[Channel]
    kinds: list[str]


class History(_Shown):
    """What happened, newest first."""

    items: list[dict[str, Any]]
    total: int
    offset: int


class Silence(Why):
    """What to be silent about, and until when."""

    kind: str = Field("", description=_KIND, examples=["delivery_low"])
    only: dict[str, str] = Field(default_factory=dict, description=_ONLY, examples=[{"carrier": "alpha"}])
    until: str = Field(description="A duration such as 2h, or a time. 截止，如 2h。", examples=["2h"])


class EndSilence(Why):
    """Which silence to end."""

    id: str = Field(description="As GET /api/alarms has it. 静默编号。")


class Acknowledge(Why):
    """Which alarm somebody takes care of."""

    id: str = Field(description="As GET /api/alarms has it. 告警编号。")


class TryChannel(Why):
    """Which channel to try."""

    channel: str = Field(description="Its name in alarms.toml. 告警通道名称。")


class Tried(_Shown):
    """Whether it arrived."""

    arrived: bool
    why: str


def _settings(request: Request) -> AlarmSettings:
    found: AlarmSettings = request.app.state.alarm_book.settings()
    return found


def _sender(request: Request) -> Sends:
    found: Sends = request.app.state.alarm_sender
    return found


InForce = Annotated[AlarmSettings, Depends(_settings)]
SenderOf = Annotated[Sends, Depends(_sender)]


@router.get("", summary="What rings · 告警", responses=LOOKS)
async def board(desk: At, settings: InForce) -> Board:
    """With what is silenced and why, what is about to ring, and how channels fare."""
    return Board.model_validate(await alarms.board(desk, settings))


@router.get("/history", summary="What rang and was done · 告警历史", responses=LOOKS)
async def history(desk: At, offset: Offset = 0, limit: Limit = 50) -> History:
    """Newest first."""
    return History.model_validate(await alarms.history(desk, offset=offset, limit=limit))


@router.post("/silences", summary="Tell nobody for a while · 静默", responses=CHANGES)
async def silence(desk: At, body: Silence) -> Silenced:
    """Nor is anything done of itself about them."""
    made = await alarms.silence(desk, kind=body.kind, only=body.only, until=body.until, why=body.why)
    return Silenced.model_validate(made)


@router.post("/silences/end", summary="End a silence · 解除静默", responses=CHANGES)
async def end_silence(desk: At, body: EndSilence) -> Silenced:
    """Answers the silence as it was."""
    return Silenced.model_validate(await alarms.end_silence(desk, body.id, why=body.why))


@router.post("/acknowledge", summary="I take care of it · 认领告警", responses=CHANGES)
async def acknowledge(desk: At, settings: InForce, body: Acknowledge) -> Alarm:
    """It is not told again while it rings."""
    return Alarm.model_validate(await alarms.acknowledge(desk, settings, body.id, why=body.why))


@router.post("/channels/test", summary="Try a channel · 测试告警通道", responses=CHANGES)
async def try_channel(desk: At, settings: InForce, sender: SenderOf, body: TryChannel) -> Tried:
    """Sends a message that says it is a test."""
    return Tried.model_validate(await alarms.try_channel(desk, settings, body.channel, sender, why=body.why))
