"""``carrier-sim run`` and its neighbours as a user has them: a process, applications that bind, a report."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import xml.etree.ElementTree as ET
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from simulators.carrier import commands
from simulators.carrier.__main__ import main
from simulators.esme.load import Load
from simulators.esme.load_settings import LoadSettings

pytestmark = pytest.mark.e2e

_SOON_S = 20.0
_ROOT = Path(__file__).resolve().parents[2]


async def _start(*words: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.carrier", *words, stdout=PIPE, stderr=PIPE,
        stdin=asyncio.subprocess.DEVNULL, cwd=_ROOT,
    )  # fmt: skip


async def _run(*words: str) -> tuple[int | None, str, str]:
    process = await _start(*words)
    async with asyncio.timeout(_SOON_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def _running(*words: str) -> AsyncIterator[tuple[Process, list[int]]]:
    """A run on free ports; yields the ports of its carriers, when all listen."""
    process = await _start("run", *words, "--port", "0", "--http", "0")
    try:
        assert process.stderr is not None
        ports: list[int] = []
        async with asyncio.timeout(_SOON_S):
            while True:
                line = (await process.stderr.readline()).decode()
                assert line, "it ended"
                if "listening on" in line:
                    ports.append(int(line.rsplit(":", 1)[1]))
                    if len(ports) == (2 if re.match(r"\w+ listening", line) else 1):
                        break
        yield process, ports
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ended(process: Process) -> tuple[int | None, str]:
    async with asyncio.timeout(_SOON_S):
        out, err = await process.communicate()
    assert "Traceback" not in err.decode()
    return process.returncode, out.decode()


async def _send(port: int, count: int, **more: Any) -> dict[str, Any]:
    settings = LoadSettings(port=port, progress_s=0, count=count, registered_delivery=1, window=5, **more)
    return await Load(settings).run()


def _scenario(tmp_path: Path, text: str) -> str:
    path = tmp_path / "tried.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


_FULFILLED = """
about = "Ten come, one of three is not delivered."
seed = 3
[end]
messages = 10
at_most = "15s"
[[carrier]]
receipts = { states = "DELIVRD:67%, UNDELIV/002", delay = "20ms" }
[[expect]]
name = "ten come"
count = 10
[[expect]]
name = "receipts for all"
kind = "receipt"
count = 10
"""


async def test_a_run_that_is_fulfilled_reports_it_everywhere(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("report", "junit", "ledger", "capture.pcap")}
    words = [word for name, path in files.items() for word in (f"--{name.partition('.')[0]}", str(path))]
    async with _running(_scenario(tmp_path, _FULFILLED), *words) as (process, (port,)):
        sent = await _send(port, 10)
        status, out = await _ended(process)
    assert (status, sent["matched"]) == (0, 10)
    assert out.startswith("tried: Ten come, one of three is not delivered.\nseed 3 · ")
    assert "ended: 10 messages have come and have their receipts" in out
    assert "2 expectations, all met" in out
    report = json.loads(files["report"].read_text())
    assert (report["ok"], report["carriers"]["carrier"]["submits"]) == (True, 10)
    assert [case.get("name") for case in ET.parse(files["junit"]).iter("testcase")] == ["ten come", "receipts for all"]
    assert files["ledger"].read_text().startswith("# carrier\n")
    assert files["capture.pcap"].read_bytes()[:4] in (b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1")


async def test_a_run_that_is_not(tmp_path: Path) -> None:
    text = '[end]\nmessages = 2\n[[carrier]]\n[[expect]]\nname = "three"\ncount = 3\n'
    async with _running(_scenario(tmp_path, text)) as (process, (port,)):
        await _send(port, 2)
        status, out = await _ended(process)
    assert status == 1
    assert "FAILED  three" in out
    assert "1 expectation, 1 failed" in out


async def test_it_ends_when_everything_is_decided(tmp_path: Path) -> None:
    text = '[end]\ndecided = true\nat_most = "15s"\n[[carrier]]\n[[expect]]\nname = "one"\nat_least = 1\n'
    async with _running(_scenario(tmp_path, text)) as (process, (port,)):
        await _send(port, 1)
        status, out = await _ended(process)
    assert (status, "ended: everything expected is decided" in out) == (0, True)


async def test_it_ends_after_so_much_business_time_or_when_told(tmp_path: Path) -> None:
    text = '[clock]\nmode = "scaled"\nrate = 36000\n[[carrier]]\n'
    status, out, _ = await _run("run", _scenario(tmp_path, text), "--for", "1h", "--port", "0")
    assert (status, "ended: 3600 s of business time are over" in out, "nothing was expected" in out) == (0, True, True)
    async with _running(_scenario(tmp_path, text)) as (process, _):
        process.send_signal(signal.SIGINT)
        status, out = await _ended(process)
    assert (status, "ended: somebody ended it" in out) == (0, True)


async def test_phases_events_and_two_carriers_while_it_runs(tmp_path: Path) -> None:
    text = """
