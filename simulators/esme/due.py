"""Which accepted messages still wait for their final receipts; receipts may come before the answer."""

from __future__ import annotations

from collections import Counter

from simulators.esme.incoming import Incoming

#: Receipts kept that came for nothing that was accepted yet.
_EARLY_KEPT = 10_000


class Due:
    """Tell it of answers and of everything that comes."""

    def __init__(self) -> None:
        #: How many receipts each message id still waits for: one for each recipient.
        self._waiting: Counter[str] = Counter()
        self._early: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many receipts are due."""
        return self._waiting.total()

    def accepted(self, message_id: str, receipts: int = 1) -> None:
        """A message whose receipts are wanted was accepted."""
        early = min(receipts, self._early.pop(message_id, 0))
        if receipts > early:
            self._waiting[message_id] += receipts - early

    def came(self, came: Incoming) -> None:
        """A receipt or an MO."""
        if came.receipt is None or not came.receipt.final:
            return
        message_id = came.message_id
        left = self._waiting.pop(message_id, 0)
        if left > 1:
            self._waiting[message_id] = left - 1
        elif not left:
            self._early[message_id] += 1
            if len(self._early) > _EARLY_KEPT:
                del self._early[next(iter(self._early))]
