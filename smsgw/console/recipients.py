"""Routes about recipients: opt-outs, consent, blacklists, complaints, dead numbers, tiers.

A number is always in a body, never in a path or a query: those are written down by proxies.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from smsgw.console.bodies import (
    CSV_BODY,
    ChangeNumber,
    Complaint,
    ConsentGiven,
    CsvBody,
    ListedNumber,
    Number,
    ScopedChange,
    SkipWrong,
    TierOf,
    Unlisted,
    WhyQuery,
)
from smsgw.console.people import At
from smsgw.console.problems import CHANGES, LOOKS, in_chinese
from smsgw.services import blacklist, consent, dead_numbers, optouts, recipients, tiers
from smsgw.services.csv_rows import ListImport
from smsgw.services.recipients import Changed, RecipientKnown

router = APIRouter(prefix="/api")

ScopeAccount = Annotated[str, Query(description="Scope of lines without one: this account. 默认范围：账号。")]
ScopeSignature = Annotated[str, Query(description="Scope of lines without one: this signature. 默认范围：签名。")]


@router.post("/recipients/show", tags=["recipients"], summary="All that is known of one · 查询号码", responses=LOOKS)
async def show_recipient(desk: At, body: Number) -> RecipientKnown:
    """Opt-outs, consent, blacklists, dead number, failures counted, tier; the number is masked in the answer."""
    return await recipients.show(desk, body.number)


@router.post("/optouts", tags=["optouts"], summary="Opt a recipient out · 新增退订", responses=CHANGES)
async def add_optout(desk: At, body: ScopedChange) -> Changed:
    """In force for the next message anywhere when this answers."""
    scope = {"account": body.account, "signature": body.signature}
    return await optouts.add(desk, body.number, body.why, **scope, source=body.source)


@router.post("/optouts/remove", tags=["optouts"], summary="Subscribe a recipient again · 恢复订阅", responses=CHANGES)
async def remove_optout(desk: At, body: ScopedChange) -> Changed:
    """Ends an older opt-out of the same scope; a newer one stands."""
    scope = {"account": body.account, "signature": body.signature}
    return await optouts.remove(desk, body.number, body.why, **scope, source=body.source)


@router.post("/optouts/show", tags=["optouts"], summary="A recipient's opt-outs · 查询退订", responses=LOOKS)
async def show_optouts(desk: At, body: Number) -> RecipientKnown:
    """With source and time."""
    return await optouts.show(desk, body.number)


@router.post(
    "/optouts/import",
    tags=["optouts"],
    summary="Import a list of opt-outs · 导入退订名单",
    responses=CHANGES,
    openapi_extra=CSV_BODY,
)
async def import_optouts(
    desk: At,
    data: CsvBody,
    why: WhyQuery = "",
    account: ScopeAccount = "",
    signature: ScopeSignature = "",
    skip_wrong: SkipWrong = False,
) -> optouts.OptoutImport:
    """Columns number, scope, source, time (号码, 范围, 来源, 退订时间). Numbers alone will do."""
    made = await optouts.import_list(desk, data, why, account=account, signature=signature, skip_wrong=skip_wrong)
    return in_chinese(made)


@router.post("/consents", tags=["consents"], summary="Record a consent · 登记同意", responses=CHANGES)
async def add_consent(desk: At, body: ConsentGiven) -> Changed:
    """One consent with its proof. It lifts an older opt-out of the same scope."""
    return await consent.add(
        desk,
        body.number,
        body.source,
        body.wording,
        body.why,
        at=body.at,
        account=body.account,
        signature=body.signature,
    )


@router.post("/consents/show", tags=["consents"], summary="Proof of consent · 查询同意凭证", responses=LOOKS)
async def show_consent(desk: At, body: Number) -> RecipientKnown:
    """Source, version of the wording, time, who entered it, digest of the list."""
    return await consent.show(desk, body.number)


@router.post(
    "/consents/import",
    tags=["consents"],
    summary="Import a list of consents · 导入同意名单",
    responses=CHANGES,
    openapi_extra=CSV_BODY,
)
async def import_consents(
    desk: At,
    data: CsvBody,
    why: WhyQuery = "",
    account: ScopeAccount = "",
    signature: ScopeSignature = "",
    skip_wrong: SkipWrong = False,
) -> consent.ConsentImport:
    """Columns number, source, wording, time, scope (号码, 来源, 文案版本, 同意时间, 范围). Never undoes an opt-out."""
    made = await consent.import_list(desk, data, why, account=account, signature=signature, skip_wrong=skip_wrong)
    return in_chinese(made)


@router.post("/blacklist", tags=["blacklist"], summary="Blacklist a recipient · 加入黑名单", responses=CHANGES)
async def add_blacklist(desk: At, body: ListedNumber) -> Changed:
    """On the company's list, for a reason, perhaps until a day."""
    return await blacklist.add(desk, body.number, body.why, expires=body.expires)


