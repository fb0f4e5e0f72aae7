"""Goes through the table: each check in its turn, with the bench back at its usual behaviour between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from simulators.conformance.bench import Bench
from simulators.conformance.check import Check, NotSeen, not_seen
from simulators.conformance.exam import Exam
from simulators.conformance.report import Report, Result

Table = Iterable[tuple[str, Iterable[Check]]]


async def examine(
    bench: Bench,
    table: Table,
    say: Callable[[str], None] = lambda words: None,
    told: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Run the checks of a table of groups on a started bench; ``told`` is given each result as it comes."""
    exam = Exam(bench, say)
    results = []
    for group, checks in table:
        for each in checks:
            began_s = time.monotonic()
            try:
                outcome = await each.run(exam)
            except NotSeen as missing:
                outcome = not_seen(str(missing))
            bench.usual()
            results.append(Result(group, each, outcome, time.monotonic() - began_s))
            told(results[-1])
    return Report(tuple(results), bench.settings.system_id, bench.settings.strict)
