"""A message scheduled far ahead may be tried for as long as any other: its time counts from when it is due."""

from __future__ import annotations

import asyncio

import pytest

from smsgw.gateway.submission import Part, Submission
from smsgw.policy.model import Draft
from tests.unit.gateway.test_review_long import NOW_MS, World

DAY_MS = 86_400_000


@pytest.mark.parametrize(("due_ms", "starts_ms"), [(0, NOW_MS), (NOW_MS + 10 * DAY_MS, NOW_MS + 10 * DAY_MS)])
async def test_validity_without_a_validity_period(due_ms: int, starts_ms: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        world = World(tasks)
        part = Part(None, 0, 0, "0" * 20, 0, b"")
        draft = Draft("shop", 2, "1069", "8613800000001", "", 1, NOW_MS)
        submission = Submission(world.account, [part], draft, "hash", 0, NOW_MS)
        submission.due_ms = due_ms
        assert world.mt._expires_ms(submission) == starts_ms + 3_600_000
