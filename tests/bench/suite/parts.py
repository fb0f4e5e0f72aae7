"""Parts of a message's way by themselves, in a process that has the package of the version that is measured."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.bench.suite.code import ROOT, Code
from tests.bench.suite.errors import BenchError
from tests.bench.suite.figures import Figure, Run

#: What each part is.
MEANINGS = {
    "codec": "Cutting, reading and building PDUs.",
    "rules": "Deciding about texts of all classes, with full registers; no store.",
    "admission": "From a submit_sm to the queue of admit, and its answer with its record; no store.",
    "admit": "The admit script by messages in a call, under every rule that has state.",
    "store": "All calls of a message's way by messages in a call: admit, read, settle, correlate, read, acknowledge.",
}
_LIMIT_S = 600.0


def measured(name: str, code: Code) -> Run:
    """One part once. An older version that lacks what the part needs is a note; for this tree it raises BenchError."""
    command = [sys.executable, "-m", "tests.bench.suite.parts_program", name]
    done = subprocess.run(
        command, cwd=code.directory, env=code.environment, capture_output=True, text=True, check=False, timeout=_LIMIT_S
    )
    if done.returncode == 0:
        return Run([Figure(*each) for each in json.loads(done.stdout)])
    why = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
    if code.directory == ROOT:
        raise BenchError(f"the part {name} failed: {why[0]}")
    return Run(notes=[f"{name} can't be measured with {code.name}: {why[0]}"])
