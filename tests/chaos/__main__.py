"""Break parts of a running site under load, and account for every message afterwards.

    bin/chaos                                        every scenario, seed 1
    bin/chaos --list                                 their names and what they do
    bin/chaos --scenario kill-gateway --seed 1 --seed 2 --seconds 30

Load, carriers, gateways and Redis are processes of their own, on 127.0.0.1. The seed decides the load, what the
carriers do, and when what is broken. Exit status 1 when a promise was broken, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.chaos.judge import Outcome, run
from tests.chaos.report import heading, line, page, totals
from tests.chaos.scenario import Scenario, WorldSettings, all_scenarios


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see above."""
    known = all_scenarios()
    options = _parser().parse_args(argv)
    if options.list:
        width = max(map(len, known))
        print("\n".join(f"{name:<{width}}  {scenario.what}" for name, scenario in known.items()))
        return 0
    chosen = _chosen(known, options.scenario)
    if isinstance(chosen, str):
        print(f"bin/chaos: {chosen}", file=sys.stderr)
        return 2
    os.environ.setdefault("SMSGW_TRACEBACK", "1")
    signal.signal(signal.SIGTERM, _interrupted)
    outcomes: list[Outcome] = []
    print(heading(), flush=True)
    try:
        for scenario in chosen:
            for seed in options.seed or [1]:
                settings = WorldSettings(seed=seed, rate=options.rate, seconds=options.seconds)
                with _directory(options.keep, f"{scenario.name}-{seed}") as directory:
                    outcomes.append(asyncio.run(run(scenario, settings, directory)))
                _show(outcomes[-1])
    except KeyboardInterrupt:
        print("interrupted: what came until now", file=sys.stderr)
    print(totals(outcomes))
    _write(outcomes, options, sys.argv[1:] if argv is None else argv)
    is_whole = len(outcomes) == len(chosen) * len(options.seed or [1])
    return 0 if is_whole and all(outcome.is_good for outcome in outcomes) else 1


def _interrupted(*_: object) -> None:
    """SIGTERM ends as Ctrl-C does: every part that was started is ended first."""
    raise KeyboardInterrupt


def _chosen(known: dict[str, Scenario], names: Sequence[str] | None) -> list[Scenario] | str:
    """The scenarios of these names, or what is wrong with the names."""
    if not names:
        return list(known.values())
    strange = [name for name in names if name not in known]
    if strange:
        return f"no scenario is called {', '.join(strange)}; bin/chaos --list names them all"
    return [known[name] for name in names]


def _show(outcome: Outcome) -> None:
    print(line(outcome), flush=True)
    if not outcome.is_good:
        for after_s, text in outcome.notes:
            print(f"    {after_s:6.1f} s  {text}", flush=True)


def _write(outcomes: Sequence[Outcome], options: argparse.Namespace, argv: Sequence[str]) -> None:
    if options.json:
        rows = [outcome.to_json() for outcome in outcomes]
        Path(options.json).write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.report:
        said = shlex.join(["bin/chaos", *argv])
        Path(options.report).write_text(page(outcomes, said), encoding="utf-8")


@contextlib.contextmanager
def _directory(keep: str | None, name: str) -> Iterator[Path]:
    if keep is not None:
        Path(keep).mkdir(parents=True, exist_ok=True)
        # Absolute, for processes with other working directories use it.
        yield Path(tempfile.mkdtemp(prefix=f"{name}-", dir=Path(keep).resolve()))
        return
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        yield Path(directory)


def _parser() -> argparse.ArgumentParser:
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="bin/chaos", description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    parser.add_argument("--scenario", action="extend", nargs="+", metavar="NAME", help="only these (all)")
    parser.add_argument("--seed", action="extend", nargs="+", type=int, metavar="N", help="each scenario with each (1)")
    parser.add_argument("--seconds", type=_more_than_0, default=15.0, help="seconds of load, at least (15)")
    parser.add_argument("--rate", type=int, default=600, help="messages a second in all (600)")
    parser.add_argument("--json", metavar="FILE", help="write the results to a file")
    parser.add_argument("--report", metavar="FILE", help="write the report as a page of HTML")
    parser.add_argument("--keep", metavar="DIR", help="keep each run's files in a directory below this one")
    return parser


def _more_than_0(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"expected more than 0, found {text}")
    return value


if __name__ == "__main__":
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # of "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)
