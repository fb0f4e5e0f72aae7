"""Opt-outs by hand: who does not want to hear from an account, from a signature, or from the company.

In force for the next message of every process when a call returns. Of an opt-out, a subscription and a consent the
newest counts, whoever wrote it. Each change is audited before it is made and leaves a record.
"""

from __future__ import annotations

from smsgw.records.record import Step
from smsgw.services.desk import Desk, masked, optional_text
from smsgw.services.recipients import (
    MOST_SOURCE_CHARS,
    Changed,
    RecipientKnown,
    Scopes,
    changed,
    digits_of,
    known_of,
    reason_of,
    record,
    scope_words,
    subject,
)
from smsgw.store.recipients import RecipientFacts

_NEWER = "something as new or newer is known"


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


async def show(desk: Desk, number: str) -> RecipientKnown:
    """Opt-outs and subscriptions of a recipient, with source and time."""
    return await known_of(desk, digits_of(desk, number), "optout", "subscribe")


async def _put(desk: Desk, number: str, why: str, account: str, signature: str, source: str, *, stop: bool) -> Changed:
    desk.require("compliance", "operations")
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
