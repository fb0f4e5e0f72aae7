"""Several workers on one machine: one port, one status, renewed and killed under load; and edges in processes of their
own. One gateway with two workers serves all tests that leave it whole.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from simulators.spread import Delay
from smsgw.cli.ops_port import act, watch
from smsgw.config.load import load_node
from smsgw.errors import ConnectFailed
from tests.e2e.gateway import ROOT, GatewayProcess, Overrides
from tests.e2e.steady import PREFIXES, Application

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

_CARRIER: dict[str, Any] = {
    "host": "127.0.0.1", "system_id": "smsgw", "password": "secret", "window": 20, "rate": "150/s",
    "reconnect_min": "50ms", "reconnect_max": "200ms",
}  # fmt: skip
#: Of so many connections one comes to the worker that is meant, but for a chance of one in a million.
TRIES = 20


class Place:
    """A gateway with workers, and its carriers."""

    def __init__(self, gateway: GatewayProcess, group: CarrierGroup) -> None:
        self.gateway = gateway
        self.group = group
        self.carriers = group.carriers

    @asynccontextmanager
    async def load(self) -> AsyncIterator[Application]:
        """Under load from four binds; afterwards every promised message has its receipt."""
        async with AsyncExitStack() as stack:
            application = Application([self.gateway.port] * 4)
            for sim in application.sims:
                await stack.enter_async_context(sim)
            for sim in self.carriers.values():
                sim.received.clear()
            async with application.load():
                yield application
            await self.group.wait_for(application.all_reported, 30, "all receipts")

    async def traffic_flows(self) -> None:
        """Over both carriers."""
        wanted = {name: len(sim.received) + 10 for name, sim in self.carriers.items()}
        for name, sim in self.carriers.items():
            await sim.wait_for(_has(sim, wanted[name]), 15, f"messages on {name}")

    def copies(self) -> Counter[str]:
        received = (message for sim in self.carriers.values() for message in sim.received)
        return Counter(message.text for message in received if message.status == 0)


@asynccontextmanager
async def place(directory: Path, workers: str) -> AsyncIterator[Place]:
    common: dict[str, Any] = {
        "accounts": {"smsgw": "secret"},
        "response": Delay.parse("5ms-30ms"),
        "receipt": Delay.parse("20ms-300ms"),
    }
    settings = [CarrierSettings("alpha", max_binds=2, **common), CarrierSettings("beta", max_binds=1, **common)]
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(CarrierGroup(settings))
        ports = {name: sim.port for name, sim in group.carriers.items()}
        gateway = GatewayProcess(
            directory, overrides=_overrides(ports), base=ROOT / "config" / "quirks", run_options=("--workers", workers)
        )
        for path in (gateway.site / "carriers").glob("*.toml"):
            if path.stem not in PREFIXES:
                path.unlink()
        stack.callback(gateway.close)
        await gateway.start()
        await gateway.wait_for(lambda: _all_ready(gateway), what="all workers")
        yield Place(gateway, group)


def _overrides(ports: dict[str, int]) -> Overrides:
    two = [{"type": "transceiver", "count": 2}]
    return {
        "smsgw.toml": {"node": {"name": "n", "lease": "3s"}},
        "accounts/app.toml": {"class": "notice", "max_binds": 50},
        "carriers/alpha.toml": {**_CARRIER, "name": "alpha", "port": ports["alpha"], "binds": two},
        "carriers/beta.toml": {**_CARRIER, "name": "beta", "port": ports["beta"]},
        "routes.toml": {
            "route": [{"name": name, "prefix": [prefix], "carriers": [name]} for name, prefix in PREFIXES.items()]
        },
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with place(tmp_path_factory.mktemp("workers"), "2") as made:
        yield made


async def test_two_workers_are_asked_as_one(pair: Place) -> None:
    gateway = pair.gateway
    await gateway.wait_for(lambda: _alpha(gateway) == (2, 2, 2, 150.0), what="a bind and half of the rate each")
    status = gateway.status()
    assert (status["node"], status["other_nodes"], status["not_ready"]) == ("n", [], {})
    assert {name: each["role"] for name, each in status["workers"].items()} == {"n-1": "all", "n-2": "all"}
    assert {each["status"] for each in status["workers"].values()} == {"ready"}
    links = status["carriers"]["alpha"]["links"]
    assert [(bind["id"], bind["up"]) for bind in links] == [("alpha#0", True), ("alpha#1", True)]
    assert gateway.metric("smsgw_worker_up") == 2
    assert gateway.metric("smsgw_store_up", worker="n-2") == 1
    assert gateway.metric("smsgw_carrier_binds_up", carrier="alpha") == 2
    gateway.set_clock("2026-11-18T15:00:00+08:00")
    assert gateway.status()["business_time"].startswith("2026-11-18T07:00")


async def test_receipts_reach_the_worker_that_has_the_bind(pair: Place) -> None:
    gateway = pair.gateway
    async with AsyncExitStack() as stack:
        sender = await _bound_at(gateway, stack, 1, "transmitter")
        receiver = await _bound_at(gateway, stack, 2, "receiver")
        answer = await sender.submit("10690001", "8613800000001", "【示例科技】您的订单已发货", registered_delivery=1)
        assert answer.ok
        await receiver.wait_for(lambda: receiver.receipts, 10, "the receipt")
        assert str(receiver.receipts[0].receipt.id) == answer.message_id
    await gateway.wait_for(lambda: gateway.status()["accounts"]["app"]["binds"] == 0, what="unbound sessions")


async def test_what_engineers_ask_is_done_by_the_worker_that_has_it(pair: Place) -> None:
    gateway = pair.gateway
    site = load_node(gateway.site)
    async with AsyncExitStack() as stack:
        one = await _bound_at(gateway, stack, 1, "transceiver")
        await _bound_at(gateway, stack, 2, "transceiver")
        seen = watch(site, "trace", account="app", seconds=30.0)
        reading = asyncio.create_task(asyncio.to_thread(next, seen))
        await gateway.wait_for(lambda: gateway.metric("smsgw_traces") == 2, what="both look on")
        assert (await one.submit("10690001", "8613800000001", "【示例科技】您的订单已发货")).ok
        assert (await reading)["pdu"] == "submit_sm"
        await asyncio.to_thread(seen.close)
        mine = sorted(_sessions(gateway))
        assert act(site, "close", session=mine[0]) == {"closed": [mine[0]]}
        await gateway.wait_for(lambda: _sessions(gateway) == set(mine[1:]), what="one less")
    with pytest.raises(ConnectFailed, match="no session 'app/999' is bound here"):
        act(site, "close", session="app/999")
    assert act(site, "rebind", carrier="alpha") == {"rebound": ["alpha#0", "alpha#1"]}
    await gateway.wait_for(lambda: gateway.metric("smsgw_traces") == 0, what="nobody looks on")
    await gateway.wait_for(lambda: gateway.status()["carriers"]["alpha"]["binds_up"] == 2, what="both binds again")


async def test_workers_are_renewed_one_by_one_and_nothing_is_lost(pair: Place) -> None:
    gateway, old = pair.gateway, pair.gateway.worker_pids()
    async with pair.load() as application:
        await pair.traffic_flows()
        gateway.hang_up()
        await gateway.wait_for(lambda: gateway.events("supervisor.renewed"), 60, "both renewed")
        await pair.traffic_flows()
    new = gateway.worker_pids()
    assert new.keys() == old.keys()
    assert not set(new.values()) & set(old.values())
    promised, copies = Counter(application.promised.values()), pair.copies()
    assert promised - copies == Counter(), "lost"
    assert copies - promised == Counter(), "sent twice, or never promised"
    assert {tuple(states) for states in application.states().values()} == {("DELIVRD",)}
    assert all(sim.stats.binds_refused == 0 for sim in pair.carriers.values())
    assert not [event for event in gateway.events() if event.get("level") == "error"]
    # Of alpha one bind was up at any time, for each worker left only when both had theirs.
    assert min(_up_over_time(gateway, "alpha")) == 1
    assert not gateway.events("supervisor.not_settled")
    assert gateway.events("carrier.handed_over")
    assert {event["level"] for event in gateway.events("carrier.unbound")} <= {"info"}
    assert gateway.metric("smsgw_carrier_binds_lost_total") == 0


async def test_a_killed_worker_comes_back_and_the_other_goes_on(pair: Place) -> None:
    gateway, old = pair.gateway, pair.gateway.worker_pids()
    restarts = gateway.status()["workers"]["n-1"]["restarts"]
    gateway.set_clock("2026-11-18T16:00:00+08:00")
    async with pair.load() as application:
        application.gives_up = True
        await pair.traffic_flows()
        os.kill(old["n-1"], signal.SIGKILL)
        await gateway.wait_for(lambda: _is_another(gateway, "n-1", old["n-1"]), 20, "a new worker")
        await pair.traffic_flows()
    status = gateway.status()
    assert (status["workers"]["n-1"]["restarts"], status["workers"]["n-2"]["pid"]) == (restarts + 1, old["n-2"])
    assert status["business_time"].startswith("2026-11-18T08:0"), "the new one goes by the clock of all"
    assert [event["worker"] for event in gateway.events("worker.ended")] == ["n-1"]
    _assert_kept(application, pair)


async def test_workers_of_a_killed_supervisor_end_in_order_and_the_next_one_goes_on(pair: Place) -> None:
    gateway, old = pair.gateway, pair.gateway.worker_pids()
    async with pair.load() as application:
        application.gives_up = True
        await pair.traffic_flows()
        gateway.kill()
        await gateway.wait_for(lambda: not any(_runs(pid) for pid in old.values()), 20, "the end of both workers")
        assert len(gateway.events("worker.supervisor_gone")) == 2
        await gateway.start()
        await pair.traffic_flows()
    _assert_kept(application, pair)
    assert await gateway.stop() == 0
    assert gateway.events("supervisor.stopped")


async def test_edges_in_processes_of_their_own(tmp_path: Path) -> None:
    async with place(tmp_path, "esme:1,carrier:1") as split, split.load() as application:
        gateway = split.gateway
        await split.traffic_flows()
        status = gateway.status()
        assert {name: each["role"] for name, each in status["workers"].items()} == {"n-1": "esme", "n-2": "carrier"}
        metrics = gateway.metrics()
        assert _by_worker(metrics, "smsgw_carrier_binds_up") == {"n-2": 3}
        assert _by_worker(metrics, "smsgw_connections_open") == {"n-1": 4}
        os.kill(gateway.worker_pids()["n-2"], signal.SIGKILL)
        # Nobody sends meanwhile; whatever is promised waits in the store.
        await gateway.wait_for(lambda: "carrier workers" in gateway.status()["not_ready"], what="not ready")
        promised = len(application.promised)
        await gateway.wait_for(lambda: len(application.promised) > promised + 50, what="messages admitted")
        await split.traffic_flows()
    _assert_kept(application, split)


def _assert_kept(application: Application, where: Place) -> None:
    """After a kill: nothing lost, no notice twice, and more than promised only what was open with the dead."""
    promised, copies = Counter(application.promised.values()), where.copies()
    assert max(copies.values()) == 1, "a notice never comes twice"
    states = application.states()
    lost = [
        text
        for message_id, text in application.promised.items()
        if text not in copies and "UNKNOWN" not in states[message_id]
    ]
    assert lost == []
    assert (copies - promised).total() <= application.unanswered
    assert {state for each in states.values() for state in each} <= {"DELIVRD", "UNKNOWN"}


async def _bound_at(gateway: GatewayProcess, stack: AsyncExitStack, worker: int, kind: str) -> EsmeSim:
    """An application at the first or second worker: the kernel decides, so some are tried."""
    settings = EsmeSettings(port=gateway.port, system_id="app", password="load1234", binds=(kind,))
    for _ in range(TRIES):
        before = _sessions(gateway)
        sim = EsmeSim(settings)
        await sim.connect()
        stack.push_async_callback(sim.disconnect)
        await gateway.wait_for(lambda before=before: _sessions(gateway) - before, what="the bind")
        (label,) = _sessions(gateway) - before
        # Of two workers the first numbers its sessions 1, 3, 5, the second 2, 4, 6.
        if int(label.rpartition("/")[2]) % 2 == worker % 2:
            return sim
        await sim.disconnect()
        await gateway.wait_for(lambda label=label: label not in _sessions(gateway), what="its end")
    raise AssertionError(f"none of {TRIES} connections came to worker {worker}")


def _sessions(gateway: GatewayProcess) -> set[str]:
    return {link["id"] for link in gateway.status()["accounts"]["app"]["links"]}


def _up_over_time(gateway: GatewayProcess, carrier: str) -> list[int]:
    """How many of its binds were up, after each change since the renewal began."""
    steps = {"carrier.bound": 1, "carrier.unbound": -1, "carrier.handed_over": -1}
    up = 0
    found: list[int] = []
    for event in gateway.events():
        if event["event"] == "supervisor.renewing":
            found = [up]
        elif event.get("carrier") == carrier and event["event"] in steps:
            up += steps[event["event"]]
            found.append(up)
    return found


def _has(sim: CarrierSim, count: int) -> Callable[[], bool]:
    return lambda: len(sim.received) >= count


def _alpha(gateway: GatewayProcess) -> tuple[int, int, int, float]:
    found = gateway.status()["carriers"]["alpha"]
    return found["binds"], found["leased"], found["binds_up"], found["rate_per_s"]


def _all_ready(gateway: GatewayProcess) -> bool:
    return all(each["status"] == "ready" for each in gateway.status()["workers"].values())


def _is_another(gateway: GatewayProcess, name: str, pid: int) -> bool:
    worker = gateway.status()["workers"][name]
    return worker["pid"] not in (0, pid) and worker["status"] == "ready"


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _by_worker(metrics: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str) -> dict[str, float]:
    """The sums of a metric by worker, of those that have any."""
    found: Counter[str] = Counter()
    for (of, labels), value in metrics.items():
        if of == name:
            found[dict(labels)["worker"]] += value
    return {worker: value for worker, value in found.items() if value}
