"""Which carriers a message may take: the first route of the file that fits.

Owns: the compiled route table. Never knows whether a carrier is up; that is failover's.
Invariant: ``find`` gives the same answer as a scan of the routes in file order, at a cost that does
not grow with their number: one dict per pair of account and class, keyed by prefix, from which every
prefix is dropped that a shorter one earlier in the file already answers. What is left may be searched
from the longest prefix down, and the first hit is the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smsgw.policy.model import MessageClass


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the routes file. None for account or classes, and no prefixes, mean any.

    ``prefixes`` are E.164 digits without a plus; ``carriers`` in order of preference, never empty.
    Raises ValueError when a message could never or nowhere go by it.
    """

    name: str
    account: str | None
    classes: frozenset[int] | None
    prefixes: tuple[str, ...]
    carriers: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.carriers:
            raise ValueError("a route needs at least one carrier")
        for prefix in self.prefixes:
            if not (prefix.isascii() and prefix.isdigit()):
                raise ValueError(f"prefix {prefix!r} must be digits with the country code, such as 86139")

    def fits(self, account: str, message_class: int, recipient: str) -> bool:
        """Whether the message may go this way; the meaning of a route in one line, for explain and tests."""
        return (
            (self.account is None or self.account == account)
            and (self.classes is None or message_class in self.classes)
            and (not self.prefixes or recipient.startswith(self.prefixes))
        )


class RouteFinder:
    """Finds the route for a recipient, for one account and class; call it."""

    __slots__ = ("_any", "_by_prefix", "_lengths")

    def __init__(self, routes: Iterable[Route]) -> None:
        first: dict[str, tuple[int, Route]] = {}
        for order, route in enumerate(routes):
            for prefix in route.prefixes or ("",):
                first.setdefault(prefix, (order, route))
        kept = {
            prefix: route
            for prefix, (order, route) in first.items()
            if not any(
                shorter in first and first[shorter][0] <= order
                for shorter in (prefix[:length] for length in range(len(prefix)))
            )
        }
        self._any = kept.pop("", None)
        self._by_prefix = kept
        self._lengths = tuple(sorted({len(prefix) for prefix in kept}, reverse=True))

    def __call__(self, recipient: str) -> Route | None:
        by_prefix = self._by_prefix
        for length in self._lengths:
            route = by_prefix.get(recipient[:length])
            if route is not None:
                return route
        return self._any


class RouteTable:
    """All routes of a site. Made once per configuration; accounts that no route names share one compilation."""

    __slots__ = ("_compiled", "_named", "routes")

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._named = frozenset(route.account for route in self.routes if route.account is not None)
        self._compiled: dict[str | None, tuple[RouteFinder, ...]] = {}

    def finders(self, account: str) -> tuple[RouteFinder, ...]:
        """One finder per message class, indexed by it; for callers that keep them for an account."""
        key = account if account in self._named else None
        found = self._compiled.get(key)
        if found is None:
            mine = [route for route in self.routes if route.account is None or route.account == key]
            found = self._compiled[key] = tuple(
                RouteFinder(route for route in mine if route.classes is None or message_class in route.classes)
                for message_class in MessageClass
            )
        return found

    def find(self, account: str, message_class: int, recipient: str) -> Route | None:
        """The first route in file order that fits, or None."""
        return self.finders(account)[message_class](recipient)
