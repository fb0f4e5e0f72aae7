"""How long receipts take through the gateway: from the carrier's writing to the application's reading.

Both simulators record every octet with its time, from one clock of this machine; a receipt is told by its recipient,
for each message goes to another one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simulators.capture.reading import read_capture
from simulators.histogram import Histogram
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS, Framer
from smsgw.smpp.views import HEADER, Sm
from tests.bench.suite.errors import BenchError
from tests.bench.suite.load import Load, Simulators

_DELIVER_SM = int(CommandId.DELIVER_SM)


class Recorded(Simulators):
    """The simulators, recording into a directory; ``begin`` says that the next load is the one that counts."""

    name = "simulators, recording"

    def __init__(self, scratch: Path) -> None:
        self.at_carrier = scratch / "carrier.jsonl"
        self.at_application = scratch / "application.jsonl"
        self._counts = False

    def begin(self) -> None:
        """Loads are recorded from now on."""
        self._counts = True

    def carrier(self, port: int) -> list[str]:
        """Recorded all the time."""
        return [*super().carrier(port), "--capture", str(self.at_carrier)]

    def application(self, load: Load, port: int, scratch: Path) -> list[str]:
        """Recorded once it counts."""
        command = super().application(load, port, scratch)
        return [*command, "--capture", str(self.at_application)] if self._counts else command


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds."""

    count: int
    p50: float
    p99: float


def delays_ms(recorded: Recorded, messages: int) -> Delays:
    """Of all receipts of the load that counted; the simulators must have ended. Raises BenchError if one is missing."""
    sent = dict(_receipts(recorded.at_carrier, "out"))
    took = Histogram()
    for recipient, at_ns in _receipts(recorded.at_application, "in"):
        if recipient in sent:
            took.add((at_ns - sent[recipient]) / 1e9)
    if took.count != messages:
        raise BenchError(f"the recordings have {took.count} receipts of {messages} messages")
    return Delays(took.count, round(took.quantile(0.5) * 1e3, 3), round(took.quantile(0.99) * 1e3, 3))


def _receipts(path: Path, kind: str) -> Iterator[tuple[bytes, int]]:
    """Recipient and time in nanoseconds of every deliver_sm in a recording."""
    framers: defaultdict[int, Framer] = defaultdict(lambda: Framer(AFTER_BIND_MAX_OCTETS))
    for event in read_capture(path):
        if event.kind == kind:
            for raw in framers[event.connection].feed(event.octets):
                if HEADER.unpack_from(raw)[1] == _DELIVER_SM:
                    yield Sm(raw).source_addr, event.at_ns
