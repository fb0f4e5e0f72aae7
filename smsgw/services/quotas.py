"""Quotas: how much of its day and month each account has used.

Looks only; the limits are in the accounts' files. What running processes have leased and not sent yet counts as used.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from smsgw.config.account import AccountSettings
from smsgw.policy.quota import buckets
from smsgw.services.desk import EVERYBODY, Desk, named
from smsgw.services.recipients import day_text
from smsgw.store.quota import QuotaLeases


class Period(BaseModel):
    """One calendar day or month."""

    period: str = Field(description="day or month")
    used: int
    limit: int
    left: int
    ends: str = Field(description="When the next one begins, in the site's zone.")


class QuotaUse(BaseModel):
    """An account and what it has used; no periods: it has no quota."""

    account: str
    department: str = ""
    periods: list[Period]


async def list_(desk: Desk) -> list[QuotaUse]:
    """Every account of the site that the person sees."""
    desk.require_role(*EVERYBODY)
    return [await _use(desk, desk.site.accounts[name]) for name in sorted(filter(desk.sees, desk.site.accounts))]


async def get(desk: Desk, account: str) -> QuotaUse:
    """One account."""
    desk.require_role(*EVERYBODY)
    desk.require_account(account)
    return await _use(desk, desk.site.accounts[named("account", account, desk.site.accounts, "account")])


async def _use(desk: Desk, account: AccountSettings) -> QuotaUse:
    zone = desk.site.profile_of(account).zone
    found = buckets(account.policy().quota, desk.now_ms(), zone)
    used = await QuotaLeases(desk.store).used(account.system_id, found)
    periods = [
        Period(
            period="day" if bucket.name.startswith("d") else "month",
            used=used[bucket.name],
            limit=bucket.limit,
            left=max(0, bucket.limit - used[bucket.name]),
            ends=day_text(bucket.end_ms, zone),
        )
        for bucket in found
    ]
    return QuotaUse(account=account.system_id, department=account.department, periods=periods)
