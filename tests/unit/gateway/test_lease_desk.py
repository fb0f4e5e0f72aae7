"""Leases as the gateway keeps them: what Redis grants reaches the binds, and what the dead left is decided once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

import smsgw.gateway.lease_desk as module
from smsgw.errors import StoreAway
from smsgw.gateway import lease_desk
from smsgw.gateway.lease_desk import LeaseDesk
from smsgw.policy.references import ReferenceShare
from smsgw.store.adoption import NewLife, TakenOver
from smsgw.store.leases import Grant, PutOut, Turn, Wish


class FakePool:
    """As much of a pool as the desk sees."""

    def __init__(self, name: str, binds: tuple[str, ...]) -> None:
        self.name = name
        self.settings = SimpleNamespace(binds=binds)
        self.binds = [
            SimpleNamespace(number=number, transmits=kind != "receiver", leaving=False, up=True)
            for number, kind in enumerate(binds)
        ]
        self.wanted = True
        self.states = [0] * len(binds)
        self.let_go: list[int] = []
        self.leased: tuple[frozenset[int], bool, float] | None = None
        self.left: list[frozenset[int]] = []
        self.passed_on = 0
        self.in_flight = 0
        self.share = 1.0

    def lease(self, own: frozenset[int], elsewhere: bool, share: float) -> None:
        self.leased = (own, elsewhere, share)
        self.share = share

    def take_share(self, share: float) -> None:
        self.share = share

    def pass_on(self) -> None:
        self.passed_on += 1

    async def leave(self, numbers: frozenset[int]) -> None:
        self.left.append(numbers)


class Scene:
    """A desk with turns that are written beforehand."""

    def __init__(self) -> None:
        self.pumped: list[float] = []
        self.pool = FakePool("alpha", ("transmitter", "transmitter", "receiver"))
        self.turns: list[Turn | Exception] = []
        self.wishes: list[list[Wish]] = []
        self.seized: list[str] = []
        self.forgotten: list[str] = []
        self.taken: list[TakenOver | Exception] = []
        self.ended = 0
        self.decided: list[tuple[str, list[Any], tuple[int, ...]]] = []
        self.told: list[str] = []
        self.put_out = 0
        self.tasks: list[asyncio.Task[None]] = []
        self.queue = queue = SimpleNamespace(
            name="alpha", waiting=[0, 0, 0], over_account_rate=0,
            taken_over=lambda stream, lane, entries, mark: self._decide(stream, entries, mark),
            pump_soon=lambda: self.pumped.append(self.pool.share),
        )  # fmt: skip
        outbox = SimpleNamespace(begin_giving_back=lambda everybody: frozenset(), end_giving_back=lambda: None)
        context = SimpleNamespace(
            pools={"alpha": self.pool},
            accounts=("shop",),
            store=SimpleNamespace(partitions=1),
            closing=False,
            reference_share=ReferenceShare(),
            log=lambda event, fields: self.told.append(event),
            spawn=lambda work: self.tasks.append(asyncio.ensure_future(work)),
        )
        leases = SimpleNamespace(node="b", token="tb", ttl_s=10.0, join=self._turn, turn=self._turn, leave=self._turn,
                                 seize=self._seize, forget=self._forget)  # fmt: skip
        queues: Any = {"{p00}:mt:alpha:2": (queue, 2)}
        self.desk = LeaseDesk(cast(Any, context), cast(Any, leases), queues, cast(Any, outbox), self._out)
        self.desk._adoption = cast(Any, SimpleNamespace(take_over=self._take_over, end=self._end))

    def _out(self) -> None:
        self.put_out += 1

    def _decide(self, stream: str, entries: list[Any], mark: tuple[int, ...]) -> None:
        if entries:
            self.decided.append((stream, entries, mark))

    async def _turn(self, wishes: list[Wish]) -> Turn:
        self.wishes.append(wishes)
        if not self.turns:
            await asyncio.Event().wait()
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn

    async def _seize(self, node: str, token: str) -> bool:
        self.seized.append(node)
        return True

    async def _forget(self, node: str, token: str) -> None:
        self.forgotten.append(node)

    async def _take_over(self, partition: int, node: str, token: str, streams: list[str]) -> TakenOver:
        assert streams == ["{p00}:mt:alpha:2", "{p00}:out:shop"]
        taken = self.taken.pop(0) if self.taken else TakenOver()
        if isinstance(taken, Exception):
            raise taken
        return taken

    async def _end(self, partition: int, node: str, token: str, streams: list[str]) -> int:
        return self.ended

    async def run(self, *turns: Turn | Exception) -> None:
        """Take these turns, without waiting between them."""
        self.turns.extend(turns)
        task = asyncio.ensure_future(self.desk.run())
        async with asyncio.timeout(5):
            while self.turns or (not task.done() and len(self.wishes) <= len(turns)):
                self.desk.wake()
                await asyncio.sleep(0)
                if task.done():
                    break
        task.cancel()
        await asyncio.gather(task, *self.tasks, return_exceptions=True)


@pytest.fixture
async def scene() -> Scene:
    return Scene()


def granted(own: tuple[int, ...], theirs: tuple[int, ...] = (), give: tuple[int, ...] = (), **more: Any) -> Turn:
    grant = Grant(frozenset(own), frozenset(theirs), bool(theirs), frozenset(give))
    return Turn({"alpha": grant}, **more)


async def test_what_is_granted_reaches_the_binds_and_the_rate_is_shared_by_those_that_transmit(scene: Scene) -> None:
    scene.turns.append(granted((0, 1, 2)))
    await scene.desk.join()
    assert scene.pool.leased == (frozenset((0, 1, 2)), False, 1.0)
    await scene.run(granted((0, 2), (1,), others=("a",)))
    assert scene.pool.leased == (frozenset((0, 2)), True, 0.5)
    assert (scene.desk.others, scene.told) == (("a",), ["node.others"])


async def test_a_new_bind_beside_those_of_others_is_slow_until_they_have_cut_their_rate(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hear of it at their next turn; until then they send at the rate that they had."""
    monkeypatch.setattr(lease_desk, "SLOW_S", 0.05)
    both = granted((0,), (1,), others=("a",))
    scene.turns.append(both)
    await scene.desk.join()
    assert scene.pool.leased == (frozenset((0,)), True, 0.5 * lease_desk.SLOW_SHARE)
    scene.turns += [StoreAway("gone")] * 3  # no turn need succeed for it
    async with asyncio.timeout(10):
        while scene.pool.share != 0.5:
            await asyncio.sleep(0.01)
    assert scene.pumped == [0.5], "what waits for the slow rate need not wait so long any more"
    scene.turns.clear()
    await scene.run(both)
    assert scene.pool.leased[2] == 0.5
    await scene.run(granted((0, 1)))  # the other one has gone: nobody sends beside us
    assert scene.pool.leased[2] == 1.0
    assert scene.pumped == [0.5, 1.0]


