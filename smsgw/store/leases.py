"""Leases of binds: each bind of each carrier has one owner at a time, over all processes; and who of those lives.

Owns the packing of ``scripts/lease.lua``. Leases go by Redis' clock and are renewed by ``turn``. A process that was
put out (its name was taken by a new one, or another took over what it had) gets ``PutOut`` and can't come back.
What can go wrong: Redis is away. Nobody gets a lease then, so nobody loses one either: who has binds keeps them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from smsgw.errors import StoreRefused
from smsgw.store import keys, schema
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

TTL_S: Final = 10.0
"""A process that has not been heard of for so long is taken for dead."""
_JOIN, _STAY, _LEAVE, _SEIZE, _FORGET = 1, 2, 3, 4, 5


class PutOut(StoreRefused):
    """Another process has this one's name, or what it had: it must send nothing more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a process says of one carrier. Binds are numbered from 0.

    ``states`` has 0 (down), 1 (up) or 2 (up, and it transmits) for each bind; ``let_go`` are left to others.
    """

    carrier: str
    kinds: Sequence[str]
    wanted: bool = True
    states: Sequence[int] = ()
    let_go: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """Whose binds they are: ``own``, ``others``; ``give``: own ones that others lack of this carrier.

    ``spare``: own ones that somebody should have who has fewer binds of all carriers; see ``Turn.spare``.
    """

    own: frozenset[int] = frozenset()
    others: frozenset[int] = frozenset()
    transmits_elsewhere: bool = False
    give: frozenset[int] = frozenset()
    spare: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Turn:
    """``others`` live; ``dead`` are (node, token) of those that left or were not heard of.

    ``rank`` is below ``ranks``, and no other process that lives has it. ``spare``: so many binds should go elsewhere.
    """

    grants: Mapping[str, Grant] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    dead: tuple[tuple[str, str], ...] = ()
    rank: int = 0
    ranks: int = 1
    spare: int = 0


class Leases:
    """The leases of one life of one node; ``token`` tells it from others of the same name."""

    def __init__(self, store: Store, node: str, ttl_s: float = TTL_S) -> None:
        self._store = store
        self._script = script("lease")
        self.node = node
        self.ttl_s = ttl_s
        self.token = os.urandom(8).hex()

    async def join(self, wishes: Sequence[Wish]) -> Turn:
        """The first turn: what an earlier life under this name held is ours at once. Raises StoreError."""
        await schema.announce(self._store, self.node, self.token)
        turn = await self._turn(_JOIN, wishes)
        try:
            await schema.check(self._store)  # a newer version may have upgraded it before it could see this process
        except StoreRefused:
            await self.leave(wishes)
            raise
        return turn

    async def turn(self, wishes: Sequence[Wish]) -> Turn:
        """Renew, take what is free, let go. Raises StoreError, of which PutOut ends this life."""
        return await self._turn(_STAY, wishes)

    async def leave(self, wishes: Sequence[Wish]) -> Turn:
        """Give all of it back; the others need not wait for the end of any lease. Raises StoreError."""
        return await self._turn(_LEAVE, wishes)

    async def seize(self, node: str, token: str) -> bool:
        """Put a dead process out for good, so that it can be taken over; False when it lives. Raises StoreError."""
        return bool((await self._call(_SEIZE, (), node, token))[0])

    async def forget(self, node: str, token: str) -> None:
        """Nothing is left of it. Raises StoreError."""
        await self._call(_FORGET, (), node, token)

    async def _turn(self, step: int, wishes: Sequence[Wish]) -> Turn:
        rows = [
            (each.carrier, list(each.kinds), int(each.wanted), list(each.states), list(each.let_go)) for each in wishes
        ]
        answer = await self._call(step, rows)
        if not answer[0]:
            raise PutOut(
                f"another process has the name {self.node!r} or has taken over what it had, or Redis has lost its data"
            )
        grants = {
            wish.carrier: Grant(frozenset(own), frozenset(others), bool(transmits), frozenset(give), frozenset(spare))
            for wish, (own, others, transmits, give, spare) in zip(wishes, _list(answer[3]), strict=True)
        }
        dead = [each.decode() for each in _list(answer[2])]
        others = tuple(sorted(each.decode() for each in _list(answer[1])))
        left = tuple(zip(dead[::2], dead[1::2], strict=True))
        return Turn(grants, others, left, int(answer[4]), int(answer[5]), int(answer[6]))

    async def _call(self, step: int, rows: Sequence[Any], node: str = "", token: str = "") -> Any:
        payload = to_script((self.node, self.token, round(self.ttl_s * 1000), step, rows, node, token))
        return from_script(await self._store.evaluate(keys.LEASES, self._script, payload))


def _list(found: Any) -> list[Any]:
    # An empty table of Lua may come as a map.
    return list(found) if found else []
