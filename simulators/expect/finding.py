"""What one requirement found among the entries it looked at, and what all requirements share while they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from simulators.entry import Entry
from simulators.expect.hours import DAYS, local_time
from simulators.expect.model import Expectation
from simulators.expect.receipts import ReceiptIndex
from simulators.expect.result import Offender
from simulators.expect.whole import Item

#: How many offenders a result shows.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """``ok`` if the run ended now; ``final`` when nothing that comes can change it."""

    expected: str
    ok: bool
    found: str
    final: bool = False
    offenders: tuple[Offender, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """The run as requirements see it."""

    zone: ZoneInfo
    receipts: ReceiptIndex
    #: From when ``within`` counts, and now; time.monotonic(). None: not known.
    origin_s: float | None = None
    now_s: float | None = None


def zone_of(expectation: Expectation, scene: Scene) -> ZoneInfo:
    """The zone of an expectation: its own or the run's."""
    return ZoneInfo(expectation.zone) if expectation.zone is not None else scene.zone


def field_value(entry: Entry, name: str, zone: ZoneInfo) -> object:
    """A field by its name in ``model.FIELDS``."""
    if name == "day":
        return local_time(entry.at_ms, zone).date().isoformat()
    if name == "hour":
        return local_time(entry.at_ms, zone).hour
    value: object = getattr(entry, name)
    return value


def day_and_time(at_ms: int, zone: ZoneInfo) -> str:
    """``sun 21:30:05``, as offenders against hours are shown."""
    at = local_time(at_ms, zone)
    return f"{DAYS[at.weekday()]} {at:%H:%M:%S}"


def offending(items: Sequence[tuple[Item, str]]) -> tuple[Offender, ...]:
    """The first offenders among items with their reasons."""
    return tuple(Offender(item.entry, why) for item, why in items[:SHOWN])
