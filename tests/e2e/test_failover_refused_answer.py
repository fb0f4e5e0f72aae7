"""A long message that a carrier refuses in its answer moves as a whole."""

from __future__ import annotations

import pytest

from tests.e2e.failover import at
from tests.e2e.stage import Stage, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LONG_NOTICE = "【示例物流】" + "您的包裹已送达。" * 17


async def test_a_long_message_that_is_refused_moves_as_a_whole(failover: Stage) -> None:
    recipient = "8619900002069"  # 0x45
    answers = await failover.send("orders", recipient, LONG_NOTICE)
    for receipt in await failover.receipts("orders", *(answer.message_id for answer in answers)):
        assert state_and_err(receipt)[0] == "DELIVRD"
    assert at(failover.beta, recipient) == len(answers)
