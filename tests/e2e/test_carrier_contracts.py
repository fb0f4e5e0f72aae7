"""A contract with every carrier in config/: each file drives the gateway and, by its [habits], the carrier simulated.

One gateway has them all, and one run takes all through it at once: bind, a handful of messages (more than a throttled
carrier takes at a time), a long one in a form that the carrier may not take, receipts for all, then every connection
drops and one message more goes through. The tests look at what came of each.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.group import CarrierGroup
from simulators.carrier.message import Message
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.answer import Answer
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from simulators.scenario.load import load_scenario
from tests.e2e.gateway import ROOT, GatewayProcess
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CONFIG = ROOT / "config"
QUIRKS = CONFIG / "quirks"
PATHS = sorted(CONFIG.glob("*/carriers/*.toml"))
SHORT = 24
LONG = "【示例科技】您的验证码是654321，" + "请勿告诉他人。" * 12
PATIENCE_S = 15.0
KINDS = {(True, True): "transceiver", (True, False): "transmitter", (False, True): "receiver"}
#: What the gateway does too fast or too much at once is answered with these.
TOO_MUCH = (0x58, 0x14, 0x45)


@dataclass(slots=True)
class Contract:
    """One carrier and what came of it."""

    path: Path
    name: str
    prefix: str
    settings: CarrierSettings
    sim: CarrierSim = field(init=False)
    bound: Counter[str] = field(default_factory=Counter)
    short: list[Answer] = field(default_factory=list)
    long: list[Answer] = field(default_factory=list)
    late: list[Answer] = field(default_factory=list)
    binds_before_drop: int = 0
    #: States of the receipts that came back, by message id.
    states: dict[str, list[str]] = field(default_factory=dict)

    @property
    def file(self) -> dict[str, Any]:
        return tomllib.loads(self.path.read_text(encoding="utf-8"))

    @property
    def accepted(self) -> list[Message]:
        return [message for message in self.sim.received if message.status == 0]

    @property
    def is_half_open(self) -> bool:
        return any("half_open" in rule.changes for rule in self.settings.rules)

    def reported(self, answers: list[Answer]) -> bool:
        return all(self.states.get(answer.message_id) for answer in answers)

    def is_through(self) -> bool:
        """All messages were taken, and all receipts of the short ones are back."""
        return {message.text for message in self.accepted} >= {text_of(n) for n in range(SHORT)} and self.reported(
            [*self.short, *self.long[-1:]]
        )


def text_of(number: int) -> str:
    return f"【示例科技】您的验证码是{100_000 + number}"


def contract_of(number: int, path: Path) -> Contract:
    site = path.parent.parent.name
    name = path.stem if site == QUIRKS.name else f"{site}-{path.stem}"
    settings = replace(load_scenario(path).carriers[0], name=name, port=0)
    settings = replace(settings, outbinds=tuple(replace(each, port=free_port()) for each in settings.outbinds))
    return Contract(path, name, f"86138{number:02}", settings)


class Trip:
    """All contracts, gone through once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.contracts = {path: contract_of(number, path) for number, path in enumerate(PATHS)}
        self.orphans: Counter[str] = Counter()

    async def run(self) -> None:
        async with CarrierGroup([each.settings for each in self.contracts.values()]) as group:
            for each in self.contracts.values():
                each.sim = group.carriers[each.name]
            gateway = self._gateway()
            try:
                await gateway.start()
                await self._with(gateway, group)
                for name in group.carriers:
                    self.orphans[name] = int(gateway.metric("smsgw_carrier_receipts_orphan_total", carrier=name))
            finally:
                gateway.close()

    def _gateway(self) -> GatewayProcess:
        carriers = {}
        routes = []
        for each in self.contracts.values():
            quick = {"port": each.sim.port, "reconnect_min": "50ms", "reconnect_max": "100ms"}
            carriers[f"carriers/{each.name}.toml"] = {**each.file, "name": each.name, **quick}
            for outbind in each.settings.outbinds:
                carriers[f"carriers/{each.name}.toml"]["outbind"] = {**each.file["outbind"], "port": outbind.port}
            routes.append({"name": each.name, "prefix": [each.prefix], "carriers": [each.name]})
        for path in CONFIG.glob("*/codes/*.toml"):
            carriers[f"codes/{path.name}"] = tomllib.loads(path.read_text(encoding="utf-8"))
        return GatewayProcess(self.directory, overrides={**carriers, "routes.toml": {"route": routes}}, base=QUIRKS)

    async def _with(self, gateway: GatewayProcess, group: CarrierGroup) -> None:
        contracts = self.contracts.values()
        wait = partial(group.wait_for, deadline_s=PATIENCE_S)
        application = EsmeSettings(port=gateway.port, system_id="app", password="load1234", binds=("trx",))
        async with EsmeSim(application) as esme:
            with suppress(TimeoutError):
                await wait(lambda: all(each.sim.bound == each.settings.max_binds for each in contracts))
            for each in contracts:
                each.bound = Counter(KINDS[link.can_submit, link.can_receive] for link in each.sim.links)
            await self._send(esme)
            with suppress(TimeoutError):
                await esme.wait_for(
                    lambda: self._note(esme) and all(each.is_through() for each in contracts), PATIENCE_S
                )
            for each in contracts:
                each.binds_before_drop = each.sim.stats.binds
                each.sim.drop_all()
            with suppress(TimeoutError):
                await wait(lambda: all(each.sim.bound == each.settings.max_binds for each in contracts))
            asked = [(each, esme.submit("10690001", f"{each.prefix}999999", text_of(SHORT), registered_delivery=1))
                     for each in contracts]  # fmt: skip
            for each, answer in asked:
                each.late.append(await answer)
            with suppress(TimeoutError):
                await esme.wait_for(
                    lambda: self._note(esme) and all(each.reported(each.late) for each in contracts), PATIENCE_S
                )

    async def _send(self, esme: EsmeSim) -> None:
        asked = []
        for each in self.contracts.values():
            for number in range(SHORT):
                to = f"{each.prefix}{number:06}"
                asked.append((each.short, esme.submit("10690001", to, text_of(number), registered_delivery=1)))
        for each in self.contracts.values():
            sent = esme.submit_long("10690001", f"{each.prefix}888888", LONG, long="payload", registered_delivery=1)
            asked += [(each.long, answer) for answer in sent]
        for into, answer in asked:
            into.append(await answer)

    def _note(self, esme: EsmeSim) -> bool:
        by_prefix = {each.prefix: each for each in self.contracts.values()}
        for each in self.contracts.values():
            each.states.clear()
        for incoming in esme.receipts:
            assert incoming.receipt is not None
            states = by_prefix[incoming.source[:7]].states
            states.setdefault(str(incoming.receipt.id), []).append(str(incoming.receipt.stat))
        return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trip(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trip]:
    trip = Trip(tmp_path_factory.mktemp("contracts"))
    await trip.run()
    yield trip


