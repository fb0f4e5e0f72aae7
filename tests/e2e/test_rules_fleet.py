"""Two gateway processes on one Redis: what one of them learns, the other obeys within a second, under load.

Both are bound to the same carrier, but only the first one's connections receive; applications bind to both. The load is
some hundred messages a second to recipients of its own, all of which must be answered ESME_ROK.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.services import pauses
from smsgw.store.server import EmbeddedServer
from tests.e2e.gateway import PASSWORDS, GatewayProcess, Overrides
from tests.e2e.staff import staff_of
from tests.e2e.stage import MARKETING, NOTICE, SOURCES

pytestmark = pytest.mark.e2e

OPTED_OUT, BLACKLISTED, PAUSED = 0x410, 0x411, 0x450
MALL_NUMBER = "106900013001"
LOAD_PER_S = 300
EFFECTIVE_S = 1.0
GENEROUS: Overrides = {
    "profiles/cn.toml": {
        "same_content": None,
        "cap": [
            {"name": f"marketing-{period}", "class": "marketing", "scope": "company", "limit": 9000, "period": period}
            for period in ("day", "week")
        ],
    }
}


class Fleet:
    """Two gateways, ``a`` and ``b``; the carriers are one simulator, so receipts find either."""

    def __init__(self, first: GatewayProcess, second: GatewayProcess, alpha: CarrierSim) -> None:
        self.a, self.b, self.alpha = first, second, alpha
        self.statuses: dict[int, int] = {}

    def application(self, gateway: GatewayProcess, account: str) -> EsmeSim:
        return EsmeSim(EsmeSettings(port=gateway.port, system_id=account, password=PASSWORDS[account]))

    async def load(self, until: asyncio.Event) -> None:
        """Notices through both processes; counts the statuses of their answers."""
        async with self.application(self.a, "orders") as one, self.application(self.b, "orders") as two:
            asked = []
            number = 0
            while not until.is_set():
                for esme in (one, two):
                    number += 1
                    asked.append(esme.submit(SOURCES["orders"], f"86139{number:08}", NOTICE))
                await asyncio.sleep(2 / LOAD_PER_S)
            for answer in asked:
                status = (await answer).status
                self.statuses[status] = self.statuses.get(status, 0) + 1


@asynccontextmanager
async def fleet_of(directory: Path) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        alpha = await stack.enter_async_context(CarrierSim(CarrierSettings()))
        ports = {"alpha": alpha.port}
        gateways = []
        for name in ("one", "two"):
            place = directory / name
            place.mkdir()
            gateway = GatewayProcess(place, ports, GENEROUS)
            stack.callback(gateway.close)
            gateways.append(gateway)
        first, second = gateways
        await first.start()
        # The second process works on the first one's server, with its keys.
        second.override(
            {
                "smsgw.toml": {
                    "node": {"name": "node2"},
                    "apply": {"follow": False},
                    "store": {
                        "url": EmbeddedServer(first.site / "state", None, "always").url,
                        "secrets": str(first.site / "state" / "secrets.toml"),
                    },
                },
                # So every MO and every receipt comes to the first.
                "carriers/alpha.toml": {"binds": [{"type": "transmitter", "count": 2}]},
            }
        )
        await second.start()
        yield Fleet(first, second, alpha)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with fleet_of(tmp_path) as fleet:
        yield fleet


async def until_answered(send: Callable[[], Awaitable[int]], wanted: int, deadline_s: float = 5.0) -> float:
    """Send until the answer is ``wanted``; how long that took."""
    start_s = time.monotonic()
    while (status := await send()) != wanted:
        assert time.monotonic() - start_s < deadline_s, f"still answered 0x{status:X}"
        await asyncio.sleep(0.01)
    return time.monotonic() - start_s


async def test_what_a_recipient_says_through_one_process_holds_on_the_other(fleet: Fleet) -> None:
    """Each word comes in through the first process, each message through the second."""
    over = asyncio.Event()
    recipients = [f"861380000{number:04}" for number in range(8)]
    async with asyncio.TaskGroup() as tasks, fleet.application(fleet.b, "shop") as shop:
        tasks.create_task(fleet.load(over))
        await asyncio.sleep(1)
        for number, recipient in enumerate(recipients):

            async def send(to: str = recipient) -> int:
                return (await shop.submit(SOURCES["shop"], to, MARKETING)).status

            assert await send() == 0
            text, wanted = ("退订", OPTED_OUT) if number % 2 == 0 else ("投诉", BLACKLISTED)
            fleet.alpha.send_mo(recipient, MALL_NUMBER, text)
            took_s = await until_answered(send, wanted)
            assert took_s < EFFECTIVE_S, f"{took_s:.2f} s"
        over.set()
    assert set(fleet.statuses) == {0}
    assert fleet.statuses[0] > 100


async def test_a_pause_holds_on_both_and_so_does_its_end(fleet: Fleet) -> None:
    over = asyncio.Event()
    async with (
        staff_of(fleet.a) as staff,
        asyncio.TaskGroup() as tasks,
        fleet.application(fleet.a, "shop") as one,
        fleet.application(fleet.b, "shop") as two,
    ):
        tasks.create_task(fleet.load(over))
        await asyncio.sleep(0.5)
        for number in range(3):
            recipient = f"861370000{number:04}"
            await pauses.pause(staff(), "account:shop", why="complaints are gathering")
            for esme in (one, two):

                async def send(by: EsmeSim = esme, to: str = recipient) -> int:
                    return (await by.submit(SOURCES["shop"], to, MARKETING)).status

                assert await until_answered(send, PAUSED) < EFFECTIVE_S
            assert [each["scope"] for each in fleet.b.status()["pauses"]] == ["account:shop"]
            await pauses.resume(staff(), "account:shop", why="they were about another company")
            for esme in (one, two):

                async def again(by: EsmeSim = esme, to: str = recipient) -> int:
                    return (await by.submit(SOURCES["shop"], to, MARKETING)).status

                assert await until_answered(again, 0) < EFFECTIVE_S
        over.set()
    assert set(fleet.statuses) == {0}
