"""What is known of recipients for good: opt-outs, consent, blacklists, dead numbers, tiers; for commands and services.

Owns the names of scopes and facts, which admission and release look for. Effective for the next message anywhere as
soon as a call returns. Of an opt-out, a subscription and a consent the newest counts, whatever order they arrive in;
an imported consent never undoes an opt-out. Numbers never reach Redis, only their keyed hash.
What can go wrong: every method raises StoreError; an import may then be repeated as a whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.facts import FactChange, FactOp, FactResult, row_of
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

SCOPE_COMPANY: Final = ""
CAP: Final = ":k:"
"""How the scope of a carrier's own cap begins."""
FACT_COMPANY: Final = "o"
FACT_BLACKLIST: Final = "b"
FACT_DEAD: Final = "d"

_IMPORT_BATCH: Final = 500
_KINDS: Final = {"o": "optout", "s": "subscribe", "c": "consent", "b": "blacklist", "d": "dead", "f": "failures"}


def scope_account(account: str) -> str:
    """The scope of one account."""
    return f":a:{account}"


def scope_signature(signature: str) -> str:
    """The scope of one signature."""
    return f":s:{signature}"


def scope_carrier(carrier: str) -> str:
    """The scope of a blacklist that was learnt from one carrier."""
    return f":c:{carrier}"


def scope_cap(carrier: str) -> str:
    """The scope of a carrier's own cap, which it reached for a recipient; a blacklist's entry that ends with it."""
    return CAP + carrier


def fact_account(account: str) -> str:
    """The fact that a recipient opted out of an account."""
    return FACT_COMPANY + scope_account(account)


def fact_signature(signature: str) -> str:
    """The fact that a recipient opted out of a signature."""
    return FACT_COMPANY + scope_signature(signature)


def fact_carrier(carrier: str) -> str:
    """The fact that a carrier has blacklisted a recipient."""
    return FACT_BLACKLIST + scope_carrier(carrier)


def fact_cap(carrier: str) -> str:
    """The fact that a carrier's own cap for a recipient is reached."""
    return FACT_BLACKLIST + scope_cap(carrier)


def facts_for(
    account: str, signature: str, carrier: str, *, optout: bool, blacklist: bool, dead: bool, consent: bool,
    cap: bool = False,
) -> tuple[str, ...]:  # fmt: skip
    """What to look for before a message is taken or sent; the flags say which rules hold for its class.

    ``signature`` and ``carrier`` may be empty. ``cap``: the carrier tells when its own cap for a recipient is reached.
    Names with ``+`` in front come last: a message needs one of them.
    """
    scopes = [SCOPE_COMPANY, scope_account(account)]
    if signature:
        scopes.append(scope_signature(signature))
    names: list[str] = []
    if optout:
        names += [FACT_COMPANY + scope for scope in scopes]
    if blacklist:
        names.append(FACT_BLACKLIST)
        if carrier:
            names.append(fact_carrier(carrier))
    if cap and carrier:
        names.append(fact_cap(carrier))
    if dead:
        names.append(FACT_DEAD)
    if consent:
        names += ["+c" + scope for scope in scopes]
    return tuple(names)


class Fact(NamedTuple):
    """One thing known. ``kind``: optout, subscribe, consent, blacklist, dead, failures, tier.

    ``source`` is also a list entry's reason and a tier's name (whose ``at_ms`` is 0). ``scope`` of a blacklist is
    empty, ``scope_carrier`` or ``scope_cap``. ``expires_ms`` 0: for good. ``failures`` counted so far. ``imported`` is
    of consent.
    """

    kind: str
    scope: str
    source: str
    at_ms: int
    by: str = ""
    expires_ms: int = 0
    wording: str = ""
    failures: int = 0
    imported: bool = False

    def in_force(self, at_ms: int) -> bool:
        """Whether it has not ended by that business time."""
        return self.expires_ms == 0 or self.expires_ms > at_ms


class Change(NamedTuple):
    """One line of an import: ``opt_out`` False is a re-subscription."""

    number: str
    opt_out: bool
    scope: str
    source: str
    at_ms: int


