"""The last look before a write: paused messages are parked or moved, forbidden ones end, others are looked up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.gateway.lanes import Job
from smsgw.gateway.last_look import Turn
from smsgw.gateway.refuser import fact_refusal, refusal_of
from smsgw.policy.entries import PauseEntry
from smsgw.policy.pauses import Pauses
from smsgw.policy.reasons import BLACKLISTED, CONSENT, DEAD_NUMBER, OPTOUT, QUEUE_FULL, STORE_AWAY
from smsgw.smpp.constants import MessageState
from smsgw.store.admission import FORBIDDEN, FULL, MEMORY, NO_CONSENT, AdmitReply
from smsgw.store.envelope import INTERNAL, REVIEW_REJECTED, REVIEWED, Envelope
from smsgw.store.looks import MAY_BE_SENT, LookReply
from smsgw.store.looks import NO_CONSENT as LOOK_NO_CONSENT
from tests.unit.gateway.test_review_dispatch import halfway
from tests.unit.gateway.test_review_release import NOW_MS, World
from tests.unit.gateway.test_review_release import envelope as one


class Scene(World):
    """A world with the queue of carrier alpha; ``did`` has what was asked of the store's settlement."""

    def __init__(self, *scopes: str, carriers: tuple[str, ...] = ("alpha", "beta")) -> None:
        super().__init__(carriers=carriers)
        entries = [PauseEntry(scope, "why", "amy", 0) for scope in scopes]
        self.context.registers.put("pause", Pauses(entries))
        self.did: list[tuple[Any, ...]] = []
        self.context.settlement = SimpleNamespace(
            park=lambda context, stream, entry, lot, accepted_ms, due_ms, held_id, blob: self.did.append(
                ("park", lot, accepted_ms, due_ms, held_id, Envelope.unpack(blob).lot)
            ),
            move=lambda context, stream, entry, suffix, blob: self.did.append(
                ("move", suffix, Envelope.unpack(blob).tried)
            ),
        )
        self.context.held.park = lambda moving, held, lot, *rest: self.asked.append(("park", moving, held, lot))
        self.context.looks = SimpleNamespace(put=lambda *look: self.did.append(("look", look[2])))
        self.back: list[Job] = []
        self.queue: Any = SimpleNamespace(name="alpha", put_back=self.back.append, pump_soon=lambda: None)

    def stops(self, message: Envelope) -> bool:
        job = Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, message)
        return self.last_look.stops(self.queue, job, Turn(self.context.clock.now_ms()))


def message(**changes: Any) -> Envelope:
    made = one(carriers=("alpha", "beta"))
    made.expires_at_ms = NOW_MS + 1000
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("scope", "changes"),
    [
        ("global", {}), ("global", {"flags": INTERNAL}), ("account:shop", {}),
        ("signature:示例", {"signature": "示例"}), ("template:sale", {"template": "sale@3"}),
        ("campaign:double11", {"campaign": "double11"}),
    ],
)  # fmt: skip
def test_a_paused_message_is_parked_in_the_lot_of_its_pause(scope: str, changes: dict[str, Any]) -> None:
    scene = Scene(scope)
    stopped = message(**changes)
    assert scene.stops(stopped)
    lot = f"pause:{scope}"
    assert scene.did == [("park", lot, NOW_MS, NOW_MS + 1000, stopped.message_ids[0], lot)]


@pytest.mark.parametrize("scope", ["account:other", "carrier:beta", "template:sales", "signature:示"])
def test_other_pauses_stop_nothing(scope: str) -> None:
    assert not Scene(scope).stops(message(template="sale@3", signature="示例"))


def test_a_paused_carriers_message_goes_to_the_next_and_may_come_back() -> None:
    scene = Scene("carrier:alpha")
    assert scene.stops(message())
    assert scene.did == [("move", "beta:2", [])]


def test_with_all_carriers_paused_it_is_parked() -> None:
    scene = Scene("carrier:alpha", "carrier:beta")
    assert scene.stops(message())
    assert scene.did[0][:2] == ("park", "pause:carrier:alpha")


def test_the_rest_of_a_message_ends_where_a_pause_comes_in_between() -> None:
    scene = Scene("account:shop")
    job = halfway(scene)
    assert scene.last_look.stops(scene.queue, job, Turn(NOW_MS))
    assert (job.todo, scene.did, len(scene.receipts)) == ([], [], 2)


def test_what_a_look_finds() -> None:
    for reply, err in (
        (LookReply(1, "o"), "410"), (LookReply(1, "b:c:alpha"), "411"), (LookReply(1, "d"), "414"),
        (LookReply(LOOK_NO_CONSENT), "412"),
    ):  # fmt: skip
        scene = Scene()
        job = Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, message(carriers=["alpha"]))
        scene.last_look.looked([(scene.queue, job)], [reply])
        assert scene.reported() == (MessageState.REJECTED, err)
    scene = Scene()
    job = Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, message(looked_at_ms=0))
    scene.last_look.looked([(scene.queue, job)], [LookReply(MAY_BE_SENT)])
    assert (scene.back, job.envelope.looked_at_ms) == ([job], NOW_MS)


