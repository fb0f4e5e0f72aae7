"""``smsgw records`` on files that a test wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smsgw.records.log import RecordLog
from smsgw.records.record import Step
from smsgw.store.secrets import load_or_create
from tests.unit.cli.conftest import Run

START_MS = 1_795_004_800_000  # 2026-11-18T20:26:40+08:00
ID = "006a1d0000beef000001"


@pytest.fixture
def written(site: Path) -> Path:
    """Two messages over three hours: one with all its steps, one refused."""
    rhash = load_or_create(site / "state" / "secrets.toml").hasher().hash("8613800138000")
    log = RecordLog(site / "state" / "records", "node1", lambda: START_MS)
    to = (rhash, "138****8000")
    log.append((START_MS, Step.ACCEPTED, ID, "shop", "", 2, *to, 1, 0, "", "示例商城", 3, "everything-else"))
    log.append((START_MS + 50, Step.SENT, ID, "shop", "alpha", 2, *to, 1, 0, "", "示例商城", 0, "alpha/0"))
    log.flush()
    log.append((START_MS + 3_600_000, Step.REFUSED, "x", "orders", "", 1, "h", "139****1111", 1, 0x402, "s", "", 0))
    log.flush()
    log.append((START_MS + 7_200_000, Step.RECEIPT, ID, "shop", "alpha", 0, *to, 0, 0, "", "", 9, "DELIVRD", "000"))
    log.close()
    return site


def _steps(smsgw: Run, *arguments: str) -> list[str]:
    result = smsgw("records", "--json", *arguments)
    assert result.exit_code == 0
    return [json.loads(line)["step"] for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("written")
def test_a_message_from_its_beginning(smsgw: Run) -> None:
    assert _steps(smsgw, ID) == ["accepted", "sent", "receipt"]
    page = smsgw("records", ID).stdout
    assert "2026-11-18 20:26:40.000+08:00   accepted" in page
    assert "state DELIVRD, err 000" in page
    assert "138****8000" in page


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        ((), ["accepted", "sent", "refused", "receipt"]),
        (("-n", "1"), ["receipt"]),
        (("-n", "3"), ["sent", "refused", "receipt"]),
        (("--account", "orders"), ["refused"]),
        (("--carrier", "alpha"), ["sent", "receipt"]),
        (("--step", "sent"), ["sent"]),
        (("--to", "13800138000"), ["accepted", "sent", "receipt"]),
        (("--since", "2026-11-18T21:00"), ["refused", "receipt"]),
        (("--until", "2026-11-18T12:30:00Z"), ["accepted", "sent"]),
        (("--since", "2026-11-18T21:00", "-n", "1"), ["receipt"]),
    ],
)
def test_the_last_ones(smsgw: Run, arguments: tuple[str, ...], steps: list[str]) -> None:
    assert _steps(smsgw, *arguments) == steps


@pytest.mark.usefixtures("written")
def test_an_unknown_message(smsgw: Run) -> None:
    result = smsgw("records", "006a")
    assert result.exit_code == 1
    assert result.stderr.startswith("smsgw: no step of message '006a' is recorded in ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--step", "snet"), "did you mean 'sent'?"),
        (("--carrier", "alfa"), "did you mean 'alpha'?"),
        (("--since", "yesterday"), "is no time of ISO 8601"),
        (("--follow", "--until", "2026-11-18"), "--follow has no end"),
    ],
)
def test_wrong_usage_is_one_line(smsgw: Run, arguments: tuple[str, ...], said: str) -> None:
    result = smsgw("records", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
