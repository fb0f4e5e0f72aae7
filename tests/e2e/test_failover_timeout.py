"""A verification code that is not answered in its time takes the next carrier."""

from __future__ import annotations

import pytest

from tests.e2e.failover import outcome
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_a_code_that_is_not_answered_in_its_time_takes_the_next_carrier(failover: Stage) -> None:
    assert await outcome(failover, "8619900004000", "login") == ("DELIVRD", 1, 1)
    # Answered after a second, and delivered: the late answer and its receipt are known, and not told again.
    recipient = "8619900004002"
    assert await outcome(failover, recipient, "login") == ("DELIVRD", 1, 1)
    await failover.gateway.wait_for(
        lambda: failover.alpha.stats.receipts_acked >= 1 and not failover.alpha.receipts_waiting, 5
    )
    esme = await failover.esme("login")
    assert len(esme.receipts) == 2
