"""One gateway and one simulated carrier for all tests of a module; foreign clients bind to them.

The site is the example's, with two changes: notices need no signature (a GSM text can't have 【】), and a second
account, ``plain``, gets nothing but statuses of the specification. The gateway asks enquire_link every second.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from simulators.carrier.message import Message
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from tests.e2e.gateway import EXAMPLE, GatewayProcess, Overrides

NUMBER, PLAIN_NUMBER = "1069000120", "1069000140"


@dataclass
class World:
    """A running gateway behind which a simulated carrier stands."""

    gateway: GatewayProcess
    alpha: CarrierSim
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def recipient(self) -> str:
        """A number that no other test of the module sends to."""
        return f"8613800{next(self._numbers):06}"

    async def arrived(self, recipient: str, count: int = 1) -> list[Message]:
        """What the carrier got for a recipient, once there are ``count``."""

        def found() -> list[Message]:
            return [message for message in self.alpha.received if message.recipient == recipient]

        await self.alpha.wait_for(lambda: len(found()) >= count, 10, f"{count} at the carrier for {recipient}")
        assert len(found()) == count
        return found()

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait for a condition, at most 10 s."""
        await self.gateway.wait_for(condition, 10, what)


def site_overrides() -> Overrides:
    """What the site has that the example has not."""
    orders = tomllib.loads((EXAMPLE / "accounts" / "orders.toml").read_text(encoding="utf-8"))
    plain = {
        **orders,
        "system_id": "plain",
        "numbers": [{"number": PLAIN_NUMBER, "signature": ""}],
        "explain": False,
        "vendor_codes": False,
    }
    return {
        "smsgw.toml": {"listener": {"enquire_link": "1s"}},
        "profiles/cn.toml": {"signature": {"required_for": ["otp", "marketing"]}},
        "accounts/orders.toml": {"max_binds": 20},
        "accounts/plain.toml": plain,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The module's gateway and carrier."""
    directory: Path = tmp_path_factory.mktemp("interop")
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = GatewayProcess(directory, carriers={"alpha": alpha.port}, overrides=site_overrides())
        try:
            await gateway.start()
            yield World(gateway, alpha)
            assert await gateway.stop() == 0
            assert not [event for event in gateway.events() if event["level"] == "error"]
        finally:
            gateway.close()
