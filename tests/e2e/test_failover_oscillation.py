"""A carrier that is good and bad in turn: no flapping."""

from __future__ import annotations

import pytest

from simulators.carrier.settings import Match, Rule
from simulators.carrier.states import ReceiptState
from tests.e2e.failover import all_sent, events
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SICHUAN = "861398{:07}"


async def test_a_carrier_that_is_good_and_bad_in_turn_is_left_and_taken_back_a_few_times_only(failover: Stage) -> None:
    """Fourteen times seventy seconds, half of them bad: without a memory each would switch there and back."""
    bad = Rule(Match(provinces=frozenset({"四川"})), {"rest_state": ReceiptState.parse("UNDELIV/012")})
    numbers = iter(range(1, 10_000))
    for phase in range(14):
        failover.alpha.change(rules=(bad,) if phase % 2 else ())
        ids = await all_sent(failover, [SICHUAN.format(next(numbers)) for _ in range(45)])
        await failover.receipts("orders", *ids, deadline_s=20)
        failover.gateway.advance(70)
    failover.alpha.change(rules=())
    opened = events(failover, "carrier.breaker_open", province="四川")
    assert 1 <= opened <= 5
    assert events(failover, "carrier.breaker_closed", province="四川") <= opened
    ours = [
        each for sim in (failover.alpha, failover.beta) for each in sim.received if each.recipient.startswith("861398")
    ]
    assert len(ours) == 14 * 45
