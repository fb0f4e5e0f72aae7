"""Everything that takes part: two carriers, the gateway, one bind for each application; and their end.

``async with Stage(directory)`` starts all of it and ends all of it, whatever happened in between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.ids import IdForm
from simulators.carrier.settings import Match, Rule
from simulators.carrier.states import UNDELIVERED
from simulators.demo.acts import ACCOUNTS
from simulators.demo.console import ConsoleProcess
from simulators.demo.country import UNREACHED
from simulators.demo.facts import DemoError
from simulators.demo.gateway import GatewayProcess
from simulators.demo.site import Ports, free_port, make_site
from simulators.esme import EsmeSettings, EsmeSim
from simulators.spread import Delay
from smsgw.errors import LinkError

_POLL_S = 0.01
_RULES = (Rule(Match(recipients=(UNREACHED,)), {"rest_state": UNDELIVERED}, "not reached"),)
_CARRIERS = {
    "alpha": CarrierSettings(
        smsc_id="alpha",
        accounts={"smsgw": "alpha123"},
        response=Delay("fixed", 0.04),
        receipt=Delay("uniform", 0.05, 0.2),
        resend_after_s=2.0,
        rules=_RULES,
    ),
    # Its ids are hexadecimal in responses and decimal in receipts, as some carriers' are.
    "beta": CarrierSettings(
        smsc_id="beta",
        accounts={"smsgw": "beta1234"},
        response=Delay("uniform", 0.01, 0.03),
        receipt=Delay("uniform", 0.05, 0.2),
        response_id=IdForm("hex"),
        receipt_id=IdForm("dec"),
        id_base=2_500_000_000,
        rules=_RULES,
    ),
}


class Stage:
    """The parties, by name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.carriers = {name: CarrierSim(settings) for name, settings in _CARRIERS.items()}
        self.applications: dict[str, EsmeSim] = {}
        self.gateway: GatewayProcess
        self.console: ConsoleProcess
        self.smpp_port = 0
        self.started_s = time.monotonic()
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Stage:
        try:
            await self._start()
        except BaseException:  # also when interrupted: children that were started must not stay
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    async def _start(self) -> None:
        for name, carrier in self.carriers.items():
            try:
                await self._exits.enter_async_context(carrier)
            except OSError as error:
                raise DemoError(f"carrier {name} can't listen: {error}") from error
        ports = Ports(
            free_port(), free_port(), free_port(), {name: carrier.port for name, carrier in self.carriers.items()}
        )
        self.smpp_port = ports.smpp
        site = self.directory / "site"
        make_site(site, ports)
        self.console = ConsoleProcess(site, ports.console)
        self.console.write_people()
        self.gateway = GatewayProcess(site, ports.ops)
        self._exits.push_async_callback(self.gateway.stop)
        await self.gateway.start()
        # It stops before the gateway does, whose store it uses.
        self._exits.push_async_callback(self.console.stop)
        self.console.start()
        warming = asyncio.create_task(self.console.warm())
        self._exits.callback(warming.cancel)
        for system_id, (password, _, _) in ACCOUNTS.items():
            application = self.application(system_id, password)
            try:
                await self._exits.enter_async_context(application)
            except LinkError as error:
                raise DemoError(f"application {system_id} can't bind: {error}", self.gateway.last_lines()) from error
            self.applications[system_id] = application
        if not await until(lambda: self.binds("alpha") == 2 and self.binds("beta") == 2, 10):
            raise DemoError("the gateway did not bind to both carriers", self.gateway.last_lines())

    def application(self, system_id: str, password: str) -> EsmeSim:
        """An application that is not connected yet."""
        return EsmeSim(EsmeSettings(port=self.smpp_port, system_id=system_id, password=password, enquire_s=10))

    def binds(self, carrier: str) -> int:
        """How many binds the gateway has at a carrier."""
        return self.carriers[carrier].bound

    async def close(self) -> tuple[int, int]:
        """Unbind the applications, stop console and gateway while the carriers are still there; their exit status."""
        for application in self.applications.values():
            await application.disconnect()
        console = await self.console.stop()
        return console, await self.gateway.stop()


async def until(condition: Callable[[], object], deadline_s: float) -> bool:
    """Whether ``condition`` came true within ``deadline_s`` seconds."""
    end_s = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        await asyncio.sleep(_POLL_S)
    return True
