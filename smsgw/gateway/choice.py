"""Which carrier a message goes to: the first of its route that is usable, or as near as can be.

Owns the one answer to "may this carrier have something now, and if not, why": used at admission, when a message
moves, when a held one is due, and by whoever explains. *Allowed* says that nothing forbids the carrier (it exists,
is not paused); *usable* that it would also send at once. Never knows weights or costs: the order of the carriers
comes from the route. A message is never left without a carrier because all of them are in trouble: then it waits
for the first that is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smsgw.gateway.context import Context


class CarrierChoice:
    """One per gateway. ``province`` is that of the recipient, empty when unknown."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def first(self, carriers: Sequence[str], province: str = "") -> str:
        """Where a new message goes: the first usable carrier of its route, else the first allowed, else the first."""
        first = carriers[0]
        if self.usable(first, province):
            return first
        return self.next(carriers, (), False, province) or first

    def next(
        self, carriers: Sequence[str], tried: Sequence[str], only_up: bool = False, province: str = ""
    ) -> str | None:
        """The first untried carrier that is usable; else, unless ``only_up``, the first untried that is allowed; else
        None.

        A message may have waited since before a carrier of its route was taken out of the site's files.
        """
        untried = [name for name in carriers if name not in tried and self.allowed(name)]
        for name in untried:
            if self.usable(name, province):
                return name
        return untried[0] if untried and not only_up else None

    def allowed(self, name: str) -> bool:
        """Nothing that staff did forbids the carrier; it may be down."""
        context = self._context
        return name in context.pools and context.is_open(name)

    def usable(self, name: str, province: str = "") -> bool:
        """What is given to the carrier now is sent at once."""
        return self.allowed(name) and self._context.pools[name].up

    def why_not(self, name: str, province: str = "") -> str:
        """Why a carrier is not usable, in words; empty when it is."""
        context = self._context
        pool = context.pools.get(name)
        if pool is None:
            return "it is not in the site's files"
        if not context.is_open(name):
            return "it is paused"
        if not pool.up:
            return "none of its binds is up"
        return ""
