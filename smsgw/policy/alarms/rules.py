"""A site's rules for alarms: the defaults of each kind, and what the site says otherwise, for all or for some labels.

Owns: which rule is an alarm's. The first in the order of the file whose ``only`` fits its labels; without one, the
rule of the kind. A pattern of ``only`` such as ``spring-*`` fits nothing where the label is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Self, TypeAlias

from smsgw.policy.alarms.kinds import KINDS, Kind, Severity

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""What an alarm is about, in the order of its kind's scope: ``(("carrier", "alpha"), ("province", "广东"))``."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When alarms of a kind ring, and who is told. ``channels`` None: all; ``repeat_s`` 0: told once.

    ``action_for_s``: how long what an action stops is stopped, 0 until somebody resumes it.
    """

    kind: Kind
    threshold: float
    clear: float
    minimum: int
    window_s: float
    for_s: float
    clear_for_s: float
    severity: Severity
    repeat_s: float
    channels: frozenset[str] | None = None
    action: str = ""
    action_for_s: float = 0.0
    only: Labels = ()
    enabled: bool = True

    @classmethod
    def of(cls, kind: Kind) -> Self:
        """The rule of a kind where the site says nothing."""
        return cls(kind, kind.threshold, kind.clear, kind.minimum, kind.window_s, kind.for_s, kind.clear_for_s,
                   kind.severity, kind.repeat_s)  # fmt: skip

    def is_bad(self, value: float) -> bool:
        """Beyond the threshold."""
        return value < self.threshold if self.kind.below else value > self.threshold

    def is_good(self, value: float) -> bool:
        """As far on the other side as it takes to be over; neither is both."""
        return value >= self.clear if self.kind.below else value <= self.clear


class Rules:
    """All rules of a site. ``own``: what it says, in the order of its file."""

    def __init__(self, own: Iterable[Rule] = ()) -> None:
        rules: dict[str, list[Rule]] = {name: [] for name in KINDS}
        for rule in own:
            rules[rule.kind.name].append(rule)
        self._of: Final[dict[str, tuple[Rule, ...]]] = {
            name: (
                *(each for each in found if each.only),
                next((each for each in found if not each.only), Rule.of(kind)),
            )
            for (name, found), kind in zip(rules.items(), KINDS.values(), strict=True)
        }

    def of(self, kind: str) -> tuple[Rule, ...]:
        """Every rule of a kind; the last one is for what no other fits."""
        return self._of[kind]

    def find(self, kind: str, labels: Labels) -> Rule:
        """The rule of one alarm."""
        named = dict(labels)
        return next(rule for rule in self._of[kind] if fits(rule.only, named))


def fits(only: Labels, named: Mapping[str, str]) -> bool:
    """Whether labels are among those that patterns ask for."""
    return all(name in named and fnmatchcase(named[name], pattern) for name, pattern in only)
