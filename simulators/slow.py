"""Reading a connection slower than its peer writes, so that TCP itself holds the peer back.

What one read of the socket gave is handed on in small portions, and meanwhile nothing is read. The
socket's buffer is made small, or the kernel would take a megabyte before the peer notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_STEP_S = 0.05


class SlowReader:
    """Portions of one connection's octets; ``per_s`` may be changed at any time, 0 hands everything on at once.

    ``take`` is given each portion, ``idle`` is called when all is handed on and reading may go on.
    """

    def __init__(self, per_s: int, take: Callable[[bytes], None], idle: Callable[[], None]) -> None:
        self.per_s = per_s
        self._take = take
        self._idle = idle
        self._kept = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether octets wait to be handed on."""
        return bool(self._kept)

    def feed(self, data: bytes) -> None:
        """Octets came from the socket."""
        self._kept += data
        if self._timer is None:
            self._wait()

    def stop(self) -> None:
        """Forget what waits."""
        self._kept.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        step_s = max(_STEP_S, 1 / self.per_s) if self.per_s else 0.0
        self._timer = asyncio.get_running_loop().call_later(step_s, self._hand_on)

    def _hand_on(self) -> None:
        self._timer = None
        kept = self._kept
        octets = max(1, int(self.per_s * _STEP_S)) if self.per_s else len(kept)
        portion = bytes(kept[:octets])
        del kept[:octets]
        self._take(portion)
        if kept:
            self._wait()
        else:
            self._idle()
