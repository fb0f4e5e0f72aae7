"""Settings that phases lay over those of a carrier, and take away again.

A field goes back to what it was before any phase changed it; while several phases change it, the one that
began last counts. Whoever changed it by hand in between is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.carrier.sim import CarrierSim


class Overlays:
    """What phases changed in one carrier."""

    def __init__(self, sim: CarrierSim) -> None:
        self._sim = sim
        self._laid: list[tuple[object, dict[str, Any]]] = []
        self._before: dict[str, Any] = {}

    def lay(self, owner: object, changes: dict[str, Any]) -> None:
        """Change settings for ``owner``; raises ValueError for wrong ones."""
        for name in changes:
            self._before.setdefault(name, getattr(self._sim.settings, name))
        self._sim.change(**changes)
        self._laid.append((owner, changes))

    def lift(self, owner: object) -> None:
        """Take back what ``owner`` changed."""
        gone = [changes for each, changes in self._laid if each is owner]
        self._laid = [(each, changes) for each, changes in self._laid if each is not owner]
        restored: dict[str, Any] = {}
        for name, value in (item for changes in gone for item in changes.items()):
            if getattr(self._sim.settings, name) is value:
                restored[name] = self._value(name)
        for name in list(self._before):
            if not any(name in changes for _, changes in self._laid):
                del self._before[name]
        if restored:
            self._sim.change(**restored)

    def _value(self, name: str) -> Any:
        for _, changes in reversed(self._laid):
            if name in changes:
                return changes[name]
        return self._before[name]
