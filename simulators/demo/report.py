"""The result for programs: one JSON object. ``ok`` is true only if every expectation held."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from simulators.demo.facts import Check, DemoError, Row

_LIBRARIES = ("uvloop", "redis", "hiredis", "msgpack", "cryptography")


def versions(status: dict[str, Any]) -> dict[str, str]:
    """What ran: the gateway and its store by their own word, then Python and the libraries."""
    shown = {
        "smsgw": str(status["version"]),
        "store": str(status["store"]["server"]) + (" (embedded)" if status["store"]["embedded"] else ""),
        "python": platform.python_version(),
    }
    for name in _LIBRARIES:
        try:
            shown[name] = version(name)
        except PackageNotFoundError:
            continue
    return shown


def counts(rows: list[Row]) -> dict[str, Any]:
    """Sums over the table; refusals by rule, in submit_sm."""
    refused: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.refused:
            entry = refused.setdefault(row.rule, {"status": f"0x{row.status:08X}", "count": 0})
            entry["count"] += row.refused
    return {
        "sent": sum(row.sent for row in rows),
        "accepted": sum(row.accepted for row in rows),
        "refused": sum(row.refused for row in rows),
        "refused_by_rule": refused,
        "delivered": sum(row.delivered for row in rows),
        "receipts": sum(row.receipts for row in rows),
    }


def result(rows: list[Row], shown_versions: dict[str, str], took_s: float) -> dict[str, Any]:
    """All of it."""
    expectations = [_check(row, check) for row in rows for check in row.checks]
    return {
        "ok": all(each["held"] for each in expectations),
        "versions": shown_versions,
        "counts": counts(rows),
        "console": next((row.way for row in rows if row.way.startswith("http")), ""),
        "table": [row.to_json() for row in rows],
        "expectations": expectations,
        "failed": sum(not each["held"] for each in expectations),
        "took_s": round(took_s, 2),
    }


def failure(error: DemoError, took_s: float) -> dict[str, Any]:
    """The demonstration could not go on."""
    return {"ok": False, "error": error.why, "log": list(error.log), "took_s": round(took_s, 2)}


def _check(row: Row, check: Check) -> dict[str, Any]:
    return {
        "name": f"{row.name}: {check.what}",
        "held": check.held,
        "expected": check.expected,
        "got": check.got,
    }
