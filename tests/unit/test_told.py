"""Which ends of binds count as losses, and how loudly they are told."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from smsgw.smpp.constants import status_name
from smsgw.telemetry.metrics import Metrics
from smsgw.told import Teller

BIND = {"carrier": "alpha", "bind": "transceiver#0"}


@pytest.mark.parametrize(
    ("event", "fields", "level", "lost"),
    [
        ("carrier.handed_over", {"unanswered": 0}, logging.INFO, 0),
        ("carrier.unbound", {"reason": "closed by order", "by_us": True}, logging.INFO, 0),
        ("carrier.unbound", {"reason": "peer closed the connection", "by_us": False}, logging.WARNING, 1),
    ],
)
def test_a_bind_is_lost_only_if_we_did_not_wish_its_end(
    caplog: pytest.LogCaptureFixture, event: str, fields: dict[str, object], level: int, lost: int
) -> None:
    metrics = Metrics("1", status_name)
    teller = Teller(cast(Any, SimpleNamespace(metrics=metrics, site=SimpleNamespace(accounts={}))))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            teller.told(event, {**BIND, **fields})
    assert {each.levelno for each in caplog.records} == {level}
    assert len(caplog.records) == (1 if lost else 3)  # a flapping link is told once a minute
    assert metrics.carrier("alpha").binds_lost == 3 * lost
