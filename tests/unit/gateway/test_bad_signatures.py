"""Signatures that carriers refuse: counted, and paused with an end, once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.errors import RequestError
from smsgw.gateway import bad_signatures
from smsgw.gateway.bad_signatures import WITHIN_MS, BadSignatures
from smsgw.policy.failover import FailoverPolicy
from smsgw.policy.registers import Registers

POLICY = FailoverPolicy(signature_after=3, signature_pause_s=600.0)


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = 1_800_000_000_000
        self.written: list[tuple[Any, ...]] = []
        self.events: list[str] = []
        self.fails = False
        context: Any = SimpleNamespace(
            clock=SimpleNamespace(now_ms=lambda: self.now_ms),
            registers=Registers(),
            store=None,
            spawn=asyncio.run,
            log=lambda event, fields: self.events.append(event),
        )
        monkeypatch.setattr(bad_signatures, "RegisterStore", lambda store: self)
        self.signatures = BadSignatures(context)

    async def get(self, kind: str, name: str) -> None:
        return None

    async def write(self, kind: str, changes: Any, audit: Any) -> None:
        if self.fails:
            raise RequestError("conflict", "somebody was quicker")
        (change,) = changes
        self.written.append((kind, change.id, change.revision, change.body["expires_ms"] - self.now_ms, audit.who))

    def refused(self, *signatures: str, policy: FailoverPolicy = POLICY, each_ms: int = 1000) -> None:
        for signature in signatures:
            self.now_ms += each_ms
            self.signatures.refused("alpha", policy, signature, "SC:0018")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_after_so_many_codes_it_is_paused(world: World) -> None:
    world.refused("甲", "甲", "乙", "")
    assert world.written == []
    world.refused("甲")
    assert world.written == [("pause", "signature:甲", 0, 600_000, "smsgw")]
    assert world.events == ["signature.paused"]
    world.refused("甲", "甲")
    assert len(world.written) == 1


def test_not_when_they_are_far_between_or_the_file_does_not_ask(world: World) -> None:
    world.refused(*["甲"] * 10, each_ms=WITHIN_MS)
    world.refused(*["乙"] * 10, policy=FailoverPolicy())
    assert world.written == []


def test_a_pause_that_cannot_be_written_is_told_and_tried_again(world: World) -> None:
    world.fails = True
    world.refused(*["甲"] * 3)
    assert world.events == ["signature.pause_failed"]
    world.fails = False
    world.refused(*["甲"] * 3)
    assert len(world.written) == 1