async def test_a_bind_that_others_should_have_is_let_go_of_once(scene: Scene) -> None:
    scene.pool.binds[1].leaving = False
    await scene.run(granted((0, 1, 2), give=(1,), others=("a",)))
    assert scene.pool.left == [frozenset((1,))]
    scene.pool.binds[1].leaving = True
    await scene.run(granted((0, 1, 2), give=(1,), others=("a",)))
    assert scene.pool.left == [frozenset((1,))]


async def test_what_a_killed_process_had_too_much_of_is_let_go_of_once_its_next_life_runs(scene: Scene) -> None:
    """Leases outlive a killed worker: the next of its name has them all at once, before there is a task group."""
    too_many = granted((0, 1, 2), give=(1,), others=("a",))
    scene.turns.append(too_many)
    await scene.desk.join()
    assert not scene.tasks
    await scene.run(too_many)
    assert scene.pool.left == [frozenset((1,))]


async def test_without_redis_everybody_keeps_what_it_has(scene: Scene) -> None:
    scene.turns.append(granted((0, 1, 2)))
    await scene.desk.join()
    await scene.run(StoreAway("gone"), StoreAway("gone"))
    assert scene.pool.leased == (frozenset((0, 1, 2)), False, 1.0)
    assert scene.told == ["store.away"] * 2


async def test_who_was_put_out_unbinds_and_ends(scene: Scene) -> None:
    await scene.run(PutOut("another process has the name"))
    assert scene.pool.leased == (frozenset(), False, 1.0)
    assert (scene.put_out, scene.told) == (1, ["node.put_out"])


