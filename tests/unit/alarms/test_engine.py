"""The engine over a real store and made facts: what it does of itself and does not, how channels fail, whose turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from smsgw.alarms.engine import Engine
from smsgw.alarms.facts import Found
from smsgw.alarms.sending import wait_s
from smsgw.config.alarms import AlarmSettings, ChannelSettings
from smsgw.config.site import Site
from smsgw.errors import StoreError
from smsgw.policy.alarms.conditions import Look
from smsgw.policy.alarms.kinds import KINDS
from smsgw.policy.alarms.rules import Rule, Rules
from smsgw.policy.alarms.standing import Reading
from smsgw.services import alarms, orders, pauses
from smsgw.services.desk import Desk, Person
from smsgw.store.alarms import AlarmStore
from smsgw.store.connection import Store
from tests.unit.services.conftest import Time
from tests.unit.services.conftest import desk as desk
from tests.unit.services.conftest import server as server
from tests.unit.services.conftest import site as site
from tests.unit.services.conftest import store as store
from tests.unit.services.conftest import time as time

__all__ = ["desk", "server", "site", "store", "time"]

ALPHA, BETA = (("carrier", "alpha"),), (("carrier", "beta"),)
GUANGDONG = (*ALPHA, ("province", "广东"))
KIND = KINDS["delivery_low"]
RULE = replace(Rule.of(KIND), for_s=0.0, clear_for_s=0.0, minimum=0, window_s=60.0, repeat_s=0.0)
SUSPENDS = replace(RULE, action="suspend carrier", action_for_s=3600.0)


class FakeFacts:
    """``shares``: what was delivered, by labels; None: nobody could look."""

    def __init__(self) -> None:
        self.shares: dict[Any, float] | None = {}
        self.look: Look | None = Look(0, carriers_up=frozenset(("alpha", "beta")))
        self.why_not: dict[str, str] = {}

    async def gather(self, rules: Rules, failing_s: Any) -> Found:
        if self.shares is None:
            return {}
        readings: Sequence[Reading] = [Reading(labels, share, 100) for labels, share in self.shares.items()]
        found: Found = {(KIND.name, RULE.window_s): readings}
        return found

    def close(self) -> None:
        """Nothing is under way."""


class Wire:
    """Takes messages, or fails as it is told."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.fault = ""
        self.tried = 0

    async def send(self, channel: ChannelSettings, title: str, body: str) -> str:
        self.tried += 1
        if not self.fault:
            self.sent.append(body)
        return self.fault


class World:
    """An engine and all that it has around it."""

    def __init__(self, site: Site, store: Store, time: Time) -> None:
        self.site, self.store, self.time = site, store, time
        self.facts, self.wire = FakeFacts(), Wire()
        self.rules: tuple[Rule, ...] = (RULE,)
        self.most = 3
        self.real_ms = 1_000_000
        self.events: list[str] = []
        self.engine = self.made()

    def made(self) -> Engine:
        desk = Desk(
            self.site, self.store, Person("alarms", frozenset(("engineer", "compliance"))), lambda: self.time.now_ms
        )
        return Engine(
            desk, self.facts, AlarmStore(self.store), self.wire, self.settings,  # type: ignore[arg-type]
            lambda event, fields: self.events.append(event), real_ms=lambda: self.real_ms,
        )  # fmt: skip

    def settings(self) -> AlarmSettings:
        channel = ChannelSettings(name="duty", url="${ALARM_URL}", language="en")
        return AlarmSettings(Rules(self.rules), {"duty": channel}, actions_per_hour=self.most)

    async def look(self, shares: dict[Any, float] | None, *, after_s: float = 1) -> None:
        self.facts.shares = shares
        self.time.now_ms += round(after_s * 1000)
        self.real_ms += round(after_s * 1000)
        assert await self.engine.look()

    async def history(self) -> list[str]:
        found, _ = await AlarmStore(self.store).history(0, 100)
        return [each["what"] for each in reversed(found)]


@pytest.fixture
def world(site: Site, store: Store, time: Time) -> World:
    return World(site, store, time)


@pytest.fixture
def ordered(desk: Desk) -> Any:
    async def scopes() -> set[str]:
        return {each.scope for each in (await orders.list_(desk)).items}

    return scopes


