"""Leases of binds, and taking over what the dead had read: on real servers, by their clocks, with short leases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from smsgw.store import keys
from smsgw.store.adoption import Adoption, NewLife
from smsgw.store.leases import Grant, Leases, PutOut, Turn, Wish
from smsgw.store.marks import Marks
from tests.store.kit import Kit, until

MT, OUT = keys.mt(0, "alpha", 2), keys.out("shop", 1)
TWO, FOUR = ("transceiver",) * 2, ("transmitter",) * 3 + ("receiver",)


def wish(kinds: Sequence[str] = TWO, **changes: object) -> list[Wish]:
    return [Wish("alpha", kinds, **changes)]  # type: ignore[arg-type]


def own(turn: Turn) -> set[int]:
    return set(turn.grants["alpha"].own)


async def test_a_process_alone_has_everything_at_once(kit: Kit) -> None:
    one = Leases(kit.store, "one")
    turn = await one.join(wish(FOUR))
    assert turn.grants == {"alpha": Grant(frozenset(range(4)))}
    assert (turn.others, turn.dead) == ((), ())
    assert own(await one.turn(wish(FOUR))) == {0, 1, 2, 3}


async def test_binds_are_shared_and_go_over_only_when_they_are_let_go(kit: Kit) -> None:
    one, two = Leases(kit.store, "one"), Leases(kit.store, "two")
    await one.join(wish(states=(2, 2)))
    assert (await two.join(wish())).grants["alpha"] == Grant(frozenset(), frozenset((0, 1)), True)
    asked = (await one.turn(wish(states=(2, 2)))).grants["alpha"]
    assert (set(asked.own), set(asked.give)) == ({0, 1}, {1})
    assert own(await two.turn(wish())) == set()
    assert own(await one.turn(wish(states=(2, 0), let_go=(1,)))) == {0}
    grant = (await two.turn(wish())).grants["alpha"]
    assert grant == Grant(frozenset((1,)), frozenset((0,)), True)
    assert (await one.turn(wish())).grants["alpha"].give == frozenset()


async def test_each_kind_of_bind_is_shared_and_a_single_one_stays_where_it_is(kit: Kit) -> None:
    one, two = Leases(kit.store, "one"), Leases(kit.store, "two")
    await one.join(wish(FOUR))
    await two.join(wish(FOUR))
    assert (await one.turn(wish(FOUR))).grants["alpha"].give == {2}


async def test_an_orderly_stop_hands_over_at_once_and_a_new_life_has_its_binds_back(kit: Kit) -> None:
    one, two = Leases(kit.store, "one"), Leases(kit.store, "two")
    await one.join(wish())
    await two.join(wish())
    await one.leave(wish())
    turn = await two.turn(wish())
    assert own(turn) == {0, 1}
    assert turn.dead == (("one", one.token),)
    with pytest.raises(PutOut):
        await Leases(kit.store, "three").turn(wish())
    killed = Leases(kit.store, "two")  # no goodbye, the same name: nobody need wait for the end of a lease
    assert own(await killed.join(wish())) == {0, 1}
    with pytest.raises(PutOut, match="has the name 'two'"):
        await two.turn(wish())


async def test_a_silent_process_loses_its_binds_and_can_be_put_out_for_good(kit: Kit) -> None:
    one, two = Leases(kit.store, "one", ttl_s=0.2), Leases(kit.store, "two", ttl_s=0.2)
    await one.join(wish())
    turn = await two.join(wish())
    assert not await two.seize("one", one.token)
    while not turn.dead:
        turn = await two.turn(wish())
        await asyncio.sleep(0.01)
    assert (turn.dead, own(turn)) == ((("one", one.token),), {0, 1})
    assert own(await one.turn(wish())) == set()  # it was asleep, and nobody took anything over but its binds
    assert not await two.seize("one", one.token)
    while not (turn := await two.turn(wish())).dead:
        await asyncio.sleep(0.01)
    assert await two.seize("one", one.token)
    with pytest.raises(PutOut):
        await one.turn(wish())
    await two.forget("one", one.token)
    assert (await two.turn(wish())).dead == ()
    with pytest.raises(PutOut):
        await one.turn(wish())


async def test_when_redis_was_away_nobody_is_taken_for_dead(kit: Kit) -> None:
    one, two = Leases(kit.store, "one", ttl_s=0.2), Leases(kit.store, "two", ttl_s=0.2)
    await one.join(wish())
    await two.join(wish())
    await asyncio.sleep(0.3)  # the outage: nobody could renew
    turn = await two.turn(wish())
    assert (turn.others, turn.dead, own(turn)) == (("one",), (), set())
    assert own(await one.turn(wish())) == {0, 1}


async def test_a_carrier_that_is_not_wanted_any_more_leaves_its_binds_to_others(kit: Kit) -> None:
    one, two = Leases(kit.store, "one"), Leases(kit.store, "two")
    await one.join(wish())
    assert own(await one.turn(wish(wanted=False, states=(2, 2)))) == {0, 1}
    assert own(await one.turn(wish(wanted=False, let_go=(0, 1)))) == set()
    assert own(await two.join(wish())) == {0, 1}
    assert await kit.command("PTTL", keys.lease("alpha")) > 0


async def test_what_was_surely_not_sent_goes_back_and_the_rest_is_uncertain(kit: Kit) -> None:
    await kit.admit(*(kit.item(f"861380000{n:04}", n, stream="alpha:2") for n in range(3)))  # one entry of three
    await kit.admit(kit.item("8613900000001", 7, stream="alpha:2"))
    await kit.admit(kit.item("8613900000002", 8, stream="alpha:2"))
    read = await kit.read(MT, 5, "dead")
    marks = Marks(kit.store, "dead", "token")
    await marks.claim(0)
    task = kit.run(marks.commit.run())
    marked: list[object] = []
    first = read[0][1][0]
    marks.advance(MT, first.partition(b":")[0] + b":1", marked.append)
    await until(lambda: marked == [None])

    heir = Adoption(kit.store, "heir")
    taken = await heir.take_over(0, "dead", "token", [MT, OUT])
    assert taken.given_back == 2
    ((stream, messages, mark),) = taken.uncertain
    assert (stream, len(messages), mark) == (MT, 3, first.partition(b":")[0] + b":1")
    for entry_id, _ in messages[:2]:
        kit.settlement.done(None, MT, entry_id)
    await kit.drain()
    again = await heir.take_over(0, "dead", "token", [MT])
    assert [len(left) for _, left, _ in again.uncertain] == [1]
    assert await heir.end(0, "dead", "token", [MT]) == 1
    kit.settlement.done(None, MT, messages[2][0])
    await kit.drain()
    assert await heir.end(0, "dead", "token", [MT]) == 0
    assert sorted(entry[1][1] for _, entry, _ in await kit.read(MT, 2, "heir")) == [b"body-7", b"body-8"]
    # Whoever was dead and wakes can mark, and so send, nothing.
    marks.advance(MT, b"9-0", marked.append)
    await until(lambda: len(marked) == 2)
    assert "FENCED" in str(marked[1])
    with pytest.raises(NewLife):
        await heir.take_over(0, "dead", "token", [MT])
    task.cancel()


async def test_a_process_that_runs_again_keeps_what_it_had_read(kit: Kit) -> None:
    await kit.admit(kit.item(stream="alpha:2"))
    await kit.read(MT, 1, "dead")
    await Marks(kit.store, "dead", "first life").claim(0)
    await Marks(kit.store, "dead", "second life").claim(0)
    with pytest.raises(NewLife):
        await Adoption(kit.store, "heir").take_over(0, "dead", "first life", [MT])
    assert (await kit.command("XPENDING", MT, "edge"))[0] == 1


async def test_receipts_of_an_application_that_left_go_to_whoever_has_it_now(kit: Kit) -> None:
    await kit.admit(kit.item())
    (message,) = await kit.read(MT, 1)
    kit.sent(message, "7", "00" + "0" * 16)
    await kit.drain()
    await kit.receipt("7")
    await kit.read(OUT, 1, "node1")
    assert await Adoption(kit.store, "token1").give_back(0, "node1", [OUT]) == 1
    (receipt,) = await kit.read(OUT, 1, "node2")
    assert receipt[1][1][3] == b"receipt-7"
    assert await Adoption(kit.store, "token1").give_back(0, "node1", [OUT]) == 0


class Node:
    """A process with many carriers, of which it lets go what it should, as soon as it is told."""

    def __init__(self, kit: Kit, name: str, carriers: Mapping[str, Sequence[str]], ttl_s: float = 10.0) -> None:
        self.leases = Leases(kit.store, name, ttl_s)
        self.carriers = carriers
        self.letting_go: dict[str, set[int]] = {}
        self.turned = Turn()
        self.moved = 0

    async def turn(self, join: bool = False, wanted: bool = True) -> Turn:
        wishes = [
            Wish(name, kinds, wanted, (2,) * len(kinds), tuple(self.letting_go.get(name, ())))
            for name, kinds in self.carriers.items()
        ]
        self.turned = turn = await (self.leases.join(wishes) if join else self.leases.turn(wishes))
        self.letting_go = {name: set(grant.give) for name, grant in turn.grants.items()}
        spare = [(name, number) for name, grant in turn.grants.items() for number in sorted(grant.spare)]
        for name, number in spare[: turn.spare]:
            self.letting_go[name].add(number)
        self.moved += sum(map(len, self.letting_go.values()))
        return turn

    @property
    def own(self) -> dict[str, int]:
        return {name: len(grant.own) for name, grant in self.turned.grants.items()}

    @property
    def total(self) -> int:
        return sum(self.own.values())


async def settled(*nodes: Node) -> list[int]:
    """Turns until nothing moves any more; how many binds each has then."""
    before: list[dict[str, int]] = []
    for _ in range(50):
        for node in nodes:
            await node.turn()
        now = [node.own for node in nodes]
        if now == before and not any(any(node.letting_go.values()) for node in nodes):
            return [node.total for node in nodes]
        before = now
    raise AssertionError("binds go to and fro")


async def test_binds_of_many_carriers_are_shared_evenly(kit: Kit) -> None:
    carriers = {f"carrier{number}": ("transceiver",) for number in range(10)}
    nodes = [Node(kit, name, carriers) for name in ("one", "two", "three", "four")]
    await nodes[0].turn(join=True)
    assert nodes[0].total == 10, "who is alone has all"
    await nodes[1].turn(join=True)
    assert await settled(*nodes[:2]) == [5, 5]
    assert (nodes[0].moved, nodes[1].moved) == (5, 0)
    await nodes[2].turn(join=True)
    await nodes[3].turn(join=True)
    assert sorted(await settled(*nodes)) == [2, 2, 3, 3]
    assert sum(node.moved for node in nodes) <= 5 + 6


async def test_what_a_stopped_process_had_is_shared_by_those_that_are_left(kit: Kit) -> None:
    carriers = {f"carrier{number}": ("transceiver",) for number in range(12)}
    nodes = [Node(kit, name, carriers) for name in ("one", "two", "three")]
    for node in nodes:
        await node.turn(join=True)
    assert await settled(*nodes) == [4, 4, 4]
    before = [node.moved for node in nodes]
    await nodes[0].leases.leave([Wish(name, kinds) for name, kinds in carriers.items()])
    assert await settled(*nodes[1:]) == [6, 6]
    assert [node.moved for node in nodes] == before, "each takes its part of what is free, and none comes back"


async def test_carriers_with_several_binds_stay_even_each_for_itself(kit: Kit) -> None:
    carriers = {f"carrier{number}": ("transmitter",) * 3 + ("receiver",) for number in range(5)}
    one, two = Node(kit, "one", carriers), Node(kit, "two", carriers)
    await one.turn(join=True)
    await two.turn(join=True)
    assert await settled(one, two) == [10, 10]
    for name in carriers:
        own = one.turned.grants[name].own
        assert len(own - {3}) in (1, 2), name


async def test_only_those_that_want_a_carrier_count(kit: Kit) -> None:
    carriers = {f"carrier{number}": ("transceiver",) for number in range(6)}
    edge, one, two = Node(kit, "edge", carriers), Node(kit, "one", carriers), Node(kit, "two", carriers)
    await edge.turn(join=True, wanted=False)
    await one.turn(join=True)
    await two.turn(join=True)
    for _ in range(10):
        await edge.turn(wanted=False)
        assert await settled(one, two) == [3, 3]
    assert edge.total == 0


async def test_what_nobody_with_less_takes_is_taken_by_who_is_there(kit: Kit) -> None:
    """One of them can't have the last bind, for it has just failed there."""
    carriers = {"a": ("transceiver",), "b": ("transceiver",)}
    one, two = Node(kit, "one", carriers, ttl_s=2), Node(kit, "two", carriers, ttl_s=2)
    await one.turn(join=True)
    await two.turn(join=True)
    assert await settled(one, two) == [1, 1]
    (failing,) = (name for name, count in one.own.items() if count)
    async with asyncio.timeout(10):
        while not two.own[failing]:
            one.letting_go[failing] = {0}
            await one.turn()
            one.letting_go[failing] = {0}
            await two.turn()
            two.letting_go = {}
            await asyncio.sleep(0.05)
    assert two.total == 2


async def test_no_two_that_live_have_the_same_rank(kit: Kit) -> None:
    nodes = [Node(kit, name, {"alpha": TWO}) for name in ("c", "a", "b")]
    for node in nodes:
        await node.turn(join=True)
    for node in nodes:
        await node.turn()
    assert [(node.turned.rank, node.turned.ranks) for node in nodes] == [(0, 3), (1, 3), (2, 3)]
    await nodes[1].leases.leave([])
    assert await nodes[0].leases.seize("a", nodes[1].leases.token)
    await nodes[0].leases.forget("a", nodes[1].leases.token)
    newest = Node(kit, "d", {"alpha": TWO})
    await newest.turn(join=True)
    assert (newest.turned.rank, newest.turned.ranks) == (1, 3)
    again = Node(kit, "b", {"alpha": TWO})
    await again.turn(join=True)
    assert again.turned.rank == 2, "a new life keeps it"
