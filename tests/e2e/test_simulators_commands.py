"""The simulators as commands: exit statuses, printed lines, control, logs, load runs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.ids import IdForm
from simulators.esme.load import Load
from simulators.esme.load_settings import LoadSettings
from simulators.spread import Delay
from smsgw.errors import BindRejected, ConnectFailed

pytestmark = pytest.mark.e2e

_SOON_S = 20.0
_ROOT = Path(__file__).resolve().parents[2]


async def _start(*words: str, stdin: int | None = None) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, stdout=PIPE, stderr=PIPE, stdin=stdin or asyncio.subprocess.DEVNULL, cwd=_ROOT
    )


async def _run(*words: str) -> tuple[int, str, str]:
    process = await _start(*words)
    async with asyncio.timeout(_SOON_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@dataclass(frozen=True, slots=True)
class Carrier:
    """A running carrier-sim."""

    process: Process
    port: int
    url: str = ""

    async def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """One request of its control port."""
        async with httpx.AsyncClient(base_url=f"{self.url}/api", trust_env=False) as client:
            answer = await client.request(method, path, json=body or None)
        shown: dict[str, Any] = answer.json()
        return shown

    async def counts(self) -> dict[str, Any]:
        """Its counts."""
        counts: dict[str, Any] = (await self.ask("GET", "/carriers/carrier"))["counts"]
        return counts


@asynccontextmanager
async def _carrier(*words: str) -> AsyncIterator[Carrier]:
    process = await _start("simulators.carrier", "--port", "0", *words)
    try:
        assert process.stderr is not None
        url, line = "", ""
        async with asyncio.timeout(_SOON_S):
            while not line.startswith("listening on "):
                line = (await process.stderr.readline()).decode()
                assert line, "it ended"
                if line.startswith("control port: "):
                    url = line.removeprefix("control port: ").strip()
        yield Carrier(process, int(line.rsplit(":", 1)[1]), url)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _send(port: int, *words: str) -> tuple[int, str, str]:
    return await _run("simulators.esme", "send", "--port", str(port), "--wait", "5s", *words)


async def test_help_magic_table_and_styles() -> None:
    for words in (
        ["simulators.carrier", "--help"], ["simulators.esme", "--help"], ["simulators.esme", "load", "--help"],
    ):  # fmt: skip
        status, out, _ = await _run(*words)
        assert status == 0
        assert "Exit status" in out
    _, out, _ = await _run("simulators.carrier", "--magic-table", "--magic-prefix", "1780000")
    assert "1780000 and four digits" in out
    _, out, _ = await _run("simulators.carrier", "--styles")
    assert "quoted" in out


async def test_send_tells_people_and_programs() -> None:
    async with _carrier() as carrier:
        status, out, _ = await _send(carrier.port, "--to", "19900000001", "hello")
        assert status == 0
        assert out.splitlines() == [
            "ESME_ROK (0x00000000) · id 1000000000",
            "receipt from 19900000001: DELIVRD err 000 id 1000000000",
        ]
        status, out, _ = await _send(carrier.port, "--to", "19900001013", "--json", "hello")
        told = json.loads(out)
        assert (status, told["exit"]) == (1, 1)
        assert (told["answers"][0]["status_name"], told["receipts"][0]["err"]) == ("ESME_ROK", "013")
        status, out, _ = await _send(carrier.port, "--to", "19900002088", "hello")
        assert (status, out.startswith("ESME_RTHROTTLED (0x00000058): too fast")) == (1, True)
        status, out, _ = await _send(carrier.port, "--query", "1000000000")
        assert (status, "state 2 (DELIVERED)" in out) == (0, True)
        status, out, _ = await _send(carrier.port, "--cancel", "1000000000")
        assert (status, out.startswith("ESME_RCANCELFAIL")) == (1, True)


async def test_send_many_ways() -> None:
    async with _carrier("--http", "0") as carrier:
        status, out, _ = await _send(carrier.port, "--to", "8613800000001", "--long", "sar", "--json", "长" * 100)
        assert (status, len(json.loads(out)["answers"])) == (0, 2)
        status, out, _ = await _send(
            carrier.port, "--to", "19900000001", "--to", "19900002011", "--json", "--", "multi"
        )
        told = json.loads(out)
        assert status == 1
        assert told["answers"][0]["failed"] == [{"destination": "19900002011", "status": 0x0B}]
        assert [receipt["source"] for receipt in told["receipts"]] == ["19900000001"]
        status, out, _ = await _send(carrier.port, "--to", "19900004001", "--wait", "300ms", "x")
        assert (status, out.startswith("no answer within")) == (3, True)
        status, out, _ = await _send(
            carrier.port, "--to", "8613800000001", "--validity", "30m", "--schedule", "1h", "x"
        )
        assert status == 0
        assert (await carrier.counts())["submits"] == 6


async def test_send_without_a_carrier_or_sense() -> None:
    async with CarrierSim(CarrierSettings(accounts={"shop": "secret"})) as sim:
        port = sim.port
        status, _, err = await _send(port, "--system-id", "shop", "--password", "wrong", "--to", "1", "x")
        assert (status, "ESME_RINVPASWD" in err) == (2, True)
        status, _, err = await _send(port, "--system-id", "shop", "--password", "secret", "x")
        assert (status, "give --to" in err) == (2, True)
    status, _, err = await _send(port, "--to", "1", "x")
    assert (status, "127.0.0.1" in err) == (2, True)


async def test_listen_prints_what_comes() -> None:
    async with _carrier("--http", "0") as carrier:
        listening = await _start("simulators.esme", "listen", "--port", str(carrier.port), "--count", "2", "--json")
        async with asyncio.timeout(_SOON_S):
            while (await carrier.counts())["binds"] == 0:
                await asyncio.sleep(0.05)
        for text in ("退订 谢谢", "STOP"):
            mo = {"source": "8613800000001", "destination": "10690001", "text": text}
            assert (await carrier.ask("POST", "/carriers/carrier/mo", **mo))["sent"] == 1
        async with asyncio.timeout(_SOON_S):
            out, _ = await listening.communicate()
        assert listening.returncode == 0
        assert [json.loads(line)["text"] for line in out.decode().splitlines()] == ["退订 谢谢", "STOP"]


async def test_a_running_carrier_is_steered_and_tells_its_counts_at_the_end() -> None:
    async with _carrier("--http", "0") as carrier:
        port, settings = carrier.port, "/carriers/carrier/settings"
        await _send(port, "--to", "8613800000001", "您好")
        received = await carrier.ask("GET", "/carriers/carrier/received?text=您*")
        assert [entry["destination"] for entry in received["entries"]] == ["8613800000001"]
        assert (await carrier.ask("GET", "/carriers/carrier/received?text=nothing"))["entries"] == []
        await carrier.ask("PATCH", settings, binds={"refuse": "0x0D"})
        assert (await _send(port, "--to", "1", "x"))[0] == 2
        await carrier.ask("PATCH", settings, binds={"refuse": 0}, answers={"refuse": "ESME_RMSGQFUL"})
        assert "ESME_RMSGQFUL" in (await _send(port, "--to", "1", "x"))[1]
        assert (await carrier.counts())["submits"] == 2
        carrier.process.send_signal(signal.SIGTERM)
        assert carrier.process.stdout is not None
        async with asyncio.timeout(_SOON_S):
            summary = json.loads(await carrier.process.stdout.readline())
            assert await carrier.process.wait() == 0
        assert (summary["tool"], summary["submits"], summary["binds"]) == ("carrier-sim", 2, 2)


async def test_a_control_port_that_is_taken() -> None:
    async with _carrier("--http", "0") as carrier:
        status, _, err = await _run("simulators.carrier", "--port", "0", "--http", carrier.url.rsplit(":", 1)[1])
        assert (status, "is taken" in err, "Traceback" in err) == (2, True, False)


async def test_the_log_has_a_line_for_each_message_and_receipt(tmp_path: Path) -> None:
    path = tmp_path / "log"
    async with _carrier("--log", str(path)) as carrier:
        await _send(carrier.port, "--to", "19900000001", "您好")
        await _send(carrier.port, "--to", "19900002088", "x")
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(event["event"], event["id"]) for event in events] == [
        ("submit", "1000000000"),
        ("receipt", "1000000000"),
        ("submit", ""),
    ]
    submit = events[0]
    assert (submit["text"], submit["hex"], submit["status"], submit["system_id"]) == ("您好", "60a8597d", 0, "load")
    assert (submit["source"], submit["destination"], submit["data_coding"]) == ("10690001", "19900000001", 8)
    assert events[2]["status"] == 0x58
    async with CarrierSim() as sim:
        await Load(LoadSettings(port=sim.port, progress_s=0, count=1)).run()
        assert set(sim.received[0].to_json()) == set(submit) - {"event"}


async def test_a_port_that_is_taken() -> None:
    async with _carrier() as carrier:
        status, _, err = await _run("simulators.carrier", "--port", str(carrier.port))
        assert (status, "address already in use" in err) == (2, True)


async def _load(sim: CarrierSim, **settings: Any) -> dict[str, Any]:
    return await Load(LoadSettings(port=sim.port, progress_s=0, **settings)).run()


async def test_a_closed_loop_matches_every_receipt(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with CarrierSim() as sim:
        result = await _load(
            sim,
            count=3000,
            connections=2,
            receivers=1,
            window=20,
            registered_delivery=1,
            accounts=(("a", "x"), ("b", "y")),
            ledger_path=str(ledger),
        )
        assert all(result[name] == 3000 for name in ("sent", "answered", "ok", "matched", "delivrd"))
        assert not any(result[name] for name in ("unmatched", "dup", "unanswered", "disconnects", "bad_pdus"))
        assert result["resp_ms"]["n"] == result["receipt_ms"]["n"] == 3000
        numbers = sorted(int(message.text.split("code is ")[1][:9]) for message in sim.received)
        assert numbers == list(range(3000))
        assert {message.system_id for message in sim.received} == {"a", "b"}
        ids = {message.text.split("code is ")[1][:9]: message.message_id.decode() for message in sim.received}
        written = dict(line.split() for line in ledger.read_text().splitlines())
        assert {f"{int(number):09d}": message_id for number, message_id in written.items()} == ids


async def test_an_open_loop_keeps_its_rate() -> None:
    async with CarrierSim() as sim:
        result = await _load(sim, rate=500.0, duration_s=1.0, ramp_s=0.4, window=1000)
        assert result["sent"] == result["ok"] == 400
        assert 0.9 <= result["send_s"] <= 2.0


async def test_early_receipts_and_refusals_are_counted() -> None:
    settings = CarrierSettings(early=1.0, response=Delay.parse("5ms"), refuse=((0x08, 0.2),), duplicate=0.1)
    async with CarrierSim(settings) as sim:
        result = await _load(sim, count=500, window=50, registered_delivery=1)
        assert result["answered"] == 500
        assert result["status"]["ESME_RSYSERR"] == 500 - result["ok"] > 50
        assert result["matched"] == result["before_resp"] == result["ok"]


async def test_ids_that_differ_are_seen_as_unmatched() -> None:
    settings = CarrierSettings(response_id=IdForm("hex:8"), receipt_id=IdForm("dec"))
    async with CarrierSim(settings) as sim:
        result = await _load(sim, count=50, registered_delivery=1, wait_s=0.3)
        assert (result["ok"], result["matched"], result["unmatched"]) == (50, 0, 50)


async def test_a_load_reconnects_and_counts_what_was_lost() -> None:
    async with CarrierSim(CarrierSettings(response=Delay.parse("20ms"))) as sim:
        load = Load(
            LoadSettings(
                port=sim.port, progress_s=0, count=600, window=10, connections=2, reconnect=True, reconnect_after_s=0.05
            )
        )
        running = asyncio.ensure_future(load.run())
        await sim.wait_for(lambda: sim.stats.submits > 100, _SOON_S)
        assert sim.drop_all() == 2
        result = await running
        assert result["sent"] == 600
        assert result["disconnects"] == 2
        assert result["answered"] + result["unanswered"] == 600
        assert 0 < result["unanswered"] <= 20


async def test_a_dead_server_ends_the_run_and_the_ledger_stays(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with CarrierSim(CarrierSettings(response=Delay.parse("5ms"))) as sim:
        settings = LoadSettings(port=sim.port, progress_s=0, count=100_000, window=10, ledger_path=str(ledger))
        running = asyncio.ensure_future(Load(settings).run())
        await sim.wait_for(lambda: sim.stats.submits > 100, _SOON_S)
    result = await running
    assert result["unanswered"] > 0
    assert len(ledger.read_text().splitlines()) == result["ok"]


async def test_a_load_that_can_not_bind() -> None:
    async with CarrierSim(CarrierSettings(accounts={"load": "other"})) as sim:
        with pytest.raises(BindRejected):
            await _load(sim, count=1)
        settings = LoadSettings(port=sim.port, progress_s=0, count=1, bind_timeout_s=0.2)
    with pytest.raises(ConnectFailed):
        await Load(settings).run()


async def test_the_load_command() -> None:
    async with _carrier() as carrier:
        words = ["simulators.esme", "load", "--port", str(carrier.port), "--progress", "0"]
        status, out, _ = await _run(*words, "--count", "200", "--rd", "1", "--conns", "2")
        assert (status, json.loads(out)["matched"]) == (0, 200)
        status, out, _ = await _run(*words, "--count", "20", "--dest-base", "19900002088", "--dest-count", "1")
        assert (status, json.loads(out)["status"]) == (1, {"ESME_RTHROTTLED": 20})
        status, _, err = await _run(*words)
        assert (status, "--count or --duration" in err) == (2, True)