async def test_many_are_one_message_and_a_wider_one_covers(world: World) -> None:
    await world.look({ALPHA: 0.5, GUANGDONG: 0.1, BETA: 0.6})
    (body,) = world.wire.sent
    assert body.count("[firing]") == 2
    assert "广东" not in body
    await world.look({ALPHA: 0.9, GUANGDONG: 0.1, BETA: 0.9})
    assert world.wire.sent[1].count("[resolved]") == 2
    assert "[firing] delivery rate down: carrier alpha, province 广东" in world.wire.sent[1]


async def test_what_nobody_could_look_at_is_not_over(world: World) -> None:
    await world.look({ALPHA: 0.5})
    await world.look(None)
    assert len(world.wire.sent) == 1
    await world.look({})
    assert len(world.wire.sent) == 2


async def test_a_carrier_is_suspended_once_and_whoever_takes_it_back_is_not_overruled(
    world: World, desk: Desk, ordered: Any
) -> None:
    world.rules = (SUSPENDS,)
    await world.look({ALPHA: 0.5})
    assert await ordered() == {"carrier:alpha"}
    (order,) = (await orders.list_(desk)).items
    assert (order.who, order.expires_ms - order.at_ms) == ("alarms", 3_600_000)
    assert "阈值 80%" in order.reason
    assert "smsgw carrier resume alpha" in world.wire.sent[0]
    await orders.end(desk, "carrier:alpha", why="mended")
    await world.look({ALPHA: 0.4})
    assert await ordered() == set()
    await world.look({ALPHA: 0.9})
    await world.look({ALPHA: 0.4})
    assert await ordered() == {"carrier:alpha"}


async def test_the_last_carrier_that_is_up_is_left_alone(world: World, ordered: Any) -> None:
    world.rules = (SUSPENDS,)
    for up in (frozenset(("alpha",)), frozenset()):
        world.facts.look = Look(0, carriers_up=up)
        await world.look({ALPHA: 0.5})
        assert await ordered() == set()
        assert "no other is up" in world.wire.sent[-1]
        await world.look({ALPHA: 1.0})
    world.facts.look = None
    await world.look({ALPHA: 0.5})
    assert await ordered() == set()
    assert "not_acted" in await world.history()


async def test_not_more_than_so_many_an_hour(world: World, ordered: Any) -> None:
    world.rules, world.most = (SUSPENDS,), 1
    await world.look({ALPHA: 0.5, BETA: 0.5})
    assert await ordered() == {"carrier:alpha"}
    assert "not done, 1 in this hour already" in world.wire.sent[0]
    world.most = 0
    await world.look({ALPHA: 0.9, BETA: 0.9}, after_s=4000)
    await world.look({BETA: 0.5})
    assert "carrier:beta" not in await ordered()


async def test_a_silence_keeps_quiet_and_still(world: World, desk: Desk, ordered: Any) -> None:
    world.rules = (SUSPENDS,)
    made = await alarms.silence(desk, kind="delivery_low", only={"carrier": "al*"}, until="2h", why="works")
    await world.look({ALPHA: 0.5, BETA: 0.9})
    assert (world.wire.sent, await ordered()) == ([], set())
    await alarms.end_silence(desk, made.id, why="done")
    await world.look({ALPHA: 0.5, BETA: 0.9})
    assert (len(world.wire.sent), await ordered()) == (1, {"carrier:alpha"})
    await alarms.silence(desk, kind="", only={}, until="1m", why="works")
    await world.look({ALPHA: 0.5}, after_s=61)
    assert [name for name in await AlarmStore(world.store).said() if name.startswith("silence")] == []


async def test_nothing_is_done_about_what_is_good_again(world: World, desk: Desk, ordered: Any) -> None:
    """Its silence ends while it waits to be over."""
    world.rules = (replace(SUSPENDS, clear_for_s=300.0),)
    made = await alarms.silence(desk, kind="delivery_low", only={}, until="2h", why="works")
    await world.look({ALPHA: 0.5})
    await alarms.end_silence(desk, made.id, why="done")
    await world.look({ALPHA: 0.95})
    assert await ordered() == set()
    await world.look({ALPHA: 0.5})
    assert await ordered() == {"carrier:alpha"}


