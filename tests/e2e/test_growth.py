"""A point of a growth curve whose Redis outlives its gateways: filled once, measured twice."""

from __future__ import annotations

import pytest

from tests.bench.growth import sites
from tests.bench.growth.curves import Curve, Point, Store
from tests.bench.growth.measuring import Measuring
from tests.bench.suite.code import here
from tests.bench.suite.load import Load, Simulators

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_store_is_filled_once_and_measured_twice() -> None:
    load = Load(
        200, conns=2, accounts=(("codes", sites.PASSWORD),), source=sites.CODES_SOURCE, text=sites.CODE,
        first_recipient=sites.FIRST_RECIPIENT,
    )  # fmt: skip
    point = Point("some", load, sites.queues, Store(opt_outs=200, waiting=80), takes_receipts=True)
    said: list[str] = []
    curve = Curve("backlog", "Waiting", "messages", {"same": point}, {"": ("same",)})
    # The second pass may not repeat recipients of the first, nor ids of its carrier: either would end it with an error.
    found = Measuring(curve, 2, Simulators(), here(), said.append).run()
    runs = found.series[0].points[0].runs
    assert len(runs) == 2
    assert all(run.per_s > run.drained_per_s >= 0 for run in runs)
    assert all(min(run.gateway_mib, run.redis_mib) > 1 for run in runs)
    assert [line.split(":")[0] for line in said] == [
        "backlog",
        "backlog, pass 1 of 2, same (some)",
        "backlog, pass 2 of 2, same (some)",
    ]
