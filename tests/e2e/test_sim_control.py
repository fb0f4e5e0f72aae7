"""The control port over real sockets: the command that serves it, its stream, its end, and simctl against it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import CarrierSettings
from simulators.control import simctl
from simulators.control.app import make_app, serve
from simulators.esme import EsmeSettings, EsmeSim

pytestmark = pytest.mark.e2e

_ROOT = Path(__file__).resolve().parents[2]
_SOON_S = 20.0


@dataclass
class Running:
    """A simulator as a process, and where it is reached."""

    process: Process
    url: str
    port: int

    async def simctl(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        """Exit status, output and errors of one command, run in this process: starting one takes a while."""
        return await asyncio.to_thread(self._run, words, stdin)

    def _run(self, words: tuple[str, ...], stdin: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setenv("SIMCTL_URL", self.url)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            try:
                status = simctl.main([*words])
            except SystemExit as ended:  # argparse
                status = int(ended.code or 0)
        return status, out.getvalue(), err.getvalue()

    async def simctl_process(self, *words: str) -> tuple[int, str, str]:
        """The same as a process of its own."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators.control.simctl", *words, cwd=_ROOT, stdin=DEVNULL,
            stdout=PIPE, stderr=PIPE, env={**os.environ, "SIMCTL_URL": self.url},
        )  # fmt: skip
        async with asyncio.timeout(_SOON_S):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def _carrier(directory: Path, *words: str) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.carrier", "--port", "0", "--http", "0", *words, stdout=PIPE, stderr=PIPE,
        stdin=DEVNULL, cwd=directory, env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        async with asyncio.timeout(_SOON_S):
            url = (await process.stderr.readline()).decode().strip().removeprefix("control port: ")
            port = int((await process.stderr.readline()).decode().rsplit(":", 1)[1])
        yield Running(process, url, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_sigterm_ends_at_once_although_somebody_watches_and_waits(tmp_path: Path) -> None:
    async with (
        _carrier(tmp_path) as running,
        httpx.AsyncClient(base_url=running.url, timeout=None) as http,
        http.stream("GET", "/api/traffic") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 1000"
        waiting = asyncio.ensure_future(http.post("/api/wait", json={"count": 5, "timeout": "10m"}))
        await http.get("/api/state")
        before_s = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_SOON_S):
            assert await running.process.wait() == 0
            assert [line async for line in lines if line] == []
            assert (await waiting).status_code == 408
        assert time.monotonic() - before_s < 5


async def test_the_stream_tells_every_pdu_and_shows_no_password() -> None:
    async with CarrierGroup([CarrierSettings(name="alpha")]) as group:
        app = make_app(group)
        served = await serve(app, "127.0.0.1", 0)
        hub = app.state.control.traffic
        try:
            async with httpx.AsyncClient(base_url=served.url, timeout=_SOON_S) as http:
                assert not hub.is_attached
                async with http.stream("GET", "/api/traffic?quiet=true") as stream:
                    lines = stream.aiter_lines()
                    await anext(lines)
                    port = group.carriers["alpha"].port
                    async with EsmeSim(EsmeSettings(port, system_id="shop", password="geheim12")) as esme:
                        await esme.submit("10690001", "13800138000", "您好", registered_delivery=1)
                        told = await _events(lines, "deliver_sm_resp")
                await group.wait_for(lambda: not hub.is_attached, _SOON_S, "the tap's end")
        finally:
            await served.stop()
    assert [each["command"] for each in told if "command" in each] == [
        "bind_transceiver", "bind_transceiver_resp", "submit_sm", "submit_sm_resp", "deliver_sm", "deliver_sm_resp",
    ]  # fmt: skip
    submit = next(each for each in told if each.get("command") == "submit_sm")
    assert (submit["text"], submit["destination"], submit["direction"]) == ("您好", "13800138000", "in")
    assert b"geheim12".hex() not in json.dumps(told)
    assert "geheim12" not in json.dumps(told)


async def test_a_wait_ends_when_nobody_waits_for_it_any_more() -> None:
    async with CarrierGroup([CarrierSettings(name="alpha")]) as group:
        served = await serve(make_app(group), "127.0.0.1", 0)
        try:
            before = len(asyncio.all_tasks())
            body = b'{"count": 5, "timeout": "1h"}'
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            head = "POST /api/wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            async with asyncio.timeout(_SOON_S):
                while len(asyncio.all_tasks()) <= before:
                    await asyncio.sleep(0.001)
                writer.close()
                while len(asyncio.all_tasks()) > before:
                    await asyncio.sleep(0.001)
            assert len(asyncio.all_tasks()) == before
        finally:
            await served.stop()


async def _events(lines: AsyncIterator[str], last: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    async for line in lines:
        if line.startswith("data: "):
            told.append(json.loads(line[6:]))
            if told[-1].get("command") == last:
                break
    return told


async def test_a_reader_that_does_not_read_costs_no_memory_and_is_told() -> None:
    async with CarrierGroup([CarrierSettings(name="alpha")]) as group:
        app = make_app(group)
        served = await serve(app, "127.0.0.1", 0)
        hub = app.state.control.traffic
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        try:
            writer.write(b"GET /api/traffic HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await group.wait_for(lambda: hub.is_attached, _SOON_S, "the stream")
            alpha = group.carriers["alpha"]
            async with EsmeSim(EsmeSettings(alpha.port)) as esme:
                for _ in range(40):
                    alpha.flood("mo", 500)
                    wanted = len(esme.mo) + 500
                    await esme.wait_for(lambda wanted=wanted: len(esme.mo) >= wanted, _SOON_S)  # type: ignore[misc]
            assert hub.dropped > 0
            async with asyncio.timeout(_SOON_S):
                while b"event: dropped" not in await reader.readline():
                    pass
        finally:
            writer.close()
            await served.stop()


async def test_a_taken_port_is_told_in_words(tmp_path: Path) -> None:
    async with CarrierGroup([CarrierSettings()]) as group:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(OSError, match=f"127.0.0.1:{port} is taken"):
                await serve(make_app(group), "127.0.0.1", port)
        served = await serve(make_app(group), "127.0.0.1", 0)
        await served.stop()
        again = await serve(make_app(group), "127.0.0.1", served.port)
        assert again.port == served.port
        await again.stop()


async def test_simctl_as_a_tester_uses_it(tmp_path: Path) -> None:
    async with _carrier(tmp_path) as running, EsmeSim(EsmeSettings(running.port)) as esme:
        await esme.submit("10690001", "13800138000", "【示例】您的验证码是482913", registered_delivery=1)
        status, out, _ = await running.simctl_process("state")
        assert (status, "1 messages: 1 accepted" in out, "BOUND_TRX" in out) == (0, True, True)
        assert await running.simctl("set", "limits.rate=50", "receipts.states=DELIVRD:50%,UNDELIV:50%")
        status, out, _ = await running.simctl("settings", "limits.rate", "--json")
        assert (status, json.loads(out)) == (0, {"limits.rate": "50/s"})
        status, _, err = await running.simctl("set", "limits.rat=50")
        assert (status, "did you mean 'rate'" in err) == (1, True)
        assert (await running.simctl("mo", "13800138000", "10690001", "退订 👍"))[:2] == (0, "1 sent\n")
        await esme.wait_for(lambda: esme.mo, _SOON_S)
        assert esme.mo[0].text == "退订 👍"
        status, out, _ = await running.simctl("received", "--to", "138*", "--last", "5", "--raw")
        assert (status, "482913" in out, "registered_delivery" in out, "1 found" in out) == (0, True, True, True)
        entry = json.loads((await running.simctl("received", "--json"))[1])["entries"][0]
        assert (await running.simctl("receipt", entry["message_id"], "UNDELIV/001"))[0] == 0
        await esme.wait_for(lambda: len(esme.receipts) == 2, _SOON_S)
        assert (await running.simctl("wait", "--count", "1", "--to", "138*"))[0] == 0
        status, _, err = await running.simctl("wait", "--count", "2", "--to", "138*", "--timeout", "50ms")
        assert (status, "found 1 of 2 entries" in err) == (1, True)
        assert (await running.simctl("wait", "--kind", "receipt", "--count", "2", "--idle"))[0] == 0
        assert (await running.simctl("drop", "--account", "load"))[:2] == (0, "1 connection\n")
        await esme.wait_for(lambda: not esme.bound, _SOON_S)


@pytest.fixture
def in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tester's own time is that of Shanghai."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_shanghai")
async def test_simctl_and_the_run(tmp_path: Path) -> None:
    async with _carrier(tmp_path, "--seed", "7") as running:
        status, out, _ = await running.simctl("clock", "set", "2026-11-18T21:30:00+08:00")
        assert (status, out.startswith("2026-11-18 21:30:0")) == (0, True)
        assert (await running.simctl("clock", "rate", "0"))[1].endswith("stands still\n")
        status, out, _ = await running.simctl("clock", "advance", "8h", "--json")
        assert json.loads(out)["now"].startswith("2026-11-18T21:3")
        status, snapshot, _ = await running.simctl("snapshot")
        assert (await running.simctl("clock", "advance", "30d"))[0] == 0
        assert (await running.simctl("set", "binds.most=1"))[0] == 0
        status, out, _ = await running.simctl("restore", "-", stdin=snapshot)
        assert (status, out.splitlines()[0]) == (0, "restored: carrier")
        assert (await running.simctl("settings", "binds.most", "--json"))[1] == '{"binds.most": 0}\n'
        assert (await running.simctl("capture", "start", "run.pcap"))[0] == 0
        watching = asyncio.ensure_future(running.simctl_process("traffic", "--json", "--count", "2"))
        async with asyncio.timeout(_SOON_S), httpx.AsyncClient(base_url=running.url) as http:
            while not watching.done():  # it ends with two PDUs, whenever it began to watch
                async with EsmeSim(EsmeSettings(running.port)):
                    await http.get("/api/state")
        status, out, _ = watching.result()
        commands = [json.loads(line)["command"] for line in out.splitlines() if '"pdu"' in line]
        assert (status, len(commands)) == (0, 2)
        assert (await running.simctl("capture", "stop", "run.pcap"))[0] == 0
        assert (tmp_path / "run.pcap").stat().st_size > 100
        assert (await running.simctl("ledger"))[0] == 0
        assert (await running.simctl("expect"))[:2] == (0, "nothing is expected\n")
        status, out, _ = await running.simctl("decode", "00000010 00000015 00000000 00000007")
        assert (status, out.startswith("enquire_link · ESME_ROK · sequence 7")) == (0, True)
        assert (await running.simctl("decode", "00000010"))[0] == 1
        assert (await running.simctl("reset"))[0] == 0
        for words, why in (
            (("malformed", "nope"), "no fault"), (("raw", "zz"), "hexadecimal"),
            (("receipt", "1", "DELIVRD"), "no message"),
            (("-c", "beta", "drop"), "no carrier is called 'beta'"), (("drop", "--bind", "9"), "no connection 9"),
        ):  # fmt: skip
            status, _, err = await running.simctl(*words)
            assert (status, why in err, err.count("\n")) == (1, True, 1), err
        status, _, err = await running.simctl("nonsense")
        assert (status, "invalid choice" in err) == (2, True)
