"""Recordings that are started and stopped while the simulation runs.

Files go to one directory only, under names that end as captures do: whoever reaches the control port must
not be able to write anything else. What can go wrong while recording stops it and is told with its state.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from simulators.capture import CaptureTap
from simulators.control.models import CaptureState

if TYPE_CHECKING:
    from simulators.carrier.group import CarrierGroup

_NAME = re.compile(r"[\w][\w.+-]*\.(pcap|jsonl)(\.gz)?")


class Recordings:
    """All recordings of one simulation, by file name."""

    def __init__(self, group: CarrierGroup, directory: Path) -> None:
        self._group = group
        self._directory = directory
        self._taps: dict[str, CaptureTap] = {}
        self._running: set[str] = set()

    def start(self, name: str) -> CaptureState:
        """Begin to record, over what the file held.

        Raises ValueError for a name that is none, RuntimeError when it is being written, CaptureError when it
        can't be.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} can't be recorded to; give a file name without directories that ends in .pcap or .jsonl "
                "(or these with .gz)"
            )
        if name in self._running:
            raise RuntimeError(f"{name} is being recorded already")
        tap = CaptureTap(self._directory / name, self._group.clock)
        self._group.attach(tap)
        self._taps[name] = tap
        self._running.add(name)
        return self._state(name)

    def stop(self, name: str) -> CaptureState:
        """End a recording; raises LookupError when there is none of this name."""
        if name not in self._running:
            raise LookupError(f"{name!r} is not being recorded")
        self._running.discard(name)
        tap = self._taps[name]
        self._group.detach(tap)
        tap.close()
        return self._state(name)

    def states(self) -> list[CaptureState]:
        """Of all recordings, ended ones too."""
        return [self._state(name) for name in self._taps]

    def file(self, name: str) -> tuple[Path, int]:
        """The file of a recording with everything recorded so far in it, and how many octets that is.

        Raises LookupError.
        """
        if name not in self._taps:
            raise LookupError(f"nothing was recorded to {name!r}")
        tap = self._taps[name]
        if name in self._running:
            tap.flush()
        return tap.path, tap.octets

    def close(self) -> None:
        """End all recordings."""
        for name in tuple(self._running):
            self.stop(name)

    def _state(self, name: str) -> CaptureState:
        tap = self._taps[name]
        return CaptureState(file=name, running=name in self._running, octets=tap.octets, failure=tap.failure)
