"""How often Python's garbage collector runs in a gateway under load, by generation.

    python tests/bench/bench_gc.py [--count N] [--rate R] [--external DIR]

The site config/bench, after a warm-up of a tenth. ``smsgw.app`` sets the thresholds and says why; the metrics that are
compared, ``python_gc_collections_total``, every gateway has.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.suite.code import here  # noqa: E402
from tests.bench.suite.load import External, Load, Simulators  # noqa: E402
from tests.bench.suite.measure import measure, offer  # noqa: E402
from tests.bench.suite.site import BenchSite  # noqa: E402

_LINE = re.compile(r'^python_gc_collections_total\{generation="(\d)"\} ([0-9.e+]+)$', re.MULTILINE)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60_000, metavar="N", help="messages (60,000)")
    parser.add_argument("--rate", type=float, default=0.0, metavar="R", help="a second; 0: full windows, the default")
    parser.add_argument("--external", type=Path, metavar="DIR", help="load tools smppload and smppsink, made there")
    args = parser.parse_args()
    tools = External(args.external) if args.external else Simulators()
    window = 1000 if args.rate else 100
    with (
        tempfile.TemporaryDirectory(prefix="smsgw-bench-") as scratch,
        BenchSite(Path(scratch), tools, here()) as site,
    ):
        offer(site, Load(max(200, args.count // 10)))
        before = _runs(site)
        result = measure(site, Load(args.count, args.rate, window=window))
        after = _runs(site)
    print(f"{result.messages:,} messages at {result.per_s:,.0f}/s, answers p99 {result.answer_ms.p99:.1f} ms")
    for generation, runs in after.items():
        print(f"generation {generation}: {runs - before[generation]:g} runs")


def _runs(site: BenchSite) -> dict[str, float]:
    return {generation: float(runs) for generation, runs in _LINE.findall(site.asked("/metrics").decode())}


if __name__ == "__main__":
    main()
