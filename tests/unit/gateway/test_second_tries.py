"""Which messages get a second try after a receipt, and where they go."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.errors import StoreAway
from smsgw.gateway.reports import Report, pack_origin, pack_report
from smsgw.gateway.second_tries import SecondTries
from smsgw.policy.code_classes import CodeClass, CodeTable
from smsgw.policy.failover import FailoverPolicy
from smsgw.policy.shaping import Throttle
from smsgw.smpp.pdu import submit_sm
from smsgw.store.admission import ACCEPTED, FULL, AdmitReply
from smsgw.store.envelope import Envelope

NOW_MS = 1_800_000_000_000
NUMBER = "8613800000001"
SUBMIT = submit_sm(1, source_addr=b"1069", destination_addr=NUMBER.encode(), short_message=b"x")
CODES = CodeTable(
    {
        "NOROUTER": CodeClass.NO_ROUTE, "IB:0008": CodeClass.FLOW, "NP:1243": CodeClass.PORTED,
        "ID:0044": CodeClass.TIME, "KEYWORD": CodeClass.CONTENT,
    },
    {"NP:1243": "unicom"},
)  # fmt: skip


class World:
    """Carrier alpha, and beta as the next; ``decided`` has what was decided."""

    def __init__(self, on_receipt: bool = True) -> None:
        self.items: list[Any] = []
        self.learnt: list[tuple[str, str]] = []
        self.names: list[str] = []
        self.spawned: list[Coroutine[Any, Any, None]] = []
        self.reply: AdmitReply | StoreAway = AdmitReply(ACCEPTED)
        self.decided: list[Any] = []
        self.moves: list[str] = []
        self.next: str | None = "beta"
        policy = FailoverPolicy(on_receipt=on_receipt, codes=CODES)
        self.throttle = Throttle(100.0)
        pool = SimpleNamespace(name="alpha", settings=SimpleNamespace(failover=policy), throttle=self.throttle)
        context: Any = SimpleNamespace(
            carrier_pdus=None,
            pools={"alpha": pool},
            clock=SimpleNamespace(now_ms=lambda: NOW_MS),
            settings=SimpleNamespace(otp_limit_s=30.0, zone=UTC),
            store=SimpleNamespace(sealer=SimpleNamespace(open=bytes, seal=bytes), recipients=SimpleNamespace(hash=str)),
            records=SimpleNamespace(append=lambda row: None),
            admission=SimpleNamespace(once=self.once),
            spawn=self.spawned.append,
            ported=SimpleNamespace(learn=lambda *learnt: self.learnt.append(learnt)),
            log=lambda event, fields: self.moves.append(event),
        )
        moves: Any = SimpleNamespace(
            target=lambda envelope, carrier, only_up: self.next,
            told=lambda envelope, carrier, target, why, cause: self.moves.append(f"{carrier}→{target} {cause}"),
            route_again=lambda envelope: self.moves.append("again"),
        )
        self.tries = SecondTries(context, moves)

    def decide(
        self, code: str, lane: int = 1, age_ms: int = 0, expires_ms: int = 0, origin: bytes | None = None
    ) -> None:
        message = Envelope(
            ["id"], [SUBMIT], "shop", lane, NUMBER, "1069", "", [1], NOW_MS - age_ms, 0, expires_ms, 0, 1,
            ["alpha", "beta"],
        )  # fmt: skip
        sealed = pack_origin(SUBMIT, 0, 0, "", message.pack()) if origin is None else origin
        receipt: Any = SimpleNamespace(carrier="alpha", cid="c7", blob=pack_report(Report(5, "001", NOW_MS, b"", code)))
        self.tries.decide(receipt, "id", sealed, self.decided.append)

    async def once(self, name: str, item: Any) -> AdmitReply:
        self.names.append(name)
        self.items.append(item)
        if isinstance(self.reply, StoreAway):
            raise self.reply
        return self.reply

    async def admitted(self, reply: AdmitReply | StoreAway) -> None:
        """The store answers what was begun last."""
        self.reply = reply
        await self.spawned.pop()

    def item(self) -> tuple[str, int, list[str]]:
        """Where the one message goes, when, and who has had it."""
        (item,) = self.items
        return item.stream, item.due_ms, Envelope.unpack(item.blob).tried


async def test_no_route_takes_the_next_carrier_and_is_decided_when_that_is_durable() -> None:
    world = World()
    world.decide("NOROUTER")
    assert world.decided == []
    await world.admitted(AdmitReply(ACCEPTED))
    assert world.names == ["id:alpha:c7"], "known by what the carrier called it, so that the store takes it once"
    assert world.item() == ("beta:1", 0, ["alpha"])
    assert world.moves == ["alpha→beta receipt"]
    assert world.decided == [True]


async def test_flow_slows_the_carrier_and_ported_is_learnt_and_routed_again() -> None:
    world = World()
    world.decide("IB:0008")
    await world.admitted(AdmitReply(ACCEPTED))
    assert world.throttle.is_slowed
    ported = World()
    ported.decide("NP:1243")
    await ported.admitted(AdmitReply(ACCEPTED))
    assert ported.learnt == [(NUMBER, "unicom")]
    assert ported.moves == ["again", "alpha→beta receipt"]


async def test_outside_the_carriers_hours_it_waits_for_the_same_one() -> None:
    world = World()
    world.decide("ID:0044")
    await world.admitted(AdmitReply(ACCEPTED))
    stream, due_ms, tried = world.item()
    assert (stream, tried) == ("alpha:1", [])
    assert NOW_MS < due_ms <= NOW_MS + 24 * 3_600_000


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"code": "KEYWORD"}, "no other carrier would like the text better"),
        ({"code": "UNHEARD"}, "a code of no class"),
        ({"code": "NOROUTER", "lane": 0, "age_ms": 30_000}, "a verification code that is too old"),
        ({"code": "NOROUTER", "expires_ms": NOW_MS}, "its validity is over"),
        ({"code": "NOROUTER", "origin": b"?"}, "what was kept can't be read"),
    ],
)
def test_what_is_reported(given: dict[str, Any], why: str) -> None:
    world = World()
    world.decide(**given)
    assert (world.decided, world.spawned) == ([False], []), why


def test_reported_when_the_file_says_so_no_more_or_nobody_is_left() -> None:
    world = World(on_receipt=False)
    world.decide("NOROUTER")
    assert world.decided == [False]
    alone = World()
    alone.next = None
    alone.decide("NOROUTER")
    assert alone.decided == [False]


async def test_a_full_queue_is_reported_and_a_store_that_is_away_is_not() -> None:
    world = World()
    world.decide("NOROUTER")
    await world.admitted(AdmitReply(FULL))
    assert world.decided == [False]
    world.decide("NOROUTER")
    await world.admitted(StoreAway("gone"))
    assert isinstance(world.decided[1], StoreAway)
