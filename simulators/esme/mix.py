"""Several kinds of messages in one load run: who sends which, how often, and to whom.

A mix is a cycle of templates by weight, so that an account sends the same messages in the same order in every run,
whatever its share of all messages is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.esme.template import Template

_LONGEST_CYCLE = 100_000


@dataclass(frozen=True, slots=True)
class MixedMessage:
    """One kind; fields are those of ``LoadSettings``."""

    text: str
    #: How many of each ``sum of weights`` messages of its account are of this kind.
    weight: int = 1
    #: system_id that sends it; empty for every account.
    account: str = ""
    source: str = "10690001"
    recipient_base: int = 8_613_800_000_000
    recipient_count: int = 1_000_000
    #: In place of the two above.
    recipients: tuple[str, ...] = ()
    data_coding: int | None = None
    long: str = "udh"
    registered_delivery: int = 0
    validity_period: str = ""
    service_type: str = ""
    priority_flag: int = 0


class Mix:
    """Looks like a ``Template``; ``take`` picks the kind of an account's next message by weight."""

    def __init__(self, templates: Sequence[tuple[Template, int]]) -> None:
        """``templates`` with their weights."""
        shared = math.gcd(*(weight for _, weight in templates))
        weights = [weight // shared for _, weight in templates]
        if sum(weights) > _LONGEST_CYCLE:
            raise ValueError(f"weights have no smaller common measure than 1 in {sum(weights)}; round them")
        #: Template, its turns in a cycle, and which of them this one is.
        self._cycle: list[tuple[Template, int, int]] = []
        self._taken = 0
        level = [0] * len(weights)
        turns = [0] * len(weights)
        for _ in range(sum(weights)):
            level = [have + weight for have, weight in zip(level, weights, strict=True)]
            chosen = max(range(len(level)), key=level.__getitem__)
            level[chosen] -= sum(weights)
            self._cycle.append((templates[chosen][0], weights[chosen], turns[chosen]))
            turns[chosen] += 1

    def take(self, n: int) -> tuple[Template, int]:
        """The kind of message ``n`` and how many of that kind were before it."""
        turn, at = divmod(self._taken, len(self._cycle))
        self._taken += 1
        template, turns, offset = self._cycle[at]
        return template, turn * turns + offset
