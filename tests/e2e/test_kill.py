"""The promise that nothing accepted is lost, tried by SIGKILL under 2,000 messages a second.

Short runs of ``tests.e2e.kill_run``; the command makes longer ones and prints what came of them. A verification code
may come twice (``uncertain.otp = "resend"``), marketing never: what is uncertain is reported as UNKNOWN.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.kill_run import Options, Result, run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECONDS = 5.0
#: What may be uncertain at one kill: the windows of both binds, and two lots of as many that were marked as sent.
MOST_UNCERTAIN = 3 * 1000


async def _run(
    directory: Path, message_class: str, victim: str, kills: int = 2, carrier: tuple[str, ...] = ()
) -> Result:
    options = Options(message_class, victim, seed=7, seconds=SECONDS, kills=kills, carrier=carrier)
    result = await run(options, directory)
    counts = result.counts
    assert counts.lost == ()
    assert counts.without_receipt == 0
    assert counts.at_carrier + counts.reported == counts.accepted
    assert result.complaints == ()
    # The load must have been one: most of it was answered, between the kills.
    assert counts.accepted > 0.4 * options.rate * SECONDS
    return result


async def test_codes_survive_a_killed_gateway_and_may_come_twice(tmp_path: Path) -> None:
    counts = (await _run(tmp_path, "otp", "gateway")).counts
    assert counts.reported == counts.unknown_but_sent == 0
    assert counts.doubles <= 2 * MOST_UNCERTAIN


async def test_marketing_survives_a_killed_gateway_and_never_comes_twice(tmp_path: Path) -> None:
    counts = (await _run(tmp_path, "marketing", "gateway")).counts
    assert counts.doubles == 0
    assert counts.reported + counts.unknown_but_sent <= 2 * MOST_UNCERTAIN


async def test_gateway_and_redis_die_at_once(tmp_path: Path) -> None:
    counts = (await _run(tmp_path, "marketing", "both", kills=1)).counts
    assert counts.doubles == 0


async def test_redis_dies_and_is_started_again_by_the_gateway(tmp_path: Path) -> None:
    """The gateway's own supervisor is quicker than the store's timeout: nobody need notice."""
    result = await _run(tmp_path, "marketing", "redis")
    assert result.counts.doubles == result.counts.reported == result.counts.unknown_but_sent == 0
    assert result.load["disconnects"] == 0


@pytest.mark.alone  # what is at the carrier must be answered within the time that an orderly stop has
async def test_sigterm_under_load_leaves_nothing_uncertain(tmp_path: Path) -> None:
    """A carrier that throttles all the while makes it harder: what it refused for the moment was surely not sent."""
    result = await _run(tmp_path, "marketing", "term", carrier=("--tps", "1500"))
    counts = result.counts
    assert counts.doubles == counts.reported == counts.unknown_but_sent == 0
    assert counts.receipts_twice == 0
    # Refused with a reason at worst, or cut off; never left without an answer that was owed.
    assert set(result.load["status"]) <= {"ESME_ROK", "0x00000453"}
