"""Application scenarios: reading them, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.esme.scenario.load import load_scenario
from simulators.esme.scenario.model import ACTIONS
from simulators.esme.scenario.schema import json_schema
from smsgw.documents.problems import ConfigErrors

HEAD = '[[application]]\nsystem_id = "shop"\n'


def _read(tmp_path: Path, text: str) -> list[tuple[int, str, str]]:
    file = tmp_path / "s.toml"
    file.write_text(text)
    try:
        load_scenario(file)
    except ConfigErrors as wrong:
        return [(error.line, error.key, error.why) for error in wrong.errors]
    return []


def test_everything_a_file_may_hold(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        'name = "n"\nabout = "a"\n[clock]\nmode = "manual"\nstart = 2026-11-18T10:30:00+08:00\n'
        '[[application]]\nname = "first"\nsystem_id = "shop"\npassword = "x"\nversion = "5.0"\n'
        'binds = ["tx", "receiver"]\n'
        'window = 5\nanswer = "never"\nreconnect = "1s"\nenquire = "10s"\ntls = {}\n'
        '[[step]]\ndo = "send"\nname = "one"\nto = ["1", "2"]\ntext = "x {n}"\nrate = "10/s"\ntlvs = ["0x1400=01"]\n'
        'validity = "5m"\nwait = "receipts"\nbackground = true\n'
        '[[step]]\ndo = "clock"\nadvance = "1h"\n[[expect]]\nphase = "one"\ncount = 2\n'
    )
    scenario = load_scenario(file)
    settings = scenario.applications[0].settings(port=7)
    assert (settings.label, settings.port, settings.interface_version) == ("first", 7, 0x50)
    assert (settings.binds, settings.deliver_status, settings.reconnect_s) == (("tx", "receiver"), None, 1.0)
    assert settings.tls is not None
    step = scenario.steps[0]
    assert [step.recipient(n) for n in range(3)] == ["1", "2", "1"]
    assert (step.rate, step.validity, step.tlvs) == (10.0, "000000000500000R", b"\x14\x00\x00\x01\x01")


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 0, "is missing"),
        (f'{HEAD}binds = ["transciever"]', 3, "did you mean 'transceiver'"),
        (f'{HEAD}version = "3.5"', 3, "expected"),
        (f"{HEAD}{HEAD}", 3, "too; give it a name"),
        (f'{HEAD}tls = {{ ca = "none.pem" }}', 3, "existing file"),
        (f'{HEAD}[[step]]\ndo = "sned"', 3, "did you mean 'send'"),
        (f'{HEAD}[[step]]\ndo = "send"\nto = "1"', 3, "either text or hex"),
        (f'{HEAD}[[step]]\ndo = "send"\ntext = "x"', 3, "needs to"),
        (f'{HEAD}[[step]]\ndo = "drop"\ntext = "x"', 3, "text means nothing"),
        (f'{HEAD}[[step]]\ndo = "send"\nto = "1"\ntext = "x {{"', 3, "{{ for a brace"),
        (f'{HEAD}[[step]]\ndo = "send"\nto = ["1", "2"]\nto_count = 9\ntext = "x"', 3, "counts up from one number"),
        (f'{HEAD}[[step]]\ndo = "drop"\napplication = "shpo"', 5, "did you mean 'shop'"),
        (f'{HEAD}[[step]]\ndo = "query"\nof = "nothing"', 5, "no earlier step"),
        (f'{HEAD}[[step]]\ndo = "clock"\nadvance = "1h"', 3, "the clock is real"),
        (f'{HEAD}[[step]]\ndo = "send"\nto = "1"\ntext = "x"\ntlvs = ["0x1400"]', 7, "write it like"),
        (f'{HEAD}[[expect]]\nphase = "one"', 4, "no phase is called"),
        (f"{HEAD}[[expect]]\ncuont = 1", 4, "did you mean 'count'"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    (error,) = _read(tmp_path, text)
    assert told in error[2]
    assert error[0] == line


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    wrong = _read(tmp_path, f'{HEAD}port = 70000\n[[step]]\ndo = "wait"\n[[step]]\ndo = "nap"\n')
    assert [line for line, _, _ in wrong] == [3, 4, 6]


def test_the_schema_names_every_action() -> None:
    schema = json_schema()
    assert set(schema["$defs"]["Step"]["properties"]["do"]["enum"]) == set(ACTIONS)
    assert schema["properties"].keys() >= {"application", "step", "expect", "clock"}
