"""The commands of the application simulator as their users start them: prompt, scenario, load, listen."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from simulators.carrier.settings import CarrierSettings, Outbind, Tls
from simulators.carrier.sim import CarrierSim
from simulators.esme.__main__ import main
from simulators.esme.scenario import Play, load_scenario
from simulators.esme.scenario.library import find, shipped
from simulators.spread import Delay
from tests.e2e.test_tls import Authority

pytestmark = pytest.mark.e2e

SOON_S = 15
SETTINGS = CarrierSettings(accounts={"shop": "secret", "login": "secret"}, receipt=Delay.parse("20ms"))


async def _run(*words: object, typed: str = "") -> tuple[int, str, str]:
    """Exit status, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.esme", *map(str, words),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SOON_S):
            out, err = await process.communicate(typed.encode())
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def _shop(carrier: CarrierSim) -> tuple[object, ...]:
    return ("--port", carrier.port, "--system-id", "shop", "--password", "secret")


async def test_the_prompt_from_a_pipe() -> None:
    script = (
        "# a script\nsend 13800138000 hello there\nlong 13800138001 3 --rd 0\n"
        "send 13800138002,13800138003 both --each\n"
        "enquire\nstats\nwait receipts 3 5s\ndrop\nbind\nsend 13800138004 last\n"
    )
    async with CarrierSim(SETTINGS) as carrier:
        status, out, err = await _run("prompt", *_shop(carrier), typed=script)
    assert (status, err) == (0, "")
    assert out.count("receipt from 1380013800") == 4
    assert "part 3 of 3: ESME_ROK" in out
    assert "connection lost" in out
    assert carrier.received[0].text == "hello there"
    assert len(carrier.received) == 7
    assert carrier.received[1].text.startswith("part 1 of 3")


async def test_a_script_that_fails_says_where() -> None:
    async with CarrierSim(SETTINGS) as carrier:
        script = "sned 1 x\nsend 19900002088 x\nquery 77\nwait mo 1 50ms\nquit\nsend 13800138000 never\n"
        status, out, _ = await _run("prompt", *_shop(carrier), typed=script)
        assert status == 1
        assert "did you mean 'send'" in out
        assert "ESME_RTHROTTLED (0x00000058)" in out
        assert "ESME_RQUERYFAIL" in out
        assert "only 0 of 1 mo within 0.05 s" in out
        assert [message.text for message in carrier.received] == ["x"]


async def test_receipts_that_never_come_fail_a_script() -> None:
    async with CarrierSim(SETTINGS) as carrier:
        status, out, _ = await _run("prompt", *_shop(carrier), "--wait", "200ms", typed="send 19900004106 x\n")
    assert (status, "did not come true" in out or "missing" in out) == (1, True)


async def test_the_prompt_at_a_terminal(tmp_path: Path) -> None:
    """What comes stands above the line that is being typed, and what was typed of it is sent."""
    async with CarrierSim(SETTINGS) as carrier:
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators.esme", "prompt", *map(str, _shop(carrier)),
            "--history", str(tmp_path / "history"), stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        )  # fmt: skip
        os.close(theirs)
        screen = bytearray()
        loop = asyncio.get_running_loop()
        seen = asyncio.Event()

        def read() -> None:
            try:
                screen.extend(os.read(ours, 65536))
            except OSError:  # the process ended
                loop.remove_reader(ours)
            seen.set()

        async def shown(text: str) -> None:
            async with asyncio.timeout(SOON_S):
                while text.encode() not in screen:
                    seen.clear()
                    await seen.wait()

        loop.add_reader(ours, read)
        try:
            await shown("shop>")
            os.write(ours, b"send 13800138000 half a li")
            await shown("half a li")
            carrier.send_mo("13800138009", "10690001", "in between")
            await shown("MO from 13800138009 to 10690001: in between")
            os.write(ours, b"ne\r")
            await shown("receipt from 13800138000")
            assert carrier.received[0].text == "half a line"
            os.write(ours, b"quit\r")
            async with asyncio.timeout(SOON_S):
                assert await process.wait() == 0
            assert "half a line" in (tmp_path / "history").read_text()
        finally:
            loop.remove_reader(ours)
            os.close(ours)
            if process.returncode is None:
                process.kill()
                await process.wait()


