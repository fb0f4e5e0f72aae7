"""The promise that nothing accepted is lost, tried by killing parts of the gateway under load.

Short runs of ``bin/chaos`` (docs/chaos.md), which makes longer ones of more kinds and prints what came of them. A
verification code may come twice (``uncertain.otp = "resend"``), notices and marketing never: what is uncertain of them
is reported as UNKNOWN. No cap is exceeded, and nobody reached who had opted out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.judge import run
from tests.chaos.ledger import Reconciled
from tests.chaos.scenario import WorldSettings, all_scenarios

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Opted out, over the cap, the store away for the moment; and slower, while the rate of the account is not known.
REFUSALS = {"0x410", "0x430", "0x453", "0x58"}

#: Or it was no load; on a slow machine the gateway takes most of the time to start again.
LEAST_ACCEPTED = 500


async def _run(directory: Path, name: str, *carrier_options: str) -> Reconciled:
    settings = WorldSettings(seed=7, rate=1000, seconds=4.0, carrier_options=carrier_options)
    outcome = await run(all_scenarios()[name], settings, directory)
    assert outcome.broken == ()
    counts = outcome.counts
    assert counts is not None, outcome.skipped
    assert counts.at_carrier + counts.reported == counts.accepted
    assert counts.accepted > LEAST_ACCEPTED
    # The pools of those who may not be reached were tried.
    assert {"0x410", "0x430"} <= counts.refused.keys() <= REFUSALS
    return counts


async def test_a_killed_gateway_loses_nothing_and_only_codes_may_come_twice(tmp_path: Path) -> None:
    counts = await _run(tmp_path, "kill-gateway")
    assert counts.doubles["notice"] == counts.doubles["marketing"] == 0


async def test_gateway_and_redis_die_at_once(tmp_path: Path) -> None:
    await _run(tmp_path, "kill-gateway-and-redis")


async def test_redis_dies_and_is_started_again_by_the_gateway(tmp_path: Path) -> None:
    """The gateway's own supervisor is quicker than the store's timeout: nobody need notice."""
    counts = await _run(tmp_path, "kill-redis")
    assert counts.all_doubles == counts.uncertain == counts.unanswered == 0


@pytest.mark.alone  # what is at the carrier must be answered within the time that an orderly stop has
async def test_sigterm_under_load_leaves_nothing_uncertain(tmp_path: Path) -> None:
    """A carrier that throttles all the while makes it harder: what it refused for the moment was surely not sent."""
    counts = await _run(tmp_path, "term-gateway", "--tps", "400")
    assert counts.all_doubles == counts.uncertain == counts.receipts_twice == 0
