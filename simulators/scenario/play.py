"""Runs a time line: phases and events, on the business time of a group of carriers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.scenario.model import Phase, Scenario

if TYPE_CHECKING:
    from simulators.carrier.group import CarrierGroup


class Play:
    """A scenario's time line on a started group; ``start`` begins it, ``reset`` begins it anew."""

    def __init__(self, group: CarrierGroup, scenario: Scenario) -> None:
        self.group = group
        self.scenario = scenario

    @property
    def running(self) -> tuple[Phase, ...]:
        """The phases that are on, in the order of the file."""
        return ()

    def start(self) -> None:
        """Begin: times count from now."""

    def stop(self) -> None:
        """End all phases, giving back what they changed, and forget what was to come."""

    def reset(self) -> None:
        """Stop and start again."""
        self.stop()
        self.start()
