"""One system_id at the simulated carrier: its binds, its rate, and the receipts that wait for a receiver."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simulators.carrier.rate import Bucket

if TYPE_CHECKING:
    from simulators.carrier.link import CarrierLink
    from simulators.carrier.outbox import Delivery


class Account:
    """Made when a system_id first binds and kept, so that receipts wait while it is away."""

    def __init__(self, system_id: str) -> None:
        self.system_id = system_id
        self.bucket = Bucket()
        #: Bound connections of every kind.
        self.links: list[CarrierLink] = []
        #: Those that take deliver_sm.
        self.receivers: list[CarrierLink] = []
        #: Receipts and MO that found no receiver with room, oldest first.
        self.parked: deque[Delivery] = deque()
        self._ghosts: list[float] = []
        self._turn = 0

    def joined(self, link: CarrierLink) -> None:
        """A bind of this account was accepted."""
        self.links.append(link)
        if link.can_receive:
            self.receivers.append(link)

    def left(self, link: CarrierLink) -> None:
        """A bind of this account is gone."""
        if link in self.links:
            self.links.remove(link)
        self.deaf(link)

    def deaf(self, link: CarrierLink) -> None:
        """A bind takes no deliver_sm any more."""
        if link in self.receivers:
            self.receivers.remove(link)

    def haunted(self, until_s: float) -> None:
        """A bind went without unbind; it counts as one that is there until then (time.monotonic())."""
        self._ghosts.append(until_s)

    def binds_at(self, now_s: float) -> int:
        """How many binds the carrier counts, ghosts too."""
        self._ghosts = [until_s for until_s in self._ghosts if until_s > now_s]
        return len(self.links) + len(self._ghosts)

    def exorcise(self) -> None:
        """Forget the ghosts."""
        self._ghosts.clear()

    def receiver_for(self, delivery: Delivery) -> CarrierLink | None:
        """The bind to use: the message's own unless another is wished for; None when none has room."""
        origin = delivery.origin
        if origin is not None and not delivery.other_bind and origin.has_room:
            return origin
        receivers = self.receivers
        for _ in receivers:
            self._turn = (self._turn + 1) % len(receivers)
            link = receivers[self._turn]
            if link.has_room and link is not origin:
                return link
        return origin if origin is not None and origin.has_room else None
