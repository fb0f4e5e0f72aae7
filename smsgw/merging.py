"""What several processes say of themselves, as if one process said it: the /status of a machine, or of a fleet.

Owns: how each figure of ``smsgw.status`` is joined. Counts and what is in somebody's memory are added up; what every
process reads from the store, and so tells alike, is taken once; of a bind the process that has it is believed. A figure
that is not named here is joined by its kind: numbers are added, lists put together, of texts the first that says
something is taken. So a new figure of the whole fleet must be named in the tables below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Page = Mapping[str, Any]
Join = Callable[[Sequence[Any]], Any]

#: Why a bind is down in a process that is not to have it.
_ELSEWHERE: Final = "another process has it"


def merged(pages: Mapping[str, Page]) -> dict[str, Any]:
    """``pages``: /status by worker or by gateway, at least one."""
    return _object(list(pages.values()), _TOP)


def _object(found: Sequence[Page], joins: Mapping[str, Join]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for each in found for name in each))
    return {name: joins.get(name, by_kind)([each[name] for each in found if name in each]) for name in names}


def _each(joins: Mapping[str, Join], special: Callable[[Sequence[Page], dict[str, Any]], None] | None = None) -> Join:
    """Objects by name, such as all carriers."""

    def join(found: Sequence[Any]) -> dict[str, Any]:
        result = {}
        for name in dict.fromkeys(name for each in found for name in each):
            same = [each[name] for each in found if name in each]
            result[name] = _object(same, joins)
            if special is not None:
                special(same, result[name])
        return result

    return join


def by_kind(found: Sequence[Any]) -> Any:
    """How a figure is joined that is not named here."""
    first = next((each for each in found if each is not None), None)
    if isinstance(first, bool):
        return any(found)
    if isinstance(first, int | float):
        total = sum(each for each in found if isinstance(each, int | float))
        return round(total, 3) if isinstance(total, float) else total
    if isinstance(first, Mapping):
        return _object([each for each in found if isinstance(each, Mapping)], {})
    if isinstance(first, list):
        return [item for each in found if isinstance(each, list) for item in each]
    return next((each for each in found if each), first)


def _first(found: Sequence[Any]) -> Any:
    return found[0]


def _all(found: Sequence[Any]) -> bool:
    return all(found)


def _any(found: Sequence[Any]) -> bool:
    return any(found)


def _most(found: Sequence[Any]) -> Any:
    """The largest; of objects by key."""
    if isinstance(found[0], Mapping):
        return _object(found, dict.fromkeys((name for each in found for name in each), _most))
    return max(found)


def _once(found: Sequence[Any]) -> list[Any]:
    """Lists in which several say the same."""
    result: list[Any] = []
    for item in (item for each in found for item in each):
        if item not in result:
            result.append(item)
    return result


def _different(found: Sequence[Any]) -> str:
    """One text, or all of them while they differ, as versions in an upgrade."""
    return ", ".join(dict.fromkeys(map(str, found)))


def _why_not(found: Sequence[Any]) -> Any:
    """Why a carrier is given nothing: it is, if anybody gives it something; else as one says that may have binds."""
    if "" in found:
        return ""
    return next((each for each in found if not each.endswith(_ELSEWHERE)), found[0])


def _binds(found: Sequence[Any]) -> list[Any]:
    """Of each bind what the process says that has it."""
    best: dict[str, Any] = {}
    for bind in (bind for each in found for bind in each):
        known = best.get(bind["id"])
        if known is None or _knows(bind) > _knows(known):
            best[bind["id"]] = bind
    return list(best.values())


def _knows(bind: Mapping[str, Any]) -> int:
    return 2 if bind["up"] else 1 if bind["why_down"] != _ELSEWHERE else 0


def _rates(found: Sequence[Page], result: dict[str, Any]) -> None:
    """A carrier's rate is shared by those that have binds of it which transmit; whoever has none tells all of it."""
    owners = [each for each in found if any(_transmits(bind) for bind in each.get("links", ()))]
    for name in ("rate_per_s", "full_rate_per_s"):
        told = [each[name] for each in owners or found if name in each]
        if told:
            result[name] = round(sum(told), 1) if owners else max(told)


def _transmits(bind: Page) -> bool:
    """Whether the process that says this has the bind, and sends over it. An older one does not say so in a word."""
    return bind.get("kind") != "receiver" and bool(bind.get("leased", bind["why_down"] != _ELSEWHERE))


_ACCOUNT: Final[Mapping[str, Join]] = {"in_force": _all, "quota": _most, "fleet": _most}
_CARRIER: Final[Mapping[str, Join]] = {
    "binds": _most,
    "codes_wait_s": _most,
    "window": _most,
    "aged": _once,
    "why_not": _why_not,
    "links": _binds,
    # Tallies of the store.
    "receipts_open": _most,
    "receipts_overdue": _most,
    "receipts_parked": _most,
}
_STORE: Final[Mapping[str, Join]] = {
    "up": _all,
    "embedded": _any,
    "server": _different,
    "memory_used": _most,
    "memory_refused": lambda found: max(found, key=len),
    "replicas": _most,
    "clock_ahead_s": _most,
}
_TOP: Final[Mapping[str, Join]] = {
    "version": _different,
    "compiled": _different,
    "role": lambda found: _different(sorted(found)),
    "site_version": _most,
    "business_time": _first,
    "other_nodes": lambda found: sorted(_once(found)),
    "store": lambda found: _object(found, _STORE),
    "registers": _most,
    "pauses": _once,
    "orders": _once,
    "parked": _most,
    "accounts": _each(_ACCOUNT),
    "carriers": _each(_CARRIER, _rates),
    "carrier_ids": _each(
        dict.fromkeys(("response_id", "receipt_id", "learnt"), _first) | {"open": _most, "overdue": _most}
    ),
    "breakers": _once,
}
