"""``smsgw status`` against an ops port of a test, and against none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from smsgw.telemetry.ops import Heartbeat, OpsServer
from tests.unit.cli.conftest import Run, change, shown

SNAPSHOT: dict[str, Any] = {
    "version": "0.1.0",
    "site_version": 3,
    "node": "node1",
    "business_time": "2026-11-18T02:30:00+00:00",
    "not_ready": {"carriers": "no bind of any carrier is up"},
    "store": {
        "up": True,
        "server": "8.1.3",
        "embedded": True,
        "calls": {"admit": {"items": 3, "waiting": 2}},
    },
    "accounts": {
        "shop": {
            "class": "marketing",
            "in_force": False,
            "binds": 1,
            "accepted": 3,
            "refused": {"optout": 2},
            "receipts_delivered": 1,
            "outbox": 0,
        }
    },
    "carriers": {
        "alpha": {
            "binds_up": 0,
            "binds": 2,
            "in_flight": 0,
            "rate_per_s": 200.0,
            "slowed": False,
            "waiting": {"otp": 0, "notice": 0, "marketing": 3},
            "submitted": 5,
            "answered": {"0x00000000": 4, "0x00000058": 1},
            "receipts": {"DELIVRD": 1},
            "why_not": "none of its binds is up: refused",
            "drained": False,
        }
    },
    "breakers": [
        {
            "carrier": "alpha",
            "province": "广东",
            "state": "half-open",
            "since_s": 12.3,
            "why": "open for 60 s; probing",
            "good": 0,
            "outcomes": 0,
            "usual": 0.97,
        }
    ],
    "records": {"written": 9, "lost": 0, "failing": None},
}


def test_a_page_and_an_object(site: Path, smsgw: Run) -> None:
    ops = OpsServer(CollectorRegistry(), Heartbeat(), port=0, status=lambda: SNAPSHOT)
    ops.start()
    try:
        change(site / "smsgw.toml", "port = 1", f"port = {ops.port}")
        page = smsgw("status").stdout
        assert "no: no bind of any carrier is up" in page
        assert "0 of 2" in page
        assert "none of its binds is up: refused" in page
        assert "marketing 3" in page
        assert "half-open" in page
        assert "ESME_ROK 4, ESME_RTHROTTLED 1" in page
        assert "optout 2" in page
        assert "shop (not in force)" in page
        assert shown(smsgw("status", "--json")) == SNAPSHOT
    finally:
        ops.stop()


WORKERS: dict[str, Any] = {
    "n-1": {"pid": 4711, "role": "esme", "restarts": 2, "up_s": 11_000.4, "cpu_s": 61.25, "status": "ready"},
    "n-2": {
        "pid": 0, "role": "carrier", "restarts": 7, "up_s": 0.0, "cpu_s": 0.0,
        "status": "it does not run\x1b[31m",
    },
}  # fmt: skip


def test_each_worker_has_a_line_where_there_are_several(site: Path, smsgw: Run) -> None:
    ops = OpsServer(CollectorRegistry(), Heartbeat(), port=0, status=lambda: SNAPSHOT | {"workers": WORKERS})
    ops.start()
    try:
        change(site / "smsgw.toml", "port = 1", f"port = {ops.port}")
        lines = [line.split() for line in smsgw("status").stdout.splitlines()]
        assert ["worker", "role", "pid", "restarts", "up", "CPU", "s", "state"] in lines
        assert ["n-1", "esme", "4711", "2", "3h", "3m", "61.2", "ready"] in lines
        assert ["n-2", "carrier", "–", "7", "–", "0.0", "it", "does", "not", "run�[31m"] in lines
    finally:
        ops.stop()


def test_files_that_are_broken_hide_nothing(site: Path, smsgw: Run) -> None:
    ops = OpsServer(
        CollectorRegistry(), Heartbeat(), port=0, status=lambda: SNAPSHOT | {"accounts": {}, "carriers": {}}
    )
    ops.start()
    try:
        change(site / "smsgw.toml", "port = 1", f"port = {ops.port}")
        (site / "routes.toml").write_text("[[route")
        assert smsgw("status").exit_code == 0
        assert smsgw("bind", "list").exit_code == 0
    finally:
        ops.stop()


def test_a_gateway_of_another_version(site: Path, smsgw: Run) -> None:
    ops = OpsServer(CollectorRegistry(), Heartbeat(), port=0, status=lambda: {"version": "9"})
    ops.start()
    try:
        change(site / "smsgw.toml", "port = 1", f"port = {ops.port}")
        result = smsgw("status")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "another version's" in result.stderr
    finally:
        ops.stop()


def test_a_gateway_that_does_not_answer(smsgw: Run) -> None:
    result = smsgw("status")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "smsgw: the gateway does not answer on http://127.0.0.1:1: Connection refused; is it running?\n"
    )
