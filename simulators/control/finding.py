"""Looking through what carriers keep, in slices; entries that came after the look began are not in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial

from simulators.carrier.message import Message
from simulators.carrier.outbox import Delivery
from simulators.carrier.sim import CarrierSim
from simulators.control.slices import mapped, pieces
from simulators.entry import Entry
from simulators.expect.patterns import compile_pattern
from simulators.expect.selection import KINDS, Selection

_KEPT_ELSEWHERE = frozenset({"submit", "receipt", "mo"})
#: Conditions that need no look at an entry.
_BY_SOURCE = frozenset({"kind", "where"})


async def find(sims: Iterable[CarrierSim], selection: Selection, last: int) -> tuple[int, list[Entry]]:
    """How many entries are selected, and the ``last`` of them, oldest first."""
    count = 0
    kept: list[Entry] = []
    names = [compile_pattern(pattern) for pattern in selection.where]
    for sim in sims:
        name = sim.settings.name
        if names and not any(matches(name) for matches in names):
            continue
        for source in _sources(sim, frozenset(selection.kind or KINDS)):
            if selection.model_fields_set <= _BY_SOURCE:
                count += len(source)
                kept += await mapped(partial(_entry, where=name), source[-last:] if last else ())
            else:
                number, recent = await _look(source, name, selection, last)
                count += number
                kept += recent
    kept.sort(key=lambda entry: entry.real_s)
    return count, kept[-last:] if last else []


async def everything(sims: Iterable[CarrierSim]) -> list[Entry]:
    """All entries, carrier by carrier."""
    found: list[Entry] = []
    for sim in sims:
        for source in _sources(sim, frozenset(KINDS)):
            found += await mapped(partial(_entry, where=sim.settings.name), source)
    return found


def most(sims: Iterable[CarrierSim], selection: Selection) -> int:
    """How many entries can be selected at most, without a look at any."""
    kinds = frozenset(selection.kind or KINDS)
    return sum(len(source) for sim in sims for source in _sources(sim, kinds))


def _sources(sim: CarrierSim, kinds: frozenset[str]) -> list[Sequence[Message | Delivery | Entry]]:
    """In the order of ``CarrierSim.entries``, for what came at the same time."""
    found: list[Sequence[Message | Delivery | Entry]] = []
    others = kinds - _KEPT_ELSEWHERE
    if others:
        found.append(list(sim.entries(*others)))
    if "submit" in kinds:
        found.append(list(sim.received))
    wanted = [is_receipt for kind, is_receipt in (("receipt", True), ("mo", False)) if kind in kinds]
    if len(wanted) == 2:
        found.append(list(sim.deliveries))
    elif wanted:
        found.append([delivery for delivery in sim.deliveries if delivery.is_receipt is wanted[0]])
    return found


def _entry(item: Message | Delivery | Entry, where: str) -> Entry:
    return item if isinstance(item, Entry) else item.to_entry(where)


async def _look(
    source: Sequence[Message | Delivery | Entry], where: str, selection: Selection, last: int
) -> tuple[int, deque[Entry]]:
    recent: deque[Entry] = deque(maxlen=last)
    count = 0
    async for some in pieces(source):
        for item in some:
            entry = _entry(item, where)
            if selection.matches(entry):
                count += 1
                recent.append(entry)
    return count, recent