@router.post("/blacklist/remove", tags=["blacklist"], summary="Off a blacklist · 移出黑名单", responses=CHANGES)
async def remove_blacklist(desk: At, body: Unlisted) -> Changed:
    """Off the company's list, or off what was learnt of a carrier's."""
    return await blacklist.remove(desk, body.number, body.why, carrier=body.carrier)


@router.post("/blacklist/show", tags=["blacklist"], summary="A recipient's entries · 查询黑名单", responses=LOOKS)
async def show_blacklist(desk: At, body: Number) -> RecipientKnown:
    """The company's, and those learnt of carriers, with reason, time, who and end."""
    return await blacklist.show(desk, body.number)


@router.post(
    "/blacklist/import",
    tags=["blacklist"],
    summary="Import a blacklist · 导入黑名单",
    responses=CHANGES,
    openapi_extra=CSV_BODY,
)
async def import_blacklist(desk: At, data: CsvBody, why: WhyQuery = "", skip_wrong: SkipWrong = False) -> ListImport:
    """Columns number, reason, expires (号码, 原因, 到期); a list of numbers alone will do."""
    return in_chinese(await blacklist.import_list(desk, data, why, skip_wrong=skip_wrong))


@router.post("/complaints", tags=["blacklist"], summary="Take a complaint · 登记投诉", responses=CHANGES)
async def complain(desk: At, body: Complaint) -> Changed:
    """Blacklists the recipient at once."""
    return await blacklist.complain(desk, body.number, body.why, source=body.source, expires=body.expires)


@router.post("/dead-numbers", tags=["dead numbers"], summary="Enter a dead number · 新增空号", responses=CHANGES)
async def add_dead(desk: At, body: ListedNumber) -> Changed:
    """By hand, beside those that are learnt from receipts."""
    return await dead_numbers.add(desk, body.number, body.why, expires=body.expires)


@router.post("/dead-numbers/forget", tags=["dead numbers"], summary="It is alive · 撤销空号", responses=CHANGES)
async def forget_dead(desk: At, body: ChangeNumber) -> Changed:
    """Takes the entry away, and what was counted towards one."""
    return await dead_numbers.forget(desk, body.number, body.why)


@router.post("/dead-numbers/show", tags=["dead numbers"], summary="Is it dead? · 查询空号", responses=LOOKS)
async def show_dead(desk: At, body: Number) -> RecipientKnown:
    """The entry, and how many failures were counted."""
    return await dead_numbers.show(desk, body.number)


@router.post(
    "/dead-numbers/import",
    tags=["dead numbers"],
    summary="Import dead numbers · 导入空号",
    responses=CHANGES,
    openapi_extra=CSV_BODY,
)
async def import_dead(desk: At, data: CsvBody, why: WhyQuery = "", skip_wrong: SkipWrong = False) -> ListImport:
    """Columns number, reason, expires (号码, 原因, 到期); a list of numbers alone will do."""
    return in_chinese(await dead_numbers.import_list(desk, data, why, skip_wrong=skip_wrong))


@router.post("/tiers", tags=["tiers"], summary="Set a recipient's tier · 设置等级", responses=CHANGES)
async def set_tier(desk: At, body: TierOf) -> Changed:
    """The caps of that tier hold from the next message on."""
    return await tiers.set_tier(desk, body.number, body.tier, body.why)


@router.post("/tiers/show", tags=["tiers"], summary="A recipient's tier · 查询等级", responses=LOOKS)
async def show_tier(desk: At, body: Number) -> RecipientKnown:
    """Its name is the fact's source."""
    return await tiers.show(desk, body.number)


@router.post(
    "/tiers/import", tags=["tiers"], summary="Import tiers · 导入等级", responses=CHANGES, openapi_extra=CSV_BODY
)
async def import_tiers(desk: At, data: CsvBody, why: WhyQuery = "", skip_wrong: SkipWrong = False) -> ListImport:
    """Columns number, tier (号码, 等级); an empty tier for none."""
    return in_chinese(await tiers.import_list(desk, data, why, skip_wrong=skip_wrong))