class OptOut(NamedTuple):
    """One line of an import of opt-outs."""

    number: str
    scope: str
    source: str
    at_ms: int


class Consent(NamedTuple):
    """One line of an import of consent: ``source`` and ``wording`` are its proof."""

    number: str
    scope: str
    source: str
    at_ms: int
    wording: str


class Listed(NamedTuple):
    """One line of an import of a blacklist or of dead numbers; ``expires_ms`` 0: for good."""

    number: str
    reason: str
    at_ms: int
    by: str
    expires_ms: int = 0


class RecipientFacts:
    """Writes and shows recipients' facts. Numbers are E.164 digits. Every method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = script("facts")

    async def add(self, number: str, scope: str, source: str, at_ms: int) -> bool:
        """Opt out; False when a newer word of the recipient was known."""
        return await self._changed(FactChange(None, FactOp.OPT_OUT, number, scope, source, at_ms))

    async def remove(self, number: str, scope: str, source: str, at_ms: int) -> bool:
        """Subscribe again (START); False when a newer opt-out stands."""
        return await self._changed(FactChange(None, FactOp.SUBSCRIBE, number, scope, source, at_ms))

    async def consent(self, number: str, scope: str, source: str, at_ms: int, wording: str) -> FactResult:
        """Record one consent with its proof; it lifts an older opt-out of its scope. OPTED_OUT: a newer one stands."""
        change = FactChange(None, FactOp.CONSENT, number, scope, source, at_ms, wording=wording)
        return (await self.write([change]))[0]

    async def blacklist(
        self, number: str, reason: str, at_ms: int, by: str, expires_ms: int = 0, carrier: str = ""
    ) -> bool:
        """Put on the company's blacklist, or one carrier's; replaces an older entry. False: it was there."""
        scope = scope_carrier(carrier) if carrier else ""
        return await self._changed(FactChange(None, FactOp.BLACKLIST, number, scope, reason, at_ms, by, expires_ms))

    async def unblacklist(self, number: str, at_ms: int, carrier: str = "") -> bool:
        """Take off the company's blacklist, or one carrier's and its cap; False when it was not there."""
        scopes = (scope_carrier(carrier), scope_cap(carrier)) if carrier else ("",)
        changes = [FactChange(None, FactOp.UNBLACKLIST, number, scope, "", at_ms) for scope in scopes]
        return any(await self.write(changes))

    async def dead(self, number: str, reason: str, at_ms: int, by: str, expires_ms: int = 0) -> bool:
        """Record that a number is dead; False: it was."""
        return await self._changed(FactChange(None, FactOp.DEAD, number, "", reason, at_ms, by, expires_ms))

    async def undead(self, number: str, at_ms: int) -> bool:
        """Forget that a number is dead, and what was counted towards it; False when nothing was known."""
        return await self._changed(FactChange(None, FactOp.UNDEAD, number, "", "", at_ms))

    async def set_tier(self, number: str, tier: str) -> bool:
        """Put the recipient into a tier; empty for none. False when it was there."""
        return await self._changed(FactChange(None, FactOp.TIER, number, "", tier, 0))

    async def get_tier(self, number: str) -> str:
        """The recipient's tier, empty for none."""
        return next((fact.source for fact in await self.show(number) if fact.kind == "tier"), "")

    async def load(self, changes: Iterable[Change]) -> int:
        """Import opt-outs and subscriptions; gives how many changed something. Safe to repeat after an error."""
        rows = (
            FactChange(None, FactOp.OPT_OUT if opt_out else FactOp.SUBSCRIBE, number, scope, source, at_ms)
            for number, opt_out, scope, source, at_ms in changes
        )
        return _count(await self.write(rows))

    async def load_optouts(self, optouts: Iterable[OptOut]) -> list[FactResult]:
        """Import opt-outs, a result a line: SUBSCRIBED lines were not taken. Safe to repeat after an error."""
        return await self.write(FactChange(None, FactOp.OPT_OUT_IMPORT, *each) for each in optouts)

    async def load_tiers(self, tiers: Iterable[tuple[str, str]]) -> int:
        """Import (number, tier); gives how many changed something. Safe to repeat after an error."""
        return _count(await self.write(FactChange(None, FactOp.TIER, number, "", tier, 0) for number, tier in tiers))

    async def load_consents(self, consents: Iterable[Consent]) -> list[FactResult]:
        """Import consent, a result a line: OPTED_OUT lines were not taken. Safe to repeat after an error."""
        return await self.write(
            FactChange(None, FactOp.CONSENT_IMPORT, number, scope, source, at_ms, wording=wording)
            for number, scope, source, at_ms, wording in consents
        )

    async def load_blacklist(self, listed: Iterable[Listed]) -> int:
        """Import into the company's blacklist; gives how many changed something. Safe to repeat after an error.

        An entry that ends later stays: a list for some weeks must not take a complaint's entry away after them.
        """
        return _count(await self.write(FactChange(None, FactOp.COMPLAINT, e[0], "", *e[1:]) for e in listed))

    async def load_dead(self, listed: Iterable[Listed]) -> int:
        """Import dead numbers; gives how many changed something. Safe to repeat after an error."""
        return _count(await self.write(FactChange(None, FactOp.DEAD, e[0], "", *e[1:]) for e in listed))

    async def show(self, number: str) -> list[Fact]:
        """Everything known of a recipient, also what has ended lately, in the order of the kinds' names."""
        rhash = self._store.recipients.hash(number)
        partition = self._store.recipients.partition(number, self._store.partitions)
        packed = await self._store.command(partition, "GET", keys.who(partition, rhash))
        if not packed:
            return []
        known = ((name.decode(), value) for name, value in from_script(packed).items())
        return sorted(_fact(name, value) for name, value in known if _is_known(name))

    async def write(self, changes: Iterable[FactChange]) -> list[FactResult]:
        """Write changes in order, a result each. Safe to repeat after an error, but for FAILED and REFUSED."""
        results: list[FactResult] = []
        source = iter(changes)
        while batch := list(itertools.islice(source, _IMPORT_BATCH)):
            results += await self._write(batch)
        return results

    async def _changed(self, change: FactChange) -> bool:
        return bool((await self.write([change]))[0])

    async def _write(self, changes: list[FactChange]) -> list[FactResult]:
        """One call a partition; no call ids: writing the same fact twice changes nothing the second time."""
        by_partition: dict[int, list[int]] = {}
        for position, change in enumerate(changes):
            partition = self._store.recipients.partition(change.number, self._store.partitions)
            by_partition.setdefault(partition, []).append(position)
        results = [FactResult.NOTHING] * len(changes)
        for partition, positions in by_partition.items():
            items = [row_of(changes[at], self._store.recipients.hash(changes[at].number)) for at in positions]
            payload = to_script((self._store.settings.event_limit, items))
            replies = from_script(await self._store.evaluate(partition, self._script, payload))
            for at, reply in zip(positions, replies, strict=True):
                results[at] = FactResult(reply)
        return results


def _count(results: list[FactResult]) -> int:
    return sum(result in (FactResult.CHANGED, FactResult.RENEWED) for result in results)


def _is_known(name: str) -> bool:
    """False for what only a later smsgw knows."""
    return name == "tier" or (name[:1] in _KINDS and name[1:2] in ("", ":"))


def _fact(name: str, value: Any) -> Fact:
    if name == "tier":
        return Fact("tier", "", value.decode(), 0)
    try:
        kind, scope = _KINDS[name[0]], name[1:]
        if kind == "failures":
            return Fact(kind, scope, "", int(value[-1]), expires_ms=int(value[0]), failures=len(value) - 1)
        source, at_ms = value[0].decode(), int(value[1])
        if kind == "consent":
            return Fact(kind, scope, source, at_ms, wording=value[2].decode(), imported=bool(value[3]))
        if kind in ("blacklist", "dead"):
            return Fact(kind, scope, source, at_ms, value[2].decode(), int(value[3]))
        return Fact(kind, scope, source, at_ms)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise StoreError(f"fact {name!r} of a recipient is malformed: {error}") from error
