"""``python -m simulators.demo``: the command. Exit status: 0 when every expectation held, 1 when not, 2 when it
could not be performed, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from simulators.demo import report, screen
from simulators.demo.audit import audit, balance, seen, stopped
from simulators.demo.country import PREFIXES
from simulators.demo.facts import DemoError, Row
from simulators.demo.gateway import GatewayProcess
from simulators.demo.play import Play
from simulators.demo.stage import Stage
from simulators.demo.steady import Steady
from smsgw.errors import SmsgwError

Screen = screen.LiveScreen | screen.Lines | screen.Silent

OK, NOT_HELD, NOT_PERFORMED, INTERRUPTED = 0, 1, 2, 130
#: So that people can follow.
_PAUSE_S = 0.4
_PIPE_COLUMNS = 150
_LAST_WORDS_S = 2.0
_EPILOG = """\
The console's address, and a password to sign in with, are shown while it runs; --stay leaves time to look.

Exit status: 0 when every expectation held; 1 when not; 2 when the demonstration could not be performed, with the
gateway's last log lines; 130 after Ctrl-C. Nothing is left running and nothing is written but in a temporary
directory."""


@dataclass(slots=True)
class Performance:
    """What is known at the end."""

    rows: list[Row] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="demo",
        description="Start embedded Redis, two simulated carriers, the gateway and sample applications; send a mix of "
        "messages, among them a violation of each rule; check what comes of every one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--once", action="store_true", help="no live screen and no pauses: lines, then the table")
    made.add_argument("--json", action="store_true", help="print one JSON object instead (implies --once)")
    made.add_argument("--stay", action="store_true", help="stay up at the end, to look at the console, until Ctrl-C")
    made.add_argument("--svg", type=Path, metavar="FILE", help="also write the last screen as a picture")
    return made


async def perform(
    show: Screen, directory: Path, pause_s: float, stay: Callable[[Stage, Performance], Awaitable[None]] | None = None
) -> Performance:
    """All of it, from starting to stopping; before that ``stay``, if given. Raises DemoError when it can't go on."""
    async with Stage(directory) as stage:
        show.started(stage)
        play = Play(stage, show, pause_s)
        await _act(play, stage.gateway)
        rows = play.rows
        audit(stage, rows)
        status = await _settled(stage, rows)
        rows.append(balance(rows, status))
        rows.append(seen(await stage.console.figures(len(PREFIXES), 2), stage.console.address))
        performance = Performance(rows, report.versions(status))
        if stay is not None:
            await stay(stage, performance)
        rows.append(stopped(*await stage.close(), stage.gateway.errors()))
        return performance


async def _settled(stage: Stage, rows: list[Row]) -> dict[str, Any]:
    """What the gateway says of itself, once it has read the last answer to a receipt."""
    end_s = time.monotonic() + _LAST_WORDS_S
    while True:
        status = await stage.gateway.status()
        if balance(rows, status).held or time.monotonic() > end_s:
            return status
        await asyncio.sleep(0.05)


async def _act(play: Play, gateway: GatewayProcess) -> None:
    """Perform everything, or say why the gateway ended in the middle of it."""
    acting = asyncio.create_task(play.run())
    watching = asyncio.create_task(gateway.watch())
    try:
        await asyncio.wait((acting, watching), return_when=asyncio.FIRST_COMPLETED)
        if acting.done() and isinstance(acting.exception(), SmsgwError | ExceptionGroup):
            # A broken link is heard of before the end of the process that broke it.
            await asyncio.wait((watching,), timeout=_LAST_WORDS_S)
        if watching.done():
            watching.result()
        try:
            acting.result()
        except (SmsgwError, ExceptionGroup) as error:
            raise DemoError(f"{type(error).__name__}: {error}", gateway.last_lines()) from error
    finally:
        for task in (acting, watching):
            task.cancel()
        await asyncio.gather(acting, watching, return_exceptions=True)


async def _run(arguments: argparse.Namespace, console: Console) -> tuple[Performance, float]:
    task = asyncio.current_task()
    assert task is not None
    # A second Ctrl-C must not cut the stopping short: what was started is always stopped.
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _Once(task.cancel))
    is_live = console.is_terminal and not arguments.once and not arguments.json
    show: Screen = (
        screen.Silent() if arguments.json else screen.LiveScreen(console) if is_live else screen.Lines(console)
    )
    began_s = time.monotonic()
    stayed_s = 0.0

    async def stay(stage: Stage, performance: Performance) -> None:
        nonlocal stayed_s
        since_s = time.monotonic()
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        if not arguments.json:
            show.__exit__(None, None, None)
            console.print(screen.table(performance.rows, "So far", screen.is_wide(console)), screen.staying(stage))
        await Steady(stage).until(ended)
        stayed_s = time.monotonic() - since_s

    with tempfile.TemporaryDirectory(prefix="smsgw-demo-", ignore_cleanup_errors=True) as directory, show:
        pause_s = _PAUSE_S if is_live else 0.0
        performance = await perform(show, Path(directory), pause_s, stay if arguments.stay else None)
    return performance, time.monotonic() - began_s - stayed_s


class _Once:
    """Calls what it was given the first time only."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __call__(self) -> None:
        call, self._call = self._call, lambda: None
        call()


def main() -> int:
    """Run the command; returns its exit status."""
    arguments = parser().parse_args()
    console = Console()
    if not console.is_terminal:
        # There is no width to keep to.
        console = Console(width=_PIPE_COLUMNS)
    began_s = time.monotonic()
    try:
        performance, took_s = asyncio.run(_run(arguments, console))
    except DemoError as error:
        if arguments.json:
            print(json.dumps(report.failure(error, time.monotonic() - began_s), ensure_ascii=False))
        else:
            Console(stderr=True, highlight=False).print(screen.failed(error), soft_wrap=True)
        return NOT_PERFORMED
    except (asyncio.CancelledError, KeyboardInterrupt):
        return INTERRUPTED
    result = report.result(performance.rows, performance.versions, took_s)
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        console.print(screen.final(performance.rows, result, screen.is_wide(console)))
    if arguments.svg is not None:
        screen.write_svg(arguments.svg, screen.final(performance.rows, result, True))
    return OK if result["ok"] else NOT_HELD


if __name__ == "__main__":
    sys.exit(main())
