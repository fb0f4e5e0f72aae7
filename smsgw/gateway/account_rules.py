"""One account's rules, compiled, and what of a recipient forbids its messages.

Owns: which facts admission and release look for (opt-outs, blacklists, dead numbers, consent), by class, signature and
carrier, as tuples that are made once: the store's script packs like ones once a batch. Also what receipts teach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple

from smsgw.policy.channels import account_refusal
from smsgw.policy.mo_words import MoWords
from smsgw.policy.profile import Quota
from smsgw.store.recipients import facts_for

if TYPE_CHECKING:
    from smsgw.policy.caps import CapRows
    from smsgw.policy.model import Draft, Refusal
    from smsgw.policy.pipeline import Rules

NO_QUOTA = Quota()
_WAYS: Final = 100_000


class Way(NamedTuple):
    """Where messages that are alike go, and what admission asks of their recipients; the same object for like ones."""

    stream: str
    facts: tuple[str, ...] = ()
    caps: CapRows | None = None


class AccountRules:
    """``message_class`` is the one that the account declares, ``capping`` the carriers that tell of their own caps."""

    __slots__ = (
        "_by_segment", "_by_template", "_capping", "_facts", "_standing", "_ways", "blacklist_codes",
        "country", "dead_codes", "has_quota", "message_class", "mo_words", "name", "rules", "test_numbers", "zone",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        message_class: int,
        rules: Rules,
        mo_words: MoWords,
        approval_required: bool = False,
        capping: frozenset[str] = frozenset(),
    ) -> None:
        self.mo_words = mo_words
        self.name = name
        self.message_class = message_class
        self.rules = rules
        self.country = rules.profile.country
        self.zone: tzinfo = rules.profile.zone
        self.blacklist_codes = _folded(rules.profile.blacklist.learn_from)
        self.dead_codes = _folded(rules.profile.dead_number.learn_from)
        self.has_quota = rules.account.quota != NO_QUOTA
        self._standing = account_refusal(rules.account, rules.profile.zone, rules.registers, approval_required)
        self._capping = capping
        self.test_numbers = rules.profile.test_numbers
        self._by_segment, self._by_template = ("segment" in rules.caps.scopes), ("template" in rules.caps.scopes)
        self._ways: dict[tuple[object, ...], Way] = {}
        self._facts: dict[tuple[str, int, str], tuple[str, ...]] = {}

    def refusal_now(self, at_ms: int) -> Refusal | None:
        """Rule 1 alone: None when the account is in force at that business time."""
        return self._standing(at_ms) if self._standing is not None else None

    def way(self, draft: Draft, carrier: str, streams: Mapping[str, tuple[str, ...]]) -> Way:
        """For a message that the rules let pass: ``streams`` by carrier, then lane. Caps are not for test numbers."""
        template = draft.template.id if self._by_template and draft.template is not None else None
        audience = draft.audience if self._by_segment else ""
        key = (draft.signature, draft.message_class, carrier, draft.lane, template, audience)
        way = self._ways.get(key)
        if way is None:
            if len(self._ways) >= _WAYS:
                self._ways.clear()
            signature, message_class, lane = draft.signature or "", draft.message_class, draft.lane
            way = self._ways[key] = Way(
                streams[carrier][lane],
                self.facts(signature, message_class, carrier),
                self.rules.caps.compiled(draft.account, message_class, draft.signature, template, audience or None),
            )
        return way

    def facts(self, signature: str, message_class: int, carrier: str) -> tuple[str, ...]:
        """What of a recipient forbids (or, consent, must allow) a message; empty when the class is exempt."""
        key = (signature, message_class, carrier)
        facts = self._facts.get(key)
        if facts is None:
            asked = self.rules.facts(message_class)
            facts = self._facts[key] = facts_for(
                self.name,
                signature,
                carrier,
                optout=asked.optout,
                blacklist=asked.blacklist,
                dead=asked.dead_number,
                consent=asked.consent,
                cap=carrier in self._capping,
            )
        return facts

    def others(
        self, draft: Draft, carrier: str, streams: Mapping[str, tuple[str, ...]]
    ) -> tuple[tuple[str, tuple[str, ...]], ...]:  # fmt: skip
        """For admission: the streams of the route's other carriers, each with what forbids a message there.

        Only those that take whatever ``carrier`` takes. ``streams`` by carrier, then lane.
        """
        takes_all, message_class, lane = self.rules.other_carrier.takes_all, draft.message_class, draft.lane
        return tuple(
            (streams[name][lane], self.facts(draft.signature or "", message_class, name))
            for name in draft.carriers
            if name != carrier and name in streams and takes_all(message_class, carrier, name)
        )


def _folded(codes: Iterable[str]) -> frozenset[str]:
    return frozenset(code.casefold() for code in codes)
