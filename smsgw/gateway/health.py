"""How well carriers do: delivery rate by province and latency of answers, each watched by a breaker.

Owns: the breakers of this process, what counts for them, and the telling when one changes. The delivery rate counts
final receipts of what was sent lately; those whose code speaks of the recipient or the text don't count. Times of
deliveries are business time, of answers the monotonic clock's. Never moves a message: ``choice`` asks it, and so does
the last look for what waits. What can go wrong: each process sees only the receipts that came to it, so each judges by
itself; what is usual begins anew with the process, until then only the absolute share counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from smsgw.policy.breaker import Breaker, BreakerState
from smsgw.policy.code_classes import NOT_THE_CARRIERS, CodeClass
from smsgw.policy.failover import FailoverPolicy, latency_breaker

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.store.envelope import Envelope

#: A failure that comes later than this says nothing about the last minutes.
STALE_MS = 15 * 60_000
#: Messages that were sent as probes, for each breaker.
MOST_PROBES = 1000
UNKNOWN_PROVINCE = "?"
_CLOSED, _OPEN, _HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


class Standing(NamedTuple):
    """One breaker, for people. ``province`` is empty for the latency of a whole carrier."""

    carrier: str
    province: str
    state: str
    since_s: float
    why: str
    good: int
    outcomes: int
    usual: float | None


class _Watch:
    """What belongs to one carrier."""

    __slots__ = ("latency", "policy", "probes", "provinces")

    def __init__(self, policy: FailoverPolicy, now_s: float) -> None:
        self.policy = policy
        latency = latency_breaker(policy)
        self.latency = Breaker(latency, now_s) if latency is not None else None
        self.provinces: dict[str, Breaker] = {}
        #: Messages sent while their province was probed, by id, oldest first.
        self.probes: dict[str, str] = {}

    def is_for(self, policy: FailoverPolicy) -> bool:
        """Whether another version of the carrier's file asks for the same."""
        known = self.policy
        return known is policy or (known.breaker, known.latency_s) == (policy.breaker, policy.latency_s)


