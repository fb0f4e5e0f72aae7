"""bin/bench: what a message costs, by process and by part; latencies; memory; against another revision.

    bin/bench                                   every section, three runs each
    bin/bench --only saturation latency         some of them
    bin/bench --external DIR                    with smppload and smppsink from DIR instead of the simulators
    bin/bench --compare HEAD~10                 another revision too, in turns: A B, B A, A B
    bin/bench --flame gateway.svg               where the gateway's time goes
    bin/bench --guard                           whether parts of the hot path cost more than is written down
    bin/bench --growth NAME…                    how costs grow with a site; see bin/bench --growth --help

Sections: {sections}.
Runs gateway, embedded Redis, carrier and application on the site config/bench, all rules on, on 127.0.0.1. Ends with 1
when a message or a receipt is missing or something does not start, 0 otherwise, whether targets are met or not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.suite import machine
from tests.bench.suite.code import Code, here, revision
from tests.bench.suite.errors import BenchError
from tests.bench.suite.figures import Run, order
from tests.bench.suite.load import External, Simulators
from tests.bench.suite.report import as_json, table
from tests.bench.suite.sections import SECTIONS, Plan


def measured(plan: Plan, sections: Sequence[str], codes: Sequence[Code], runs: int) -> dict[str, dict[str, list[Run]]]:
    """Every section, run by run, the versions in turns. Raises BenchError."""
    found: dict[str, dict[str, list[Run]]] = {}
    for section in sections:
        by_version = found[section] = {code.name: [] for code in codes}
        for turn in range(runs):
            for index in order(len(codes), turn):
                code = codes[index]
                _say(f"{section}, {code.name}, run {turn + 1} of {runs}")
                by_version[code.name].append(SECTIONS[section](plan, code))
    return found


def facts(plan: Plan, codes: Sequence[Code], runs: int) -> dict[str, str]:
    """What the figures were measured with."""
    loops = f"{plan.count} messages at saturation, {plan.conns} connections, window {plan.window}"
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        **machine.describe(),
        **{code.name: f"{code.commit}, {code.version()}" for code in codes},
        "redis": machine.redis_version(),
        "load tools": plan.tools.name,
        "load": f"{loops}; {plan.seconds:g} s at a rate; {runs} runs: median (lowest–highest)",
        "loop now": f"{machine.loop_us():.2f} µs of CPU for the calibrated loop",
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--guard" in arguments:
        from tests.bench.suite.guard import main as guard

        return guard([each for each in arguments if each != "--guard"])
    if {"--growth", "--plot"} & set(arguments):
        from tests.bench.growth.command import main as growth

        return growth(arguments)
    args = _parser().parse_args(arguments)
    try:
        return _run(args)
    except BenchError as error:
        print(f"bin/bench: {error}", file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    plan = Plan(
        External(args.external) if args.external else Simulators(), args.count, args.conns, args.window,
        tuple(args.rates.split(",")), args.seconds, args.sessions, args.workers,
    )  # fmt: skip
    if args.flame:
        from tests.bench.suite.flame import draw

        print(draw(plan, here(), args.flame, args.native))
        return 0
    sections = args.only or list(SECTIONS)
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-code-") as scratch:
        codes = [here(), *(revision(name, Path(scratch) / f"{n}") for n, name in enumerate(args.compare))]
        told = facts(plan, codes, args.runs)
        found = measured(plan, sections, codes, args.runs)
    print(table(told, meanings(), found))
    if args.json:
        args.json.write_text(json.dumps(as_json(told, found), indent=2, ensure_ascii=False), encoding="utf-8")
    return 0


def meanings() -> Mapping[str, str]:
    """What each section is, in a sentence."""
    return {name: (section.__doc__ or "").strip().splitlines()[0] for name, section in SECTIONS.items()}


def _parser() -> argparse.ArgumentParser:
    text = (__doc__ or "").format(sections=", ".join(SECTIONS))
    parser = argparse.ArgumentParser(
        "bin/bench", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, usual = parser.add_argument, Plan(Simulators())
    add("--only", nargs="+", choices=list(SECTIONS), metavar="NAME", help="these sections")
    add("--runs", type=int, default=3, help="of each section; the median counts (3)")
    add("--compare", nargs="+", default=[], metavar="REV", help="other revisions, measured in turns with this tree")
    add("--external", type=Path, metavar="DIR", help="load tools smppload and smppsink, made there")
    add("--count", type=int, default=usual.count, help=f"messages of a run at saturation ({usual.count})")
    add("--conns", type=int, default=usual.conns, help=f"connections ({usual.conns})")
    add("--window", type=int, default=usual.window, help=f"unanswered submit_sm of a connection ({usual.window})")
    add(
        "--rates",
        default=",".join(usual.rates),
        help="messages a second, or shares of saturation (100,1000,5000,100%%)",
    )
    add(
        "--seconds",
        type=float,
        default=usual.seconds,
        help=f"of each rate; doing nothing is watched three times as long ({usual.seconds:g})",
    )
    add("--sessions", type=int, default=usual.sessions, help=f"that are idle ({usual.sessions})")
    add("--workers", type=int, default=0, help="as smsgw run --workers; left out, one process")
    add("--json", type=Path, metavar="FILE", help="write everything to this file too")
    add("--flame", type=Path, metavar="FILE.svg", help="only draw where the gateway's time goes at saturation")
    add("--native", action="store_true", help="with --flame: functions in C too")
    return parser


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
