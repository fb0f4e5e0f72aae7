"""What can only be judged at the end: nothing forbidden at any carrier, nothing twice, every receipt once.

The gateway's own counts must agree with what the applications saw.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from simulators.demo.country import PREFIXES
from simulators.demo.facts import Row, Trace
from simulators.demo.stage import Stage


def audit(stage: Stage, rows: list[Row]) -> None:
    """Add the checks of the end to the rows they belong to."""
    receipts: dict[tuple[str, str], list[str]] = {}
    for system_id, application in stage.applications.items():
        for came in application.receipts:
            stat = (came.receipt.stat or "") if came.receipt is not None else ""
            receipts.setdefault((system_id, came.message_id), []).append(stat)
    for row in rows:
        for trace in row.traces:
            _follow(stage, row, trace)
        if row.owed:
            _receipts(row, receipts)


def balance(rows: list[Row], status: dict[str, Any]) -> Row:
    """One more row: the gateway counted what the applications saw."""
    row = Row("the gateway's own counts", done=True)
    accounts = status["accounts"].values()
    row.check("accepted", sum(each.accepted for each in rows), sum(each["accepted"] for each in accounts))
    refused: Counter[str] = Counter()
    for account in accounts:
        refused.update(account["refused"])
    seen: Counter[str] = Counter()
    for each in rows:
        if each.refused_messages:
            seen[each.rule] += each.refused_messages
    row.check("refused by rule", dict(sorted(seen.items())), dict(sorted(refused.items())))
    returned = sum(account["receipts_delivered"] for account in accounts)
    row.check("receipts returned", sum(each.receipts for each in rows), returned)
    row.check("waiting for an application", 0, sum(account["outbox"] for account in accounts))
    row.check("records lost", 0, status["records"]["lost"])
    return row


def seen(found: dict[str, Any], address: str) -> Row:
    """What the console shows in the end, to somebody who signed in with name and password."""
    row = Row("the console shows it", way=address, done=True)
    overview = found.get("overview", {})
    row.check("answers", True, bool(found))
    row.check(
        "carriers up",
        {"alpha": "up", "beta": "up"},
        {each["name"]: each["state"] for each in overview.get("carriers", ())},
    )
    row.check("provinces on its map", len(PREFIXES), found.get("provinces", 0))
    row.check("carriers on its map", 2, found.get("carriers", 0))
    row.note = f"{found.get('provinces', 0)} provinces on its map"
    return row


def stopped(console: int, code: int, errors: list[str]) -> Row:
    """The last row: how console and gateway ended."""
    row = Row("console and gateway stop", done=True)
    row.check("exit status of the console", 0, console)
    row.check("exit status of the gateway", 0, code)
    row.check("errors in its log", [], errors)
    return row


def _follow(stage: Stage, row: Row, trace: Trace) -> None:
    for name, carrier in stage.carriers.items():
        found = "".join(
            message.text
            for message in carrier.received
            if message.recipient == trace.recipient and message.text in trace.text
        )
        if name == trace.carrier:
            row.check(f"{name} received it once, whole", trace.text, found)
        else:
            row.check(f"{name} received", "", found)


def _receipts(row: Row, receipts: dict[tuple[str, str], list[str]]) -> None:
    wrong = []
    for system_id, message_id, stat in row.owed:
        got = receipts.get((system_id, message_id), [])
        if len(got) != 1 or (stat and got != [stat]):
            wrong.append(f"{message_id}: {', '.join(got) or 'none'}")
    row.check("not exactly one receipt, as expected, for", [], wrong[:5])
