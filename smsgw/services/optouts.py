"""Opt-outs by hand: who does not want to hear from an account, from a signature, or from the company.

In force for the next message of every process when a call returns. Of an opt-out, a subscription and a consent the
newest counts, whoever wrote it: a list takes nothing from those who subscribed or consented later. Each change is
audited before it is made; a single one leaves a record.
"""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import BaseModel, Field

from smsgw.records.record import Step
from smsgw.services.csv_rows import Cells, LineFault, Rows, digest_of, read_rows
from smsgw.services.desk import Desk, masked, optional_text
from smsgw.services.recipients import (
    MOST_SOURCE_CHARS,
    NUMBER,
    SCOPE,
    SOURCE,
    TIME,
    Changed,
    RecipientKnown,
    Scopes,
    changed,
    digits_of,
    import_begins,
    import_ended,
    known_of,
    moment_cell,
    number_cell,
    proof,
    reason_of,
    record,
    scope_words,
    subject,
    text_cell,
)
from smsgw.store.facts import FactResult
from smsgw.store.recipients import OptOut, RecipientFacts

COLUMNS: Final = (NUMBER, SCOPE, SOURCE, TIME)
_NEWER = "something as new or newer is known"
_ROWS_AT_ONCE: Final = 5_000


class OptoutImport(BaseModel):
    """What became of a list."""

    lines: int
    taken: int = Field(description="Recorded.")
    known: int = Field(description="An opt-out as new or newer was known already.")
    subscribed: int = Field(description="Not taken: the recipient subscribed or consented after that time.")
    wrong: int = Field(description="Left out as wrong, if that was asked for.")
    faults: list[LineFault] = Field(description="The first of the wrong lines.")
    digest: str = Field(description="SHA-256 of the list, hex.")


async def add(
    desk: Desk, number: str, why: str, *, account: str = "", signature: str = "", source: str = ""
) -> Changed:
    """Opt a recipient out of an account, a signature, or (neither given) the company."""
    return await _put(desk, number, why, account, signature, source, stop=True)


async def remove(
    desk: Desk, number: str, why: str, *, account: str = "", signature: str = "", source: str = ""
) -> Changed:
    """Record that a recipient subscribed again, which ends an older opt-out of the same scope."""
    return await _put(desk, number, why, account, signature, source, stop=False)


async def import_list(
    desk: Desk, data: bytes, why: str, *, account: str = "", signature: str = "", skip_wrong: bool = False
) -> OptoutImport:
    """Opt out a list: columns number and, if wanted, scope (else the scope given here), source, time (else now).

    Nothing is written when a line is wrong, unless such lines are to be skipped. May be repeated after an error.
    """
    desk.require("compliance")
    why = reason_of(why)
    scopes = await Scopes.of(desk)
    default = scopes.scope(account, signature)
    rows = await asyncio.to_thread(_read, desk, data, scopes, default, skip_wrong)
    counts = dict.fromkeys(FactResult, 0)
    facts = RecipientFacts(desk.store)
    await import_begins(desk, "optout", rows, why, scope=scope_words(default))
    for first in range(0, len(rows.items), _ROWS_AT_ONCE):
        for result in await facts.load_optouts(rows.items[first : first + _ROWS_AT_ONCE]):
            counts[result] += 1
    done = {
        "taken": counts[FactResult.CHANGED] + counts[FactResult.RENEWED],
        "known": counts[FactResult.NOTHING],
        "subscribed": counts[FactResult.SUBSCRIBED],
    }
    await import_ended(desk, "optout", rows, why, **done)
    return OptoutImport(lines=rows.lines, **done, wrong=rows.wrong, faults=rows.line_faults, digest=rows.digest)


async def show(desk: Desk, number: str) -> RecipientKnown:
    """Opt-outs and subscriptions of a recipient, with source and time."""
    return await known_of(desk, digits_of(desk, number), "optout", "subscribe")


async def _put(desk: Desk, number: str, why: str, account: str, signature: str, source: str, *, stop: bool) -> Changed:
    desk.require("compliance", "engineer")
    digits, why = digits_of(desk, number), reason_of(why)
    scope = (await Scopes.of(desk)).scope(account, signature)
    source = masked(optional_text("source", source, MOST_SOURCE_CHARS)) or f"staff:{desk.person.name}"
    action = "optout.add" if stop else "optout.remove"
    await desk.audit(action, subject(desk, digits), why, scope=scope_words(scope), source=source)
    facts = RecipientFacts(desk.store)
    is_changed = await (facts.add if stop else facts.remove)(digits, scope, source, desk.now_ms())
    if is_changed:
        await record(desk, Step.OPTOUT if stop else Step.RESUBSCRIBED, digits, scope, scope, source)
    return await changed(desk, digits, is_changed, _NEWER)


def _read(desk: Desk, data: bytes, scopes: Scopes, default: str, skip_wrong: bool) -> Rows[OptOut]:
    zone, now_ms, who = desk.zone, desk.now_ms(), desk.person.name
    digest = digest_of(data)

    def make(cells: Cells) -> OptOut:
        number = number_cell(desk, cells)
        source = masked(text_cell(cells, "source", required=False)) or f"staff:{who}"
        at_ms = moment_cell(cells, "time", zone, now_ms) if cells.get("time") else now_ms
        return OptOut(number, scopes.cell(cells, default), proof(source, who, digest), at_ms)

    return read_rows(data, COLUMNS, make, skip_wrong=skip_wrong, header=False)
