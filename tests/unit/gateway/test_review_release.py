"""Held messages and a site that has changed meanwhile: they go on or are reported, and nothing else stands still."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from smsgw.gateway.choice import CarrierChoice
from smsgw.gateway.context import Context
from smsgw.gateway.lanes import Job
from smsgw.gateway.last_look import LastLook, Turn
from smsgw.gateway.local_reports import LocalReports
from smsgw.gateway.outcomes import Outcomes
from smsgw.gateway.release import Ending, Releaser
from smsgw.gateway.reports import unpack_report
from smsgw.policy.model import MessageClass, Refusal
from smsgw.policy.reasons import WORDS_NATIONAL
from smsgw.policy.registers import Registers
from smsgw.smpp.constants import MessageState
from smsgw.smpp.pdu import submit_sm
from smsgw.store.envelope import REVIEWED, Envelope
from smsgw.store.held import DONE, FORBIDDEN, FULL, GONE, HeldMessage, ReleaseReply
from smsgw.store.seal import SealError
from smsgw.telemetry.metrics import Metrics
from tests.unit.gateway.healthy import HEALTHY

NOW_MS = 1_800_000_000_000
PDU = submit_sm(0, source_addr=b"1069", destination_addr=b"8613800000001", short_message=b"x", registered_delivery=1)


def envelope(n: int = 1, carriers: tuple[str, ...] = ("alpha",), account: str = "shop") -> Envelope:
    return Envelope(
        [f"00{n:018x}"], [PDU], account, int(MessageClass.MARKETING), "8613800000001", "1069", "", [1], NOW_MS,
        carriers=list(carriers),
    )  # fmt: skip


class World:
    """A releaser and what it asked of the store. ``route``: what the rules say today."""

    def __init__(self, carriers: tuple[str, ...] = ("beta",), route: tuple[str, ...] | None = None) -> None:
        self.held: list[HeldMessage] = []
        self.asked: list[tuple[Any, ...]] = []
        self.receipts: list[tuple[str, tuple[Any, ...], Callable[[Any], None]]] = []
        self.events: list[str] = []
        self.claims: list[int] = []
        self.claim = DONE
        self.text_again: tuple[Refusal | None, str] = (None, "")

        def todays_route(draft: Any) -> Any:
            draft.carriers = route or ()
            draft.route = SimpleNamespace(name="today") if route else None
            return draft.route

        rules = SimpleNamespace(
            judge_again=lambda *message: None,
            lets_all_again=lambda *scope: False,
            text_again=lambda *message: self.text_again,
            route=todays_route,
            account=SimpleNamespace(department=""),
            other_carrier=SimpleNamespace(any_differ=False),
        )
        self.context: Any = SimpleNamespace(
            carrier_pdus=None,
            records=SimpleNamespace(append=lambda row: None),
            clock=SimpleNamespace(now_ms=lambda: NOW_MS, after_ms=lambda seconds: NOW_MS + round(seconds * 1000)),
            settings=SimpleNamespace(queue_limit=10, look_again_s=5),
            metrics=Metrics("0", str),
            store=SimpleNamespace(
                partitions=1,
                recipients=SimpleNamespace(hash=str),
                sealer=SimpleNamespace(open=self.open, seal=bytes),
            ),
            rules={"shop": SimpleNamespace(rules=rules, facts=lambda signature, message_class, carrier: ("o",))},
            pools={name: SimpleNamespace(up=True, elsewhere=False) for name in carriers},
            registers=Registers(),
            log=lambda event, fields: self.events.append(event),
            outbound=SimpleNamespace(append=lambda *each: self.receipts.append(each)),
            held=SimpleNamespace(
                due=self.due,
                send=lambda moving, held, stream, *rest: self.asked.append(("send", moving, held, stream)),
                hold=self.hold_longer,
                park=lambda moving, held, lot, *rest: self.asked.append(("park", moving, held, lot)),
                end=lambda moving, held, states: self.asked.append(("end", moving, held, states)),
            ),
        )
        self.context.choice = CarrierChoice(self.context)
        self.context.health = HEALTHY
        for name in ("is_open", "pause_of"):
            setattr(self.context, name, getattr(Context, name).__get__(self.context))
        learning: Any = SimpleNamespace()
        self.outcomes = Outcomes(self.context, LocalReports(self.context), random.Random(1), learning)
        self.last_look = LastLook(self.context, self.outcomes)
        self.releaser = Releaser(self.context, self.outcomes)

    @staticmethod
    def open(sealed: bytes) -> bytes:
        if sealed == b"?":
            raise SealError("sealed with unknown key 7")
        return sealed

    def hold_longer(self, moving: Any, held: HeldMessage, due_ms: int, blob: bytes = b"") -> None:
        if isinstance(moving, Ending):
            self.claims.append(due_ms)
            self.releaser.moved([moving], [ReleaseReply(self.claim)])
        else:
            self.asked.append(("hold", moving, held, due_ms))

    async def due(self, partition: int, now_ms: int, limit: int) -> list[HeldMessage]:
        return self.held

    def hold(self, *envelopes: Envelope) -> None:
        self.held += [HeldMessage(each.message_ids[0], NOW_MS, each.pack()) for each in envelopes]

    @property
    def operations(self) -> list[str]:
        return [each[0] for each in self.asked]

    def reported(self) -> tuple[int, str]:
        """The one receipt of ours: its state and err."""
        ((_, fields, _),) = self.receipts
        report = unpack_report(fields[3])
        return report.message_state, report.err


async def test_a_carrier_that_left_the_site_is_replaced_by_todays_route() -> None:
    world = World(carriers=("beta",), route=("beta",))
    world.hold(envelope(carriers=("alpha",)))
    await world.releaser._release(0)
    assert world.asked[0][3] == "beta:2"


async def test_without_a_route_it_is_reported() -> None:
    world = World(carriers=("beta",))
    world.hold(envelope(carriers=("alpha",)))
    await world.releaser._release(0)
    assert world.reported() == (MessageState.REJECTED, "452")
    assert world.operations == []
    world.receipts[0][2](None)
    assert world.operations == ["end"]


async def test_a_word_that_was_listed_meanwhile() -> None:
    world = World(carriers=("alpha",))
    world.text_again = (Refusal(WORDS_NATIONAL, "", None), "")
    world.hold(envelope())
    await world.releaser._release(0)
    assert world.reported() == (MessageState.REJECTED, "440")


async def test_a_word_to_be_looked_at_that_was_listed_meanwhile() -> None:
    world = World(carriers=("alpha",))
    world.text_again = (None, "company:理财")
    world.hold(envelope(1))
    reviewed = envelope(2)
    reviewed.flags |= REVIEWED
    world.hold(reviewed)
    await world.releaser._release(0)
    assert [(each[0], each[3]) for each in world.asked] == [("park", "review"), ("send", "alpha:2")]


async def test_the_rest_of_the_route_still_holds() -> None:
    world = World(carriers=("beta", "gamma"))
    world.hold(envelope(carriers=("alpha", "gamma")))
    await world.releaser._release(0)
    assert world.asked[0][3] == "gamma:2"


async def test_a_removed_accounts_messages_are_not_sent() -> None:
    world = World(carriers=("alpha",))
    world.hold(envelope(account="gone"))
    await world.releaser._release(0)
    assert world.reported() == (MessageState.REJECTED, "401")


def test_a_removed_accounts_messages_are_not_sent_from_a_queue_either() -> None:
    world = World(carriers=("alpha",))
    job = Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, envelope(account="gone"))
    assert world.last_look.stops(SimpleNamespace(name="alpha"), job, Turn(NOW_MS))  # type: ignore[arg-type]
    assert world.reported() == (MessageState.REJECTED, "401")


async def test_an_unreadable_message_stays_and_holds_up_nobody() -> None:
    world = World(carriers=("alpha",))
    world.held.append(HeldMessage("0" * 20, NOW_MS, b"?"))
    world.hold(envelope())
    await world.releaser._release(0)
    assert world.operations == ["send"]
    assert world.events == ["held.unreadable"]


async def test_an_opt_out_is_reported_before_the_message_ends() -> None:
    world = World(carriers=("alpha",))
    world.hold(envelope())
    await world.releaser._release(0)
    moving = world.asked[0][1]
    world.releaser.moved([moving], [ReleaseReply(FORBIDDEN, "o")])
    assert world.operations == ["send"]
    await world.releaser._release(0)
    assert len(world.receipts) == 1
    world.receipts[0][2](None)
    assert world.operations == ["send", "end"]


async def test_a_full_queue_does_not_hold_up_what_is_due_for_others() -> None:
    world = World(carriers=("alpha",))
    world.hold(envelope())
    await world.releaser._release(0)
    world.releaser.moved([world.asked[0][1]], [ReleaseReply(FULL)])
    assert world.operations == ["send", "hold"]
    assert world.asked[1][3] > NOW_MS


async def test_whom_only_one_carrier_has_blacklisted_gets_it_over_the_next() -> None:
    world = World(carriers=("alpha", "beta"))
    world.hold(envelope(carriers=("alpha", "beta")))
    await world.releaser._release(0)
    world.releaser.moved([world.asked[0][1]], [ReleaseReply(FORBIDDEN, "b:c:alpha")])
    assert [each[3] for each in world.asked] == ["alpha:2", "beta:2"]
    world.releaser.moved([world.asked[1][1]], [ReleaseReply(FORBIDDEN, "b:c:beta")])
    assert world.operations == ["send", "send"]
    assert len(world.receipts) == 1


async def test_of_several_processes_only_the_one_that_claims_it_reports_a_message() -> None:
    world = World(carriers=("alpha",))
    late = envelope()
    late.expires_at_ms = NOW_MS
    world.hold(late)
    world.claim = GONE
    await world.releaser._release(0)
    assert (world.receipts, world.operations) == ([], [])
    assert world.claims[0] > NOW_MS
    world.claim = DONE
    await world.releaser._release(0)
    assert world.reported() == (MessageState.EXPIRED, "000")
    world.receipts[0][2](None)
    assert world.operations == ["end"]
