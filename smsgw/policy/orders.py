"""What staff ordered of a carrier, an account, a bind or a queue: suspended, drained, closed, purged; or for a time.

Owns: which orders there are, and reading the register of them. Never gives an order: people do, with a reason; the
register brings it to every process. Unlike a pause, an order is about a link and not about what is sent: messages of a
suspended carrier go over another one, and what a suspended account had accepted goes on. An order whose end has come
means nothing, although its document may lie there until somebody tidies up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from smsgw.policy.entries import OrderEntry
from smsgw.policy.model import Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import ACCOUNT_SUSPENDED

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

SUSPEND: Final = "suspend"
DRAIN: Final = "drain"
CLOSE: Final = "close"
PURGE: Final = "purge"
MOVE: Final = "move"
ANY: Final = "*"
HELD: Final = "held"
"""In place of a carrier: what is held for a window, a schedule, a retry, a person or a pause."""
ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    # Nothing new over it, binds stay for receipts; or: finish what is queued, then unbind.
    "carrier": (SUSPEND, DRAIN),
    # Binds stay, every request to send is refused.
    "account": (SUSPEND,),
    # Its sessions are unbound when the order comes, and binds refused while it is in force.
    "sessions": (CLOSE,),
    # A carrier's bind stays unbound while it is in force.
    "bind": (CLOSE,),
    # What waits for ``<carrier>/<lane>/<account>``, accepted before: deleted and reported, or to another carrier.
    "queue": (PURGE, MOVE),
}
"""What may be ordered of what; a scope is ``<what>:<name>``."""


class Orders:
    """The register of orders, compiled. ``any`` is False when there is none, which is the usual case."""

    __slots__ = ("_entries", "any", "queues")

    def __init__(self, entries: Iterable[OrderEntry]) -> None:
        self._entries: Mapping[str, OrderEntry] = {
            entry.scope: entry for entry in entries if entry.action in ACTIONS.get(entry.scope.partition(":")[0], ())
        }
        self.any: bool = bool(self._entries)
        #: Those about queues, with the parts of their scopes; empty but while somebody tidies up.
        self.queues: tuple[tuple[tuple[str, ...], OrderEntry], ...] = tuple(
            (tuple(name.split("/")), entry)
            for name, entry in ((scope.partition(":")[2], each) for scope, each in self._entries.items())
            if entry.action in ACTIONS["queue"]
        )

    @property
    def entries(self) -> tuple[OrderEntry, ...]:
        """All that are listed, also those whose end has come."""
        return tuple(self._entries.values())

    def of(self, scope: str, now_ms: int) -> OrderEntry | None:
        """The order of exactly that scope, if it is in force then."""
        entry = self._entries.get(scope)
        return entry if entry is not None and in_force(entry, now_ms) else None

    def of_waiting(self, carrier: str, lane: str, account: str, accepted_ms: int, now_ms: int) -> OrderEntry | None:
        """What was ordered of a message that waits for ``carrier`` (or is ``HELD``), if anything."""
        names = (carrier, lane, account)
        for wanted, entry in self.queues:
            if entry.at_ms < accepted_ms or not in_force(entry, now_ms) or len(wanted) != len(names):
                continue
            if all(each in (ANY, name) for each, name in zip(wanted, names, strict=True)):
                return entry
        return None


def in_force(entry: OrderEntry, now_ms: int) -> bool:
    """Whether the order's end has not come."""
    return not entry.expires_ms or now_ms < entry.expires_ms


def account_refusal(orders: Orders, scope: str, at_ms: int) -> Refusal | None:
    """What an order of that scope says to an application, or None; it may try again when the order ends."""
    entry = orders.of(scope, at_ms) if orders.any else None
    if entry is None:
        return None
    wait_s = -((at_ms - entry.expires_ms) // 1000) if entry.expires_ms else None
    return Refusal(ACCOUNT_SUSPENDED, f"{scope} was ordered to {entry.action}: {entry.reason}", wait_s)


def order_rule(parts: Parts, message_class: int) -> Rule:
    """Beside rule 1: an account that staff suspended sends nothing, of any class."""
    registers, scope = parts.registers, f"account:{parts.account.name}"

    def check(draft: Draft) -> Outcome:
        orders = registers.orders
        return account_refusal(orders, scope, draft.at_ms) if orders.any else None

    def looked_at(draft: Draft) -> str:
        entry = registers.orders.of(scope, draft.at_ms)
        return "not suspended" if entry is None else f"suspended by {entry.who}: {entry.reason}"

    return Rule(1, "suspended", check, looked_at)
