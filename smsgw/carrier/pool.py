"""All binds of one carrier: which one to use next, and whether the carrier is there at all.

Owns: the binds, the carrier's rate and its whole-link back-off. A message is picked for a bind by
the gateway; the pool only says whether there is room. A carrier that is not allowed (its channel is not approved)
has no binds: open ones are closed once what they carry has been answered. Nor does it have those of which another
process has the lease; whoever keeps the leases says which ones are ours (``lease``) and which we should let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from smsgw.carrier.bind import Bind
from smsgw.carrier.calls import Calls
from smsgw.carrier.settings import CarrierSettings
from smsgw.policy.auto_window import AutoWindow
from smsgw.policy.shaping import Throttle

if TYPE_CHECKING:
    from smsgw.link.ticker import Ticker
    from smsgw.policy.retry import Backoff


#: A carrier that may not be used any longer gets this long to answer what it has, and then to let us go.
LAST_ANSWERS_S = 5.0
LEAVE_S = 5.0
#: A bind that fails here for so long may be tried by another process, and is not taken again for as long.
PASS_ON_S = 30.0
_LOOK_S = 0.05


class Dispatch(Protocol):
    """What a pool hands to the gateway."""

    def answered(self, pool: Pool, bind: Bind, flight: object, command_status: int, raw: bytes) -> None:
        """A request of ours was answered."""

    def unknown(self, pool: Pool, bind: Bind, flights: list[object], why: str) -> None:
        """Requests of ours have no answer and won't get one."""

    def inbound(self, pool: Pool, bind: Bind, command_id: int, raw: bytes, sequence_number: int) -> None:
        """deliver_sm or data_sm of the carrier."""

    def changed(self, pool: Pool, bind: Bind) -> None:
        """A bind came up, went down or can be written to again."""

    def told(self, event: str, fields: dict[str, object]) -> None:
        """Something for the log."""


