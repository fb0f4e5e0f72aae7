"""Rule 2: what is paused just now, by any scope: global, department, account, signature, template, campaign, carrier.

Owns: reading the register of pauses and finding the one that stops a message. Never pauses or resumes: people do, with
a reason; the register brings it to every process. A pause whose end has come stops nothing, although its document may
lie there until somebody tidies up. A carrier's pause refuses only what no other carrier of the route may take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from smsgw.policy.entries import PauseEntry
from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import PAUSED

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

GLOBAL: Final = "global"
PAUSE_SCOPES: Final = ("department", "account", "signature", "template", "campaign", "carrier")
"""What a scope ``<what>:<name>`` may name, beside ``global``, from the widest to the narrowest."""


def scope_fault(scope: str) -> str | None:
    """What is wrong with a scope that somebody wrote, or None."""
    what, colon, name = scope.partition(":")
    if scope == GLOBAL or (colon and name and what in PAUSE_SCOPES):
        return None
    return f"expected {GLOBAL} or one of {', '.join(PAUSE_SCOPES)} with a colon and a name, found {scope!r}"


class Pauses:
    """The register of pauses, compiled. ``any`` is False when nothing is paused, which is the usual case."""

    __slots__ = ("_by_name", "_entries", "_global", "any")

    def __init__(self, entries: Iterable[PauseEntry]) -> None:
        self._entries: Mapping[str, PauseEntry] = {entry.scope: entry for entry in entries}
        self._global = self._entries.get(GLOBAL)
        # By kind of scope, each by name: most kinds are empty, and nothing is put together for a look.
        self._by_name: tuple[dict[str, PauseEntry], ...] = tuple({} for _ in PAUSE_SCOPES)
        for entry in self._entries.values():
            what, _, name = entry.scope.partition(":")
            if what in PAUSE_SCOPES:
                self._by_name[PAUSE_SCOPES.index(what)][name] = entry
        self.any: bool = bool(self._entries)

    @property
    def scopes(self) -> tuple[str, ...]:
        """All scopes that are listed, also those whose end has come."""
        return tuple(self._entries)

    def of(self, scope: str, at_ms: int) -> PauseEntry | None:
        """The pause of exactly that scope, if it is in force then."""
        entry = self._entries.get(scope)
        return entry if entry is not None and _in_force(entry, at_ms) else None

    def find(
        self,
        account: str,
        department: str,
        signature: str | None,
        template: str,
        campaign: str,
        carrier: str,
        at_ms: int,
    ) -> PauseEntry | None:
        """The widest pause in force at ``at_ms`` for a message of these; an empty name is not looked at."""
        if not self.any:
            return None
        if self._global is not None and _in_force(self._global, at_ms):
            return self._global
        names = (department, account, signature, template, campaign, carrier)
        for entries, name in zip(self._by_name, names, strict=True):
            if entries and name:
                entry = entries.get(name)
                if entry is not None and _in_force(entry, at_ms):
                    return entry
        return None

    def open_carriers(self, carriers: Iterable[str], at_ms: int) -> tuple[str, ...]:
        """Those of a route's carriers that are not paused, in order."""
        paused = self._by_name[-1]
        if not paused:
            return tuple(carriers)
        return tuple(
            carrier for carrier in carriers if (entry := paused.get(carrier)) is None or not _in_force(entry, at_ms)
        )


def _in_force(entry: PauseEntry, at_ms: int) -> bool:
    return not entry.expires_ms or at_ms < entry.expires_ms


def pause_rule(parts: Parts, message_class: int) -> Rule:
    """Rule 2; any message of any class may be paused."""
    registers, account, department = parts.registers, parts.account.name, parts.account.department

    def find(draft: Draft) -> PauseEntry | None:
        pauses, at_ms = registers.pauses, draft.at_ms
        template = draft.template.id if draft.template is not None else ""
        found = pauses.find(account, department, draft.signature, template, draft.campaign, "", at_ms)
        if found is None and draft.carriers and not pauses.open_carriers(draft.carriers, at_ms):
            found = pauses.of(f"carrier:{draft.carriers[0]}", at_ms)
        return found

    def check(draft: Draft) -> Outcome:
        if not registers.pauses.any:
            return None
        found = find(draft)
        if found is None:
            return None
        wait_s = -((draft.at_ms - found.expires_ms) // 1000) if found.expires_ms else None
        return Refusal(PAUSED, f"{found.scope} is paused: {found.reason}", wait_s)

    def looked_at(draft: Draft) -> str:
        pauses = registers.pauses
        return f"paused: {', '.join(pauses.scopes)}" if pauses.any else "nothing is paused"

    return Rule(2, "paused", check, looked_at)
