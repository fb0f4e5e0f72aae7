"""Which carrier a message goes to: the first of its route that is usable, or as near as can be.

Owns the one answer to "may this carrier have something now, and if not, why": used at admission, when a message
moves, when a held one is due, and by whoever explains. *Allowed* says that nothing forbids the carrier (it exists,
is not paused); *usable* that it would also send at once. Never knows weights or costs: the order of the carriers
comes from the route. A message is never left without a carrier because all of them are in trouble: then it waits
for the first that is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from smsgw.gateway.context import Context

#: Whether a message's text suits a carrier, by its name.
Suits: TypeAlias = Callable[[str], bool]
#: Codes go elsewhere when they would wait for more than this share of the time that they have.
LATE_SHARE = 0.5
#: Why not, of a carrier that is wished and not connected.
NO_BIND_UP = "none of its binds is up"


class CarrierChoice:
    """One per gateway. ``province`` is that of the recipient, empty when unknown."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def first(self, carriers: Sequence[str], province: str = "", suits: Suits | None = None) -> str:
        """Where a new message goes: the first usable carrier of its route, else the first allowed, else the first."""
        return self.next(carriers, (), False, province, suits) or carriers[0]

    def first_in_time(self, carriers: Sequence[str], province: str = "", suits: Suits | None = None) -> str:
        """Where a new verification code goes: the first usable carrier that has time for it, else as any other."""
        return self.next_in_time(carriers, (), province, suits) or self.first(carriers, province, suits)

    def next_in_time(
        self, carriers: Sequence[str], tried: Sequence[str], province: str = "", suits: Suits | None = None
    ) -> str | None:
        """The first untried carrier that is usable and has time for a verification code."""
        return self.next(
            carriers, tried, True, province, lambda name: self.in_time(name) and (suits is None or suits(name))
        )

    def in_time(self, name: str) -> bool:
        """Whether a verification code that is given to the carrier now would not wait for too long."""
        limit_s = self._context.settings.otp_limit_s
        pool = self._context.pools.get(name)
        return not limit_s or pool is None or pool.codes_wait_s <= limit_s * LATE_SHARE

    def next(
        self,
        carriers: Sequence[str],
        tried: Sequence[str],
        only_up: bool = False,
        province: str = "",
        suits: Suits | None = None,
    ) -> str | None:
        """The first untried carrier that is usable; else, unless ``only_up``, the first untried that is allowed; else
        None.

        A carrier that the text does not suit (``suits`` says False) is passed over. A message may have waited since
        before a carrier of its route was taken out of the site's files.
        """
        for name in carriers:
            if name in tried or not self._is_there(name) or (suits is not None and not suits(name)):
                continue
            if self._context.health.lets(name, province):  # asked last, for it counts probes
                return name
        return None if only_up else self._waits_at(carriers, tried, suits)

    def allowed(self, name: str) -> bool:
        """Nothing that staff did forbids the carrier; it may be down."""
        context = self._context
        if name not in context.pools:
            return False
        registers = context.registers
        if not (registers.pauses.any or registers.orders.any):
            return True
        return context.is_open(name) and registers.orders.of(f"carrier:{name}", context.clock.now_ms()) is None

    def usable(self, name: str, province: str = "") -> bool:
        """What is given to the carrier now is sent at once, here or by another process."""
        return self._is_there(name) and not self._context.health.why_not(name, province)

    def why_not(self, name: str, province: str = "") -> str:
        """Why a carrier is not usable, in words; empty when it is."""
        context = self._context
        pool = context.pools.get(name)
        if pool is None:
            return "it is not in the site's files"
        if not context.is_open(name):
            return "it is paused"
        order = context.registers.orders.of(f"carrier:{name}", context.clock.now_ms())
        if order is not None:
            return f"staff ordered {order.action}: {order.reason}"
        if not (pool.up or pool.elsewhere):
            return NO_BIND_UP
        return context.health.why_not(name, province)

    def leaves(self, name: str, province: str) -> bool:
        """Whether what waits for a carrier should look for another one: its breaker is open."""
        return self._context.health.is_open(name, province)

    def _waits_at(self, carriers: Sequence[str], tried: Sequence[str], suits: Suits | None) -> str | None:
        """None is usable: the first that is up whatever its breaker says, else the first that is allowed."""
        allowed = [name for name in carriers if name not in tried and self.allowed(name)]
        if suits is not None:
            allowed = [name for name in allowed if suits(name)]
        return next((name for name in allowed if self._is_there(name)), allowed[0] if allowed else None)

    def _is_there(self, name: str) -> bool:
        if not self.allowed(name):
            return False
        pool = self._context.pools[name]
        return pool.up or pool.elsewhere
