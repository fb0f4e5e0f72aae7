"""The ops port, through urllib on an ephemeral port."""

from __future__ import annotations

import errno
import json
import socket
import socketserver
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from smsgw.clock import TestClock
from smsgw.errors import SmsgwError
from smsgw.telemetry import ops
from smsgw.telemetry.metrics import Metrics
from smsgw.telemetry.ops import Heartbeat, OpsServer

START = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)


@dataclass
class Site:
    """What the server is told, changed by tests."""

    metrics: Metrics = field(default_factory=lambda: Metrics("1.0"))
    monotonic_s: float = 100.0
    missing: dict[str, str] = field(default_factory=dict)
    status: object = field(default_factory=lambda: {"node": "节点1", "since": START})
    fails: bool = False

    def tell_status(self) -> object:
        if self.fails:
            raise RuntimeError("broken")
        return self.status


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed


def ask(server: OpsServer, path: str, method: str = "GET", body: bytes | None = None) -> Reply:
    request = urllib.request.Request(server.url + path, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Reply(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, dict(error.headers), error.read())


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def clock() -> TestClock:
    return TestClock(START, rate=0)


@pytest.fixture
def heartbeat(site: Site) -> Heartbeat:
    return Heartbeat(lambda: site.monotonic_s)


@pytest.fixture
def server(site: Site, heartbeat: Heartbeat, clock: TestClock) -> Iterator[OpsServer]:
    server = OpsServer(
        site.metrics.registry,
        heartbeat,
        port=0,
        not_ready=lambda: site.missing,
        status=site.tell_status,
        test_clock=clock,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def real_clock_server(site: Site, heartbeat: Heartbeat) -> Iterator[OpsServer]:
    server = OpsServer(site.metrics.registry, heartbeat, port=0)
    server.start()
    yield server
    server.stop()


def test_metrics(server: OpsServer, site: Site) -> None:
    site.metrics.account("shop").mt_accepted += 7
    reply = ask(server, "/metrics")
    assert reply.status == 200
    assert b'smsgw_account_mt_accepted_total{account="shop"} 7.0' in reply.body
    assert b"# HELP smsgw_account_mt_accepted_total " in reply.body


def test_health_follows_the_heartbeat(server: OpsServer, site: Site, heartbeat: Heartbeat) -> None:
    site.monotonic_s += 4.9
    assert ask(server, "/healthz").status == 200
    site.monotonic_s += 0.2
    reply = ask(server, "/healthz")
    assert (reply.status, reply.json) == (503, {"healthy": False, "heartbeat_age_s": 5.1})
    heartbeat.beat()
    assert ask(server, "/healthz").json == {"healthy": True, "heartbeat_age_s": 0.0}


def test_readiness_says_what_is_missing(server: OpsServer, site: Site) -> None:
    assert ask(server, "/readyz").json == {"ready": True, "not_ready": {}}
    site.missing = {"store": "Redis does not answer", "carrier alpha": "no bind is up"}
    reply = ask(server, "/readyz")
    assert (reply.status, reply.json) == (503, {"ready": False, "not_ready": site.missing})


def test_status_is_json_in_any_language(server: OpsServer) -> None:
    reply = ask(server, "/status?pretty=1")
    assert reply.json == {"node": "节点1", "since": str(START)}
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_failing_callable_is_a_500_and_the_server_lives(server: OpsServer, site: Site) -> None:
    site.fails = True
    reply = ask(server, "/status")
    assert reply.status == 500
    assert "RuntimeError" in str(reply.json["error"])
    assert ask(server, "/healthz").status == 200


def test_unknown_page_and_wrong_method(server: OpsServer) -> None:
    reply = ask(server, "/nothing")
    assert reply.status == 404
    assert "/metrics" in str(reply.json["error"])
    for path in ("/metrics", "/healthz", "/status"):
        reply = ask(server, path, "POST", b"{}" * 1000)
        assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
    assert ask(server, "/clock", "DELETE").headers["Allow"] == "GET, HEAD, PUT, POST"


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/nothing"])
def test_head_has_no_body(server: OpsServer, path: str) -> None:
    assert ask(server, path, "HEAD").body == b""


def test_clock_is_set_advanced_and_sped_up(server: OpsServer, clock: TestClock) -> None:
    assert ask(server, "/clock").json == {"mode": "test", "now": "2026-11-18T02:30:00.000+00:00", "rate": 0.0}
    reply = ask(server, "/clock", "PUT", b'{"set": "2026-11-19T08:00:00+08:00"}')
    assert (reply.status, reply.json["now"]) == (200, "2026-11-19T00:00:00.000+00:00")
    ask(server, "/clock", "POST", b'{"advance_s": 90.5}')
    assert clock.now() == datetime(2026, 11, 19, tzinfo=UTC) + timedelta(seconds=90.5)
    ask(server, "/clock", "PUT", b'{"rate": 60}')
    assert clock.rate == pytest.approx(60)
    reply = ask(server, "/clock", "PUT", b'{"set": "2026-11-20T08:00:00+08:00", "rate": 0}')
    assert (reply.json["now"], reply.json["rate"]) == ("2026-11-20T00:00:00.000+00:00", 0)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"{}", b'{"set": "yesterday"}', b'{"set": "2026-11-18T10:30:00"}', b'{"advance_s": -1}',
        b'{"advance_s": "60"}', b'{"advance_s": true}', b'{"advance_s": NaN}', b'{"advance_s": 1e300}', b'{"rate": -1}',
        b'{"set": "2026-11-18T10:30:00Z", "advance_s": 2}', b'{"set": "yesterday", "rate": 2}',
        b'{"advance_s": "60", "rate": 2}', b'{"wind": 1}', b"\xff", b"[" * 60_000,
    ],
)  # fmt: skip
def test_a_wrong_setting_is_a_400_and_changes_nothing(server: OpsServer, clock: TestClock, body: bytes) -> None:
    reply = ask(server, "/clock", "PUT", body)
    assert reply.status == 400
    assert reply.json["error"]
    assert (clock.now(), clock.rate) == (START, 0.0)


