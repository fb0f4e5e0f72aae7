"""Consent: one that was given, or a list of them, with its proof: source, version of the wording, time.

A single newer consent lifts an older opt-out of the same scope, as a START would. A list never does, whatever its
times: its lines are taken only where nobody opted out, and the others are reported. Who entered it and the digest
of the list are kept with every consent, so that the proof is whole without the list.
"""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import BaseModel, Field

from smsgw.errors import RequestError
from smsgw.services.csv_rows import Cells, Column, LineFault, Rows, digest_of, read_rows
from smsgw.services.desk import Desk, checked_text, masked, optional_text
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
    parse_moment,
    proof,
    reason_of,
    scope_words,
    subject,
    text_cell,
)
from smsgw.store.facts import FactResult
from smsgw.store.recipients import Consent, RecipientFacts

MOST_WORDING_CHARS: Final = 40
WORDING: Final = Column(
    "wording", frozenset(("version", "wording version", "文案", "文案版本", "版本", "条款版本", "协议版本")), True
)
COLUMNS: Final = (NUMBER, SOURCE._replace(required=True), WORDING, TIME._replace(required=True), SCOPE)
_WRITERS: Final = ("compliance", "market")
"""Not a department: a consent lifts an opt-out, and who wants to send must not be the one who lifts it."""
_ROWS_AT_ONCE: Final = 5_000


class ConsentImport(BaseModel):
    """What became of a list."""

    lines: int
    taken: int = Field(description="Recorded.")
    known: int = Field(description="As new or newer was known already.")
    opted_out: int = Field(description="Not taken: the recipient opted out, and a list does not undo that.")
    wrong: int = Field(description="Left out as wrong, if that was asked for.")
    faults: list[LineFault] = Field(description="The first of the wrong lines.")
    digest: str = Field(description="SHA-256 of the list, hex.")


async def add(
    desk: Desk,
    number: str,
    source: str,
    wording: str,
    why: str,
    *,
    at: str = "",
    account: str = "",
    signature: str = "",
) -> Changed:
    """Record one consent; ``at`` is when it was given, empty for now."""
    desk.require(*_WRITERS)
    digits, why = digits_of(desk, number), reason_of(why)
    source = masked(checked_text("source", source, MOST_SOURCE_CHARS))
    wording = checked_text("wording", wording, MOST_WORDING_CHARS, "name the version of the text that was agreed to")
    wording = str(masked(wording))
    at_ms = _at(desk, at)
    scope = (await Scopes.of(desk)).scope(account, signature)
    detail = {"scope": scope_words(scope), "source": source, "wording": wording, "at_ms": at_ms}
    await desk.audit("consent.add", subject(desk, digits), why, **detail)
    kept = proof(source, desk.person.name)
    result = await RecipientFacts(desk.store).consent(digits, scope, kept, at_ms, wording)
    is_opted_out = result is FactResult.OPTED_OUT
    why_not = "the recipient opted out after that" if is_opted_out else "as new or newer is known"
    return await changed(desk, digits, result is FactResult.CHANGED, why_not)


async def import_list(
    desk: Desk, data: bytes, why: str, *, account: str = "", signature: str = "", skip_wrong: bool = False
) -> ConsentImport:
    """Record a list with columns number, source, wording, time and, if wanted, scope (else the scope given here).

    Nothing is written when a line is wrong, unless such lines are to be skipped. May be repeated after an error.
    """
    desk.require(*_WRITERS)
    why = reason_of(why)
    scopes = await Scopes.of(desk)
    default = scopes.scope(account, signature)
    rows = await asyncio.to_thread(_read, desk, data, scopes, default, skip_wrong)
    counts = dict.fromkeys(FactResult, 0)
    facts = RecipientFacts(desk.store)
    await import_begins(desk, "consent", rows, why, scope=scope_words(default))
    for first in range(0, len(rows.items), _ROWS_AT_ONCE):
        for result in await facts.load_consents(rows.items[first : first + _ROWS_AT_ONCE]):
            counts[result] += 1
    done = {
        "taken": counts[FactResult.CHANGED],
        "known": counts[FactResult.NOTHING],
        "opted_out": counts[FactResult.OPTED_OUT],
    }
    await import_ended(desk, "consent", rows, why, **done)
    return ConsentImport(
        lines=rows.lines,
        **done,
        wrong=rows.wrong,
        faults=rows.line_faults,
        digest=rows.digest,
    )


async def show(desk: Desk, number: str) -> RecipientKnown:
    """The proof of a recipient's consent: source, wording, time, who entered it, digest of the list."""
    return await known_of(desk, digits_of(desk, number), "consent", "subscribe", "optout")


def _read(desk: Desk, data: bytes, scopes: Scopes, default: str, skip_wrong: bool) -> Rows[Consent]:
    zone, now_ms, who = desk.zone, desk.now_ms(), desk.person.name
    digest = digest_of(data)  # a part of every line's proof

    def make(cells: Cells) -> Consent:
        number = number_cell(desk, cells)
        source = masked(text_cell(cells, "source"))
        wording = masked(text_cell(cells, "wording", MOST_WORDING_CHARS))
        at_ms = moment_cell(cells, "time", zone, now_ms)
        return Consent(number, scopes.cell(cells, default), proof(source, who, digest), at_ms, wording)

    return read_rows(data, COLUMNS, make, skip_wrong=skip_wrong)


def _at(desk: Desk, text: str) -> int:
    text = optional_text("at", text)
    if not text:
        return desk.now_ms()
    at_ms = parse_moment(text, desk.zone)
    if at_ms is None:
        raise RequestError("invalid", "at: is no time such as 2026-11-18 10:30")
    if at_ms > desk.now_ms():
        raise RequestError("invalid", "at: lies in the future")
    return at_ms
