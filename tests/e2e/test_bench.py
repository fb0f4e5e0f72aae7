"""bin/bench, the smallest that it can measure: every process is started, every message carried, figures come out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.suite.__main__ import main

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_small_run_measures_every_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = tmp_path / "found.json"
    assert main(["--only", "saturation", "--runs", "1", "--count", "300", "--conns", "2", "--json", str(into)]) == 0
    told = json.loads(into.read_text())
    figures = told["sections"]["saturation"]["here"]["figures"]
    for process in ("gateway", "redis", "carrier", "load"):
        assert figures[f"CPU of {process}"]["median"] >= 0
    assert figures["messages a second, until the last receipt"]["median"] > 0
    assert figures["memory after it: gateway"]["median"] > 10
    assert 0 < figures["answer p50"]["median"] <= figures["answer max"]["median"]
    assert set(told["facts"]) >= {"processor", "python", "redis", "here", "load tools"}
    assert "CPU of gateway, µs a message" in capsys.readouterr().out