async def test_the_first_of_the_living_decides_once_on_what_the_dead_left(scene: Scene) -> None:
    uncertain = [("{p00}:mt:alpha:2", [(b"5-0", [b"m", b"x"])], b"5-0")]
    scene.taken = [TakenOver(3, list(uncertain)), TakenOver(0, list(uncertain))]
    dead = granted((0, 1, 2), others=("c",), dead=(("a", "ta"),))
    scene.ended = 1
    await scene.run(dead, dead)
    assert scene.decided == [("{p00}:mt:alpha:2", [(b"5-0", [b"m", b"x"])], (5, 0, 0))]
    assert (scene.forgotten, scene.told.count("node.taken_over")) == ([], 1)
    scene.ended = 0
    await scene.run(dead)
    assert scene.forgotten == ["a"]


async def test_the_end_of_one_of_the_dead_does_not_decide_again_on_another(scene: Scene) -> None:
    uncertain = [("{p00}:mt:alpha:2", [(b"5-0", [b"m", b"x"])], b"5-0")]
    still = TakenOver(0, list(uncertain))
    scene.taken = [still, TakenOver(1), still, TakenOver(), still]

    async def end(partition: int, node: str, token: str, streams: Sequence[str]) -> int:
        return int(node == "d")

    scene.desk._adoption.end = end  # type: ignore[method-assign]
    both = granted((0, 1, 2), others=("c",), dead=(("d", "td"), ("a", "ta")))
    await scene.run(both, both, granted((0, 1, 2), others=("c",), dead=(("d", "td"),)))
    assert (scene.forgotten, scene.taken, len(scene.decided)) == (["a"], [], 1)


async def test_another_one_takes_over_when_it_comes_before_us_by_name(scene: Scene) -> None:
    await scene.run(granted((), others=("a",), dead=(("z", "tz"),)))
    assert scene.seized == []


async def test_who_runs_again_and_what_nobody_can_end_is_left_alone(scene: Scene) -> None:
    scene.taken = [NewLife("it runs again")]
    dead = granted((0, 1, 2), dead=(("a", "ta"),))
    await scene.run(dead, dead)
    assert scene.seized == ["a"]
    scene.ended = 1
    unreadable = granted((0, 1, 2), dead=(("d", "td"),))
    await scene.run(*[unreadable] * (module.IDLE_TURNS + 3))
    assert scene.seized.count("d") == module.IDLE_TURNS
    assert scene.forgotten == []


async def test_who_has_left_takes_no_further_turn(scene: Scene) -> None:
    scene.turns = [granted((0, 1, 2)), granted(())]
    await scene.desk.join()
    await scene.desk.leave()
    await asyncio.wait_for(scene.desk.run(), 1)
    assert len(scene.wishes) == 2


SPARE = Grant(frozenset((0, 1, 2)), spare=frozenset((0, 1)))


async def test_binds_that_others_should_have_go_while_their_carrier_has_nothing_to_do() -> None:
    scene = Scene()
    await scene.run(Turn({"alpha": SPARE}, ("a",), rank=1, ranks=2, spare=1))
    assert scene.pool.left == [frozenset((0,))]
    share = scene.desk._context.reference_share
    assert (share.first, share.step) == (1, 2)
    scene.pool.binds[0].leaving = True
    await scene.run(Turn({"alpha": SPARE}, ("a",), spare=1))
    assert len(scene.pool.left) == 1, "that one is still on its way"
    await scene.run(Turn({"alpha": SPARE}, ("a",), spare=2))
    assert scene.pool.left[1:] == [frozenset((1,))]


@pytest.mark.parametrize("busy", ["in flight", "waiting", "over a rate", "down"])
async def test_a_bind_that_works_stays_where_it_is(busy: str) -> None:
    scene = Scene()
    if busy == "in flight":
        scene.pool.in_flight = 1
    elif busy == "waiting":
        scene.queue.waiting[1] = 1
    elif busy == "over a rate":
        scene.queue.over_account_rate = 1
    else:
        scene.pool.binds[0].up = scene.pool.binds[1].up = False
    await scene.run(Turn({"alpha": SPARE}, ("a",), spare=2))
    assert scene.pool.left == []
