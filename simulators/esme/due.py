"""Which accepted messages still wait for their final receipt; receipts may come before the answer."""

from __future__ import annotations

from simulators.esme.incoming import Incoming


class Due:
    """Tell it of answers and of everything that comes."""

    def __init__(self) -> None:
        #: Message ids.
        self.waiting: set[str] = set()
        self._early: set[str] = set()

    def accepted(self, message_id: str) -> None:
        """A message whose receipt is wanted was accepted."""
        if message_id in self._early:
            self._early.discard(message_id)
        else:
            self.waiting.add(message_id)

    def came(self, came: Incoming) -> None:
        """A receipt or an MO."""
        if came.receipt is None or not came.receipt.final:
            return
        if came.message_id in self.waiting:
            self.waiting.discard(came.message_id)
        else:
            self._early.add(came.message_id)
