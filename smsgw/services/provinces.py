"""Delivery by province and carrier: the figures behind the map.

Owns: which figures, of which time, and whose. A receipt counts in the hour in which it came. Where nothing came back
there is no rate. Figures are read by whoever is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pydantic import BaseModel, Field

from smsgw.errors import RequestError
from smsgw.policy.number_plan import PROVINCES
from smsgw.records.history import Asked, Figures
from smsgw.services.archive import asked_of
from smsgw.services.asking import Asking, Source
from smsgw.services.desk import Desk, named
from smsgw.services.scope import EVERYBODY

HOUR_MS: Final = 3_600_000
MOST_HOURS: Final = 31 * 24


class Cell(BaseModel):
    """A province, or one carrier's part of it. ``failed_by``: class of the carrier's code, empty for none."""

    sent: int = Field(description="Segments sent. 发送条数。")
    delivered: int
    failed: int
    rate: float | None = Field(description="Delivered of those that came back; null: none did. 送达率。")
    failed_by: dict[str, int]


class CarrierCell(Cell):
    """One carrier's part of a province."""

    carrier: str


class Province(Cell):
    """One province. ``name`` is Chinese, empty for numbers of none; ``letters`` as files write it."""

    name: str
    letters: str
    carriers: list[CarrierCell]


class DeliveryMap(BaseModel):
    """``provinces``: only those with traffic. ``kept`` false: there is no archive yet. Times in ms since 1970."""

    kept: bool
    since_ms: int
    until_ms: int
    total: Cell
    provinces: list[Province]


async def delivery_map(
    desk: Desk,
    asking: Asking,
    *,
    hours: int = 24,
    carrier: str = "",
    message_class: str = "",
    account: str = "",
) -> DeliveryMap:
    """Of the last hours, the running one included; of one carrier, class and account, or all that the person sees."""
    desk.require_role(*EVERYBODY)
    if not 1 <= hours <= MOST_HOURS:
        raise RequestError("invalid", f"hours: expected 1 to {MOST_HOURS}")
    where: dict[str, str] = {}
    if carrier:
        where["carrier"] = named("carrier", carrier, desk.site.carriers, "carrier")
    if message_class:
        where["message_class"] = message_class
    if account:
        desk.require_account(account)
        where["account"] = named("account", account, desk.site.accounts, "account")
    now_ms = desk.now_ms()
    since_ms = (now_ms // HOUR_MS - hours + 1) * HOUR_MS
    asked = asked_of(desk.zone, ("province", "carrier"), "", "", where, now_ms=now_ms, latencies=False)
    accounts = None if desk.accounts is None else tuple(sorted(desk.accounts))
    kept, found = await asking.ask(figures, replace(asked, since_ms=since_ms, accounts=accounts))
    return DeliveryMap(
        kept=kept,
        since_ms=since_ms,
        until_ms=now_ms,
        total=Cell.model_validate(_sums(found)),
        provinces=_provinces(found),
    )


def figures(source: Source, asked: Asked) -> tuple[bool, list[Figures]]:
    """Whether there is an archive, and what it says; where records can be read at leisure."""
    try:
        source.require_archive()
    except RequestError:
        return False, []
    return True, source.history.statistics(asked)


def _provinces(found: list[Figures]) -> list[Province]:
    """Those with traffic by a carrier, the most of it first: what was only accepted has none yet."""
    groups: dict[str, list[Figures]] = {}
    for each in found:
        groups.setdefault(str(each.group[0]), []).append(each)
    shown = [
        Province.model_validate(
            {
                "name": name,
                "letters": PROVINCES.get(name, ""),
                "carriers": [{"carrier": each.group[1], **_sums([each])} for each in rows if each.group[1]],
                **_sums(rows),
            }
        )
        for name, rows in groups.items()
    ]
    return sorted((each for each in shown if each.sent or each.delivered or each.failed), key=lambda each: -each.sent)


def _sums(rows: Iterable[Figures]) -> dict[str, object]:
    sent = delivered = failed = 0
    failed_by: dict[str, int] = {}
    for each in rows:
        sent += each.counts["sent_segments"]
        delivered += each.counts["delivered"]
        failed += each.counts["failed"]
        for code_class, count in each.failed_by.items():
            failed_by[code_class] = failed_by.get(code_class, 0) + count
    back = delivered + failed
    return {
        "sent": sent, "delivered": delivered, "failed": failed,
        "rate": round(delivered / back, 4) if back else None, "failed_by": failed_by,
    }  # fmt: skip