[end]
after = "100s"
[clock]
mode = "manual"
start = "2026-11-18T12:00:00+08:00"
[[carrier]]
name = "alpha"
[[carrier]]
name = "beta"
answers = { refuse = "ESME_RSYSERR" }
[[phase]]
name = "busy"
carrier = "alpha"
from = "50s"
until = "60s"
answers = { refuse = "ESME_RTHROTTLED" }
[[event]]
after_messages = 3
carrier = "alpha"
do = "clock"
advance = "55s"
[[event]]
at = "55s"
carrier = "alpha"
do = "mo"
from = "13800138000"
to = "1069"
text = "TD"
[[event]]
after_messages = 6
carrier = "alpha"
do = "clock"
advance = "1h"
[[expect]]
name = "throttled in the phase"
where = "alpha"
phase = "busy"
each = { status = "ESME_RTHROTTLED" }
count = 3
[[expect]]
where = "beta"
count = 1
[[expect]]
name = "the handset"
kind = "mo"
count = 1
each = { text_is = "TD" }
"""
    async with _running(_scenario(tmp_path, text)) as (process, (alpha, beta)):
        refused = await _send(beta, 1)
        first, second = await _send(alpha, 3), await _send(alpha, 3)
        status, out = await _ended(process)
    assert (refused["ok"], first["ok"], second["ok"]) == (0, 3, 0)
    assert status == 0, out


def test_mistakes_are_said_in_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = _scenario(tmp_path, '[[carrier]]\nanswrs = 1\n[[event]]\ndo = "drop"\n')
    for words in (["run", wrong], ["check", wrong]):
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert (out, [line.removeprefix(str(tmp_path)) for line in err.splitlines()]) == (
            "",
            [
                "/tried.toml:2: carrier[1].answrs: unknown key; did you mean 'answers'?",
                "/tried.toml:3: event[1]: expected at or after_messages: when it happens",
            ],
        )
    assert main(["run", "receipt-twice"]) == 2
    assert "did you mean 'receipts-twice'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["run", "receipts-twice", "--for", "soon"])
    assert "expected a duration" in capsys.readouterr().err
    short = _scenario(tmp_path, '[end]\nafter = "1ms"\n')
    nowhere = str(tmp_path / "no" / "report")
    for words in (["run", short, "--report", nowhere], ["run", short, "--capture", nowhere], ["--log", nowhere]):
        assert main([*words, "--port", "0"]) == 2
        out, err = capsys.readouterr()
        assert (out, f"{nowhere}: can't be written: No such file or directory" in err) == ("", True)
    for words in (["run", short, "--port", "70000"], ["run", short, "--http", "65536"], ["--port", "70000"]):
        with pytest.raises(SystemExit, match="2"):
            main(words)
        assert "is no port" in capsys.readouterr().err


async def test_a_port_that_is_taken() -> None:
    async with _running("receipts-twice") as (_, (port,)):
        status, _, err = await _run("run", "receipts-twice", "--port", str(port))
        assert (status, "address already in use" in err, "Traceback" in err) == (2, True, False)


def test_check_schema_and_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(_ROOT / "config/example/carriers/alpha.toml"), "bad-day"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "bad-day: ok, 1 carrier, 3 phases, 1 event"
    assert main(["schema"]) == 0
    assert "carrier" in json.loads(capsys.readouterr().out)["properties"]
    assert main(["scenarios"]) == 0
    assert re.search(r"^receipts-twice +Every receipt comes again", capsys.readouterr().out, re.MULTILINE)
    assert main(["scenarios", "receipts-twice"]) == 0
    assert 'twice = "100%"' in capsys.readouterr().out
    for command in ("run", "replay", "convert", "show-capture", "conformance"):
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])


async def test_gateways_clocks_are_driven_or_it_does_not_start(tmp_path: Path) -> None:
    text = '[clock]\nmode = "manual"\ndrives = ["http://127.0.0.1:1"]\n'
    status, _, err = await _run("run", _scenario(tmp_path, text), "--port", "0")
    assert (status, "is the gateway running?" in err, "Traceback" in err) == (2, True, False)


def test_an_interrupt_while_nothing_runs_yet_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "main", interrupted)
    assert main(["run", "receipts-twice"]) == 130
