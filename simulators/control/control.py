"""What the control port steers: the group of carriers and whatever else runs beside it.

Owns the look-up of carriers, of messages by their id, and of what was not given. Everything here runs in
the event loop of the simulation. What can go wrong is raised as ``ControlError``, with the HTTP status
that says whose mistake it was.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from simulators.carrier.group import CarrierGroup
    from simulators.tap import Tap


class ControlError(Exception):
    """A request that can't be done; ``where`` names the key or the thing it is about."""

    def __init__(self, status: int, error: str, where: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.where = where


class Driver(Protocol):
    """Moves other clocks along (``simulators.clock_drive.ClockDriver``)."""

    async def push(self) -> Any:
        """Give every driven clock our time and rate; raises OSError or ValueError in words."""


class Captures(Protocol):
    """Makes the tap that writes a capture (``simulators.capture.CaptureTap``)."""

    def __call__(self, path: Path, /) -> Tap:
        """Open the file; raises OSError in words."""


class Control:
    """Everything one control port can reach; the app's state."""

    def __init__(
        self,
        group: CarrierGroup,
        *,
        play: Any = None,
        scenario: Any = None,
        driver: Driver | None = None,
        captures: Captures | None = None,
    ) -> None:
        self.group = group
        self.play = play
        self.scenario = scenario
        self.driver = driver
        self.captures = captures
        #: Set when the server ends: streams and waits end with it.
        self.closing = asyncio.Event()

    def close(self) -> None:
        """End every stream and every wait."""
        self.closing.set()