def test_a_real_clock_is_told_and_not_set(real_clock_server: OpsServer) -> None:
    assert ask(real_clock_server, "/clock").json["mode"] == "real"
    reply = ask(real_clock_server, "/clock", "PUT", b'{"advance_s": 60}')
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
    assert "real" in str(reply.json["error"])


def test_a_client_that_stands_still_holds_nobody_up(server: OpsServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as still:
        still.sendall(b"GET /healthz HT")
        assert ask(server, "/healthz").status == 200


def test_garbage_is_answered_and_survived(server: OpsServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"\x00\x00\x00\x10\x00\x00\x00\x15\r\n\r\n")
        assert b"400" in connection.recv(1000)
    assert ask(server, "/healthz").status == 200


def test_a_taken_port_is_a_clear_error(server: OpsServer, site: Site) -> None:
    second = OpsServer(site.metrics.registry, Heartbeat(), port=server.port)
    with pytest.raises(SmsgwError, match=rf"can't listen on 127.0.0.1:{server.port}: Address already in use; set"):
        second.start()
    second.stop()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("192.0.2.1", 0)])
def test_an_impossible_address_is_a_clear_error(site: Site, host: str, port: int) -> None:
    with pytest.raises(SmsgwError, match="can't listen"):
        OpsServer(site.metrics.registry, Heartbeat(), host=host, port=port).start()


def test_stop_frees_the_port(site: Site) -> None:
    server = OpsServer(site.metrics.registry, Heartbeat(), port=0)
    server.start()
    port = server.port
    server.stop()
    again = OpsServer(site.metrics.registry, Heartbeat(), port=port)
    again.start()
    assert ask(again, "/healthz").status == 200
    again.stop()
    again.stop()


def test_without_a_descriptor_it_waits_before_it_accepts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects stays in the queue, so the server would be told of them without a pause."""
    waits: list[float] = []

    def none_left(_: object) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, "Too many open files")

    server = ops._Server("127.0.0.1", 0)
    monkeypatch.setattr(socketserver.TCPServer, "get_request", none_left)
    monkeypatch.setattr(ops.time, "sleep", waits.append)
    with pytest.raises(OSError, match="Too many"):
        server.get_request()
    assert waits == [pytest.approx(0.1)]
    server.server_close()