def test_a_carriers_own_blacklist_moves_a_message_to_the_next() -> None:
    scene = Scene()
    job = Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, message())
    scene.last_look.looked([(scene.queue, job)], [LookReply(1, "b:c:alpha")])
    assert scene.did == [("move", "beta:2", ["alpha"])]


def test_what_waits_leaves_a_carrier_whose_breaker_is_open() -> None:
    scene = Scene()
    bad = ("alpha", "guangdong")
    scene.context.health = SimpleNamespace(
        troubled=True,
        is_open=lambda *asked: asked == bad,
        why_not=lambda *asked: "few arrive" if asked == bad else "",
        lets=lambda *asked: asked != bad,
    )
    assert scene.stops(message(province="guangdong"))
    assert scene.did == [("move", "beta:2", [])]
    assert not scene.stops(message(province="hunan"))


def test_admissions_refusals_in_words() -> None:
    assert refusal_of(AdmitReply(FORBIDDEN, "o:a:shop"), None).detail == "for account shop"
    assert refusal_of(AdmitReply(NO_CONSENT), None).reason is CONSENT
    assert refusal_of(AdmitReply(FULL), None).reason is QUEUE_FULL
    assert refusal_of(AdmitReply(MEMORY), None).reason is STORE_AWAY
    found = {
        fact: (fact_refusal(fact).reason, fact_refusal(fact).detail) for fact in ("o", "o:s:示例", "b", "b:c:x", "d")
    }
    assert found == {
        "o": (OPTOUT, "for the whole company"), "o:s:示例": (OPTOUT, "for signature 示例"),
        "b": (BLACKLISTED, "of the company"), "b:c:x": (BLACKLISTED, "by carrier x"), "d": (DEAD_NUMBER, ""),
    }  # fmt: skip


# -- the same when a held message is due


async def due(scene: Scene, held: Envelope) -> list[tuple[Any, ...]]:
    scene.hold(held)
    await scene.releaser._release(0)
    return scene.asked


async def test_what_is_due_in_a_pause_is_parked() -> None:
    ((operation, _, _, lot),) = await due(Scene("account:shop"), message())
    assert (operation, lot) == ("park", "pause:account:shop")


async def test_what_is_due_for_a_paused_carrier_goes_to_the_other() -> None:
    ((operation, _, _, stream),) = await due(Scene("carrier:alpha"), message())
    assert (operation, stream) == ("send", "beta:2")
    ((operation, _, _, lot),) = await due(Scene("carrier:alpha", "carrier:beta"), message())
    assert (operation, lot) == ("park", "pause:carrier:alpha")


async def test_a_reviewed_message_goes_on_and_a_rejected_one_is_reported() -> None:
    ((operation, *_),) = await due(Scene(), message(lot="review", flags=REVIEWED, note="amy"))
    assert operation == "send"
    scene = Scene()
    assert await due(scene, message(lot="review", flags=REVIEW_REJECTED, note="amy")) == []
    assert scene.reported() == (MessageState.REJECTED, "441")


async def test_one_that_nobody_looked_at_stays_in_its_lot() -> None:
    ((operation, _, _, lot),) = await due(Scene(), message(lot="review"))
    assert (operation, lot) == ("park", "review")


def test_a_turn_asks_once_for_messages_of_which_every_recipient_may_have_one() -> None:
    scene = Scene()
    asked: list[tuple[object, ...]] = []
    scene.context.rules["shop"].rules.lets_all_again = lambda *scope: not asked.append(scope)

    def looks_at(turn: Turn, **changes: Any) -> bool:
        job = Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, message(**changes))
        return scene.last_look.stops(scene.queue, job, turn)

    turn = Turn(NOW_MS)
    assert not any(looks_at(turn, recipient=f"861380000000{number}") for number in range(3))
    assert len(asked) == 1
    assert not looks_at(turn, signature="other")
    assert not looks_at(Turn(NOW_MS))
    assert len(asked) == 3
    assert looks_at(turn, expires_at_ms=NOW_MS)


def test_where_recipients_differ_each_message_is_asked_about() -> None:
    scene = Scene()
    asked: list[object] = []
    scene.context.rules["shop"].rules.judge_again = lambda message_class, at_ms, recipient, *rest: asked.append(
        recipient
    )
    turn = Turn(NOW_MS)
    for number in range(3):
        job = Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, message(recipient=f"861380000000{number}"))
        assert not scene.last_look.stops(scene.queue, job, turn)
    assert asked == [f"861380000000{number}" for number in range(3)]