@pytest.fixture(params=PATHS, ids=[f"{path.parent.parent.name}/{path.stem}" for path in PATHS])
def contract(trip: Trip, request: pytest.FixtureRequest) -> Contract:
    return trip.contracts[request.param]


async def test_its_binds_are_those_of_the_file(contract: Contract) -> None:
    wanted: Counter[str] = Counter()
    for group in contract.file.get("binds", [{"type": "transceiver"}]):
        wanted[group["type"]] += group.get("count", 1)
    assert contract.bound == wanted


async def test_every_message_arrives_once_and_every_receipt_comes_back(contract: Contract, trip: Trip) -> None:
    assert [answer.status for answer in contract.short] == [0] * SHORT
    copies = Counter(message.text for message in contract.accepted)
    missing = {text_of(number) for number in range(SHORT)} - copies.keys()
    assert not missing
    assert contract.is_half_open or all(copies[text_of(number)] == 1 for number in range(SHORT))
    states = [contract.states.get(answer.message_id) for answer in contract.short]
    assert states == [["DELIVRD"]] * SHORT
    assert trip.orphans[contract.name] == 0


async def test_its_window_and_rate_are_kept_or_it_is_obeyed(contract: Contract) -> None:
    refused = sum(contract.sim.stats.statuses.get(status, 0) for status in TOO_MUCH)
    throttles = contract.settings.tps < _rate(contract) and contract.settings.tps_status
    assert bool(refused) == bool(throttles)
    assert contract.is_half_open or contract.sim.stats.unanswered == 0


def _rate(contract: Contract) -> float:
    return float(str(contract.file.get("rate", "100/s")).removesuffix("/s"))


async def test_a_long_message_goes_in_a_form_that_it_takes_in_order_over_one_bind(contract: Contract) -> None:
    parts = [message for message in contract.accepted if message.recipient.endswith("888888")]
    assert parts
    assert len({message.link for message in parts}) == 1 or contract.is_half_open
    if contract.settings.long_forms == {"udh8"}:
        headers = [message.sm.payload[:6] for message in parts]
        assert [header[:3] for header in headers] == [b"\x05\x00\x03"] * len(headers)
        assert [header[5] for header in headers] == list(range(1, headers[0][4] + 1))
    assert contract.states.get(contract.long[-1].message_id) == ["DELIVRD"]


async def test_it_binds_again_and_goes_on(contract: Contract) -> None:
    assert contract.sim.stats.binds - contract.binds_before_drop >= contract.settings.max_binds
    (late,) = contract.late
    assert contract.states.get(late.message_id) == ["DELIVRD"]


async def test_there_is_a_carrier_for_each_habit() -> None:
    assert len(list((QUIRKS / "carriers").glob("*.toml"))) >= 8
