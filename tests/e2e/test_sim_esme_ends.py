"""How runs end that are not let to their end: peers that speak no SMPP or fall silent, signals, and readers that go."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme import EsmeSettings, EsmeSim
from simulators.esme.load import Load
from simulators.esme.load_settings import LoadSettings
from smsgw.errors import ConnectFailed, LinkLost

pytestmark = pytest.mark.e2e

SOON_S = 15


async def _ended_by(number: int, module: str, *words: object, when: bytes) -> tuple[int, str, str]:
    """Start it, send the signal once it prints ``when``; exit status, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, words), stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.ensure_future(process.stderr.read())
    try:
        async with asyncio.timeout(SOON_S):
            said = await process.stdout.readuntil(when)
            process.send_signal(number)
            said += await process.stdout.read()
            return await process.wait(), said.decode(), (await errors).decode()
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_port_that_speaks_something_else() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(LinkLost, match="before the bind was answered: what came is no SMPP"):
            await EsmeSim(EsmeSettings(port=port)).connect()


async def test_a_carrier_that_fell_silent_is_given_up() -> None:
    async with CarrierSim() as carrier:
        async with EsmeSim(EsmeSettings(port=carrier.port, enquire_s=0.1)) as esme:
            await asyncio.sleep(0.5)  # it answers enquire_link, and stays
            assert esme.bound == 1
            future = esme.submit("10690001", "19900004008", "x")  # 4008: half open from here
            with pytest.raises(LinkLost, match="enquire_link was not answered"):
                async with asyncio.timeout(SOON_S):
                    await future
        assert [entry.fate for entry in esme.entries("lost")] == ["enquire_link was not answered"]


async def test_an_application_that_reads_nothing_gives_nobody_up() -> None:
    async with CarrierSim() as carrier, EsmeSim(EsmeSettings(port=carrier.port, enquire_s=0.1)) as esme:
        esme.links[0].hold(True)
        await asyncio.sleep(0.8)  # longer than two silences
        assert esme.bound == 1
        esme.links[0].hold(False)


async def test_a_load_on_a_half_open_connection_ends() -> None:
    async with CarrierSim() as carrier:
        settings = LoadSettings(
            port=carrier.port, count=20, window=5, recipients=("19900004008",), enquire_s=0.1, progress_s=0, wait_s=30
        )
        async with asyncio.timeout(SOON_S):
            result = await Load(settings).run()
        assert (result["ok"], result["disconnects"], result["unanswered"]) == (0, 1, 5)
        assert result["unsent"] == 15


async def test_a_scenario_that_is_ended_reports_what_was_found(tmp_path: Path) -> None:
    file, junit = tmp_path / "waits.toml", tmp_path / "waits.xml"
    file.write_text(
        '[[application]]\nsystem_id = "shop"\n[[step]]\ndo = "send"\nto = "13800138000"\ntext = "x"\n'
        '[[step]]\ndo = "listen"\ntime = "60s"\n[[expect]]\nname = "accepted"\nstatus = 0\ncount = 1\n'
    )
    async with CarrierSim(CarrierSettings(accounts={"shop": ""})) as carrier:
        words = ("run", file, "--port", carrier.port, "--junit", junit)
        status, out, err = await _ended_by(signal.SIGINT, "simulators.esme", *words, when=b"1 accepted")
    assert (status, err) == (1, "")
    assert "interrupted" in out
    assert "accepted: 1" in out
    assert "interrupted" in junit.read_text()


async def test_who_reads_no_more_of_listen_is_not_told_off() -> None:
    async with CarrierSim() as carrier:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators.esme", "listen", "--port", str(carrier.port), stdout=PIPE, stderr=PIPE
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(SOON_S):
                await carrier.wait_for(lambda: carrier.bound == 1, SOON_S)
                carrier.send_mo("13800138000", "10690001", "one")
                await process.stdout.readline()
                process.stdout._transport.close()  # type: ignore[attr-defined]  # as head does
                carrier.send_mo("13800138000", "10690001", "two")
                assert process.stderr is not None
                assert await process.stderr.read() == b""
                assert await process.wait() == 141
        finally:
            if process.returncode is None:
                process.kill()


async def test_a_conformance_run_that_is_ended_reports_what_was_found(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Once the application has bound the run waits for its messages, which never come.
    application = asyncio.ensure_future(_binds_and_is_silent(port))
    words = ("conformance", "--port", port, "--timeout", "10s", "--report", report)
    try:
        status, out, err = await _ended_by(signal.SIGINT, "simulators.carrier", *words, when=b"bind-fields")
    finally:
        application.cancel()
        await asyncio.gather(application, return_exceptions=True)
    assert (status, "Traceback" in err) == (130, False)
    assert "bind-fields" in report.read_text()
    assert "ended after" in err
    assert "passed" in out


async def _binds_and_is_silent(port: int) -> None:
    while True:
        try:
            async with EsmeSim(EsmeSettings(port=port)) as esme:
                await esme.connect()
                await asyncio.Event().wait()
        except (LinkLost, ConnectFailed):
            await asyncio.sleep(0.05)