SCENARIO = """
name = "two applications"
[clock]
mode = "manual"
start = 2026-11-18T10:30:00+08:00

[[application]]
system_id = "login"
password = "secret"
binds = ["transmitter", "receiver"]
window = 5

[[application]]
system_id = "shop"
password = "secret"
answer = "0x64"

[[step]]
do = "send"
name = "codes"
application = "login"
from = "1069000110"
to = "13800138000"
to_count = 50
text = "code {n:03}"
rate = "500/s"
wait = "receipts"

[[step]]
do = "query"
of = "codes"
from = "1069000110"

[[step]]
do = "clock"
advance = "12h"

[[step]]
do = "send"
application = "shop"
to = ["19900002088", "13800138001"]
text = "a long text, a long text, a long text, a long text, a long text, a long text, a long text, 长长长长长长"
long = "sar"
background = true

[[step]]
do = "wait"
for = "receipts"
application = "shop"
count = 2

[[step]]
do = "drop"
application = "shop"

[[step]]
do = "bind"

[[expect]]
name = "fifty codes"
account = "login"
phase = "codes"
status = 0
count = 50
sorted_by = "/code ([0-9]+)/"

[[expect]]
name = "throttled"
account = "shop"
status = "ESME_RTHROTTLED"
count = 1

[[expect]]
name = "at night"
account = "shop"
each = { since = 2026-11-18T22:00:00+08:00 }
"""


