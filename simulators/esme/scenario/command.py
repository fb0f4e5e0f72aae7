"""``run``, ``check``, ``scenarios`` and ``schema``: scenarios from the command line.

Exit status of ``run``: 0 all as expected, 1 not, or ended before; 2 wrong file, or no bind. The report goes to stdout.
"""

from __future__ import annotations

import asyncio
import json
import signal
from argparse import Namespace
from functools import partial
from pathlib import Path

from simulators.esme.recording import recording
from simulators.esme.scenario.library import find, shipped
from simulators.esme.scenario.load import load_scenario
from simulators.esme.scenario.play import Play
from simulators.esme.scenario.schema import schema_text
from simulators.tap import Tap


async def run(arguments: Namespace) -> int:
    """Play a scenario. Raises ConfigErrors for the file, LinkError without a bind, OSError for a report's file."""
    scenario = load_scenario(find(arguments.file))
    play = Play(scenario, host=arguments.host, port=arguments.port)
    if not arguments.json:
        play.on_step = lambda line: print(line, flush=True)
    task = asyncio.ensure_future(play.run(arguments.limit_s))

    def end() -> None:
        if not play.stop():
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    async with recording(arguments.capture, partial(_attach, play), play.clock):
        report = await task
    if arguments.report:
        Path(arguments.report).write_text(_json(report.to_json()), encoding="utf-8")
    if arguments.junit:
        report.write_junit(Path(arguments.junit))
    print(_json(report.to_json()) if arguments.json else report.to_text())
    return 0 if report.ok else 1


def _attach(play: Play, tap: Tap) -> None:
    for sim in play.sims.values():
        sim.attach(tap)


def check(arguments: Namespace) -> int:
    """Say that a scenario is right. Raises ConfigErrors with all that is wrong."""
    scenario = load_scenario(find(arguments.file))
    counts = (
        (len(scenario.applications), "application"),
        (len(scenario.steps), "step"),
        (len(scenario.expectations), "expectation"),
    )
    print(f"{arguments.file}: " + ", ".join(f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts))
    return 0


def scenarios(arguments: Namespace) -> int:
    """List the shipped scenarios, or print one. Raises ValueError for a name that none has."""
    if arguments.name is not None:
        print(find(arguments.name).read_text(encoding="utf-8"), end="")
        return 0
    found = {name: load_scenario(path).about for name, path in shipped().items()}
    width = max(map(len, found))
    print("\n".join(f"{name:{width}}  {about}" for name, about in found.items()))
    return 0


def schema(arguments: Namespace) -> int:
    """Print the JSON schema of scenario files."""
    print(schema_text(), end="")
    return 0


def _json(report: object) -> str:
    return json.dumps(report, ensure_ascii=False, indent=1)