async def test_what_began_while_the_store_could_not_be_written_is_in_the_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> bool:
        raise StoreError("away")

    with monkeypatch.context() as patched:
        patched.setattr(AlarmStore, "write", away)
        with pytest.raises(StoreError):
            await world.look({ALPHA: 0.5})
    await world.look({ALPHA: 0.5})
    await world.look({ALPHA: 0.5})
    assert await world.history() == ["firing"]


async def test_what_is_acknowledged_is_not_repeated_until_it_rings_anew(world: World, desk: Desk) -> None:
    world.rules = (replace(RULE, repeat_s=60.0),)
    await world.look({ALPHA: 0.5})
    await world.look({ALPHA: 0.5}, after_s=60)
    assert ["[firing]" in body for body in world.wire.sent] == [True, False]
    assert "[still firing]" in world.wire.sent[1]
    await alarms.acknowledge(desk, world.settings(), "delivery_low carrier=alpha", why="I ask them")
    await world.look({ALPHA: 0.5}, after_s=60)
    assert len(world.wire.sent) == 2
    await world.look({ALPHA: 0.9})
    await world.look({ALPHA: 0.5})
    await world.look({ALPHA: 0.5}, after_s=60)
    assert len(world.wire.sent) == 5


async def test_a_channel_that_fails_is_tried_later_and_later_and_misses_nothing(world: World) -> None:
    world.wire.fault = "refused"
    await world.look({ALPHA: 0.5})
    await world.look({ALPHA: 0.5})
    assert world.wire.tried == 1
    await world.look({ALPHA: 0.5}, after_s=wait_s(1))
    assert world.wire.tried == 2
    await world.look({ALPHA: 0.5}, after_s=wait_s(2) - 1)
    assert world.wire.tried == 2
    world.wire.fault = ""
    await world.look({ALPHA: 0.5})
    assert len(world.wire.sent) == 1
    assert await world.history() == ["firing", "channel_failed", "channel_back"]
    assert [wait_s(number) for number in (0, 1, 2, 3, 20)] == [0, 15, 30, 60, 900]


async def test_an_end_that_could_not_be_told_is_told_when_it_can(world: World) -> None:
    await world.look({ALPHA: 0.5})
    world.wire.fault = "refused"
    await world.look({ALPHA: 0.9})
    world.engine = world.made()  # as after a restart
    await AlarmStore(world.store)._command("DEL", "{p00}:alarms:turn")
    world.wire.fault = ""
    await world.look({ALPHA: 0.9}, after_s=16)
    assert ["[resolved]" in body for body in world.wire.sent] == [False, True]
    assert await world.history() == ["firing", "resolved", "channel_failed", "channel_back"]


async def test_only_one_engine_is_at_work_and_the_next_one_goes_on(world: World) -> None:
    other = world.made()
    await world.look({ALPHA: 0.5})
    assert not await other.look()
    await world.engine.leave()
    assert await other.look()
    assert not await world.engine.look()
    assert len(world.wire.sent) == 1


async def test_a_template_is_paused_only_where_there_is_one(world: World, desk: Desk) -> None:
    kind = KINDS["complaints"]
    rule = replace(Rule.of(kind), for_s=0.0, window_s=RULE.window_s, action="pause template", threshold=0.1, clear=0.0)
    world.rules = (rule,)
    labels = (("account", "shop"), ("template", "none"))

    async def gather(rules: Rules, failing_s: Any) -> Found:
        return {(kind.name, rule.window_s): [Reading(labels, 9, 9)]}

    world.facts.gather = gather  # type: ignore[method-assign]
    assert await world.engine.look()
    assert (await pauses.list_(desk)).items == []
    assert "pause template none: scope: there is no template 'none'" in world.wire.sent[0]


async def test_what_only_the_narrower_names_is_done_though_a_wider_one_covers_it(world: World) -> None:
    """An account's alarm names no template, and it always rings where one of its templates does."""
    kind = KINDS["complaints"]
    world.rules = (replace(Rule.of(kind), for_s=0.0, window_s=RULE.window_s, action="pause template"),)
    shop, sale = ("account", "shop"), ("template", "none")

    async def gather(rules: Rules, failing_s: Any) -> Found:
        return {(kind.name, RULE.window_s): [Reading((shop,), 9, 9), Reading((shop, sale), 9, 9)]}

    world.facts.gather = gather  # type: ignore[method-assign]
    assert await world.engine.look()
    assert await world.history() == ["firing", "firing", "not_acted"]