async def test_a_scenario_its_report_and_its_capture(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(SCENARIO)
    report, junit, capture = tmp_path / "r.json", tmp_path / "r.xml", tmp_path / "c.jsonl"
    async with CarrierSim(SETTINGS) as carrier:
        status, out, err = await _run(
            "run", file, "--port", carrier.port, "--report", report, "--junit", junit, "--capture", capture
        )
        assert (status, err) == (0, ""), out
        assert len([message for message in carrier.received if message.system_id == "login"]) == 50
    assert "step 1, codes (send): 50 sent, 50 accepted, 0 refused" in out
    assert "step 2, query: ESME_ROK" in out
    assert out.splitlines()[-1] == "3 expectations, all met"
    assert json.loads(report.read_text())["ok"] is True
    assert ElementTree.parse(junit).getroot().get("tests") == "3"
    assert capture.stat().st_size > 10_000
    assert b"secret" not in capture.read_bytes()


async def test_a_scenario_that_fails(tmp_path: Path) -> None:
    file, junit = tmp_path / "s.toml", tmp_path / "r.xml"
    file.write_text(
        '[[application]]\nsystem_id = "shop"\npassword = "secret"\n'
        '[[step]]\ndo = "send"\nto = "13800138000"\ntext = "x"\n'
        '[[step]]\ndo = "wait"\nfor = "mo"\nwithin = "100ms"\n'
        '[[step]]\ndo = "drop"\n[[expect]]\nname = "two"\ncount = 2\n'
    )
    async with CarrierSim(SETTINGS) as carrier:
        status, out, _ = await _run("run", file, "--port", carrier.port, "--junit", junit)
    assert status == 1
    assert "step 2, wait: only 0 of 1 mo came within 0.1 s" in out
    assert "dropped" not in out
    assert "FAILED  two" in out
    assert ElementTree.parse(junit).getroot().get("failures") == "2"


async def test_a_scenario_without_a_bind(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[[application]]\nsystem_id = "shop"\npassword = "wrong"\n')
    async with CarrierSim(SETTINGS) as carrier:
        status, _, err = await _run("run", file, "--port", carrier.port)
    assert (status, "ESME_RINVPASWD" in err) == (2, True)


def test_check_and_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[[application]]\nsystem_id = "shop"\nprot = 1\n')
    assert main(["check", str(file)]) == 2
    assert capsys.readouterr().err == f"{file}:3: application[1].prot: unknown key; did you mean 'port'?\n"
    file.write_text('[[application]]\nsystem_id = "shop"\n')
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: 1 application, 0 steps, 0 expectations\n"
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Scenario of the application simulator"


@pytest.mark.parametrize("name", shipped())
async def test_the_shipped_scenarios_hold_with_a_usual_carrier(name: str) -> None:
    settings = CarrierSettings(receipt=Delay.parse("20ms"), retry_after_s=0.1)
    async with CarrierSim(settings) as carrier:
        report = await Play(load_scenario(find(Path(name))), port=carrier.port).run()
        assert report.ok, report.to_text()


def test_scenarios_are_listed_and_names_looked_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(shipped())
    assert main(["scenarios", "first"]) == 0
    assert capsys.readouterr().out == shipped()["first"].read_text(encoding="utf-8")
    assert main(["check", "first"]) == 0
    assert main(["check", "frist"]) == 2
    assert "did you mean 'first'" in capsys.readouterr().err


async def test_a_bind_that_is_gone_is_bound_again_and_the_other_stays(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        '[[application]]\nsystem_id = "shop"\npassword = "secret"\nbinds = ["tx", "rx"]\n'
        '[[step]]\ndo = "drop"\nbind = 1\n[[step]]\ndo = "bind"\n[[step]]\ndo = "wait"\nfor = "binds"\ncount = 2\n'
        '[[step]]\ndo = "pause"\ntime = "50ms"\n[[step]]\ndo = "enquire"\n[[step]]\ndo = "listen"\ntime = "10ms"\n'
        '[[step]]\ndo = "raw"\nbind = 1\nhex = "00000010 0000ffff 00000000 00000063"\n'
        '[[step]]\ndo = "send"\nto = "13800138000"\nhex = "0001"\ncoding = 4\n'
        '[[step]]\ndo = "cancel"\n[[step]]\ndo = "half_open"\nbind = 2\n[[step]]\ndo = "unbind"\n'
    )
    told: list[str] = []
    async with CarrierSim(SETTINGS) as carrier:
        play = Play(load_scenario(file), port=carrier.port)
        play.on_step = told.append
        assert (await play.run()).ok, told
        assert carrier.received[0].payload == b"\0\1"
    assert [line.partition(" ")[2] for line in told] == [
        "1, drop: dropped", "2, bind: bound", "3, wait: 2 binds", "4, pause: nothing was read for 0.05 s",
        "5, enquire: answered", "6, listen: 0 came", "7, raw: 16 octets on 1 connection",
        "8, send: 1 sent, 1 accepted, 0 refused", told[8].partition(" ")[2], "10, half_open: half open",
        "11, unbind: unbound",
    ]  # fmt: skip
    kinds = [(entry.kind, entry.bind) for entry in play.entries("bind", "lost")]
    assert kinds == [("bind", 1), ("bind", 2), ("lost", 1), ("bind", 3), ("lost", 2)]


async def test_a_refused_bind_may_be_what_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    head = '[[application]]\nsystem_id = "shop"\npassword = "wrong"\nconnect = false\n[[step]]\ndo = "bind"\n'
    file.write_text(f'{head}refused = true\n[[expect]]\nkind = "refused_bind"\nstatus = 0x0E\ncount = 1\n')
    async with CarrierSim(SETTINGS) as carrier:
        report = await Play(load_scenario(file), port=carrier.port).run()
        assert report.ok, report.to_text()
        file.write_text(head)
        report = await Play(load_scenario(file), port=carrier.port).run()
        assert "ESME_RINVPASWD" in report.to_text()


async def test_a_scenario_moves_the_clocks_of_gateways(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        asked.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as ops, CarrierSim(SETTINGS) as carrier:
        file = tmp_path / "s.toml"
        url = f"http://127.0.0.1:{ops.sockets[0].getsockname()[1]}"
        file.write_text(
            f'[clock]\nmode = "manual"\nstart = 2026-11-18T10:30:00+08:00\ndrives = ["{url}"]\n'
            '[[application]]\nsystem_id = "shop"\npassword = "secret"\n[[step]]\ndo = "clock"\nadvance = "12h"\n'
        )
        assert (await Play(load_scenario(file), port=carrier.port).run()).ok
    assert [json.loads(each)["set"] for each in asked] == ["2026-11-18T02:30:00+00:00", "2026-11-18T14:30:00+00:00"]


async def test_a_mixed_load_of_two_accounts_with_a_ramp_of_binds(tmp_path: Path) -> None:
    mix = tmp_path / "mix.toml"
    mix.write_text(
        '[[account]]\nsystem_id = "login"\npassword = "secret"\n[[account]]\nsystem_id = "shop"\npassword = "secret"\n'
        '[[message]]\naccount = "login"\ntext = "code {n}"\nweight = 3\nrd = 1\n'
        '[[message]]\ntext = "【示例】优惠 {n}"\nto = ["13800138000", "8613800138001"]\n'
    )
    async with CarrierSim(SETTINGS) as carrier:
        status, out, err = await _run(
            "load", "--port", carrier.port, "--mix", mix, "--conns", 4, "--ramp-binds", "200ms", "--ramp", "100ms",
            "--rate", 1500, "--count", 600, "--progress", 0, "--histogram",
        )  # fmt: skip
        result = json.loads(out)
        assert status == 0
        assert (result["ok"], result["binds"], result["disconnects"]) == (600, 4, 0)
        codes = [message for message in carrier.received if message.text.startswith("code")]
        assert {message.system_id for message in codes} == {"login"}
        assert result["matched"] == result["wanted"] == len(codes)
        assert sum(count for _, count in result["resp_histogram"]) == 600
        assert err.startswith("answers, milliseconds up to\n")
        assert {message.recipient for message in carrier.received if message.system_id == "shop"} == {
            "13800138000", "8613800138001",
        }  # fmt: skip


async def test_load_and_send_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", "localhost")
    authority.issue("shop", "shop.example")
    tls = Tls(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    ours = ("--tls-ca", tmp_path / "ca.pem", "--tls-cert", tmp_path / "shop.pem", "--tls-key", tmp_path / "shop.key")
    async with CarrierSim(CarrierSettings(tls=tls)) as carrier:
        port = ("--port", carrier.port)
        status, out, _ = await _run("load", *port, *ours, "--count", 300, "--rd", 1, "--progress", 0)
        assert (status, json.loads(out)["matched"]) == (0, 300)
        assert (await _run("send", *port, *ours, "--to", "1", "hello"))[0] == 0
        status, _, err = await _run("send", *port, "--tls", "--tls-ca", tmp_path / "none.pem", "--to", "1", "hello")
        assert (status, "none.pem: expected certificates in PEM" in err) == (2, True)
        assert "Traceback" not in err


async def test_listen_waits_for_an_outbind() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.esme", "listen", "--system-id", "shop", "--password", "secret",
        "--bind", "rx", "--outbind-port", "0", "--count", "1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(SOON_S):
        port = int((await process.stderr.readline()).decode().rpartition(":")[2])
        settings = CarrierSettings(accounts={"shop": "secret"}, outbinds=(Outbind(port),))
        async with CarrierSim(settings) as carrier:
            await carrier.wait_for(lambda: carrier.bound, SOON_S)
            carrier.send_mo("13800138000", "10690001", "hello", "shop")
            out, _ = await process.communicate()
    assert (process.returncode, out.decode()) == (0, "MO from 13800138000 to 10690001: hello\n")
