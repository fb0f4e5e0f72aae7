"""Several kinds of messages in one load run: who sends which, how often, and to whom.

A mix is a cycle of templates by weight, so that every run sends the same messages in the same order.
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
    payload: bool = False
    registered_delivery: int = 0
    validity_period: str = ""
    service_type: str = ""
    priority_flag: int = 0

    @property
    def wants_receipt(self) -> bool:
        """Whether it asks for a final receipt."""
        return self.registered_delivery & 3 != 0


class Mix:
    """Looks like a ``Template``; ``pdu`` picks the kind of message ``n`` by weight."""

    def __init__(self, templates: Sequence[tuple[Template, MixedMessage]]) -> None:
        weights = [message.weight for _, message in templates]
        shared = math.gcd(*weights)
        weights = [weight // shared for weight in weights]
        if sum(weights) > _LONGEST_CYCLE:
            raise ValueError(f"weights have no smaller common measure than 1 in {sum(weights)}; round them")
        #: Template, its turns in a cycle, and which of them this one is.
        self._cycle: list[tuple[Template, int, int]] = []
        self._wants: list[bool] = []
        wishes = {message.wants_receipt for _, message in templates}
        self.wants_receipts: bool | None = wishes.pop() if len(wishes) == 1 else None
        level = [0] * len(weights)
        for _ in range(sum(weights)):
            level = [have + weight for have, weight in zip(level, weights, strict=True)]
            chosen = max(range(len(level)), key=level.__getitem__)
            level[chosen] -= sum(weights)
            template, message = templates[chosen]
            self._cycle.append((template, weights[chosen], sum(each[0] is template for each in self._cycle)))
            self._wants.append(message.wants_receipt)

    def pdu(self, sequence_number: int, n: int) -> bytes:
        """Message ``n``; the kinds go through their recipients each for itself."""
        turn, at = divmod(n, len(self._cycle))
        template, turns, offset = self._cycle[at]
        return template.pdu_to(sequence_number, n, turn * turns + offset)

    def wants(self, n: int) -> bool:
        """Whether message ``n`` asks for a receipt."""
        return self._wants[n % len(self._wants)]
