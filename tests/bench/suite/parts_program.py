"""``python -m tests.bench.suite.parts_program NAME``: measures one part with the smsgw that it finds, prints JSON.

A process of its own, so that another version's package can be measured. It must import nothing that puts this tree
before that package.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator

#: name, unit, value, target
Row = tuple[str, str, float, str]

BATCHES = (1, 16, 64, 256)
_MESSAGES = 3000
_STORED = 20_000


def codec() -> Iterator[Row]:
    """Each case of bench_codec."""
    from tests.bench.bench_codec import costs

    for name, micros, target in costs():
        yield name, "µs", micros, "" if target is None else f"≤ {target:g}"


def rules() -> Iterator[Row]:
    """All rules without state, by class."""
    from smsgw.policy.model import CLASS_LABELS
    from tests.bench.bench_rules import BUDGET_MICROS, fresh_drafts, micros
    from tests.bench.rule_world import World

    world = World()
    messages = list(world.messages(_MESSAGES))
    drafts = fresh_drafts(world)
    total = 0.0
    rows = []
    for number, label in enumerate(CLASS_LABELS):
        mine = [each for each in messages if each.message_class == number]
        each = micros(world.rules, drafts, mine)
        total += each * len(mine)
        rows.append((f"rules: {label}", "µs", each, ""))
    yield "rules: all classes", "µs", total / len(messages), f"≤ {BUDGET_MICROS:g}"
    yield from rows


def admission() -> Iterator[Row]:
    """Each step of the stage."""
    from tests.bench.suite.admission import costs

    for name, micros in asyncio.run(costs()):
        yield f"admission: {name}", "µs", micros, ""


def admit() -> Iterator[Row]:
    """Decisions with every rule that has state."""
    for batch in BATCHES:
        name, per_s, server_us, python_us = _stored(batch, True)[0]
        yield f"admit, {batch} in a call: {name} message", "/s", per_s, ""
        yield f"admit, {batch} in a call: redis", "µs", server_us, ""
        yield f"admit, {batch} in a call: python", "µs", python_us, ""


def store() -> Iterator[Row]:
    """The sum over all calls, and each of them for the largest batch."""
    for batch in BATCHES:
        rows = _stored(batch, False)
        yield f"store, {batch} in a call: redis", "µs", sum(row[2] for row in rows), ""
        yield f"store, {batch} in a call: python", "µs", sum(row[3] for row in rows), ""
    for name, _, server_us, python_us in rows:
        yield f"store, {batch} in a call, {name}: redis", "µs", server_us, ""
        yield f"store, {batch} in a call, {name}: python", "µs", python_us, ""


def _stored(batch: int, all_rules: bool) -> list[tuple[str, float, float, float]]:
    import uvloop

    from tests.bench.bench_store import run

    options = argparse.Namespace(server=None, fsync="always", total=_STORED, rules=all_rules)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(batch, options))


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "codec": codec, "rules": rules, "admission": admission, "admit": admit, "store": store,
}  # fmt: skip


def main() -> int:
    """One part; its rows as JSON."""
    json.dump([list(row) for row in PARTS[sys.argv[1]]()], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
