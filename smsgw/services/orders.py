"""Orders: suspend or drain a carrier, suspend an account or close its sessions, keep a bind closed, tidy a queue.

Owns: register ``order``, id its scope; in force on every process within milliseconds. An order has a reason, the one
who gave it, and an end if one was given. One scope has one order: another one takes its place, and both are audited.
Nothing here touches a link; each gateway does what the register says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from smsgw.errors import RequestError
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.orders import ACTIONS, ANY, CLOSE, HELD, MOVE, PURGE
from smsgw.services.desk import Desk, Page, Registered, masked, named, one_of, page
from smsgw.services.pauses import ends_at_ms

KIND: Final = "order"
WRITERS: Final = ("engineer", "management")
#: Compliance may stop who sends, and throw away what waits; carriers are the engineers'.
_STOPPERS: Final = (*WRITERS, "compliance")
#: An order about a queue is for what waits now; it ends by itself, long after the last of that was taken care of.
TIDY_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Order:
    """``expires_ms`` 0: until it is resumed. ``in_force`` False: its end has come."""

    scope: str
    action: str
    reason: str
    who: str
    at_ms: int
    expires_ms: int
    in_force: bool
    target: str
    revision: int


async def list_(desk: Desk, *, scope: str = "", ended: bool = False, offset: int = 0, limit: int = 50) -> Page[Order]:
    """Orders in force; with ``ended`` also those whose end has come. ``scope``: its beginning, such as ``carrier:``."""
    desk.require_reader()
    rows = [
        _order(desk, desk.registered(name, stored.revision, stored.body))
        for name, stored in (await desk.registers.read(KIND)).items()
        if name.startswith(scope)
    ]
    return page(sorted((each for each in rows if ended or each.in_force), key=lambda each: each.scope), offset, limit)


async def give(desk: Desk, scope: str, action: str, *, why: str, expires: str = "") -> Order:
    """Order something of ``carrier:<name>``, ``account:<name>``, ``sessions:<name>`` or ``bind:<carrier>#<number>``.

    ``expires``: a duration such as ``2h`` or a time; empty for no end, but sessions are closed once then, and may bind
    again at once. The same order that stands already is a ``conflict`` unless it gets another end.
    """
    what = scope.partition(":")[0]
    desk.require(*(_STOPPERS if what in ("account", "sessions") else WRITERS))
    _check_scope(desk, scope, action)
    before = await desk.find_any(KIND, scope)
    now_ms = desk.now_ms()
    expires_ms = ends_at_ms(desk, expires, now_ms)
    there = None if before is None else _order(desk, before)
    if there is not None and there.in_force and (there.action, there.expires_ms) == (action, expires_ms):
        raise RequestError("conflict", f"{scope}: {action} was ordered already, by {there.who}: {there.reason}")
    if action == CLOSE and what == "sessions" and not expires_ms:
        expires_ms = now_ms
    return await _put(desk, scope, action, why, expires_ms, before)


async def tidy(
    desk: Desk, action: str, *, why: str, carrier: str = "", lane: str = "", account: str = "", target: str = ""
) -> Order:
    """Delete or move what waits now for a carrier, or any; of one lane and account, or any.

    Deleted messages are reported to their applications as DELETED. ``carrier`` may be ``held``, but what is held has no
    carrier that it could be moved from. Messages go to ``target`` only where their route has it.
    """
    desk.require(*(_STOPPERS if action == PURGE else WRITERS))
    one_of("action", action, (PURGE, MOVE))
    if action == MOVE:
        named("from", carrier, desk.site.carriers, "carrier")
        named("to", target, desk.site.carriers, "carrier")
        if target == carrier:
            raise RequestError("invalid", "to: is the carrier that they are to be taken from")
        ordered = await desk.find_any(KIND, f"carrier:{target}")
        if ordered is not None and (there := _order(desk, ordered)).in_force:
            raise RequestError("conflict", f"to: {there.who} ordered {there.action} of {target}: {there.reason}")
    elif carrier and carrier != HELD:
        named("carrier", carrier, desk.site.carriers, "carrier")
    if lane:
        one_of("lane", lane, CLASS_LABELS)
    if account:
        named("account", account, desk.site.accounts, "account")
    scope = f"queue:{carrier or ANY}/{lane or ANY}/{account or ANY}"
    before = await desk.find_any(KIND, scope)
    return await _put(desk, scope, action, why, desk.now_ms() + TIDY_MS, before, target)


async def end(desk: Desk, *scopes: str, why: str) -> list[Order]:
    """End what was ordered of the first scope, and of the others if anything was. Gives the orders as they were."""
    desk.require(*(_STOPPERS if scopes[0].startswith("account:") else WRITERS))
    found = [each for each in [await desk.find_any(KIND, scope) for scope in scopes] if each is not None]
    standing = [each for each in found if _order(desk, each).in_force]
    if not standing:
        raise RequestError("missing", masked(f"nothing is ordered of {scopes[0]}"))
    for each in found:
        await desk.remove(KIND, each, "order.end", why)
    return [_order(desk, each) for each in standing]


async def _put(
    desk: Desk, scope: str, action: str, why: str, expires_ms: int, before: Registered | None, target: str = ""
) -> Order:
    document: Mapping[str, Any] = {
        "scope": scope,
        "action": action,
        "reason": desk.reason(why),
        "who": desk.person.name,
        "at_ms": desk.now_ms(),
        "expires_ms": expires_ms,
        "target": target,
    }
    return _order(desk, await desk.put(KIND, scope, document, f"order.{action}", why, before))


def _order(desk: Desk, found: Registered) -> Order:
    body = found.document
    expires_ms = int(body["expires_ms"])
    in_force = not expires_ms or desk.now_ms() < expires_ms
    target = str(body.get("target", ""))
    at_ms = int(body["at_ms"])
    return Order(
        body["scope"], body["action"], body["reason"], body["who"], at_ms, expires_ms, in_force, target, found.revision
    )


def _check_scope(desk: Desk, scope: str, action: str) -> None:
    """What the scope names must exist: an order with a typing error would do nothing, and nobody would see it."""
    what, _, name = scope.partition(":")
    one_of("action", action, ACTIONS[one_of("scope", what, ACTIONS)])
    if what in ("account", "sessions"):
        named("account", name, desk.site.accounts, "account")
        return
    carrier, _, number = name.partition("#")
    named("carrier", carrier, desk.site.carriers, "carrier")
    if what == "bind":
        bind_number(desk, carrier, number)


def bind_number(desk: Desk, carrier: str, number: str) -> int:
    """The number of a carrier's bind as it was typed. Raises RequestError ``invalid`` where there is none."""
    count = len(desk.site.carriers[carrier].binds)
    if not number.isdecimal() or int(number) >= count:
        raise RequestError("invalid", f"bind: {carrier} has {carrier}#0 to {carrier}#{count - 1}, not {number!r}")
    return int(number)
