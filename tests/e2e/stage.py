"""A stage for scenarios: one running gateway, simulated carriers around it, applications bound when first asked for.

    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def stage(tmp_path_factory):
        async with open_stage(tmp_path_factory.mktemp("site"), overrides={...}) as stage:
            yield stage

Tests of a module share the gateway, so each takes recipients of its own (``stage.recipient()``) and says what
time it is. That a message did *not* reach a carrier is asserted after ``stage.settled()``: a message sent after it
has arrived, and nothing is on its way any more.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from simulators.carrier.message import Message
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.answer import Answer
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim, Incoming
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from tests.e2e.gateway import EXAMPLE, PASSWORDS, WORKDAY, GatewayProcess, Overrides

MARKETING = "【示例商城】双十一全场五折，拒收请回复R"
NOTICE = "【示例物流】您的包裹已送达"
OTP = "【示例科技】您的验证码是123456"
SOURCES = {"shop": "106900013001", "orders": "1069000120", "login": "1069000110"}
#: Where accounts of a test's own send from: their numbers are nobody's, for a number is one account's.
OTHER_SOURCE = "10650077"
TEXTS = {"shop": MARKETING, "orders": NOTICE, "login": OTP}


def account_like(base: str, system_id: str, **changes: Any) -> dict[str, Any]:
    """The example's account ``base`` under another name, with the same password and no numbers of its own."""
    found = tomllib.loads((EXAMPLE / "accounts" / f"{base}.toml").read_text(encoding="utf-8"))
    return {**found, "system_id": system_id, "numbers": [], **changes}


