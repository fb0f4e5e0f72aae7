"""The same scenario, seed and messages: the same ledger, octet for octet, however busy and disorderly the day was.

Each run is another day: other numbers of binds, windows and orders of recipients, other moments. What is the same is
what each recipient is sent, in its order: its next message goes when the one before is answered for good.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulators.carrier import CarrierGroup
from simulators.carrier.sim import CarrierSim
from simulators.esme.link import EsmeLink
from simulators.esme.message import Build, Envelope
from simulators.esme.settings import EsmeSettings
from simulators.scenario import load_scenario
from simulators.turn import Turn
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandStatus

pytestmark = pytest.mark.e2e

SCENARIO = """
seed = "monday"

[[carrier]]
name = "alpha"
limits = { rate = "9000/s", window = 40 }

[carrier.answers]
delay = "0ms-15ms"
refuse = "ESME_RSYSERR:4%, ESME_RINVDSTADR:3%, 0x41B:1%"
out_of_order = "10%"

[carrier.receipts]
states = "DELIVRD:80%, UNDELIV/001:10%, EXPIRED:2%, MK:0001"
styles = "text:20%, tlv:20%, quoted:10%, seconds:10%, ucs2:5%"
delay = "exp:30ms"
twice = "10%"
early = "10%"
contradict = "5%"
intermediate = "10%"
other_bind = "30%"

[[carrier.rule]]
match = { to = "86139*", skip = 1 }
answers = { refuse = "ESME_RMSGQFUL:50%", delay = "5ms" }

[[carrier.rule]]
match = { text = "long" }
receipts = { segments = "last", twice = "50%" }

[[carrier]]
name = "beta"
answers = { delay = "exp:5ms" }
receipts = { states = "DELIVRD:50%, UNDELIV", delay = "0s-50ms" }
"""
_AGAIN = frozenset({int(CommandStatus.ESME_RTHROTTLED)})
ACCOUNTS = ("shop", "orders", "login")
RECIPIENTS = 700
TEXTS = ("one", "two 您好", "long " * 50, "four", "five")
_DEADLINE_S = 60


@dataclass(frozen=True)
class Day:
    """How a run goes about the same messages."""

    chance: int
    binds: int
    window: int


DAYS = (Day(1, binds=2, window=50), Day(2, binds=1, window=20), Day(3, binds=5, window=50))


def messages(recipient: str) -> list[Build]:
    """What a recipient is sent, in its order; the same on each day."""
    envelope = Envelope("10690001", recipient)
    reference = int(recipient[-4:])
    return [build for text in TEXTS for build in envelope.parts(f"{text} {recipient[-4:]}", reference=reference)]


class Sender(EsmeLink):
    """A bind that works through its recipients; a message that met a limit is sent again until it is taken."""

    def __init__(self, settings: EsmeSettings, turn: Turn, recipients: Sequence[str], window: int) -> None:
        super().__init__(settings, "transceiver", turn)
        self.ready = deque((recipient, deque(messages(recipient))) for recipient in recipients)
        self.under_way: dict[int, tuple[str, deque[Build]]] = {}
        self.window = window
        self.left = sum(len(builds) for _, builds in self.ready)
        self.throttled = 0

    def fill(self) -> None:
        while self.ready and len(self.under_way) < self.window:
            recipient, builds = self.ready.popleft()
            sequence_number = self.session.next_sequence()
            self.under_way[sequence_number] = recipient, builds
            self.write(builds[0](sequence_number))

    def on_answer(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        recipient, builds = self.under_way.pop(sequence_number)
        if status in _AGAIN:
            self.throttled += 1
        else:
            builds.popleft()
            self.left -= 1
        if builds:
            self.ready.append((recipient, builds))

    def on_deliver(self, command_id: int, sequence_number: int, frame: bytes) -> None:
        self.write(pdu.response(command_id, 0, sequence_number, b""))

    def on_frames_done(self) -> None:
        self.fill()


def _shared(day: Day, carrier: int, count: int) -> Iterator[tuple[str, list[str]]]:
    """An account and the recipients of each bind, drawn anew each day."""
    chance = random.Random(day.chance)
    for number, account in enumerate(ACCOUNTS):
        recipients = [f"861{38 + index % 2}{carrier}{number}{index:06}" for index in range(count // (1 + 3 * carrier))]
        chance.shuffle(recipients)
        for bind in range(day.binds):
            yield account, recipients[bind :: day.binds]


async def _senders(sim: CarrierSim, day: Day, carrier: int, count: int) -> list[Sender]:
    """Bind everybody; nobody sends yet."""
    senders = []
    loop = asyncio.get_running_loop()
    for account, recipients in _shared(day, carrier, count):
        settings = EsmeSettings(port=sim.port, system_id=account, password="secret")
        sender = Sender(settings, sim.turn, recipients, day.window)
        await loop.create_connection(lambda sender=sender: sender, "127.0.0.1", sim.port)
        await sender.bound
        senders.append(sender)
    return senders


async def ledgers(path: Path, day: Day, seed: str | None = None) -> tuple[dict[str, str], int]:
    """The ledger of each carrier once everything was answered and taken, and how many messages were throttled."""
    scenario = load_scenario(path, seed=seed)
    async with CarrierGroup(scenario.carriers) as group:
        return await _day(group, day, RECIPIENTS)


async def _day(group: CarrierGroup, day: Day, recipients: int) -> tuple[dict[str, str], int]:
    carriers = group.carriers.values()
    senders = []
    for number, sim in enumerate(carriers):
        senders += await _senders(sim, day, number, recipients)
    for sender in senders:
        sender.fill()
    await group.wait_for(lambda: not any(sender.left for sender in senders), _DEADLINE_S, "all answers")
    await group.wait_for(lambda: not any(sim.receipts_waiting for sim in carriers), _DEADLINE_S, "all receipts")
    found = {name: sim.ledger() for name, sim in group.carriers.items()}
    for sender in senders:
        sender.abort()
    await group.wait_for(lambda: not any(sim.links for sim in carriers), _DEADLINE_S, "the end of all binds")
    return found, sum(sender.throttled for sender in senders)


async def test_three_days_have_one_ledger(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    texts, throttled = zip(*[await ledgers(path, day) for day in DAYS], strict=True)
    assert any(throttled), "limits were met on one of the days, and have no part in it"
    for day, text in zip(DAYS[1:], texts[1:], strict=True):
        for name, expected in texts[0].items():
            differing = [pair for pair in zip(expected.splitlines(), text[name].splitlines(), strict=False)
                         if pair[0] != pair[1]]  # fmt: skip
            assert text[name].encode() == expected.encode(), (day, name, differing[:2])
    segments = sum(len(messages(f"86138{number:08}")) for number in range(3 * RECIPIENTS))
    assert texts[0]["alpha"].count("\n  < ") == segments
    other, _ = await ledgers(path, DAYS[0], seed="tuesday")
    assert other["beta"] != texts[0]["beta"]


async def test_a_reset_begins_the_day_anew(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    async with CarrierGroup(load_scenario(path).carriers) as group:
        first, _ = await _day(group, DAYS[0], 40)
        again, _ = await _day(group, DAYS[2], 40)
        assert again != first, "recipients were counted"
        group.reset()
        assert not any(sim.ledger() for sim in group.carriers.values())
        anew, _ = await _day(group, DAYS[2], 40)
        assert anew == first
