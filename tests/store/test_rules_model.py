"""Random messages through every rule and through the naive model, on each kind of server."""

from __future__ import annotations

import pytest

from smsgw.policy.reasons import REASONS
from tests.rules_model.engine import compare
from tests.store.conftest import MakeKit

MESSAGES = 6_000
#: Neither the pipeline nor admission gives these here.
_ELSEWHERE = {"number.invalid", "account.disabled", "quota", "rate", "queue.full", "store.away"}


@pytest.mark.slow
async def test_engine_and_model_agree(make_kit: MakeKit) -> None:
    kit = await make_kit()
    found = await compare(kit.store, 20261122, MESSAGES)
    assert found.differences == []
    assert found.messages >= MESSAGES
    missing = REASONS.keys() - _ELSEWHERE - found.verdicts.keys()
    assert not missing, f"never came up: {missing}"
    assert found.verdicts["accepted"] > MESSAGES / 50
    assert found.verdicts["review"] > 0
