"""``smsgw archive`` and ``smsgw stats`` on files that a test wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smsgw.records.archive import raw
from smsgw.records.log import RecordLog
from smsgw.records.record import Step
from tests.unit.cli.conftest import Run

AT_MS = 1_795_004_800_000  # 2026-11-18T20:26:40+08:00
ID = "006afd96400001000001"
RECORDS = Path("state") / "records"


@pytest.fixture
def written(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    log = RecordLog(site / RECORDS, "node1", lambda: AT_MS)
    log.append((AT_MS, Step.ACCEPTED, ID, "shop", "", 2, "h", "138****8000", 1, 0, "", "示例商城", 3, "main"))
    log.append((AT_MS + 50, Step.SENT, ID, "shop", "alpha", 2, "h", "138****8000", 1, 0, "", "示例商城", 0, 1))
    log.append((AT_MS + 90, Step.ANSWERED, ID, "shop", "alpha", 2, "h", "138****8000", 1, 0, "", "示例商城", 40, "c"))
    log.append((AT_MS + 950, Step.RECEIPT, ID, "shop", "alpha", -1, "", "", 0, 0, "", "", 0, 5, "MK:0001", "c"))
    log.close()
    return site


@pytest.mark.usefixtures("written")
def test_stats(smsgw: Run) -> None:
    found = smsgw("stats", "--by", "department,message_class", "--since", "2026-11-18", "--json")
    (row,) = json.loads(found.stdout)["figures"]
    assert (row["department"], row["message_class"], row["counts"]["accepted"], row["counts"]["failed"]) == (
        "retail", "marketing", 1, 1
    )  # fmt: skip
    assert row["failed_by"] == {"invalid_number": 1}
    page = smsgw("stats", "--by", "hour,carrier", "--since", "2026-11-18", "--where", "account=shop").stdout
    (alpha,) = (line for line in page.splitlines() if "2026-11-18 20:00   alpha" in line)
    assert " 0.0 " in alpha  # of those whose end is known, though no acceptance stands in a carrier's row
    assert smsgw("stats", "--since", "2027-01-01").stdout == "nothing is recorded of that time\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "carier"), "by: 'carier' is not known; did you mean 'carrier'?"),
        (("--where", "hour=3"), "--where 'hour=3': expected NAME=VALUE, with one of account, department"),
        (("--where", "message_class=sms"), "message_class: 'sms' is not known"),
        (("--since", "yesterday"), "since: 'yesterday' is neither a day such as 2026-11-18 nor an hour"),
        (("--since", "2026-11-18T10:30"), "since: '2026-11-18T10:30' is not the beginning of an hour"),
        (("--no-fresh",), "has no archive yet"),
    ],
)
def test_stats_that_can_not_be(arguments: tuple[str, ...], said: str, smsgw: Run) -> None:
    found = smsgw("stats", *arguments)
    assert found.exit_code != 0
    assert said in found.stderr


def test_one_round_and_whether_it_is_whole(written: Path, smsgw: Run) -> None:
    assert "there is no archive yet" in smsgw("archive", "verify").stderr
    assert smsgw("archive", "once").stdout.startswith("4 records taken; 1 file written, 0 purged")
    assert smsgw("archive", "verify").stdout.startswith("the archive is whole: 4 records in 1 file; head 1:")
    assert "accepted" in smsgw("records", ID).stdout
    assert "receipt" in smsgw("records", "--last", "1").stdout
    (path,) = (written / RECORDS / "archive").glob("2*/*.parquet")
    path.unlink()
    found = smsgw("archive", "verify")
    assert found.exit_code == 1
    assert f"the archive is broken: {path.name}: is missing, with 4 records" in found.stderr


def test_a_keeper_takes_what_comes_until_it_is_told_to_stop(written: Path) -> None:
    command = [sys.executable, "-m", "smsgw", "archive", "keep", "--every", "1", "--site", str(written)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as keeper:
        assert keeper.stderr is not None
        told = [json.loads(keeper.stderr.readline()) for _ in range(2)]
        os.kill(keeper.pid, signal.SIGTERM)
        told += [json.loads(line) for line in keeper.stderr]
        assert keeper.wait(20) == 0
    assert [each["event"] for each in told] == [
        "records.archive.started",
        "records.archive.round",
        "records.archive.stopped",
    ]
    assert told[1]["taken_rows"] == 4
