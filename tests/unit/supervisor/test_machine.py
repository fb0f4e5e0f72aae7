"""The ops port of a machine, with ops ports of workers behind it that live in this process."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from smsgw.clock import TestClock
from smsgw.config.load import load_node
from smsgw.supervisor.machine import Machine
from smsgw.supervisor.worker import Worker
from smsgw.telemetry.ops import BadRequestError, Heartbeat, OpsServer
from smsgw.telemetry.token import TokenGuard, token_for

KEY = b"k" * 32
START = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)


class Behind:
    """A worker that the machine asks: its ops port, without a process."""

    def __init__(self, name: str, role: Any) -> None:
        self.worker = Worker(name, role, Path("/nowhere"))
        self.missing: dict[str, str] = {}
        self.clock = TestClock(START, rate=0)
        registry = CollectorRegistry()
        Gauge("up", "Up.", registry=registry).set(1)
        self.done: list[dict[str, object]] = []
        self.ops = OpsServer(
            registry, Heartbeat(), port=0, not_ready=lambda: self.missing, status=self._status,
            test_clock=self.clock, acts={"rebind": self._rebind, "trace": self._trace}, guard=TokenGuard(KEY),
        )  # fmt: skip
        self.ops.start()
        self.worker.ops_port = self.ops.port

    def _status(self) -> object:
        return {"node": self.worker.name, "not_ready": self.missing, "other_nodes": ["n-1", "far"], "accounts": {}}

    def _rebind(self, asked: dict[str, object]) -> object:
        if asked["carrier"] != self.worker.name and asked["carrier"] != "all":
            raise BadRequestError(f"not at {self.worker.name}")
        self.done.append(asked)
        return {"rebound": ["c#0", self.worker.name]}

    def _trace(self, asked: dict[str, object]) -> Iterator[bytes]:
        yield b"\n"
        for number in range(3):
            yield json.dumps({"of": self.worker.name, "number": number}).encode() + b"\n"


class Scene:
    def __init__(self, directory: Path) -> None:
        (directory / "smsgw.toml").write_text('[node]\nname = "n"\n[ops]\nport = 0\n')
        self.behind = [Behind("n-1", "esme"), Behind("n-2", "esme"), Behind("n-3", "carrier")]
        self.closing = False
        self.clock = TestClock(START, rate=0)
        workers = [each.worker for each in self.behind]
        self.machine = Machine(load_node(directory), workers, Heartbeat(), self.clock, lambda: self.closing)
        self.machine.start()

    def ask(self, page: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(self.machine.url + page, body, headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def act(self, name: str, body: dict[str, object], key: bytes = KEY) -> tuple[int, bytes]:
        path, octets = f"/act/{name}", json.dumps(body).encode()
        return self.ask(path, octets, {"Authorization": f"Bearer {token_for(key, path, octets, time.time())}"})


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.machine.stop()
    for each in made.behind:
        each.ops.stop()


def test_ready_while_each_role_has_a_ready_worker(scene: Scene) -> None:
    assert scene.ask("/readyz")[0] == 200
    scene.behind[0].missing = {"store": "away"}
    assert scene.ask("/readyz")[0] == 200
    scene.behind[1].missing = {"store": "gone"}
    scene.behind[2].missing = {"carriers": "none is up"}
    status, body = scene.ask("/readyz")
    missing = json.loads(body)["not_ready"]
    assert (status, missing) == (
        503, {"esme workers": "n-1: away; n-2: gone", "carrier workers": "none is up"},
    )  # fmt: skip
    scene.closing = True
    assert json.loads(scene.ask("/readyz")[1])["not_ready"] == {"app": "shutting down"}


def test_status_says_who_runs(scene: Scene) -> None:
    scene.behind[2].worker.ops_port = 0
    found = json.loads(scene.ask("/status")[1])
    assert (found["node"], found["other_nodes"]) == ("n", ["far"])
    assert found["not_ready"] == {"carrier workers": "it does not run"}
    assert {name: each["status"] for name, each in found["workers"].items()} == {
        "n-1": "ready", "n-2": "ready", "n-3": "it does not run",
    }  # fmt: skip


def test_nobody_answers(scene: Scene) -> None:
    for each in scene.behind:
        each.ops.stop()
    status, body = scene.ask("/status")
    assert (status, json.loads(body).keys()) == (200, {"node", "other_nodes", "not_ready", "workers"})
    assert scene.act("rebind", {"carrier": "all"}) == (503, b'{"error": "no worker answers"}\n')
    assert b"smsgw_worker_up" in scene.ask("/metrics")[1]


def test_metrics_of_all(scene: Scene) -> None:
    text = scene.ask("/metrics")[1].decode()
    assert 'up{worker="n-1"} 1.0' in text
    assert 'up{worker="n-3"} 1.0' in text
    assert 'smsgw_worker_restarts_total{worker="n-2",role="esme"} 0.0' in text


def test_the_clock_of_all(scene: Scene) -> None:
    assert scene.ask("/clock", b'{"advance_s": 60, "rate": 2}')[0] == 200
    assert {each.clock.anchor for each in scene.behind} == {scene.clock.anchor}
    assert (scene.clock.rate, scene.clock.now() > START) == (2.0, True)
    assert scene.ask("/clock", b'{"set": "yesterday"}')[0] == 400
    assert {each.clock.rate for each in scene.behind} == {2.0}


async def test_a_clock_that_is_set_while_a_worker_starts_is_its_clock_too(scene: Scene) -> None:
    late = scene.behind[2]
    late.worker.ops_port = 0  # told the time when it was started, and not to be asked yet
    assert scene.ask("/clock", b'{"set": "2027-01-01T00:00:00Z"}')[0] == 200
    assert late.clock.anchor != scene.clock.anchor
    await scene.machine.introduce(late.worker, late.ops.port)
    assert (late.worker.ops_port, late.clock.anchor) == (late.ops.port, scene.clock.anchor)


async def test_one_that_ends_while_it_is_told_the_time_is_known_all_the_same(scene: Scene) -> None:
    late = scene.behind[2]
    late.ops.stop()
    await scene.machine.introduce(late.worker, late.worker.ops_port)
    assert late.worker.ops_port


def test_who_has_it_does_it(scene: Scene) -> None:
    status, body = scene.act("rebind", {"carrier": "n-2"})
    assert (status, json.loads(body)) == (200, {"rebound": ["c#0", "n-2"]})
    assert [len(each.done) for each in scene.behind] == [0, 1, 0]
    status, body = scene.act("rebind", {"carrier": "all"})
    assert json.loads(body) == {"rebound": ["c#0", "n-1", "n-2", "n-3"]}
    assert scene.act("rebind", {"carrier": "nobody"}) == (400, b'{"error": "not at n-1"}\n')


def test_who_has_no_token_does_nothing(scene: Scene) -> None:
    status, body = scene.act("rebind", {"carrier": "all"}, key=b"x" * 32)
    assert (status, b"not of this site's secrets" in body) == (403, True)
    assert scene.ask("/act/rebind", b"{}")[0] == 403
    assert [each.done for each in scene.behind] == [[], [], []]


def test_a_trace_shows_what_passes_in_any_worker(scene: Scene) -> None:
    status, body = scene.act("trace", {})
    seen = [json.loads(line) for line in body.splitlines() if line]
    assert (status, len(seen)) == (200, 9)
    for each in scene.behind:
        assert [line["number"] for line in seen if line["of"] == each.worker.name] == [0, 1, 2]
