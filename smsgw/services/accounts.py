"""Accounts for people: binds, limits, what is left of them, what each may do, and what was refused last and why.

Owns: what is shown of one account, to whoever sees it. Refusals in words are of records, which are read by whoever is
handed in: that takes a while, and no service waits for a disk on the console's loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from smsgw.clock import from_ms
from smsgw.config.account import BIND_COMMANDS, AccountSettings
from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.policy.model import CLASS_LABELS
from smsgw.records.record import Record, Step
from smsgw.services import quotas
from smsgw.services.asking import Asking, Source
from smsgw.services.desk import Desk
from smsgw.services.live import HOUR_MS, Refused, in_words, refused
from smsgw.services.quotas import Period
from smsgw.services.recipients import day_text
from smsgw.services.scope import EVERYBODY
from smsgw.services.sight import Sight, rate

MOST_HOURS: Final = 168
MOST_REFUSALS: Final = 200


class SessionShown(BaseModel):
    """One bind of an application."""

    model_config = ConfigDict(extra="ignore")

    id: str
    kind: str
    node: str = ""
    peer: str = ""
    up_s: float
    unanswered: int = Field(description="Its requests that wait for our answer. 未应答请求。")
    delivering: int = Field(description="Ours that it has not answered. 待其应答的投递。")
    version: str = ""


class AccountRow(BaseModel):
    """An account in the list. Figures are null where no gateway tells of it."""

    account: str
    department: str
    message_class: str
    enabled: bool
    in_force: bool | None = Field(None, description="Whether it may send now. 当前是否可发送。")
    binds: int | None = None
    max_binds: int
    accepted: float | None = Field(None, description="A second. 每秒接收量。")
    refused: float | None = None
    receipts: float | None = None
    rate: float = Field(description="Segments a second that it may send. 限速。")
    undelivered: int | None = None
    quota: list[Period]


class Capabilities(BaseModel):
    """What the account's file lets it do."""

    profile: str
    lane: str
    bind_types: list[str]
    signatures: list[str]
    numbers: list[str]
    allow_ips: list[str]
    window: int
    deliver_window: int
    slots: list[str]
    licence_expires: str
    reject_mode: str
    long_receipts: str
    explain: bool
    vendor_codes: bool
    service_phone: str


class AccountShown(AccountRow):
    """One account."""

    rate_left: float | None = Field(None, description="What the fleet has left to give out this second. 剩余速率。")
    window_used: int = 0
    window: int = Field(0, description="Of all its binds together. 全部连接的窗口。")
    links: list[SessionShown] = []
    refused_rules: list[Refused] = Field([], description="Of the last hour, as the console saw. 最近一小时拒绝原因。")
    capabilities: Capabilities


class Refusal(BaseModel):
    """One message that was refused."""

    at: str
    number: str
    message_class: str
    signature: str
    status: str
    rule: str
    detail: str
    text: str
    text_zh: str
    remedy: str = ""
    remedy_zh: str = ""


async def list_(desk: Desk, sight: Sight) -> list[AccountRow]:
    """Every account that the person sees, by name."""
    desk.require_role(*EVERYBODY)
    used = {each.account: each.periods for each in await quotas.list_(desk)}
    return [
        AccountRow(**_row(each, sight, used.get(name, [])))
        for name, each in sorted(desk.site.accounts.items())
        if desk.sees(name)
    ]


async def get(desk: Desk, sight: Sight, account: str) -> AccountShown:
    """One account."""
    settings = _seen(desk, account)
    found: Mapping[str, Any] = sight.whole.get("accounts", {}).get(account, {})
    links = [SessionShown(**each) for each in found.get("links", ())]
    hour = sight.since(sight.at_ms - HOUR_MS)
    return AccountShown(
        **_row(settings, sight, (await quotas.get(desk, account)).periods),
        rate_left=found.get("fleet", {}).get("rate_left"),
        window_used=sum(each.unanswered for each in links),
        window=settings.window * len(links),
        links=links,
        refused_rules=refused(hour, account.__eq__),
        capabilities=_capabilities(settings),
    )


async def refusals(desk: Desk, asking: Asking, account: str, *, hours: int = 24, limit: int = 50) -> list[Refusal]:
    """What was refused last, newest first, with the reason in words."""
    _seen(desk, account)
    if not 1 <= hours <= MOST_HOURS:
        raise RequestError("invalid", f"hours: expected 1 to {MOST_HOURS}")
    if not 1 <= limit <= MOST_REFUSALS:
        raise RequestError("invalid", f"limit: expected 1 to {MOST_REFUSALS}")
    found = await asking.ask(refused_records, account, desk.now_ms(), hours, limit)
    return [_refusal(desk, each) for each in reversed(found)]


def refused_records(source: Source, account: str, now_ms: int, hours: int, limit: int) -> list[Record]:
    """The last of an account's refusals, oldest first; where records can be read at leisure."""
    since = from_ms(now_ms) - timedelta(hours=hours)
    return source.history.find(account=account, step=int(Step.REFUSED), since=since, last=limit)


def _seen(desk: Desk, account: str) -> AccountSettings:
    desk.require_role(*EVERYBODY)
    settings = desk.site.accounts.get(account)
    if settings is None:
        names = [name for name in desk.site.accounts if desk.sees(name)]
        raise RequestError("missing", with_hint(f"there is no account {account[:100]!r}", account, names))
    desk.require_account(account)
    return settings


def _row(settings: AccountSettings, sight: Sight, quota: list[Period]) -> dict[str, Any]:
    name = settings.system_id
    found = sight.whole.get("accounts", {}).get(name)
    row: dict[str, Any] = {
        "account": name,
        "department": settings.department,
        "message_class": CLASS_LABELS[settings.message_class],
        "enabled": settings.enabled,
        "max_binds": settings.max_binds,
        "rate": settings.rate_per_s,
        "quota": quota,
    }
    if found is None:
        return row
    same = name.__eq__
    return row | {
        "in_force": found["in_force"],
        "binds": found["binds"],
        "accepted": rate(sight.now, "in", same),
        "refused": rate(sight.now, "refused", same),
        "receipts": rate(sight.now, "receipts", same),
        "undelivered": found["outbox"],
    }


def _capabilities(settings: AccountSettings) -> Capabilities:
    return Capabilities(
        profile=settings.profile,
        lane=CLASS_LABELS[settings.lane],
        bind_types=[word for word, command in BIND_COMMANDS.items() if command in settings.bind_types],
        signatures=list(settings.signatures),
        numbers=[each.number for each in settings.numbers],
        allow_ips=[str(each) for each in settings.allow_networks],
        window=settings.window,
        deliver_window=settings.deliver_window,
        slots=[str(each) for each in settings.slots],
        licence_expires=settings.licence_expires.isoformat() if settings.licence_expires is not None else "",
        reject_mode=settings.reject_mode,
        long_receipts=settings.long_receipts,
        explain=settings.explain,
        vendor_codes=settings.vendor_codes,
        service_phone=settings.service_phone,
    )


def _refusal(desk: Desk, record: Record) -> Refusal:
    known = 0 <= record.message_class < len(CLASS_LABELS)
    return Refusal(
        at=day_text(record.at_ms, desk.zone),
        number=record.recipient_masked,
        message_class=CLASS_LABELS[record.message_class] if known else "",
        signature=record.signature,
        status=f"0x{record.status:08X}",
        rule=record.rule_id,
        detail=str(record.detail[0]) if record.detail else "",
        **in_words(record.rule_id),
    )
