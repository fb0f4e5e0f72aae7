"""The demonstration from outside: what it promises to programs, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from simulators.demo.acts import ACTS, BindRefused, Send, TooFast
from simulators.demo.country import PREFIXES
from simulators.demo.texts import RULES_ZH
from smsgw.config.number_plan import province_table
from smsgw.policy.number_plan import PROVINCES

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 120.0


@pytest.fixture
def short_temporary() -> Iterator[Path]:
    """Where the demonstration may write; short, for there is a limit to the path of a socket."""
    with tempfile.TemporaryDirectory(prefix="d-") as directory:
        yield Path(directory)


def _start(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "simulators.demo", *arguments],
        cwd=_ROOT, env={**os.environ, "TMPDIR": str(temporary)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _processes(temporary: Path) -> list[int]:
    """Processes that work in ``temporary`` or name it in their command: the gateway and its server."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            place = os.readlink(path / "cwd")
        except OSError:
            continue
        if str(temporary).encode() in command or place.startswith(str(temporary)):
            found.append(int(path.name))
    return found


def _command(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return []


def _wait_for(condition: object, what: str) -> None:
    assert callable(condition)
    end_s = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.05)


def test_every_expectation_holds_and_is_told_in_one_json_object(short_temporary: Path) -> None:
    process = _start(short_temporary, "--once", "--json")
    out, err = process.communicate(timeout=_PATIENCE_S)
    result = json.loads(out)
    wrong = [each for each in result["expectations"] if not each["held"]]
    assert (process.returncode, wrong, err) == (0, [], "")
    assert result["ok"] is True
    assert len(out.splitlines()) == 1
    assert {"smsgw", "store", "python"} <= result["versions"].keys()
    counts = result["counts"]
    assert counts["sent"] == counts["accepted"] + counts["refused"]
    assert counts["receipts"] == counts["accepted"] >= counts["delivered"] > 0
    assert result["console"].startswith("http://127.0.0.1:")
    shown = {each["name"]: each["got"] for each in result["expectations"]}
    assert shown["the console shows it: provinces on its map"] == "31"
    assert 0 < result["took_s"] < 60
    assert not _processes(short_temporary)
    assert not list(short_temporary.glob("smsgw-demo-*"))


def test_every_rule_but_those_of_a_broken_gateway_is_violated_once() -> None:
    rules = {act.expect.rule for act in ACTS if isinstance(act, Send)}
    rules |= {act.rule for act in ACTS if isinstance(act, BindRefused)}
    rules |= {"rate" for act in ACTS if isinstance(act, TooFast)}
    # What staff would have to register or turn on before it can be violated.
    staff = {
        "account.unapproved", "account.suspended", "paused", "service_phone", "words.national", "words.company",
        "template", "dead_number", "consent",
    }  # fmt: skip
    assert rules - {""} == RULES_ZH.keys() - {"queue.full", "store.away"} - staff


def test_its_recipients_are_where_it_says() -> None:
    places = {letters: name for name, letters in PROVINCES.items()}
    assert PREFIXES.keys() == places.keys()
    for letters, prefixes in PREFIXES.items():
        found = {province_table().find(f"86{prefix}0101") for prefix in prefixes}
        assert found == {places[letters]}, letters


def test_ctrl_c_in_the_middle_ends_everything(short_temporary: Path) -> None:
    process = _start(short_temporary, "--once")
    _wait_for(lambda: len(_processes(short_temporary)) >= 2, "gateway and server run")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=_PATIENCE_S)
    assert (process.returncode, err) == (130, "")
    assert "expectations held" not in out
    _wait_for(lambda: not _processes(short_temporary), "nothing runs any more")
    assert not list(short_temporary.glob("smsgw-demo-*"))


def test_it_stays_up_for_who_wants_to_look_at_the_console(short_temporary: Path) -> None:
    process = _start(short_temporary, "--once", "--stay")
    assert process.stdout is not None
    lines: list[str] = []
    while "Ctrl-C ends it" not in (lines[-1] if lines else ""):
        lines.append(process.stdout.readline())
        assert lines[-1], "".join(lines)
    found = re.search(r"console (http://\S+) — sign in as .*viewer.* password (\S+)", "".join(lines))
    assert found is not None
    with httpx.Client(base_url=found[1], trust_env=False, timeout=30) as client:
        answer = client.post("/api/session", json={"name": "viewer", "password": found[2]})
        assert answer.status_code == 200, answer.text
        delivered = client.get("/api/map").json()
        assert {each["carrier"] for place in delivered["provinces"] for each in place["carriers"]} == {"alpha", "beta"}
        assert client.get("/").status_code == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=_PATIENCE_S)
    assert (process.returncode, err) == (0, ""), out
    assert re.search(r"(\d+) of \1 expectations held", out)
    _wait_for(lambda: not _processes(short_temporary), "nothing runs any more")


def test_a_gateway_that_dies_is_reported_with_its_last_words(short_temporary: Path) -> None:
    process = _start(short_temporary, "--once", "--json")

    def gateway() -> list[int]:
        running = _processes(short_temporary)
        return [pid for pid in running if {b"smsgw", b"run"} <= set(_command(pid))]

    _wait_for(gateway, "the gateway runs")
    # Once it is ready: its log says so.
    log = next(short_temporary.glob("smsgw-demo-*/site/gateway.log"))
    _wait_for(lambda: "esme.bound" in log.read_text(encoding="utf-8"), "an application is bound")
    os.kill(gateway()[0], signal.SIGKILL)
    out, err = process.communicate(timeout=_PATIENCE_S)
    result = json.loads(out)
    assert (process.returncode, err) == (2, "")
    assert result["ok"] is False
    assert result["error"]
    assert any("app.started" in line or "bound" in line for line in result["log"])
    _wait_for(lambda: not _processes(short_temporary), "its server was stopped too")
