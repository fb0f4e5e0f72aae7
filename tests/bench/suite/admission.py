"""The stage of a message from its submit_sm to the queue of admit, and its answer, in one process without Redis.

Unlike the guard's works each message comes once: nothing is remembered of its text and its recipient.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable

from smsgw.records.log import Fsync, RecordLog
from tests.bench.suite.guard_work import MESSAGES, Admitted, submits

_BATCHES = 1_000


async def costs() -> list[tuple[str, float]]:
    """Microseconds of CPU a message, or a row, by step: of its batches the last of the fastest quarter."""
    stage = Admitted()
    steps: dict[str, Callable[[], object]] = {
        "from a submit_sm's octets to the queue": stage.admit,
        "what goes into the script": stage.payload,
        "its answer, with its record": stage.answer,
    }
    taken_ns: dict[str, list[int]] = {name: [] for name in (*steps, "a row of records written")}
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as directory:
        log = RecordLog(directory, "bench", lambda: stage.rows[0][0], fsync=Fsync.NEVER)
        gc.collect()
        gc.disable()  # as good as: the gateway freezes what it keeps, and messages make no cycles
        for batch in range(_BATCHES):
            stage.pdus = submits(batch * MESSAGES)
            for name, call in steps.items():
                taken_ns[name].append(_taken_ns(call))
            for row in stage.rows:
                log.append(row)
            taken_ns["a row of records written"].append(_taken_ns(log.flush))
        gc.enable()
        log.close()
    return [(name, sorted(each)[_BATCHES // 4] / MESSAGES / 1e3) for name, each in taken_ns.items()]


def _taken_ns(call: Callable[[], object]) -> int:
    began = time.process_time_ns()
    call()
    return time.process_time_ns() - began
