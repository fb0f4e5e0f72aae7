"""Two workers as a container runs them: their supervisor is process 1, as is the image's entry point; both take TLS.

One gateway for all tests, in a namespace of process ids of its own where this machine allows that.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import ClientTls, EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.errors import BindRejected
from tests.certificates import Authority
from tests.e2e.gateway import ROOT, GatewayProcess
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

#: Whoever it starts is process 1 of a namespace of its own, and ends with it.
NAMESPACE = ("unshare", "--fork", "--pid", "--mount-proc", "--map-root-user", "--kill-child")
#: Of so many connections one comes to the worker that is meant, but for a chance of one in a million.
TRIES = 20
TEXT = "【示例科技】您的订单已发货"


@cache
def why_no_namespace() -> str:
    """Empty where a process can be process 1 here."""
    try:
        tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, timeout=10, check=False)
    except OSError as error:
        return f"{NAMESPACE[0]}: {error.strerror}"
    return tried.stderr.strip() if tried.returncode else ""


def needs_namespace() -> None:
    if why_no_namespace():
        pytest.skip(f"nobody can be process 1 here: {why_no_namespace()}")


class Container:
    """The gateway; ``first`` is process 1 of its namespace, and ``orphan`` a process that it never started."""

    def __init__(self, gateway: GatewayProcess, tls_port: int, authority: Authority) -> None:
        self.gateway = gateway
        self.tls_port = tls_port
        self.authority = authority

    @property
    def first(self) -> int:
        assert self.gateway.process is not None
        return children(self.gateway.process.pid)[0]

    @property
    def orphan(self) -> int:
        """0 when nothing is left of it."""
        return next((pid for pid in children(self.first) if name_of(pid) == "sleep"), 0)

    def application(self, certificate: str) -> EsmeSim:
        """Over TLS, with a certificate of that name; empty: with none."""
        pair = self.authority.issue(certificate, "localhost") if certificate else (None, None)
        tls = ClientTls(self.authority.ca, *pair, server_name="localhost")
        return EsmeSim(EsmeSettings(port=self.tls_port, system_id="app", password="load1234", tls=tls))

    def sessions(self) -> set[str]:
        return {link["id"] for link in self.gateway.status()["accounts"]["app"]["links"]}


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def container(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Container]:
    directory = tmp_path_factory.mktemp("container")
    authority, tls_port = Authority(directory / "tls"), free_port()
    certificate, key = authority.issue("server", "localhost")
    tls = {"port": tls_port, "certificate": str(certificate), "key": str(key), "client_ca": str(authority.ca)}
    carrier: dict[str, Any] = {"name": "alpha", "host": "127.0.0.1", "system_id": "smsgw", "password": "secret"}
    async with CarrierSim(CarrierSettings("alpha", accounts={"smsgw": "secret"})) as alpha:
        overrides = {
            "smsgw.toml": {"node": {"name": "n", "workers": "2"}, "listener": {"tls": tls}},
            "accounts/app.toml": {"class": "notice", "tls_client_cn": "app.example"},
            "carriers/alpha.toml": {**carrier, "port": alpha.port, "reconnect_min": "50ms", "reconnect_max": "200ms"},
            "routes.toml": {"route": [{"name": "all", "carriers": ["alpha"]}]},
        }
        gateway = GatewayProcess(directory, overrides=overrides, base=ROOT / "config" / "quirks")
        for path in (gateway.site / "carriers").glob("*.toml"):
            if path.stem != "alpha":
                path.unlink()
        if not why_no_namespace():
            # The shell becomes the gateway, which so has a child of which it knows nothing.
            gateway.wrapper = (*NAMESPACE, "sh", "-c", 'sleep 1000 & exec "$@"', "sh")
        try:
            await gateway.start()
            await gateway.wait_for(lambda: all_ready(gateway), what="both workers")
            yield Container(gateway, tls_port, authority)
        finally:
            gateway.close()


def all_ready(gateway: GatewayProcess) -> bool:
    workers = gateway.status()["workers"]
    return len(workers) == 2 and all(each["status"] == "ready" for each in workers.values())


async def test_both_workers_take_tls(container: Container) -> None:
    bound: dict[int, EsmeSim] = {}
    async with AsyncExitStack() as stack:
        for _ in range(TRIES):
            before = container.sessions()
            application = container.application("app.example")
            await application.connect()
            stack.push_async_callback(application.disconnect)
            await container.gateway.wait_for(lambda before=before: container.sessions() - before, what="the bind")
            (label,) = container.sessions() - before
            # Of two workers the first numbers its sessions 1, 3, 5, the second 2, 4, 6.
            bound.setdefault(int(label.rpartition("/")[2]) % 2, application)
            if len(bound) == 2:
                break
        assert len(bound) == 2, "every connection came to one worker"
        answers = [
            await each.submit("10690001", "8613800000001", TEXT, registered_delivery=1) for each in bound.values()
        ]
        assert [answer.status for answer in answers] == [0, 0]
        wanted = {answer.message_id for answer in answers}
        for each in bound.values():
            await each.wait_for(lambda: wanted <= heard(bound), 10, "both receipts")


def heard(bound: dict[int, EsmeSim]) -> set[str]:
    return {came.message_id for each in bound.values() for came in each.receipts}


@pytest.mark.parametrize("certificate", ["other.example", ""])
async def test_both_workers_look_at_the_certificate(container: Container, certificate: str) -> None:
    # Whichever worker it comes to: each of so many misses one of two with a chance of one in a thousand.
    for _ in range(10):
        with pytest.raises(BindRejected):
            await container.application(certificate).connect()


async def test_process_1_buries_what_others_leave_behind(container: Container) -> None:
    needs_namespace()
    orphan = container.orphan
    assert orphan
    os.kill(orphan, signal.SIGKILL)
    await container.gateway.wait_for(lambda: not Path(f"/proc/{orphan}").exists(), what="no process that is dead")
    assert container.gateway.is_ready


async def test_sigterm_ends_process_1_in_order_and_its_status_is_that_of_the_container(container: Container) -> None:
    needs_namespace()
    gateway, first = container.gateway, container.first
    process = gateway.process
    assert process is not None
    os.kill(first, signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 20) == 0
    gateway.process = None
    assert gateway.events("supervisor.stopped")
    assert [event["event"] for event in gateway.events() if event.get("level") == "error"] == []


async def test_a_single_process_is_process_1_as_well(container: Container) -> None:
    """The image's default. It buries too; and what is wrong with the site is its status."""
    needs_namespace()
    gateway = container.gateway
    gateway.override({"smsgw.toml": {"node": {"workers": None}}})
    await gateway.start()
    orphan = container.orphan
    os.kill(orphan, signal.SIGKILL)
    await gateway.wait_for(lambda: not Path(f"/proc/{orphan}").exists(), what="no process that is dead")
    process = gateway.process
    assert process is not None
    os.kill(container.first, signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 20) == 0
    gateway.process = None
    gateway.override({"smsgw.toml": {"node": {"worker": "2"}}})
    with pytest.raises(RuntimeError, match="ended with 1"):
        await gateway.start()
