"""What is known of recipients for good: opt-outs with source and time, re-subscriptions, tiers.

Owns the facts' names, which admission and release look for: ``FACT_COMPANY``, ``fact_account(...)``,
``fact_signature(...)``. Effective for the next message anywhere as soon as a call returns. Of an opt-out
and a re-subscription the newer one counts, whatever order they arrive in, so an old import undoes nothing.
Numbers never reach Redis, only their keyed hash. Every change is an event on ``{p}:events``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

SCOPE_COMPANY: Final = ""
FACT_COMPANY: Final = "o"

_OPT_OUT: Final = 1
_SUBSCRIBE: Final = 2
_TIER: Final = 3
_IMPORT_BATCH: Final = 500


def scope_account(account: str) -> str:
    """The scope of one account."""
    return f":a:{account}"


def scope_signature(signature: str) -> str:
    """The scope of one signature."""
    return f":s:{signature}"


def fact_account(account: str) -> str:
    """The fact that a recipient opted out of an account."""
    return FACT_COMPANY + scope_account(account)


def fact_signature(signature: str) -> str:
    """The fact that a recipient opted out of a signature."""
    return FACT_COMPANY + scope_signature(signature)


def optout_facts(account: str, signature: str) -> tuple[str, ...]:
    """The facts that forbid a message: about the company, its account, and its signature (empty: it has none)."""
    facts = (FACT_COMPANY, fact_account(account))
    return (*facts, fact_signature(signature)) if signature else facts


class Fact(NamedTuple):
    """``kind`` "optout", "subscribe" or "tier". ``source`` of a tier is its name, its ``at_ms`` 0."""

    kind: str
    scope: str
    source: str
    at_ms: int


class Change(NamedTuple):
    """One line of an import: ``opt_out`` False is a re-subscription."""

    number: str
    opt_out: bool
    scope: str
    source: str
    at_ms: int


class RecipientFacts:
    """Writes and shows recipients' facts. Numbers are E.164 digits. Every method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = script("optout")

    async def add(self, number: str, scope: str, source: str, at_ms: int) -> bool:
        """Opt out; False when a newer word of the recipient was known."""
        return (await self._write([(number, _OPT_OUT, scope, source, at_ms)]))[0]

    async def remove(self, number: str, scope: str, source: str, at_ms: int) -> bool:
        """Subscribe again (START, newer consent); False when a newer opt-out stands."""
        return (await self._write([(number, _SUBSCRIBE, scope, source, at_ms)]))[0]

    async def set_tier(self, number: str, tier: str) -> bool:
        """Put the recipient into a tier; empty for none. False when it was there."""
        return (await self._write([(number, _TIER, "", tier, 0)]))[0]

    async def get_tier(self, number: str) -> str:
        """The recipient's tier, empty for none."""
        return next((fact.source for fact in await self.show(number) if fact.kind == "tier"), "")

    async def load(self, changes: Iterable[Change]) -> int:
        """Import; gives how many changed something. Safe to repeat after an error."""
        rows = (
            (number, _OPT_OUT if opt_out else _SUBSCRIBE, scope, source, at_ms)
            for number, opt_out, scope, source, at_ms in changes
        )
        return await self._load(rows)

    async def load_tiers(self, tiers: Iterable[tuple[str, str]]) -> int:
        """Import (number, tier); gives how many changed something. Safe to repeat after an error."""
        return await self._load((number, _TIER, "", tier, 0) for number, tier in tiers)

    async def show(self, number: str) -> list[Fact]:
        """Everything known of a recipient, opt-outs first."""
        rhash = self._store.recipients.hash(number)
        partition = self._store.recipients.partition(number, self._store.partitions)
        packed = await self._store.command(partition, "GET", keys.who(partition, rhash))
        if not packed:
            return []
        return sorted(_fact(name.decode(), value) for name, value in from_script(packed).items())

    async def _load(self, rows: Iterable[tuple[str, int, str, str, int]]) -> int:
        changed = 0
        source = iter(rows)
        while batch := list(itertools.islice(source, _IMPORT_BATCH)):
            changed += sum(await self._write(batch))
        return changed

    async def _write(self, rows: list[tuple[str, int, str, str, int]]) -> list[bool]:
        """One call a partition; no call ids: writing the same fact twice changes nothing the second time."""
        by_partition: dict[int, list[int]] = {}
        for position, row in enumerate(rows):
            partition = self._store.recipients.partition(row[0], self._store.partitions)
            by_partition.setdefault(partition, []).append(position)
        results = [False] * len(rows)
        for partition, positions in by_partition.items():
            items = [(self._store.recipients.hash(rows[at][0]), *rows[at][1:]) for at in positions]
            payload = to_script((self._store.settings.event_limit, items))
            replies = from_script(await self._store.evaluate(partition, self._script, payload))
            for at, reply in zip(positions, replies, strict=True):
                results[at] = bool(reply)
        return results


def _fact(name: str, value: Any) -> Fact:
    if name == "tier":
        return Fact("tier", "", value.decode(), 0)
    try:
        source, at_ms = value
        return Fact("optout" if name[0] == "o" else "subscribe", name[1:], source.decode(), int(at_ms))
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"fact {name!r} of a recipient is malformed: {error}") from error
