"""Registers of a process: read whole, followed by id, kept as they were when something is wrong with the new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.errors import StoreAway, StoreError
from smsgw.gateway import register_feed
from smsgw.gateway.register_feed import RegisterFeed
from smsgw.policy.entries import KINDS
from smsgw.policy.registers import Registers
from smsgw.store.registers import Stored

PAUSE = {"scope": "account:shop", "reason": "why", "who": "amy", "at_ms": 1}


class Store:
    """The registers as they lie in Redis."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.away = False
        self.read: list[str] = []

    async def read_bodies(self, kind: str, take: Callable[[list[str], list[dict[str, Any]]], None]) -> None:
        self.read.append(kind)
        self.check()
        take(list(self.documents[kind]), list(self.documents[kind].values()))

    async def get_some(self, kind: str, names: Any) -> dict[str, Stored | None]:
        self.check()
        found = {name: self.documents[kind].get(name) for name in names}
        return {name: Stored(body, 1) if body is not None else None for name, body in found.items()}

    def check(self) -> None:
        if self.away:
            raise StoreAway("no answer")


class World:
    def __init__(self) -> None:
        self.store = Store()
        self.registers = Registers()
        self.events: list[tuple[str, dict[str, object]]] = []
        self.put: list[str] = []
        nothing: Any = SimpleNamespace(recipients=SimpleNamespace(key_for=lambda purpose: bytes(32)))
        self.feed = RegisterFeed(nothing, self.registers, self.put.append, lambda *event: self.events.append(event))
        store: Any = self.store
        self.feed._store = store

        async def begin() -> None:
            pass

        self.feed._feed.begin = begin  # type: ignore[method-assign]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(2):
            while not condition():
                await asyncio.sleep(0.001)

    def told(self, name: str) -> list[dict[str, object]]:
        return [fields for event, fields in self.events if event == name]


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(register_feed, "RETRY_S", 0.001)
    world = World()

    async def run() -> None:
        await asyncio.Event().wait()

    world.feed._feed.run = run  # type: ignore[method-assign]
    running: asyncio.Task[None] | None = None
    await world.feed.load()
    running = asyncio.create_task(world.feed.run())
    yield world
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_everything_is_read_before_anything_else(world: World) -> None:
    assert tuple(world.put) == KINDS
    assert world.told("register.in_force") == []  # all empty


async def test_a_change_by_id_is_read_alone(world: World) -> None:
    world.store.documents["pause"]["account:shop"] = PAUSE
    world.store.read.clear()
    world.feed._changed("pause", frozenset({"account:shop"}))
    await world.until(lambda: world.registers.pauses.any)
    assert world.store.read == []
    del world.store.documents["pause"]["account:shop"]
    world.feed._changed("pause", frozenset({"account:shop", "nobody"}))
    await world.until(lambda: not world.registers.pauses.any)
    assert world.feed.loaded["pause"] == 0


async def test_anything_may_have_changed(world: World) -> None:
    world.store.documents["pause"]["global"] = {**PAUSE, "scope": "global"}
    world.store.documents["word"] = {"company/x": {"list": "company", "word": "禁词"}}
    world.feed._changed("*", None)
    await world.until(lambda: world.registers.pauses.any and len(world.registers.words))
    assert (list(world.registers.pauses.scopes), len(world.registers.words)) == (["global"], 1)


async def test_a_store_that_is_away_leaves_the_old_in_force_and_is_asked_again(world: World) -> None:
    world.store.documents["pause"]["global"] = {**PAUSE, "scope": "global"}
    world.store.away = True
    world.feed._changed("pause", frozenset({"global"}))
    await world.until(lambda: len(world.told("register.unreadable")) > 1)
    assert not world.registers.pauses.any
    world.store.away = False
    await world.until(lambda: world.registers.pauses.any)


async def test_a_register_that_cannot_be_compiled_leaves_the_old_in_force(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.store.documents["pause"]["global"] = {**PAUSE, "scope": "global"}
    world.feed._changed("pause", None)
    await world.until(lambda: world.registers.pauses.any)

    def broken(kind: str, documents: object) -> object:
        raise ZeroDivisionError("whatever")

    monkeypatch.setattr(register_feed, "compile_register", broken)
    world.store.documents["pause"].clear()
    world.feed._changed("pause", None)
    await world.until(lambda: world.told("register.unreadable"))
    assert "whatever" in str(world.told("register.unreadable")[0]["why"])
    assert world.registers.pauses.any
    with pytest.raises(StoreError):
        await world.feed.load()


async def test_a_document_that_cannot_be_read_is_told_and_left_out(world: World) -> None:
    world.store.documents["pause"] = {"global": {"scope": "global"}, "account:shop": PAUSE}
    world.feed._changed("pause", None)
    await world.until(lambda: world.registers.pauses.any)
    assert [each["id"] for each in world.told("register.document_unreadable")] == ["global"]
    assert world.registers.pauses.scopes == ("account:shop",)


async def test_registers_that_only_people_look_at(world: World) -> None:
    world.store.read.clear()
    world.feed._changed("person", None)
    await asyncio.sleep(0)
    assert world.store.read == []