def carrier_like_alpha(name: str, port: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The example's carrier alpha under another name and port."""
    found = tomllib.loads((EXAMPLE / "carriers" / "alpha.toml").read_text(encoding="utf-8"))
    quick = {"reconnect_min": "100ms", "reconnect_max": "500ms"}
    return {**found, "name": name, "port": port, **quick, **changes}


def routes(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The example's routes, with ``changes`` merged into those that are named."""
    found = tomllib.loads((EXAMPLE / "routes.toml").read_text(encoding="utf-8"))["route"]
    return [{**route, **changes.get(route["name"], {})} for route in found]


def source_of(account: str) -> str:
    """The number that an account sends from."""
    return SOURCES.get(account, OTHER_SOURCE)


#: Scenarios send one text again and again; the one about rule 17 says so.
SAME_CONTENT_MAY_COME_AGAIN = {f"profiles/{name}.toml": {"same_content": None} for name in ("cn", "us")}


class Stage:
    """What a scenario needs; made by ``open_stage``. ``bases``: account → the account of the example it is like."""

    def __init__(self, gateway: GatewayProcess, carriers: dict[str, CarrierSim], bases: Mapping[str, str]) -> None:
        self.gateway = gateway
        self.carriers = carriers
        self._bases = bases
        self._esmes: dict[str, EsmeSim] = {}
        self._recipients = (f"86138{number:08}" for number in itertools.count(1))

    @property
    def alpha(self) -> CarrierSim:
        return self.carriers["alpha"]

    @property
    def beta(self) -> CarrierSim:
        return self.carriers["beta"]

    def settings(self, account: str, **changes: Any) -> EsmeSettings:
        """How ``account`` binds."""
        password = PASSWORDS[self._bases.get(account, account)]
        return EsmeSettings(**{"port": self.gateway.port, "system_id": account, "password": password, **changes})

    async def esme(self, account: str = "shop", **changes: Any) -> EsmeSim:
        """The account's application, bound (again, if its connection went); ``changes`` as in ``settings``, once."""
        esme = self._esmes.get(account)
        if esme is None:
            esme = self._esmes[account] = EsmeSim(self.settings(account, **changes))
        if not esme.bound:
            await esme.connect()
        return esme

    async def close(self) -> None:
        """Unbind everybody."""
        for esme in self._esmes.values():
            await esme.disconnect()

    # -- sending

    def recipient(self) -> str:
        """One that no scenario had before."""
        return next(self._recipients)

    async def send(self, account: str, recipient: str, text: str | None = None, **fields: Any) -> list[Answer]:
        """Submit a text as the segments it needs; all their answers."""
        base = self._bases.get(account, account)
        esme = await self.esme(account)
        source = fields.pop("source", source_of(account))
        sent = esme.submit_long(source, recipient, TEXTS[base] if text is None else text, **fields)
        return [await answer for answer in sent]

    async def status(self, account: str, recipient: str, text: str | None = None, **fields: Any) -> int:
        """``send``, and the one status of all its answers."""
        statuses = {answer.status for answer in await self.send(account, recipient, text, **fields)}
        assert len(statuses) == 1, f"answered differently: {statuses}"
        return statuses.pop()

    async def ask(self, account: str, command: CommandId, message_id: str, source: str = "", **fields: Any) -> Answer:
        """query_sm, cancel_sm or replace_sm."""
        esme = await self.esme(account)
        ton_npi = {"source_addr_ton": 0, "source_addr_npi": 1}
        sender = source or source_of(account)
        body = {"message_id": message_id.encode(), "source_addr": sender.encode()} | ton_npi | fields
        return await esme.request(lambda number: encode(Pdu(int(command), 0, number, body)))

    async def mo(self, sender: str, dialled: str, text: str, carrier: str = "alpha") -> None:
        """What a handset writes; returns when the gateway has answered the carrier for it, so it is durable."""
        sim = self.carriers[carrier]
        acked = sim.stats.mo_acked + sim.send_mo(sender, dialled, text)
        await sim.wait_for(lambda: sim.stats.mo_acked >= acked, 10, "the MO to be taken")

    # -- looking

    def arrived(self, recipient: str) -> list[Message]:
        """What reached any carrier for a recipient, refused and repeated ones too."""
        tail = recipient[-11:]
        return [each for sim in self.carriers.values() for each in sim.received if each.recipient.endswith(tail)]

    async def arrives(self, recipient: str, count: int = 1, deadline_s: float = 30) -> list[Message]:
        """Wait until ``count`` segments reached carriers; returns all that did."""
        await self.gateway.wait_for(
            lambda: len(self.arrived(recipient)) >= count, deadline_s, f"{count} at the carrier"
        )
        return self.arrived(recipient)

    async def receipts(self, account: str, *message_ids: str, deadline_s: float = 30) -> list[Incoming]:
        """The receipts for these ids, one each, in their order."""
        esme = await self.esme(account)
        found: Callable[[str], list[Incoming]] = lambda key: [r for r in esme.receipts if r.message_id == key]  # noqa: E731
        await esme.wait_for(lambda: all(map(found, message_ids)), deadline_s, f"receipts for {message_ids}")
        assert all(len(found(key)) == 1 for key in message_ids), "a receipt came twice"
        return [found(key)[0] for key in message_ids]

    async def settled(self) -> None:
        """Return once a notice that is sent now has come through and no carrier has anything unanswered."""
        recipient = self.recipient()
        (answer,) = await self.send("orders", recipient)
        assert answer.ok, answer
        await self.arrives(recipient)
        await self.gateway.wait_for(self._is_quiet, 10, "nothing under way")

    def _is_quiet(self) -> bool:
        status = self.gateway.status()
        calls = all(not kind["waiting"] for kind in status["store"]["calls"].values())
        return calls and not any(
            carrier["in_flight"] or any(carrier["waiting"].values()) for carrier in status["carriers"].values()
        )


def state_and_err(receipt: Incoming) -> tuple[str | None, int | None, str | None]:
    """stat, message_state and err of a receipt."""
    assert receipt.receipt is not None
    return receipt.receipt.stat, receipt.receipt.message_state, receipt.receipt.err


@asynccontextmanager
async def open_stage(
    directory: Path,
    carriers: Mapping[str, CarrierSettings] | None = None,
    overrides: Overrides | None = None,
    accounts: Mapping[str, tuple[str, dict[str, Any]]] | None = None,
    more_carriers: Mapping[str, dict[str, Any]] | None = None,
    clock: str = WORKDAY,
    ready: bool = True,
) -> AsyncIterator[Stage]:
    """Start carriers (two plain ones unless given) and a gateway; end all of it.

    ``accounts``: further ones, name → (the example's account it is like, what differs). ``more_carriers``: further
    ones of ``carriers``, name → how their files differ from alpha's. ``ready`` False: its carriers may be down.
    """
    async with AsyncExitStack() as stack:
        wanted = carriers if carriers is not None else {"alpha": CarrierSettings(), "beta": CarrierSettings()}
        sims = {name: await stack.enter_async_context(CarrierSim(settings)) for name, settings in wanted.items()}
        extra = accounts or {}
        files = {
            f"accounts/{name}.toml": account_like(base, name, **changes) for name, (base, changes) in extra.items()
        }
        for name, changes in (more_carriers or {}).items():
            files[f"carriers/{name}.toml"] = carrier_like_alpha(name, sims[name].port, changes)
        ports = {name: sim.port for name, sim in sims.items()}
        gateway = GatewayProcess(directory, ports, SAME_CONTENT_MAY_COME_AGAIN, clock)
        gateway.override({**files, **(overrides or {})})
        stack.callback(gateway.close)
        await gateway.start(ready=ready)
        stage = Stage(gateway, sims, {name: base for name, (base, _) in extra.items()})
        stack.push_async_callback(stage.close)
        yield stage
