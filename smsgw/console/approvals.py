"""Routes about what is approved before it is used: signatures, templates, channels."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from smsgw.console.bodies import AccountQuery, Body, Limit, Offset, Search, SeenStep, State, Why
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS
from smsgw.console.registered import Entries, Entry, entries, entry
from smsgw.services import channels, signatures, templates

router = APIRouter(prefix="/api")

_EXPIRES = "Its last day, such as 2027-06-30; empty for no end. 有效期至。"
Version = Annotated[int, Query(description="0: the latest. 版本，0 为最新。")]


class SignatureAdded(Why):
    """A signature to register."""

    account: str = Field(description="Who may use it. 账号。")
    name: str = Field(description="Without the brackets. 签名。", examples=["示例商城"])
    owner: str = Field(description="The company or brand behind it. 主体。")
    proof: str = Field(description="What proves the right to it. 资质证明。")
    expires: str = Field("", description=_EXPIRES)


class SignatureChanged(Why):
    """New papers; what is left out stays."""

    owner: str | None = Field(None, description="主体。")
    proof: str | None = Field(None, description="资质证明。")
    expires: str | None = Field(None, description=_EXPIRES)


class VariableIn(Body):
    """A placeholder ``{name}`` of a template and its bounds."""

    name: str
    kind: str = Field("text", description="text, digits, letters, code, amount, date or time. 类型。")
    min_chars: int = Field(1, ge=0, le=1000)
    max_chars: int = Field(20, ge=1, le=1000)


class TemplateAdded(Why):
    """A template to write."""

    id: str = Field(examples=["welcome"])
    text: str = Field(description="Without the signature; variables as {name}. 正文。")
    message_class: str = Field(description="otp, notice or marketing. 类别。")
    account: str = Field("", description="Empty: any account. 账号。")
    campaign: str = Field("", description="活动。")
    variables: list[VariableIn] = Field([], description="变量。")
    expires: str = Field("", description=_EXPIRES)


class TemplateChanged(Why):
    """The next version; what is left out is taken from the latest."""

    text: str | None = None
    message_class: str | None = None
    account: str | None = None
    campaign: str | None = None
    variables: list[VariableIn] | None = None
    expires: str | None = Field(None, description=_EXPIRES)


class ChannelAdded(Why):
    """A channel to apply for."""

    channel: str = Field(description="account:<name> or carrier:<name>. 通道。", examples=["account:shop"])
    licence: str = Field(description="Number of the qualification. 资质编号。")
    licence_expires: str = Field(description="Its last day. 资质有效期至。")
    expires: str = Field("", description="The last day that the approval is asked for. 申请有效期至。")


class ChannelChanged(Why):
    """Other papers of a draft; what is left out stays."""

    licence: str | None = None
    licence_expires: str | None = None
    expires: str | None = None


@router.get("/signatures", tags=["signatures"], summary="Registered signatures · 签名列表", responses=LOOKS)
async def list_signatures(
    desk: At,
    account: AccountQuery = "",
    state: State = "",
    search: Search = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> Entries:
    """By account and name."""
    return entries(
        await signatures.list_(desk, account=account, state=state, search=search, offset=offset, limit=limit)
    )


@router.post("/signatures", tags=["signatures"], summary="Register a signature · 登记签名", responses=CHANGES)
async def add_signature(desk: At, body: SignatureAdded) -> Entry:
    """As a draft; it may be used when it is activated."""
    papers = {"owner": body.owner, "proof": body.proof, "expires": body.expires}
    return entry(await signatures.add(desk, body.account, body.name, **papers, why=body.why))


@router.get("/signatures/{account}/{name}", tags=["signatures"], summary="One signature · 签名详情", responses=LOOKS)
async def one_signature(desk: At, account: str, name: str) -> Entry:
    """With its history."""
    return entry(await signatures.get(desk, account, name))


@router.patch("/signatures/{account}/{name}", tags=["signatures"], summary="Its papers · 更新资料", responses=CHANGES)
async def change_signature(desk: At, account: str, name: str, body: SignatureChanged) -> Entry:
    """Owner, proof, expiry; an expired signature becomes a draft."""
    papers = {"owner": body.owner, "proof": body.proof, "expires": body.expires}
    return entry(await signatures.change(desk, account, name, **papers, why=body.why))


@router.post(
    "/signatures/{account}/{name}/step",
    tags=["signatures"],
    summary="Activate, suspend · 启停",
    responses=CHANGES,
)
async def step_signature(desk: At, account: str, name: str, body: SeenStep) -> Entry:
    """activate, suspend, resume or expire."""
    return entry(await signatures.step(desk, account, name, body.action, revision=body.revision, why=body.why))


@router.get("/templates", tags=["templates"], summary="Templates · 模板列表", responses=LOOKS)
async def list_templates(
    desk: At,
    account: AccountQuery = "",
    state: State = "",
    message_class: Annotated[str, Query(description="otp, notice or marketing. 类别。")] = "",
    search: Search = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> Entries:
    """Every version."""
    found = await templates.list_(
        desk, account=account, state=state, message_class=message_class, search=search, offset=offset, limit=limit
    )
    return entries(found)


@router.post("/templates", tags=["templates"], summary="Write a template · 新建模板", responses=CHANGES)
async def add_template(desk: At, body: TemplateAdded) -> Entry:
    """As a draft; two others approve it."""
    found = await templates.add(
        desk,
        body.id,
        text=body.text,
        message_class=body.message_class,
        account=body.account,
        campaign=body.campaign,
        variables=[each.model_dump() for each in body.variables],
        expires=body.expires,
        why=body.why,
    )
    return entry(found, templates.waits_for(found))


@router.get("/templates/{id}", tags=["templates"], summary="One template · 模板详情", responses=LOOKS)
async def one_template(desk: At, id: str, version: Version = 0) -> Entry:
    """One version, by default the latest, with its history and the steps that may follow."""
    found = await templates.get(desk, id, version)
    return entry(found, templates.waits_for(found))


@router.get("/templates/{id}/versions", tags=["templates"], summary="All its versions · 历史版本", responses=LOOKS)
async def template_versions(desk: At, id: str) -> list[Entry]:
    """Oldest first."""
    return [entry(each) for each in await templates.versions(desk, id)]


@router.patch("/templates/{id}", tags=["templates"], summary="Write its next version · 新版本", responses=CHANGES)
async def change_template(desk: At, id: str, body: TemplateChanged) -> Entry:
    """As a draft; the version in force stays until this one is activated."""
    found = await templates.change(
        desk,
        id,
        text=body.text,
        message_class=body.message_class,
        account=body.account,
        campaign=body.campaign,
        variables=None if body.variables is None else [each.model_dump() for each in body.variables],
        expires=body.expires,
        why=body.why,
    )
    return entry(found, templates.waits_for(found))


@router.post("/templates/{id}/step", tags=["templates"], summary="Approve, activate · 审批与启用", responses=CHANGES)
async def step_template(desk: At, id: str, body: SeenStep, version: Version = 0) -> Entry:
    """approve-department, approve-market, reject, activate, suspend, resume or expire.

    Name the version and the revision that were looked at, so that nothing is approved unseen.
    """
    found = await templates.step(desk, id, body.action, version=version, revision=body.revision, why=body.why)
    return entry(found, templates.waits_for(found))


@router.get("/channels", tags=["channels"], summary="Channels · 通道列表", responses=LOOKS)
async def list_channels(
    desk: At, state: State = "", search: Search = "", offset: Offset = 0, limit: Limit = 50
) -> Entries:
    """Accounts and carriers that were applied for."""
    return entries(await channels.list_(desk, state=state, search=search, offset=offset, limit=limit))


@router.post("/channels", tags=["channels"], summary="Apply for a channel · 申请通道", responses=CHANGES)
async def add_channel(desk: At, body: ChannelAdded) -> Entry:
    """Three review it, management approves."""
    papers = {"licence": body.licence, "licence_expires": body.licence_expires, "expires": body.expires}
    found = await channels.add(desk, body.channel, **papers, why=body.why)
    return entry(found, channels.waits_for(found))


@router.get("/channels/{channel}", tags=["channels"], summary="One channel · 通道详情", responses=LOOKS)
async def one_channel(desk: At, channel: str) -> Entry:
    """With its history and the steps that may follow."""
    found = await channels.get(desk, channel)
    return entry(found, channels.waits_for(found))


@router.patch("/channels/{channel}", tags=["channels"], summary="Its papers · 更新资料", responses=CHANGES)
async def change_channel(desk: At, channel: str, body: ChannelChanged) -> Entry:
    """Of a draft; its reviews begin anew."""
    papers = {"licence": body.licence, "licence_expires": body.licence_expires, "expires": body.expires}
    found = await channels.change(desk, channel, **papers, why=body.why)
    return entry(found, channels.waits_for(found))


@router.post("/channels/{channel}/step", tags=["channels"], summary="Review, approve · 评审与审批", responses=CHANGES)
async def step_channel(desk: At, channel: str, body: SeenStep) -> Entry:
    """review-market, review-legal, review-technical, approve, reject, activate, suspend, resume, expire or reopen."""
    found = await channels.step(desk, channel, body.action, revision=body.revision, why=body.why)
    return entry(found, channels.waits_for(found))
