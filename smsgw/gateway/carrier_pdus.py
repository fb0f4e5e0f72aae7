"""What carriers were sent and said, octet for octet, for those who look into one message later; only where wanted.

Owns: the PDUs of the last moment, which go to the records sealed together: one seal for many. While it is not wanted
nobody has one of these, and a message pays one look at nothing. Never looks into a PDU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smsgw.msgpacked import pack
from smsgw.records.record import NO_CLASS, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgw.clock import BusinessClock
    from smsgw.records.log import RecordLog

MOST_PDUS: Final = 2_000
"""Of one batch."""
_STEP: Final = int(Step.CARRIER_PDU)


class CarrierPdus:
    """Call ``add`` for every PDU, ``flush`` before the records are written."""

    __slots__ = ("_append", "_now_ms", "_pdus", "_seal")

    def __init__(self, records: RecordLog, clock: BusinessClock, seal: Callable[[bytes], bytes]) -> None:
        self._append = records.append
        self._now_ms = clock.now_ms
        self._seal = seal
        self._pdus: list[tuple[int, int, str, str, bytes]] = []

    def add(self, step: int, message_id: str, carrier: str, raw: bytes) -> None:
        """A PDU of a message. ``step``: which row tells of it."""
        self._pdus.append((self._now_ms(), step, message_id, carrier, raw))
        if len(self._pdus) >= MOST_PDUS:
            self.flush()

    def flush(self) -> None:
        """Hand over what was added since."""
        pdus = self._pdus
        if pdus:
            blob = self._seal(pack(pdus))
            self._append((pdus[0][0], _STEP, "", "", "", NO_CLASS, "", "", 0, 0, "", "", 0, blob))
            pdus.clear()
