"""What the commands of the prompt do and tell, in words and as JSON, and scripts that are not what they should be."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme import EsmeSettings, EsmeSim
from simulators.esme.due import Due
from simulators.esme.prompt.session import Session, run_safely
from simulators.esme.scenario import load_scenario
from simulators.spread import Delay
from smsgw.documents.problems import ConfigErrors
from smsgw.errors import LocalError

pytestmark = pytest.mark.e2e

SOON_S = 15


async def _script(typed: bytes, *words: object) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.esme", *map(str, words),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SOON_S):
            out, err = await process.communicate(typed)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode(), err.decode()


async def test_json_lines_of_everything_that_is_told() -> None:
    script = "send 13800138000 hello\nsend 19900002088 x\nquery 77\nenquire\nwait receipts 1 5s\nstats\nsned\n"
    async with CarrierSim() as carrier:
        status, out, err = await _script(script.encode(), "prompt", "--port", carrier.port, "--json")
    assert (status, err) == (1, "")
    told = [json.loads(line) for line in out.splitlines()]
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for each in told:
        by_kind.setdefault(each["kind"], []).append(each)
    assert [each["status_name"] for each in by_kind["answer"]] == [
        "ESME_ROK", "ESME_RTHROTTLED", "ESME_RQUERYFAIL", "ESME_ROK",
    ]  # fmt: skip
    assert by_kind["receipt"][0]["id"] == by_kind["answer"][0]["message_id"]
    assert by_kind["receipt"][0]["stat"] == "DELIVRD"
    assert (by_kind["stats"][0]["sent"], by_kind["stats"][0]["refused"]) == (2, 2)
    assert "did you mean 'send'" in by_kind["error"][-1]["text"]
    assert [each["event"] for each in by_kind["event"]] == ["unbind"]


async def test_a_script_in_another_coding_is_wrong_and_not_endless() -> None:
    async with CarrierSim() as carrier:
        status, out, err = await _script(b"\xff\xfe\nstats\n", "prompt", "--port", carrier.port)
    assert (status, err) == (1, "")
    assert "no command" in out
    assert "bound 1" in out


async def _session(carrier: CarrierSim, *lines: str, bind: str = "trx") -> list[str]:
    told: list[str] = []
    async with EsmeSim(EsmeSettings(port=carrier.port, binds=(bind,))) as esme:
        session = Session(esme, 5)
        session.say = told.append
        for line in lines:
            await run_safely(session, line)
        await session.drain()
    return told


async def test_a_receiver_asks_with_enquire_link() -> None:
    async with CarrierSim() as carrier:
        assert (await _session(carrier, "enquire", bind="rx"))[0].startswith("ESME_ROK")


async def test_every_recipient_of_a_submit_multi_brings_a_receipt() -> None:
    async with CarrierSim(CarrierSettings(receipt=Delay.parse("50ms"))) as carrier:
        told = await _session(carrier, "send 13800138000,13800138001,13800138002 hello")
    assert sum(line.startswith("receipt from") for line in told) == 3


def test_receipts_are_due_by_recipient() -> None:
    due = Due()
    due.accepted("1", 3)
    due.accepted("2")
    assert due.count == 4


async def test_nothing_is_sent_on_a_connection_that_is_gone() -> None:
    async with CarrierSim() as carrier, EsmeSim(EsmeSettings(port=carrier.port, binds=("tx", "rx"))) as esme:
        esme.links[0].abort()
        with pytest.raises(LocalError, match="bind 0"):
            esme.submit("10690001", "13800138000", "x", bind=0)
        with pytest.raises(LocalError, match="bind 7"):
            esme.send_raw(b"x", 7)
        assert (await esme.enquire()[0]).ok


async def test_send_does_not_wait_for_receipts_of_a_lost_connection() -> None:
    async with CarrierSim() as carrier:
        words = ("send", "--port", carrier.port, "--wait", "60s", "--to", "19900004007", "x")
        status, out, _ = await _script(b"", *words)
    assert status == 3
    assert "no final receipt" in out
    assert "the connection is lost" in out


SCENARIO = """
[[application]]
system_id = "shop"
binds = ["transmitter", "receiver"]
[[step]]
do = "send"
to = "0086138"
to_count = 3
text = "x"
"""


def test_recipients_that_are_counted_keep_their_zeros(tmp_path: Any) -> None:
    file = tmp_path / "zeros.toml"
    file.write_text(SCENARIO)
    (step,) = load_scenario(file).steps
    assert [step.recipient(n) for n in range(4)] == ["0086138", "0086139", "0086140", "0086138"]


def test_a_step_on_a_bind_that_is_none_is_wrong(tmp_path: Any) -> None:
    file = tmp_path / "bind.toml"
    file.write_text(SCENARIO + "bind = 3\n")
    with pytest.raises(ConfigErrors, match="shop has 2 binds"):
        load_scenario(file)
