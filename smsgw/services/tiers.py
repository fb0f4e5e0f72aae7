"""Tiers: which recipients are loyal, normal, …, and so have other caps; by hand or from a list.

In force for the next message of every process when a call returns. A tier is one that a cap of a profile names.
"""

from __future__ import annotations

import asyncio
from typing import Final

from smsgw.config.site import Site
from smsgw.documents.names import with_hint
from smsgw.services.csv_rows import Cells, Column, ListImport, WrongCell, read_rows
from smsgw.services.desk import Desk, named
from smsgw.services.recipients import (
    NUMBER,
    Changed,
    RecipientKnown,
    changed,
    digits_of,
    import_begins,
    import_ended,
    known_of,
    number_cell,
    reason_of,
    subject,
)
from smsgw.store.recipients import RecipientFacts

TIER: Final = Column("tier", frozenset(("level", "等级", "层级", "会员等级")), True)


def tier_names(site: Site) -> frozenset[str]:
    """Every tier that a cap of any profile knows."""
    return frozenset(tier for profile in site.profiles.values() for cap in profile.caps for tier in cap.tiers)


async def set_tier(desk: Desk, number: str, tier: str, why: str) -> Changed:
    """Put a recipient into a tier; empty takes it out of any, so that the ordinary limits hold again."""
    desk.require("compliance", "market", "department")
    digits, why = digits_of(desk, number), reason_of(why)
    if tier:
        tier = named("tier", tier, tier_names(desk.site), "tier")
    await desk.audit("tier.set", subject(desk, digits), why, tier=tier)
    is_changed = await RecipientFacts(desk.store).set_tier(digits, tier)
    return await changed(desk, digits, is_changed, "the recipient is there already")


async def show(desk: Desk, number: str) -> RecipientKnown:
    """A recipient's tier."""
    return await known_of(desk, digits_of(desk, number), "tier")


async def import_list(desk: Desk, data: bytes, why: str, *, skip_wrong: bool = False) -> ListImport:
    """Put the recipients of a list into tiers: columns number and tier, an empty tier for none.

    Of a number that comes twice the last line counts. Nothing is written when a line is wrong, unless such lines are to
    be skipped.
    """
    desk.require("compliance", "market", "department")
    why = reason_of(why)
    valid = tier_names(desk.site)

    def make(cells: Cells) -> tuple[str, str]:
        number, tier = number_cell(desk, cells), cells.get("tier")
        if tier is None:
            raise WrongCell("tier", "is missing: expected two cells, number and tier")
        if tier and tier not in valid:
            raise WrongCell("tier", with_hint(f"no cap names a tier {tier!r}", tier, valid))
        return number, tier

    rows = await asyncio.to_thread(read_rows, data, (NUMBER, TIER), make, skip_wrong=skip_wrong, header=False)
    await import_begins(desk, "tier", rows, why)
    found = rows.imported(await RecipientFacts(desk.store).load_tiers(rows.items))
    await import_ended(desk, "tier", rows, why, changed=found.changed, unchanged=found.unchanged)
    return found