class Health:
    """One per gateway. A carrier whose file asks for nothing costs a look into a dict."""

    def __init__(self, context: Context, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._monotonic_s = monotonic_s
        self._watches: dict[str, _Watch] = {}
        #: Whether anything is not closed: the usual case costs one attribute.
        self.troubled = False

    # -- asked

    def lets(self, name: str, province: str) -> bool:
        """Whether one message more should go to the carrier; counts it as a probe where only a share should."""
        if not self.troubled:
            return True
        watch = self._watches.get(name)
        if watch is None:
            return True
        if watch.latency is not None and not watch.latency.lets(self._monotonic_s()):
            return False
        breaker = watch.provinces.get(province)
        return breaker is None or breaker.lets(self._business_s())

    def why_not(self, name: str, province: str) -> str:
        """Why messages for a province leave a carrier; empty when they don't. Changes nothing."""
        watch = self._watches.get(name) if self.troubled else None
        if watch is None:
            return ""
        if watch.latency is not None and watch.latency.state is not _CLOSED:
            return f"answers slowly: {watch.latency.why}"
        breaker = watch.provinces.get(province)
        if breaker is None or breaker.state is _CLOSED:
            return ""
        return f"deliveries in {province or UNKNOWN_PROVINCE}: {breaker.why}"

    def is_open(self, name: str, province: str) -> bool:
        """Whether what waits for the carrier should go elsewhere, if it can. A probe that waits goes out."""
        watch = self._watches.get(name) if self.troubled else None
        if watch is None:
            return False
        if watch.latency is not None and watch.latency.state is _OPEN:
            return True
        breaker = watch.provinces.get(province)
        return breaker is not None and breaker.state is _OPEN

    def standings(self) -> list[Standing]:
        """All breakers, for people; carriers in the order of their names."""
        found = []
        now_s, business_s = self._monotonic_s(), self._business_s()
        for name, watch in sorted(self._watches.items()):
            if watch.latency is not None:
                found.append(_standing(name, "", watch.latency, now_s))
            for province, breaker in sorted(watch.provinces.items()):
                found.append(_standing(name, province or UNKNOWN_PROVINCE, breaker, business_s))
        return found

    # -- told

    def answered(self, name: str, policy: FailoverPolicy, latency_s: float | None) -> None:
        """The carrier answered a submit_sm after so long; None: not in time."""
        if not policy.latency_s:
            return
        watch = self._watch(name, policy)
        if watch.latency is None:
            return
        now_s = self._monotonic_s()
        # What was sent before the probes is told by its own latency.
        is_probe = latency_s is None or now_s - latency_s >= watch.latency.since_s
        good = latency_s is not None and latency_s <= policy.latency_s
        if watch.latency.record(good, now_s, is_probe):
            self._changed(name, "", watch.latency)

    def taken(self, name: str, policy: FailoverPolicy, envelope: Envelope, index: int) -> None:
        """The carrier took a segment; its receipt tells how probing goes."""
        watch = self._watches.get(name) if self.troubled else None
        if watch is None or policy.breaker is None:
            return
        breaker = watch.provinces.get(envelope.province)
        if breaker is not None and breaker.state is not _CLOSED:
            if len(watch.probes) >= MOST_PROBES:
                del watch.probes[next(iter(watch.probes))]
            watch.probes[envelope.message_ids[index]] = envelope.province

    def delivered(self, name: str, policy: FailoverPolicy, message_id: str, province: str) -> None:
        """A receipt says DELIVRD."""
        self._outcome(name, policy, message_id, province, True)

    def failed(
        self,
        name: str,
        policy: FailoverPolicy,
        message_id: str,
        province: str,
        code_class: CodeClass | None,
        sent_ms: int,
    ) -> None:
        """A receipt says that it was not delivered; ``sent_ms`` 0: unknown when it was sent."""
        if code_class in NOT_THE_CARRIERS or (sent_ms and self._context.clock.now_ms() - sent_ms > STALE_MS):
            return
        self._outcome(name, policy, message_id, province, False)

    def tick(self) -> None:
        """Now and then: open breakers whose time is over begin to probe, also when nothing asks them."""
        if not self.troubled:
            return
        now_s, business_s = self._monotonic_s(), self._business_s()
        self.troubled = False
        for name, watch in self._watches.items():
            if watch.latency is not None:
                if watch.latency.look(now_s):
                    self._changed(name, "", watch.latency)
                self.troubled = self.troubled or watch.latency.state is not _CLOSED
            for province, breaker in watch.provinces.items():
                if breaker.look(business_s):
                    self._changed(name, province, breaker)
                self.troubled = self.troubled or breaker.state is not _CLOSED

    # -- inside

    def _watch(self, name: str, policy: FailoverPolicy) -> _Watch:
        """A carrier whose file says something else of it begins anew."""
        watch = self._watches.get(name)
        if watch is None or not watch.is_for(policy):
            watch = self._watches[name] = _Watch(policy, self._monotonic_s())
        return watch

    def _outcome(self, name: str, policy: FailoverPolicy, message_id: str, province: str, good: bool) -> None:
        if policy.breaker is None:
            return
        watch = self._watch(name, policy)
        breaker = watch.provinces.get(province)
        if breaker is None:
            breaker = watch.provinces[province] = Breaker(policy.breaker, self._business_s())
        is_probe = True
        if breaker.state is not _CLOSED:
            is_probe = watch.probes.pop(message_id, None) is not None
        if breaker.record(good, self._business_s(), is_probe):
            self._changed(name, province, breaker)

    def _changed(self, name: str, province: str, breaker: Breaker) -> None:
        watch = self._watches[name]
        is_latency = breaker is watch.latency
        if breaker.state is _CLOSED:
            watch.probes = {each: known for each, known in watch.probes.items() if known != province}
        else:
            self.troubled = True
        counters = self._context.metrics.carrier(name)
        if breaker.state is _OPEN:
            counters.breaker_opened["latency" if is_latency else province or UNKNOWN_PROVINCE] += 1
        self._context.log(
            f"carrier.breaker_{breaker.state.name.lower()}",
            {
                "carrier": name,
                "watched": "latency" if is_latency else "delivery",
                "province": province,
                "why": breaker.why,
                "next_look_s": round(breaker.open_for_s) if breaker.state is _OPEN else None,
                "trips": breaker.trips,
            },
        )
        if breaker.state is _OPEN:
            # What waits there looks for another way at once.
            self._context.wake_queues()

    def _business_s(self) -> float:
        return self._context.clock.now_ms() / 1000


def _standing(carrier: str, province: str, breaker: Breaker, now_s: float) -> Standing:
    good, count = breaker.recent(now_s)
    since_s = max(0.0, now_s - breaker.since_s)
    return Standing(carrier, province, breaker.state.value, since_s, breaker.why, good, count, breaker.usual)
