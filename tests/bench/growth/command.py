"""bin/bench --growth, --plot: what a message costs as a site grows, as curves.

    bin/bench --growth all --json growth.json           every curve, {minutes} minutes on two cores
    bin/bench --growth routes windows --passes 2        some of them, each point measured twice
    bin/bench --growth all --small --passes 1           shows in some minutes that everything works
    bin/bench --plot growth.json                        pictures and tables, into docs/performance

Curves: {curves}.
Points are measured in turns, A B C, C B A, each by a gateway of its own with Redis, carrier and application beside it,
all on 127.0.0.1. Tables show medians and, in brackets, ranges; a ratio is to the first point of the same pass, and ✗
marks one that is further away than 15 %. Ends with 1 when a message or a receipt is missing or something does not
start, with 0 otherwise, whether curves are flat or not. The largest stores need 4 GiB of memory, and as much on the
disk of $TMPDIR.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.growth import plotting, telling
from tests.bench.growth.curves import CURVES, SMALL, WHOLE, chosen
from tests.bench.growth.measuring import Measuring
from tests.bench.growth.telling import CurveRuns
from tests.bench.suite.code import ROOT, here
from tests.bench.suite.errors import BenchError
from tests.bench.suite.load import External, Simulators

PASSES: Final = 4
PICTURES: Final = ROOT / "docs" / "performance"
MINUTES: Final = 25


def main(argv: Sequence[str]) -> int:
    """Command line; ``bin/bench`` hands everything over where one of the two options is given."""
    parser = _parser()
    args = parser.parse_args(argv)
    if not args.growth and not args.plot:
        parser.error("give --growth NAME… or --plot FILE…")
    try:
        if args.growth:
            _measure(args)
        if args.plot:
            _plot(args.plot, args.into)
    except (BenchError, ValueError) as error:
        print(f"bin/bench: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(args: argparse.Namespace) -> None:
    """Tables on stdout, and after each curve all so far in the file."""
    wanted = chosen(args.growth)
    if args.passes < 1:
        raise ValueError("--passes is at least 1")
    tools, code = External(args.external) if args.external else Simulators(), here()
    curves: list[CurveRuns] = []
    for name in wanted:
        found = Measuring(CURVES[name](SMALL if args.small else WHOLE), args.passes, tools, code, _say).run()
        curves.append(found)
        print(telling.table(found), flush=True)
        if args.json:
            args.json.write_text(telling.dump(curves), encoding="utf-8")


def _plot(files: Sequence[Path], into: Path) -> None:
    """Of a curve that is in several files the last one counts."""
    curves = {curve.name: curve for file in files for curve in telling.load(file)}
    for path in plotting.draw([curves[name] for name in CURVES if name in curves], into):
        print(path)


def _parser() -> argparse.ArgumentParser:
    text = (__doc__ or "").format(minutes=MINUTES, curves=", ".join(CURVES))
    parser = argparse.ArgumentParser(
        "bin/bench", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--growth", nargs="+", default=[], metavar="NAME", help="measure these curves, or all")
    add("--passes", type=int, default=PASSES, metavar="N", help=f"measurements of each point ({PASSES})")
    add("--small", action="store_true", help="few messages and entries: the figures say nothing")
    add("--external", type=Path, metavar="DIR", help="load tools smppload and smppsink, made there")
    add("--json", type=Path, metavar="FILE", help="write every measurement to this file")
    add("--plot", nargs="+", default=[], type=Path, metavar="FILE", help="draw the curves of these files")
    add("--into", type=Path, default=PICTURES, metavar="DIR", help="where pictures and tables go (docs/performance)")
    return parser


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)
