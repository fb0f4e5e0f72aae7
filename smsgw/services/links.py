"""Short links for people: which there are, by template and campaign, and how many followed them.

Everybody sees those of their accounts. Addresses are shown without what may be somebody's: no query, long numbers
masked. Clicks are counted from records, so they are as fresh as the archive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from smsgw.clock import from_ms
from smsgw.errors import RequestError
from smsgw.policy.model import CLASS_LABELS
from smsgw.records.history import Asked
from smsgw.records.record import HOUR_MS
from smsgw.services.asking import Asking, Source
from smsgw.services.desk import EVERYBODY, Desk
from smsgw.store.links import Links, StoredLink, real_ms

MOST_ROWS: Final = 1_000
MOST_TARGETS: Final = 5
MOST_DAYS: Final = 366
_GROUPS: Final = ("account", "template", "campaign", "message_class")
_DIGITS: Final = re.compile(r"[0-9]{5,}")
_SHOWN_CHARS: Final = 80

Group = tuple[str, str, str, int]


class LinksRow(BaseModel):
    """The short links of one template and campaign."""

    account: str
    template: str = Field(description="As id@version; empty: none matched. 模板。")
    campaign: str
    message_class: str
    links: int = Field(description="That lead somewhere now. 有效短链接数。")
    clicked: int = Field(description="How often people followed them in that time. 点击数。")
    delivered: int = Field(description="Messages of this template and campaign, also those without a link. 送达数。")
    click_rate: float | None = Field(description="clicked / delivered; None of nothing. 点击率。")
    targets: list[str] = Field(description="Where some of them lead, without what may be personal. 目标地址。")
    until: str = Field(description="The day on which the last of them ends; empty: none is left. 有效期至。")


class LinksReport(BaseModel):
    """Short links, those with the most clicks first. ``more``: rows that did not fit."""

    is_on: bool = Field(description="Whether the site has short links. 是否启用。")
    base_url: str
    days: int
    rows: list[LinksRow]
    more: int = 0


def shown_target(url: str) -> str:
    """An address as people may see it: host and path, long numbers masked, no query."""
    parts = urlsplit(url)
    path = _DIGITS.sub("…", parts.path.rstrip("/"))
    shown = f"{parts.hostname or ''}{path}"
    return f"{shown[:_SHOWN_CHARS]}…" if len(shown) > _SHOWN_CHARS or parts.query else shown


def clicks(source: Source, asked: Asked) -> list[tuple[Group, int, int]]:
    """The question that records are asked: (group, clicked, delivered) of each that has either."""
    try:
        source.require_archive()
    except RequestError:
        return []  # nothing was ever recorded
    found = []
    for each in source.history.statistics(asked):
        clicked, delivered = each.counts["clicked"], each.counts["delivered"]
        if clicked or delivered:
            account, template, campaign, message_class = each.group
            found.append(((str(account), str(template), str(campaign), int(message_class)), clicked, delivered))
    return found


async def overview(
    desk: Desk, asking: Asking, *, account: str = "", campaign: str = "", days: int = 30
) -> LinksReport:  # fmt: skip
    """Links and clicks of the last ``days``. Raises RecordsError and StoreError."""
    desk.require_role(*EVERYBODY)
    if account:
        desk.require_account(account)
    if not 1 <= days <= MOST_DAYS:
        raise RequestError("invalid", f"days: expected 1 to {MOST_DAYS}, found {days}")
    groups: dict[Group, list[StoredLink]] = {}
    async for link in Links(desk.store, real_ms).all():
        if desk.sees(link.account) and account in ("", link.account) and campaign in ("", link.campaign):
            group = link.account, link.template, link.campaign, link.message_class
            groups.setdefault(group, []).append(link)
    counted = {group: (clicked, delivered) for group, clicked, delivered in await _counted(desk, asking, account, days)}
    wanted = {group for group, (clicked, _) in counted.items() if clicked and campaign in ("", group[2])}
    rows = [_row(desk, group, groups.get(group, ()), *counted.get(group, (0, 0))) for group in {*groups, *wanted}]
    rows.sort(key=lambda row: (-row.clicked, -row.links, row.account, row.template, row.campaign))
    settings = desk.site.links
    more = max(0, len(rows) - MOST_ROWS)
    return LinksReport(is_on=settings.is_on, base_url=settings.base_url, days=days, rows=rows[:MOST_ROWS], more=more)


async def _counted(desk: Desk, asking: Asking, account: str, days: int) -> list[tuple[Group, int, int]]:
    since_ms = (desk.now_ms() - days * 24 * HOUR_MS) // HOUR_MS * HOUR_MS
    where = (("account", account),) if account else ()
    accounts = None if desk.accounts is None else tuple(sorted(desk.accounts))
    return await asking.ask(clicks, Asked(_GROUPS, since_ms, None, where, latencies=False, accounts=accounts))


def _row(desk: Desk, group: Group, links: Sequence[StoredLink], clicked: int, delivered: int) -> LinksRow:
    account, template, campaign, message_class = group
    targets = sorted({shown_target(link.url) for link in links})
    until = max((link.until_ms for link in links), default=0)
    return LinksRow(
        account=account,
        template=template,
        campaign=campaign,
        message_class=CLASS_LABELS[message_class] if 0 <= message_class < len(CLASS_LABELS) else "",
        links=len(links),
        clicked=clicked,
        delivered=delivered,
        click_rate=round(clicked / delivered, 6) if delivered else None,
        targets=targets[:MOST_TARGETS],
        until=f"{from_ms(until).astimezone(desk.zone):%Y-%m-%d}" if until else "",
    )
