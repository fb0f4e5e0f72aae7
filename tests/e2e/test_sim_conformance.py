"""The command as a tester types it: what it prints and writes, and its exit status."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from simulators.carrier.settings import Tls
from simulators.conformance.bench import Bench
from simulators.conformance.check import Verdict
from simulators.conformance.checks import chosen
from simulators.conformance.log import SUBMITS
from simulators.conformance.run import examine
from simulators.esme import EsmeSettings, EsmeSim
from simulators.esme.settings import ClientTls
from tests.e2e.gateway import ROOT
from tests.e2e.test_tls import Authority
from tests.ports import free_port
from tests.unit.simulators.conformance.application import Application
from tests.unit.simulators.conformance.quick import QUICK as SHORT

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

_TIMES = (
    "--timeout 2s --answer 500ms --idle 600ms --half-open 2s --refuse-for 600ms --throttle-for 500ms --hold-for 200ms"
)
QUICK = ["--system-id", "shop", "--password", "secret", "--quiet", "300ms", *_TIMES.split(" ")]


async def conformance(*arguments: str, faults: tuple[str, ...] | None = ()) -> tuple[int, str, str]:
    """Run the command, with an application unless ``faults`` is None: exit status, output, errors."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.carrier", "conformance", "--port", str(port), *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    application = Application(port, faults or ())
    running = asyncio.ensure_future(application.run() if faults is not None else asyncio.sleep(0))
    assert process.stderr is not None
    assert process.stdout is not None
    output = asyncio.ensure_future(process.stdout.read())
    errors = ""
    async with asyncio.timeout(30):
        while line := await process.stderr.readline():
            errors += line.decode()
            if b"Stop your application" in line:
                application.stopping.set()
        status = await process.wait()
        text = (await output).decode()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return status, text, errors


async def test_reports_and_exit_status_0(tmp_path: Path) -> None:
    report, junit = tmp_path / "report.txt", tmp_path / "report.xml"
    chosen = ["--only", "binding,bind-resp-tlvs,link,mo-ucs2,receipt,clean-end,sequence-numbers"]
    status, output, errors = await conformance(*QUICK, *chosen, "--report", str(report), "--junit", str(junit))
    assert status == 0, output + errors
    assert "answers enquire_link" in output
    assert output.endswith("14 passed: conforms\n")
    assert "Stop your application now" in errors
    assert report.read_text(encoding="utf-8").startswith("Conformance of the application shop\n")
    suites = ElementTree.parse(junit).getroot()
    assert [suite.get("name") for suite in suites][:2] == ["conformance.binding", "conformance.link"]
    assert len(suites.findall(".//testcase")) == 14
    assert suites.findall(".//failure") == []


async def test_json_and_exit_status_1() -> None:
    status, output, _ = await conformance(*QUICK, "--only", "enquire-link,mo-gsm", "--json", faults=("refuses_mo",))
    found: dict[str, Any] = json.loads(output)
    assert status == 1
    assert not found["ok"]
    assert {each["id"]: each["verdict"] for each in found["checks"]} == {"enquire-link": "pass", "mo-gsm": "fail"}
    failure = next(each for each in found["checks"] if each["verdict"] == "fail")
    assert "ESME_RSYSERR" in failure["seen"]
    assert failure["mend"]
    assert failure["why"]


async def test_nobody_comes(tmp_path: Path) -> None:
    junit = tmp_path / "report.xml"
    arguments = ("--timeout", "100ms", "--quiet", "50ms", "--junit", str(junit))
    status, output, errors = await conformance(*arguments, faults=None)
    assert status == 1
    assert errors.count("Start your application now") == 1
    assert "not seen: does not conform" in output
    suites = ElementTree.parse(junit).getroot()
    assert len(suites.findall(".//skipped")) == len(suites.findall(".//testcase"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--only", "enquire-link,nonsense"), "no check 'nonsense'; --list shows them all"),
        (("--tls-key", "key.pem"), "--tls-certificate and --tls-key go together"),
        (("--tls-key", "none.pem", "--tls-certificate", "none.pem"), "none.pem"),
        (("--report", "/nowhere/report.txt"), "/nowhere/report.txt"),
        (("--timeout", "soon"), "soon"),
    ],
)
async def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    status, _, errors = await conformance(*arguments, faults=None)
    assert status == 2
    assert words in errors
    assert "Traceback" not in errors


async def test_the_list() -> None:
    status, output, _ = await conformance("--list", faults=None)
    assert status == 0
    assert "half-open" in output
    assert "Falls silent on every connection" in output


@pytest.mark.parametrize(("more", "expected"), [((), 0), (("--strict",), 1)])
async def test_what_is_not_seen_fails_a_strict_run(more: tuple[str, ...], expected: int) -> None:
    arguments = (*QUICK, "--only", "enquire-link,own-enquire-link", *more)
    status, output, _ = await conformance(*arguments, faults=("never_enquires",))
    assert status == expected
    words = "conforms, as far as it was seen" if expected == 0 else "does not conform"
    assert output.endswith(f"1 passed, 1 not seen: {words}\n")


async def test_over_tls_with_the_simulated_application(tmp_path: Path) -> None:
    Authority(tmp_path).issue("server", "localhost")
    tls = Tls(tmp_path / "server.pem", tmp_path / "server.key")
    settings = EsmeSettings(
        port=0, system_id="shop", password="secret", tls=ClientTls(ca=tmp_path / "ca.pem", server_name="localhost")
    )
    async with Bench(replace(SHORT, tls=tls)) as bench, EsmeSim(replace(settings, port=bench.port)) as esme:
        esme.submit("10690001", "8613800138000", "您好")
        esme.submit_long("10690001", "8613800138000", "long " * 60)
        await bench.wait_for(lambda: len(bench.log.received(*SUBMITS)) == 3, 5)
        only = frozenset({"binding", "link", "receiving", "long-complete", "long-headers", "all that was seen"})
        report = await examine(bench, chosen(only))
    assert {each.check.id: each.outcome.seen for each in report.results if each.verdict is not Verdict.PASS} == {}
