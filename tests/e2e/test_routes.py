"""Routes in a running gateway: shares by weight, provinces, networks, signatures, a lowered lane."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulators.carrier.settings import CarrierSettings
from tests.e2e.gateway import WORKDAY
from tests.e2e.stage import Stage, open_stage
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

ROUTES = [
    {"name": "guangdong", "province": "guangdong", "class": "notice", "carriers": ["beta", "alpha"]},
    {"name": "telecom", "network": "telecom", "class": "notice", "carriers": ["gamma", "alpha"]},
    {"name": "members", "signature": "示例会员", "carriers": ["gamma", "beta"]},
    {"name": "shared", "weights": {"alpha": 50, "beta": 50}, "backups": ["gamma"]},
]
#: 138 0013 is Beijing's, 138 0220 is Guangdong's; 133 is Telecom's.
BEIJING, GUANGDONG, TELECOM = "8613800138000", "8613802201234", "8613312345678"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("site")
    carriers = {name: CarrierSettings(port=free_port(), magic_prefix="") for name in ("alpha", "beta", "gamma")}
    overrides = {"routes.toml": {"route": ROUTES}, "accounts/orders.toml": {"lane": "marketing"}}
    async with open_stage(directory, carriers, overrides, more_carriers={"gamma": {}}) as stage:
        stage.gateway.set_clock(WORKDAY)
        yield stage


async def carried(stage: Stage, account: str, recipient: str, text: str | None = None) -> list[str]:
    """The carriers that got a new message."""
    before = {name: len(sim.received) for name, sim in stage.carriers.items()}
    (answer,) = await (stage.send(account, recipient, text) if text else stage.send(account, recipient))
    assert answer.ok, answer
    await stage.receipts(account, answer.message_id)
    return [name for name, sim in stage.carriers.items() if len(sim.received) > before[name]]


@pytest.mark.parametrize(("recipient", "carrier"), [(GUANGDONG, "beta"), (TELECOM, "gamma")])
async def test_by_province_and_network(stage: Stage, recipient: str, carrier: str) -> None:
    assert await carried(stage, "orders", recipient) == [carrier]


async def test_by_a_signature_that_is_found_in_the_text(stage: Stage) -> None:
    assert await carried(stage, "shop", BEIJING, "【示例会员】新品上市，拒收请回复R") == ["gamma"]


async def test_carriers_share_and_a_number_keeps_its_own(stage: Stage) -> None:
    numbers = [f"86139000{number:05}" for number in range(24)]
    first = [await carried(stage, "orders", number) for number in numbers]
    assert {tuple(each) for each in first} == {("alpha",), ("beta",)}
    assert [await carried(stage, "orders", number) for number in numbers[:2]] == first[:2]
