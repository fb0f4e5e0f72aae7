"""Blacklists: the company's, kept by hand, by lists and by complaints; and what was learnt of the carriers' own.

In force for the next message of every process when a call returns. Every entry has a reason, who made it, and perhaps
an end; taking it off is its undo. A complaint puts a recipient on the company's list at once.
"""

from __future__ import annotations

import asyncio

from smsgw.records.record import Step
from smsgw.services.csv_rows import Cells, ListImport, read_rows
from smsgw.services.desk import Desk, masked, named, optional_text
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
from smsgw.store.facts import FactChange, FactOp
from smsgw.store.recipients import Listed, RecipientFacts

COMPLAINT = "complaint"
_REMOVERS = ("compliance",)


async def add(desk: Desk, number: str, why: str, *, expires: str = "") -> Changed:
    """Put a recipient on the company's blacklist; ``expires`` a day or a time, empty for good.

    Only who may take an entry away may make it end sooner.
    """
    desk.require("compliance", "engineer")
    digits, why = digits_of(desk, number), reason_of(why, MOST_REASON_CHARS)
    now_ms = desk.now_ms()
    ends_ms = expiry_ms("expires", expires, desk.zone, now_ms)
    await desk.audit("blacklist.add", subject(desk, digits), why, expires_ms=ends_ms)
    listed = Listed(digits, why, now_ms, desk.person.name, ends_ms)
    facts = RecipientFacts(desk.store)
    may_shorten = not desk.person.roles.isdisjoint(_REMOVERS)
    is_changed = await facts.blacklist(*listed) if may_shorten else bool(await facts.load_blacklist([listed]))
    if is_changed:
        await record(desk, Step.BLACKLISTED, digits, "", "", why, ends_ms)
    return await changed(desk, digits, is_changed, "the same entry is there, or one that ends later")


async def remove(desk: Desk, number: str, why: str, *, carrier: str = "") -> Changed:
    """Take a recipient off the company's blacklist, or off what was learnt of a carrier's."""
    desk.require(*_REMOVERS)
    digits, why = digits_of(desk, number), reason_of(why)
    if carrier:
        carrier = named("carrier", carrier, desk.site.carriers, "carrier")
    await desk.audit("blacklist.remove", subject(desk, digits), why, **({"carrier": carrier} if carrier else {}))
    is_changed = await RecipientFacts(desk.store).unblacklist(digits, desk.now_ms(), carrier)
    return await changed(desk, digits, is_changed, "the recipient is not on that blacklist")


async def show(desk: Desk, number: str) -> RecipientKnown:
    """A recipient's entries, the company's and those learnt of carriers, with reason, time, who and end."""
    return await known_of(desk, digits_of(desk, number), "blacklist", "failures")


async def complain(desk: Desk, number: str, why: str, *, source: str = "", expires: str = "") -> Changed:
    """A complaint was received: blacklist the recipient at once. ``source`` is where it came in, such as 12321.

    An entry that ends later stays as it is.
    """
    desk.require("compliance", "engineer", "market")
    digits, why = digits_of(desk, number), reason_of(why, MOST_REASON_CHARS)
    source = masked(optional_text("source", source)) or f"staff:{desk.person.name}"
    now_ms = desk.now_ms()
    ends_ms = expiry_ms("expires", expires, desk.zone, now_ms)
    await desk.audit("complaint", subject(desk, digits), why, source=source, expires_ms=ends_ms)
    reason = f"{COMPLAINT}: {why}"
    change = FactChange(None, FactOp.COMPLAINT, digits, "", reason, now_ms, desk.person.name, ends_ms)
    (result,) = await RecipientFacts(desk.store).write([change])
    await record(desk, Step.COMPLAINED, digits, "", "", source)
    return await changed(desk, digits, bool(result), "the recipient is on the blacklist already")


async def import_list(desk: Desk, data: bytes, why: str, *, skip_wrong: bool = False) -> ListImport:
    """Put a list on the company's blacklist: columns number and, if wanted, reason (else ``why``) and expires.

    An entry that ends later stays as it is. Nothing is written when a line is wrong, unless such lines are to be
    skipped. May be repeated after an error.
    """
    desk.require("compliance")
    why = reason_of(why, MOST_REASON_CHARS)
    zone, now_ms, who = desk.zone, desk.now_ms(), desk.person.name

    def make(cells: Cells) -> Listed:
        number = number_cell(desk, cells)
        reason = masked(text_cell(cells, "reason", MOST_REASON_CHARS, required=False)) or why
        return Listed(number, reason, now_ms, who, expiry_cell(cells, zone, now_ms))

    columns = (NUMBER, REASON, EXPIRES)
    rows = await asyncio.to_thread(read_rows, data, columns, make, skip_wrong=skip_wrong, header=False)
    await import_begins(desk, "blacklist", rows, why)
    found = rows.imported(await RecipientFacts(desk.store).load_blacklist(rows.items))
    await import_ended(desk, "blacklist", rows, why, changed=found.changed, unchanged=found.unchanged)
    return found
