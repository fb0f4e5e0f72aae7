"""One timer for all links of a process, instead of one or more per connection; and the one place to listen to them.

A thousand sessions would mean thousands of timer handles that are re-armed with every PDU.
Here each link is looked at a few times a second; one that knows that nothing of it is due yet costs the look at
its ``check_s``. The precision, ``PERIOD_S``, is far below any protocol timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smsgw.beats import beat

if TYPE_CHECKING:
    from smsgw.link.link import Link

PERIOD_S = 0.25


class Ticker:
    """Calls ``Link.tick(now)`` on every registered link; ``run`` belongs in the application's task group."""

    def __init__(self) -> None:
        self._links: set[Link[Any]] = set()
        #: Is given every PDU of every link, and whether it came in, while somebody looks on.
        self.tap: Callable[[Link[Any], bool, bytes], None] | None = None

    def add(self, link: Link[Any]) -> None:
        """Called by the link itself when its connection is made."""
        self._links.add(link)

    def discard(self, link: Link[Any]) -> None:
        """Called by the link itself when its connection is gone."""
        self._links.discard(link)

    def __len__(self) -> int:
        return len(self._links)

    async def run(self) -> None:
        """Tick until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await beat(PERIOD_S)
            now_s = loop.time()
            for link in tuple(self._links):
                if link.check_s <= now_s:
                    link.tick(now_s)
