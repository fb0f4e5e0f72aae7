"""One clock for a real gateway and the simulated carriers: a day's cap and a night in a moment.

The simulation's clock stands still and is moved by the test; the gateway's follows over its ops port. What a test
took is printed (``-rP`` or ``-s``) and kept with its JUnit result; the target for the first test is three seconds.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from simulators.carrier import CarrierGroup, CarrierSettings
from simulators.carrier.settings import Match, Rule
from simulators.clock import SimClock
from simulators.clock_drive import ClockDriveError, ClockDriver
from simulators.esme.message import Envelope
from simulators.spread import Delay
from smsgw.clock import TestClock
from smsgw.smpp import pdu
from smsgw.smpp.receipt import parse_receipt_date
from smsgw.telemetry.ops import Heartbeat, OpsServer
from tests.e2e.gateway import GatewayProcess
from tests.e2e.stage import NOTICE, SOURCES, Stage, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

MORNING, NIGHT, TOO_EARLY, OPEN = (
    datetime.fromisoformat(f"2026-11-{at}+08:00") for at in ("18T10:30", "19T21:30", "20T08:59", "20T09:00")
)
DAY_S = 86_400
CAPPED = 0x430
#: The first message to each of these is refused for now.
UNLUCKY = "86138777"
#: What the example calls a reason to try again at the same carrier.
_AGAIN_LATER = 0x64


class World:
    """A gateway, its carriers, its applications, and the clock of them all."""

    def __init__(self, stage: Stage, group: CarrierGroup, driver: ClockDriver) -> None:
        self.stage = stage
        self.group = group
        self._driver = driver

    async def set(self, at: datetime) -> None:
        """Make it ``at`` everywhere."""
        self.group.clock.set(at)
        await self._driver.push()

    async def run_at(self, rate: float) -> None:
        self.group.clock.run_at(rate)
        await self._driver.push()

    async def advance(self, seconds: float) -> None:
        self.group.clock.advance(seconds)
        await self._driver.push()

    @property
    def connections(self) -> dict[str, list[int]]:
        """The numbers of the connections at each carrier."""
        return {name: sorted(link.number for link in sim.links) for name, sim in self.group.carriers.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    refusal = {"refuse": ((_AGAIN_LATER, 1.0),)}
    once_refused = Rule(Match(recipients=(f"{UNLUCKY}*",), first=1), refusal)
    settings = [
        CarrierSettings(name="alpha", receipt=Delay.parse("30m"), enquire_s=0.2, rules=(once_refused,)),
        CarrierSettings(name="beta", enquire_s=0.2, rules=(once_refused,)),
    ]
    async with CarrierGroup(settings, SimClock(MORNING, rate=0.0)) as group:
        ports = {name: sim.port for name, sim in group.carriers.items()}
        overrides = {
            "profiles/cn.toml": {"window": {"action": "hold"}},
            "smsgw.toml": {"clock": {"rate": 0}},
        }
        gateway = GatewayProcess(tmp_path_factory.mktemp("site"), ports, overrides, MORNING.isoformat())
        try:
            await gateway.start()
            async with ClockDriver(group.clock, [f"http://127.0.0.1:{gateway.ops_port}"]) as driver:
                stage = Stage(gateway, group.carriers, {})
                await stage.esme("shop")
                await stage.esme("orders")
                yield World(stage, group, driver)
                await stage.close()
        finally:
            gateway.close()


async def test_a_days_cap_and_a_night_window(world: World, record_property: pytest.RecordProperty) -> None:
    stage, began_s = world.stage, time.monotonic()
    recipient = stage.recipient()
    assert await stage.status("shop", recipient) == 0
    assert await stage.status("shop", recipient) == CAPPED, "one of marketing a day"
    await world.advance(DAY_S)
    assert await stage.status("shop", recipient) == 0, "the next day"
    assert await stage.status("shop", recipient) == CAPPED

    await world.set(NIGHT)
    sleeper = stage.recipient()
    (answer,) = await stage.send("shop", sleeper)
    assert answer.ok
    await world.set(TOO_EARLY)
    await stage.settled()
    assert stage.arrived(sleeper) == []
    await world.set(OPEN)
    (message,) = await stage.arrives(sleeper)
    await world.group.wait_for(lambda: world.group.carriers["alpha"].receipts_waiting, 5, "its receipt to be planned")
    await world.advance(30 * 60)
    (receipt,) = await stage.receipts("shop", answer.message_id)
    took_s = time.monotonic() - began_s

    assert len(stage.arrived(recipient)) == 2
    assert message.wall_s == OPEN.timestamp()
    assert state_and_err(receipt) == ("DELIVRD", 2, "000")
    sent = [entry for entry in world.group.entries("receipt") if entry.destination == message.source]
    assert parse_receipt_date(_field(pdu.Sm(sent[-1].pdu).payload, "done")) == datetime(2026, 11, 20, 9, 30)
    assert parse_receipt_date(_field(receipt.sm.payload, "done")) == datetime(2026, 11, 20, 9, 30)
    record_property("body_s", round(took_s, 3))
    print(f"a day's cap and a night took {took_s:.2f} s")


def _field(text: bytes, name: str) -> str:
    return text.decode().partition(f"{name} date:")[2].split(" ")[0]


async def test_network_time_is_not_moved(world: World) -> None:
    """Days pass in a moment; nobody is unbound, and enquire_link goes on at its own pace."""
    before = world.connections
    esme = await world.stage.esme("shop")
    links = list(esme.links)
    alpha = world.group.carriers["alpha"]
    for _ in range(5):
        await world.advance(DAY_S)
        await world.stage.settled()
    await world.set(MORNING)
    await world.stage.settled()
    assert world.connections == before
    assert esme.links == links
    assert all(link.open for link in links)
    enquired = alpha.stats.enquire_links
    assert enquired < 20, "the gateway's enquire_link timer is of real time"


async def test_steps_are_recorded_on_the_day_on_which_they_happened(world: World) -> None:
    stage = world.stage
    await world.set(MORNING)
    recipient = stage.recipient()
    (answer,) = await stage.send("shop", recipient)
    await stage.arrives(recipient)
    await world.advance(DAY_S)
    await stage.receipts("shop", answer.message_id)

    def steps() -> list[dict[str, object]]:
        return stage.gateway.steps(answer.message_id)

    await stage.gateway.wait_for(lambda: len({str(step["at"])[:10] for step in steps()}) == 2, 5, "both days")
    names = {path.name for path in (stage.gateway.site / "state" / "records").iterdir()}
    assert {"2026-11-18T02.node1.rec", "2026-11-19T02.node1.rec"} <= names


async def test_a_clock_that_runs_fast(world: World) -> None:
    """At 3600 times its pace a receipt of half an hour comes in half a second, and hours are those of the clock."""
    stage = world.stage
    await world.set(MORNING)
    recipient = stage.recipient()
    (answer,) = await stage.send("shop", recipient)
    assert answer.ok
    await stage.arrives(recipient)
    began_s = time.monotonic()
    await world.run_at(3600)
    # The gateway's clock began to run a little later, and a receipt's date has no seconds.
    behind_s = 60 + 3600 * (time.monotonic() - began_s)
    (receipt,) = await stage.receipts("shop", answer.message_id)
    took_s = time.monotonic() - began_s
    await world.run_at(0)
    done = parse_receipt_date(_field(receipt.sm.payload, "done"))
    assert done is not None
    assert 30 * 60 - behind_s <= (done - MORNING.replace(tzinfo=None)).total_seconds() <= 30 * 60 + 3600 * took_s


async def test_segments_of_a_slow_application_are_not_outrun(world: World) -> None:
    """A fast clock makes a minute of a blink; that an application is slow is no reason to give its message up."""
    stage = world.stage
    await world.set(MORNING)
    await world.run_at(3600)
    recipient, esme = stage.recipient(), await stage.esme("orders")
    for part in Envelope(SOURCES["orders"], recipient).parts(NOTICE * 30, "udh", 9):
        answer = await esme.request(part)  # it waits for each answer, which takes the gateway 0.3 s
        assert answer.ok
    assert "".join(each.text for each in await stage.arrives(recipient, 6)) == NOTICE * 30
    await world.run_at(0)


async def test_tries_go_on_while_the_clock_stands_still(world: World) -> None:
    stage = world.stage
    await world.set(MORNING)
    recipient = f"{UNLUCKY}00001"
    assert await stage.status("orders", recipient) == 0
    first, second = await stage.arrives(recipient, 2)
    assert (first.status, second.status) == (_AGAIN_LATER, 0)


@pytest.mark.parametrize("pushed", [True, False], ids=["pushed", "not pushed"])
async def test_what_is_due_is_done_once_gateways_have_the_time(pushed: bool) -> None:
    theirs = TestClock(MORNING, rate=0)
    ops = OpsServer(CollectorRegistry(), Heartbeat(), port=0, test_clock=theirs)
    ops.start()
    clock, seen = SimClock(MORNING, rate=0), list[datetime]()
    try:
        async with CarrierGroup([CarrierSettings()], clock) as group, ClockDriver(clock, [ops.url]) as driver:
            group.later(60, lambda _: seen.append(theirs.now()), None)
            clock.advance(3600)
            assert seen == []
            if pushed:
                await driver.push()
            else:
                await group.wait_for(lambda: seen, 5, "the deed")
            assert seen == [clock.now()]
        ops.stop()
        async with CarrierGroup([CarrierSettings()], clock) as group, ClockDriver(clock, [ops.url]) as driver:
            group.later(60, lambda _: seen.append(clock.now()), None)
            clock.advance(60)
            with pytest.raises(ClockDriveError, match="is the gateway running"):
                await driver.push()
            assert seen[1:] == [clock.now()], "a gateway that is away holds nobody up"
    finally:
        ops.stop()
