"""The cap on an account's binds, over all processes: asked for in batches when somebody binds, freed when it unbinds.

Owns: how many places of each account this process has, who waits for one, and saying it again so that it is believed.
While the store is away each process allows what it would alone; what it has is said when the store is back.
What can go wrong: an application that moves is here before the process that it left has said so: who is refused is
looked at a second time, a moment later. A process that died has its places until its lease ends, or it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.store.account_binds import BindCount, BindGrant

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.esme.places import Placed
    from smsgw.store.account_binds import AccountBinds

#: Of the time for which this process is believed, when it is heard again.
RENEW_SHARE: Final = 0.3
#: What this process has of every account is said again in so many turns.
ROUNDS: Final = 20
#: A refusal is given a second look after this, if places are taken at other processes.
AGAIN_S: Final = 0.25


class _Count:
    """Places of one account: ``held`` here, ``others`` elsewhere as last heard."""

    __slots__ = ("account", "asking", "covered", "held", "others", "said", "waiting")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.held = 0
        self.others = 0
        self.asking = False
        #: Of those that wait, how many the call that is out asks for.
        self.covered = 0
        #: What Redis knows of ``held``; -1: nobody can say.
        self.said = 0
        #: Who waits, and whether for the second time.
        self.waiting: deque[tuple[Placed, bool]] = deque()


class BindDesk:
    """``esme.Places`` over all processes. ``join`` before anybody may bind, ``run`` in the gateway's task group."""

    def __init__(
        self, binds: AccountBinds, ttl_s: float, is_up: Callable[[], bool], has_others: Callable[[], bool]
    ) -> None:
        self._binds = binds
        self._has_others = has_others
        self._period_s = ttl_s * RENEW_SHARE
        self._is_up = is_up
        self._counts: dict[str, _Count] = {}
        self._turns: deque[_Count] = deque()

    async def join(self) -> None:
        """An earlier life of this process has no binds any more. Raises StoreError."""
        await self._binds.join()

    async def leave(self) -> None:
        """Nobody is bound here any more. While the store is away its leases say so later."""
        with contextlib.suppress(StoreError):
            await self._binds.leave()

    def ask(self, account: Account, then: Placed) -> None:
        """See ``esme.Places``."""
        count = self._count(account)
        if not self._is_up() and not count.waiting:
            self._decide_alone(count, then)
            return
        count.waiting.append((then, False))
        self._tell(count)

    def left(self, account: Account) -> None:
        """See ``esme.Places``."""
        count = self._count(account)
        count.held = max(0, count.held - 1)
        self._tell(count)

    def open(self, account: str) -> int:
        """Binds of an account over all processes, as last heard."""
        count = self._counts.get(account)
        return count.held + count.others if count is not None else 0

    async def run(self) -> None:
        """Say what this process has before it is forgotten, until cancelled."""
        while True:
            await beat(self._period_s)
            heard: set[int] = set()
            # One of each partition renews the lease; the others put right what Redis may have lost.
            most = max(1, -(-len(self._counts) // ROUNDS))
            for number in range(len(self._turns)):
                count = self._turns.popleft()
                if self._counts.get(count.account.settings.system_id) is not count:
                    continue
                self._turns.append(count)
                partition = self._binds.partition(count.account.settings.system_id)
                if number < most or partition not in heard or count.said != count.held:
                    heard.add(partition)
                    self._tell(count)
            if self._has_others():
                with contextlib.suppress(StoreError):
                    for partition in set(range(self._binds.partitions)) - heard:
                        await self._binds.stay(partition)

    # -- inside

    def _count(self, account: Account) -> _Count:
        name = account.settings.system_id
        count = self._counts.get(name)
        if count is None:
            count = self._counts[name] = _Count(account)
            self._turns.append(count)
        count.account = account
        return count

    def _decide_alone(self, count: _Count, then: Placed) -> None:
        if count.held < count.account.settings.max_binds:
            count.held += 1
            then(None)
        else:
            then(count.held)

    def _tell(self, count: _Count) -> None:
        if not count.asking:
            count.asking = True
            name = count.account.settings.system_id
            self._binds.tell(name, partial(self._say, count), partial(self._heard, count))

    @staticmethod
    def _say(count: _Count) -> BindCount:
        count.covered, count.said = len(count.waiting), count.held
        return BindCount(count.held, count.covered, count.account.settings.max_binds)

    def _heard(self, count: _Count, grant: BindGrant | StoreError) -> None:
        count.asking = False
        covered = [count.waiting.popleft() for _ in range(count.covered)]
        count.covered = 0
        if isinstance(grant, StoreError):
            count.said = -1
            for then, _ in covered:
                self._decide_alone(count, then)
            return  # what this process has is said again in its turn
        count.others = grant.others
        count.said += grant.granted
        count.held += grant.granted
        for number, (then, again) in enumerate(covered):
            if number < grant.granted:
                then(None)
            elif again or not grant.others:
                then(count.held + grant.others)
            else:
                asyncio.get_running_loop().call_later(AGAIN_S, self._again, count, then)
        if count.waiting or count.held != count.said:
            self._tell(count)
        elif not count.held and not count.asking and self._counts.get(count.account.settings.system_id) is count:
            del self._counts[count.account.settings.system_id]

    def _again(self, count: _Count, then: Placed) -> None:
        count = self._count(count.account)
        count.waiting.append((then, True))
        self._tell(count)
