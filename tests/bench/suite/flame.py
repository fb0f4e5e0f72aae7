"""Where a busy gateway's time goes, as a flame graph: py-spy looks at it from outside while windows are kept full.

Each thread stands by itself: those that wait for something to do look busy to it, and only the main one matters.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.suite.code import Code
from tests.bench.suite.errors import BenchError
from tests.bench.suite.load import Load
from tests.bench.suite.measure import offer
from tests.bench.suite.sections import Plan
from tests.bench.suite.site import BenchSite

#: Samples a second: not a divisor of anything that happens regularly.
_RATE_HZ = 197
_END_S = 60.0


def py_spy() -> str:
    """Its program. Raises BenchError when it is not installed."""
    beside = Path(sys.executable).parent / "py-spy"
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if not found:
        raise BenchError("--flame needs py-spy: start bin/bench, which installs it, or pip install py-spy")
    return found


def draw(plan: Plan, code: Code, into: Path, native: bool) -> str:
    """Write an SVG of the gateway, or of one of its workers; returns a line about it. Raises BenchError.

    With ``native`` also functions in C.
    """
    program, into = py_spy(), into.absolute()
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as directory:
        scratch = Path(directory)
        with BenchSite(scratch, plan.tools, code, workers=plan.workers) as site:
            full_per_s = float(offer(site, plan.warm_up)["ok_per_s"])
            count = max(plan.count, round(full_per_s * plan.seconds))
            command = [
                program, "record", "--pid", str(site.processes()["gateway"][-1]), "--rate", str(_RATE_HZ), "--format",
                "flamegraph", "--threads", "--output", str(into), "--duration", "86400",
                *(["--native"] if native else []),
            ]  # fmt: skip
            with (scratch / "py-spy.log").open("w+b") as log:
                spy = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                try:
                    told = offer(site, Load(count, conns=plan.conns, window=plan.window))
                finally:
                    _end(spy)
                log.seek(0)
                said = log.read().decode(errors="replace").strip()
    if not into.exists():
        raise BenchError(f"py-spy wrote nothing: {said[-500:]}")
    return f"{into}: {count} messages at {told['ok_per_s']:,.0f}/s while it looked {_RATE_HZ} times a second"


def _end(spy: subprocess.Popen[bytes]) -> None:
    """Have it write what it saw."""
    spy.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        spy.wait(_END_S)
    if spy.poll() is None:
        spy.kill()
        spy.wait()
