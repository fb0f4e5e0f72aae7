"""Dead numbers: learnt from receipts by the rules, here looked at, forgotten, and added by hand.

In force for the next message of every process when a call returns. Forgetting one is the undo: what was counted towards
it is forgotten too, so that it is not learnt again from the next single receipt.
"""

from __future__ import annotations

import asyncio

from smsgw.records.record import Step
from smsgw.services.csv_rows import Cells, ListImport, read_rows
from smsgw.services.desk import Desk, masked
from smsgw.services.recipients import (
    EXPIRES,
    MOST_REASON_CHARS,
    NUMBER,
    REASON,
    Changed,
    RecipientKnown,
    changed,
    digits_of,
    expiry_cell,
    expiry_ms,
    import_begins,
    import_ended,
    known_of,
    number_cell,
    reason_of,
    record,
    subject,
    text_cell,
)
from smsgw.store.recipients import Listed, RecipientFacts


async def add(desk: Desk, number: str, why: str, *, expires: str = "") -> Changed:
    """Enter a number as dead; ``expires`` a day or a time, empty for good. ``why`` is the reason."""
    desk.require("compliance", "engineer")
    digits, why = digits_of(desk, number), reason_of(why, MOST_REASON_CHARS)
    now_ms = desk.now_ms()
    ends_ms = expiry_ms("expires", expires, desk.zone, now_ms)
    await desk.audit("dead.add", subject(desk, digits), why, expires_ms=ends_ms)
    is_changed = await RecipientFacts(desk.store).dead(digits, why, now_ms, desk.person.name, ends_ms)
    if is_changed:
        await record(desk, Step.DEAD, digits, "", why, ends_ms)
    return await changed(desk, digits, is_changed, "the same entry is there")


async def forget(desk: Desk, number: str, why: str) -> Changed:
    """The number is alive: take its entry away, and what was counted towards one."""
    desk.require("compliance", "engineer")
    digits, why = digits_of(desk, number), reason_of(why)
    await desk.audit("dead.forget", subject(desk, digits), why)
    is_changed = await RecipientFacts(desk.store).undead(digits, desk.now_ms())
    return await changed(desk, digits, is_changed, "nothing was known against this number")


async def show(desk: Desk, number: str) -> RecipientKnown:
    """A number's entry, and how many failures were counted towards one."""
    return await known_of(desk, digits_of(desk, number), "dead", "failures")


async def import_list(desk: Desk, data: bytes, why: str, *, skip_wrong: bool = False) -> ListImport:
    """Enter a list of dead numbers: columns number and, if wanted, reason (else ``why``) and expires."""
    desk.require("compliance", "engineer")
    why = reason_of(why, MOST_REASON_CHARS)
    zone, now_ms, who = desk.zone, desk.now_ms(), desk.person.name

    def make(cells: Cells) -> Listed:
        number = number_cell(desk, cells)
        reason = masked(text_cell(cells, "reason", MOST_REASON_CHARS, required=False)) or why
        return Listed(number, reason, now_ms, who, expiry_cell(cells, zone, now_ms))

    columns = (NUMBER, REASON, EXPIRES)
    rows = await asyncio.to_thread(read_rows, data, columns, make, skip_wrong=skip_wrong, header=False)
    await import_begins(desk, "dead", rows, why)
    found = rows.imported(await RecipientFacts(desk.store).load_dead(rows.items))
    await import_ended(desk, "dead", rows, why, changed=found.changed, unchanged=found.unchanged)
    return found