class Pool:
    """The binds of one carrier; ``run`` keeps them up."""

    def __init__(
        self,
        settings: CarrierSettings,
        dispatch: Dispatch,
        ticker: Ticker,
        make_backoff: Callable[[CarrierSettings], Backoff],
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self._dispatch = dispatch
        self.throttle = Throttle(settings.rate_per_s, settings.burst)
        calls = Calls(self.told) if settings.outbind is not None else None
        self.binds = [
            Bind(settings, kind, number, self, ticker, make_backoff(settings), calls if kind != "transmitter" else None)
            for number, kind in enumerate(settings.binds)
        ]
        #: What sizes the windows, where the settings leave it to us.
        self.auto_window = _auto_window(settings)
        #: Requests that may be unanswered on each bind.
        self.window = settings.window
        self._slowdowns = 0
        #: How long a verification code that is given to the carrier now would wait, as last estimated.
        self.codes_wait_s = 0.0
        #: Loop time since which no bind transmits; None while one does. Set at start, so that a carrier
        #: that never came up counts as down from the start.
        self.down_since_s: float | None = 0.0
        #: Another process has a bind of this carrier up that transmits: what waits in the store is sent by it.
        self.elsewhere = False
        #: Which part of the carrier's rate is this process's, by the binds that transmit.
        self.share = 1.0
        #: This process wants no bind of any carrier: others have them.
        self.abstains = False
        self._transmits = False
        #: Binds that were passed on, and the loop time until which they are not taken again.
        self._passed_on: dict[int, float] = {}
        self._stopping = False
        self._allowed = asyncio.Event()
        self._forbidden = asyncio.Event()
        self._allowed.set()

    async def run(self) -> None:
        """Keep every bind up until ``stop``, while the carrier is allowed."""
        if not self.elsewhere:
            self.down_since_s = asyncio.get_running_loop().time()
        while not self._stopping:
            await self._allowed.wait()
            async with asyncio.TaskGroup() as group:
                binds = []
                for bind in self.binds:
                    bind.stopping = self._stopping
                    binds.append(group.create_task(bind.run(), name=f"bind {self.name}#{bind.number}"))
                leaving = group.create_task(self._leave(binds), name=f"carrier {self.name} allowed")
                await asyncio.wait(binds)
                leaving.cancel()

    def allow(self, allowed: bool) -> None:
        """Whether the carrier may be used at all; its binds follow."""
        if allowed:
            self._allowed.set()
            self._forbidden.clear()
        else:
            self._allowed.clear()
            self._forbidden.set()

    @property
    def allowed(self) -> bool:
        """Whether the carrier may be used at all."""
        return self._allowed.is_set()

    def stop(self) -> None:
        """Unbind everything, for good."""
        self._stopping = True
        for bind in self.binds:
            bind.stop()

    def renew(self, settings: CarrierSettings) -> None:
        """Other settings of the same binds: rate, windows, timers. Open links keep their enquire_link timers."""
        if (settings.rate_per_s, settings.burst) != (self.settings.rate_per_s, self.settings.burst):
            self._share_out(settings)
        resized = (settings.window, settings.auto_window) != (self.settings.window, self.settings.auto_window)
        self.settings = settings
        for bind in self.binds:
            bind.renew(settings)
        if resized:
            self.auto_window = _auto_window(settings)
            self._resize(settings.window)

    def retire(self) -> None:
        """Others take its place: let it answer what it has, unbind, and end ``run``."""
        allowed = self.allowed
        self._stopping = True
        self.allow(False)
        if not allowed:  # ``run`` waits for leave, and has no bind
            self._allowed.set()

    @property
    def up(self) -> bool:
        """True while at least one bind can transmit, and may."""
        return self._transmits and self._allowed.is_set()

    def pick(self, now_s: float) -> Bind | None:
        """The transmitting bind with most room in its window that its own rate lets send; None when there is none."""
        best: Bind | None = None
        most = 0
        if not self._allowed.is_set():
            return None
        for bind in self.binds:
            if bind.transmits and not bind.leaving:
                free = bind.free
                if free > most and (bind.bucket is None or not bind.bucket.wait_s(1, now_s)):
                    best, most = bind, free
        return best

    def bind_wait_s(self, now_s: float) -> float:
        """How long until a bind that has room in its window may send by its own rate; 0 when no rate holds it back."""
        waits = [
            bind.bucket.wait_s(1, now_s)
            for bind in self.binds
            if bind.bucket is not None and bind.transmits and not bind.leaving and bind.free
        ]
        return min(waits, default=0.0)

    # -- windows

    @property
    def window_total(self) -> int:
        """Requests that may be unanswered over all binds that transmit, at present."""
        return self.window * sum(bind.transmits for bind in self.binds)

    def window_full(self) -> None:
        """A message waited for room in the windows."""
        if self.auto_window is not None:
            self.auto_window.full()

    def answer_took(self, latency_s: float, now_s: float) -> None:
        """A request was answered: windows that size themselves may change."""
        auto = self.auto_window
        if auto is None:
            return
        slowdowns, self._slowdowns = self._slowdowns, self.throttle.slowdowns
        if slowdowns != self._slowdowns:
            changed = auto.slowed()
        else:
            sending = sum(bind.transmits and bind.up for bind in self.binds) or 1
            changed = auto.answered(latency_s, self.throttle.full_rate_per_s / sending, now_s)
        if changed:
            self._resize(auto.limit)

    def _resize(self, window: int) -> None:
        self.window = window
        for bind in self.binds:
            bind.resize(window)

    @property
    def in_flight(self) -> int:
        """Requests of ours that are unanswered, over all binds."""
        return sum(bind.in_flight for bind in self.binds)

    # -- leases

    @property
    def wanted(self) -> bool:
        """Whether this process wants binds of the carrier at all."""
        return self._allowed.is_set() and not self._stopping and not self.abstains

    @property
    def states(self) -> list[int]:
        """Of each bind: 0 down, 1 up, 2 up and it transmits."""
        return [(2 if bind.transmits else 1) if bind.up and not bind.leaving else 0 for bind in self.binds]

    @property
    def let_go(self) -> list[int]:
        """Binds that are down and that this process does not want any more, or not just now."""
        now_s = asyncio.get_running_loop().time()
        self._passed_on = {number: until_s for number, until_s in self._passed_on.items() if until_s > now_s}
        return [
            bind.number
            for bind in self.binds
            if (not self.wanted or (bind.leaving and not bind.leased) or bind.number in self._passed_on)
            and not bind.is_connected
        ]

    def pass_on(self) -> None:
        """There are other processes: binds that have long failed here may be tried there."""
        now_s = asyncio.get_running_loop().time()
        for bind in self.binds:
            if bind.leased and bind.failing_since_s is not None and now_s - bind.failing_since_s >= PASS_ON_S:
                self._passed_on[bind.number] = now_s + PASS_ON_S
                bind.leaving = True
                bind.let_go()
                self.told("carrier.bind_passed_on", {"carrier": self.name, "bind": f"{bind.kind}#{bind.number}"})

    def lease(self, own: frozenset[int], elsewhere: bool, share: float) -> None:
        """Which binds are ours; the others are unbound at once. ``share``: see ``take_share``."""
        for bind in self.binds:
            if bind.number not in own:
                bind.lose()
            elif not bind.leased and not bind.leaving:
                bind.take()
        self.take_share(share)
        was, self.elsewhere = self.elsewhere, elsewhere
        if was != elsewhere:
            self._look()

    def take_share(self, share: float) -> None:
        """Our part of the carrier's rate, above 0 and at most 1."""
        if share != self.share:
            self.share = share
            self._share_out(self.settings)

    def _share_out(self, settings: CarrierSettings) -> None:
        self.throttle.set_full(settings.rate_per_s * self.share, max(1.0, settings.burst * self.share))

    async def leave(self, numbers: frozenset[int]) -> None:
        """Let other processes have these binds, once what they carry has been answered."""
        binds = [bind for bind in self.binds if bind.number in numbers]
        for bind in binds:
            bind.leaving = True
        await self._until(lambda: not any(bind.in_flight for bind in binds), LAST_ANSWERS_S)
        for bind in binds:
            if bind.leaving:
                bind.let_go()
        if not await self._until(lambda: not any(bind.is_connected for bind in binds if bind.leaving), LEAVE_S):
            for bind in binds:
                if bind.leaving and bind.link is not None:
                    bind.link.abort("it does not answer unbind")

    @staticmethod
    async def _until(condition: Callable[[], bool], patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                while not condition():
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            return False
        return True

    async def _leave(self, binds: Sequence[asyncio.Task[None]]) -> None:
        """Once the carrier is forbidden: let it answer what it has, unbind, and end what does not end by itself."""
        await self._forbidden.wait()
        if not await self._until(lambda: not self.in_flight, LAST_ANSWERS_S):
            self.told("carrier.unanswered", {"carrier": self.name, "in_flight": self.in_flight})
        for bind in self.binds:
            bind.stop()
        _, slow = await asyncio.wait(binds, timeout=LEAVE_S)
        for task in slow:  # between two attempts to connect, or a peer that does not answer
            task.cancel()

    # -- Handler of the binds

    def answered(self, bind: Bind, flight: object, command_status: int, raw: bytes) -> None:
        self._dispatch.answered(self, bind, flight, command_status, raw)

    def unknown(self, bind: Bind, flights: list[object], why: str) -> None:
        if bind.up:  # it went on without them
            now_s = asyncio.get_running_loop().time()
            for _ in flights:
                self.throttle.on_silence(now_s)
        self._dispatch.unknown(self, bind, flights, why)

    def inbound(self, bind: Bind, command_id: int, raw: bytes, sequence_number: int) -> None:
        self._dispatch.inbound(self, bind, command_id, raw, sequence_number)

    def changed(self, bind: Bind) -> None:
        self._transmits = any(each.up and each.transmits for each in self.binds)
        self._look()
        self._dispatch.changed(self, bind)

    def _look(self) -> None:
        if self._transmits or self.elsewhere:
            self.down_since_s = None
        elif self.down_since_s is None:
            self.down_since_s = asyncio.get_running_loop().time()

    def told(self, event: str, fields: dict[str, object]) -> None:
        self._dispatch.told(event, fields)


def _auto_window(settings: CarrierSettings) -> AutoWindow | None:
    return AutoWindow(*settings.auto_window, settings.window) if settings.auto_window is not None else None
