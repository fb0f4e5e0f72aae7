"""How many binds an account may have: who says whether there is a place for one more.

``Places`` is what the listener asks; over all processes it is ``gateway.bind_desk``. ``OwnPlaces`` counts the sessions
of this process alone, for a listener without a fleet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smsgw.esme.account import Account

#: None: there is a place, and it is taken; else how many binds are open.
Placed = Callable[[int | None], None]


class Places(Protocol):
    """The places of all accounts."""

    def ask(self, account: Account, then: Placed) -> None:
        """A place for one more bind; ``then`` is called once, now or later. Who has one must give it back: ``left``."""

    def left(self, account: Account) -> None:
        """A bind is gone, or was not made after all."""


class OwnPlaces:
    """Those of one process."""

    def ask(self, account: Account, then: Placed) -> None:
        """By the sessions that are bound."""
        bound = len(account.sessions)
        then(bound if bound >= account.settings.max_binds else None)

    def left(self, account: Account) -> None:
        """Nothing is counted beside the sessions."""
