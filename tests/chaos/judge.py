"""One run of a scenario, from an empty directory to what is said of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import wording
from tests.chaos.ledger import Reconciled, read_carriers, read_ledger, read_receipts, reconcile
from tests.chaos.scenario import Scenario, Skipped, WorldSettings
from tests.chaos.world import World
from tests.e2e.gateway import GatewayProcess

_RECOVER_S = 40.0
_DISTURB_S = 180.0
_DRAIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run."""

    scenario: Scenario
    seed: int
    #: None when it could not be run; ``skipped`` says why.
    counts: Reconciled | None = None
    skipped: str = ""
    #: Promises that were broken, in words. Empty is good.
    broken: tuple[str, ...] = ()
    #: (seconds, what was done).
    notes: tuple[tuple[float, str], ...] = ()
    most_doubles: int = 0
    unsent: int = 0
    took_s: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether every promise held, or it could not be run here."""
        return not self.broken

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "good": self.is_good,
            "skipped": self.skipped,
            "broken": self.broken,
            "notes": self.notes,
            "most_doubles": self.most_doubles,
            "unsent": self.unsent,
            "took_s": round(self.took_s, 1),
            **(self.counts.to_json() if self.counts is not None else {}),
        }


async def run(scenario: Scenario, settings: WorldSettings, directory: Path) -> Outcome:
    """One run in an empty directory. What goes wrong in it is a broken promise, not an exception."""
    begun_s = time.monotonic()
    chance = random.Random(f"{scenario.name} {settings.seed}")
    notes: list[tuple[float, str]] = []
    try:
        settings = scenario.world(settings)
        async with World(settings, directory) as world:
            notes = world.notes
            broken = await _play(scenario, world, chance)
        counts = reconcile(
            read_ledger(world.load.ledger),
            read_carriers(each.log for each in world.carriers.values()),
            read_receipts(world.load.receipts),
            settings.cap,
        )
    except Skipped as why:
        return Outcome(scenario, settings.seed, skipped=str(why))
    except (TimeoutError, RuntimeError, OSError) as error:
        found = (f"{type(error).__name__}: {error}",)
        return Outcome(scenario, settings.seed, broken=found, notes=tuple(notes), took_s=time.monotonic() - begun_s)
    most = scenario.most_doubles(world) if scenario.doubles else 0
    for place, gateway in enumerate(world.gateways, 1):
        broken += [f"gateway {place} logged {each}" for each in complaints(gateway, scenario.errors)[:5]]
    return Outcome(
        scenario,
        settings.seed,
        counts,
        broken=(*promises_broken(scenario, counts, most), *broken, *world.broken),
        notes=tuple(world.notes),
        most_doubles=most,
        unsent=world.load.progress["unsent"],
        took_s=time.monotonic() - begun_s,
    )


async def _play(scenario: Scenario, world: World, chance: random.Random) -> list[str]:
    """Load and disturbance, until all is reported and every gateway has ended; what is wrong already."""
    settings, broken = world.settings, []
    await world.begin()
    opting_out = asyncio.create_task(world.keep_opting_out())
    try:
        async with asyncio.timeout(settings.seconds + _DISTURB_S):
            await scenario.disturb(world, chance)
        await asyncio.sleep(max(0.0, max(settings.seconds, scenario.least_seconds) - world.elapsed_s))
        try:
            await world.traffic(deadline_s=_RECOVER_S)
        except TimeoutError as error:
            broken.append(f"not recovered: {error}")
        # One that is under way would end in the midst of an answer.
        with contextlib.suppress(asyncio.CancelledError):
            opting_out.cancel()
            await opting_out
    except BaseException:
        opting_out.cancel()
        raise
    await world.load.end(settings.quiet_s, settings.quiet_s + _DRAIN_S)
    return broken + await world.stop_gateways()


def promises_broken(scenario: Scenario, counts: Reconciled, most_doubles: int) -> list[str]:
    """The promises of every scenario, against its account."""
    broken = []

    def promise(holds: object, words: str) -> None:
        if not holds:
            broken.append(words)

    promise(not counts.lost, f"{len(counts.lost)} lost: {_some(counts.lost)}")
    promise(
        not counts.without_receipt, f"{len(counts.without_receipt)} without receipt: {_some(counts.without_receipt)}"
    )
    for name in wording.CLASSES:
        many = counts.doubles[name]
        promise(not many or name in scenario.doubles, f"{many} doubles of {name}, of which none may come twice")
    promise(
        not scenario.doubles or counts.all_doubles <= most_doubles,
        f"{counts.all_doubles} doubles, and {most_doubles} were in flight",
    )
    promise(not counts.over_cap, f"{counts.over_cap} over the cap")
    promise(not counts.opted_out_reached, f"{counts.opted_out_reached} reached one who had opted out")
    promise(
        not counts.refused_at_carrier,
        f"{len(counts.refused_at_carrier)} refused and sent all the same: {_some(counts.refused_at_carrier)}",
    )
    promise(
        counts.accepted >= scenario.least_accepted * counts.sent,
        f"only {counts.accepted} of {counts.sent} were accepted: that was no load",
    )
    return broken


def _some(segments: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{number}/{part}" for number, part in segments[:5]) + (" …" if len(segments) > 5 else "")


def complaints(gateway: GatewayProcess, expected: frozenset[str] = frozenset()) -> list[str]:
    """Tracebacks, and events that an orderly recovery never needs: one short line each."""
    found = []
    for line in gateway.log_path.read_text(errors="replace").splitlines():
        if line.startswith("smsgw: warning:"):
            continue
        event = json.loads(line) if line.startswith("{") else {"level": "error", "event": line}
        name = event.get("event")
        if "traceback" in event or (event.get("level") in ("error", "critical") and name not in expected):
            found.append(f"{name}: {event.get('why', '')} {event.get('traceback', '')[-300:]}")
        elif name in ("store.settle_refused", "store.correlate_refused", "store.receipt_refused"):
            found.append(f"{name}: {event.get('why')}")
    return found
