"""Tables of pages that are made from the code: ``python -m tests.doc_tables`` writes them anew.

A page marks where one stands: ``<!-- table NAME -->`` … ``<!-- end -->``. A test compares.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from simulators.carrier.faults import MALFORMED, UNKNOWN
from simulators.carrier.magic import table_text
from simulators.carrier.options import styles_text
from simulators.carrier.settings import CarrierSettings
from simulators.control import api_run, api_state, api_steer, api_traffic
from simulators.control.simctl import parser as simctl_parser
from simulators.scenario import json_schema, show_settings
from simulators.scenario.model import ACTIONS
from smsgw.alarms.texts import figure, words_of
from smsgw.console import explaining
from smsgw.console.app import ROOMS
from smsgw.policy.alarms.kinds import KINDS
from smsgw.policy.approvals import STEPS
from smsgw.policy.reasons import REASONS
from tests.chaos.scenario import all_scenarios

ROOT = Path(__file__).parents[1]
_WITH_TABLES = ("applications.md", "compliance.md", "compliance.en.md", "console.md", "alarms.md")
RULE_PAGES = [ROOT / "docs" / name for name in _WITH_TABLES]
CHAOS_PAGE = ROOT / "docs" / "chaos.md"
PAGES = [*sorted((ROOT / "docs" / "simulators").glob("*.md")), *RULE_PAGES, CHAOS_PAGE]
_MARKED = re.compile(r"^<!-- table (.+?) -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)
_KINDS = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false"}


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join([_row(*columns), "|" + "---|" * len(columns), *(_row(*row) for row in rows)])


def _written(schema: dict[str, Any]) -> str:
    """How a value is written, in a word or by examples."""
    if "$ref" in schema or "properties" in schema:
        return "table"
    if schema.get("type") == "array":
        one = _written(schema["items"])
        return "tables" if one == "table" else f"list of {one}"
    if examples := schema.get("examples"):
        return ", ".join(f"`{each}`" for each in examples[:5])
    if "enum" in schema:
        words = schema["enum"]
        return "status" if "ESME_ROK" in words or "ESME_RALYBND" in words else ", ".join(f"`{word}`" for word in words)
    if "const" in schema:
        return f"`{schema['const']}`"
    if choices := schema.get("anyOf"):
        return _either([_written(each) for each in choices])
    kinds = schema.get("type", "string")
    return _either([_KINDS[each] for each in ([kinds] if isinstance(kinds, str) else kinds)])


def _either(words: list[str]) -> str:
    if "status" in words:
        return " or ".join([word for word in words if word.startswith("`")] + ["status"])
    found = list(dict.fromkeys(words))
    if len(found) == 2 and found[1] == f"list of {found[0]}":
        return f"{found[0]}, or a list"
    return " or ".join(found)


@cache
def _defaults() -> dict[str, Any]:
    return show_settings(CarrierSettings())


def _default(path: str, key: str, schema: dict[str, Any]) -> str:
    """What holds when the key is left out."""
    here: Any = _defaults() if path != "-" else {}
    for part in filter(None, path.removeprefix("-").split(".")):
        here = here.get(part, {})
    value = here.get(key, schema.get("default"))
    if value is None or value == "" or isinstance(value, dict | list):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _keys(name: str, path: str = "-", without: tuple[str, ...] = ()) -> str:
    """Every key of one table of scenario files."""
    whole = json_schema()
    properties = whole["properties"] if name == "file" else whole["$defs"][name]["properties"]
    rows = [
        (f"`{key}`", _written(schema), _default(path, key, schema), schema.get("description", ""))
        for key, schema in properties.items()
        if key not in without
    ]
    return _table(("key", "written", "default", "what it is"), rows)


def _changes() -> tuple[str, ...]:
    """Keys that phases and events have in common with carriers."""
    return tuple(set(json_schema()["$defs"]["CarrierTable"]["properties"]) - {"name"})


def _events() -> str:
    shown = [
        (f"`{do}`", " ".join(f"`{key}`" for key in sorted(needed)), " ".join(f"`{key}`" for key in sorted(allowed)))
        for do, (needed, allowed) in ACTIONS.items()
    ]
    return _table(("`do`", "needs", "may have"), shown)


def _faults() -> str:
    rows = [(f"`{name}`", each.about, "malformed") for name, each in MALFORMED.items()]
    rows += [(f"`{name}`", each.about, "unknown, or out of place") for name, each in UNKNOWN.items()]
    return _table(("kind", "what is sent", "it is"), rows)


def _simctl() -> str:
    rows = []
    for action in simctl_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            rows = [(f"`{each.dest}`", each.help or "") for each in action._choices_actions]
    return _table(("command", "what it does"), rows)


def _requests() -> str:
    rows = []
    for module in (api_state, api_steer, api_run, api_traffic):
        for route in module.router.routes:
            if isinstance(route, APIRoute):
                about = (route.description or "").partition("\n")[0]
                rows += [(f"`{method}`", f"`{route.path}`", about) for method in sorted(route.methods or ())]
    return _table(("", "path", "what it does"), rows)


_AGAIN = {
    "window.hard": "after retry-after",
    "window.soft": "after retry-after",
    "paused": "after retry-after, if there is one",
    "frequency": "after retry-after",
    "same_content": "after retry-after",
    "quota": "after retry-after",
    "rate": "yes, slower",
    "queue.full": "yes, later",
    "store.away": "yes, later",
}
"""Where sending the very same message again can help; everywhere else it can't."""


def _reasons() -> str:
    rows = [
        (
            f"0x{reason.status:02X}", f"0x{reason.fallback:02X}", reason.rule_id, reason.text, reason.text_zh,
            _AGAIN.get(reason.rule_id, "no"),
        )
        for reason in REASONS.values()
    ]  # fmt: skip
    return _table(("status", "fallback", "rule id", "reason", "原因", "send it again?"), rows)


def _remedies() -> str:
    rows = [(reason.rule_id, reason.remedy, reason.remedy_zh) for reason in REASONS.values()]
    return _table(("rule id", "what helps", "处理办法"), rows)


def _refusals(columns: tuple[str, ...], chinese: bool) -> str:
    rows = [
        (
            str(reason.rule), f"`{reason.rule_id}`", f"0x{reason.status:02X}", f"0x{reason.fallback:02X}",
            f"`{reason.receipt_err}`", reason.text_zh if chinese else reason.text,
            reason.remedy_zh if chinese else reason.remedy,
        )
        for reason in REASONS.values()
    ]  # fmt: skip
    return _table(columns, rows)


def _steps(columns: tuple[str, ...], other_eyes: str) -> str:
    rows = [
        (
            kind, f"`{step.action}`", " ".join(step.before), step.after, " ".join(step.roles),
            other_eyes if step.review else "",
        )
        for kind, steps in STEPS.items()
        for step in steps
        if step.action != "supersede"
    ]  # fmt: skip
    return _table(columns, rows)


def _console() -> str:
    rows = []
    for router in (*ROOMS, explaining.router):
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                about = (str(route.tags[0]) if route.tags else "explain", route.summary or "")
                rows += [(f"`{method}`", f"`{route.path}`", *about) for method in sorted(route.methods or ())]
    return _table(("", "path", "of", "what it does"), rows)


def _alarms() -> str:
    """Every kind of alarm with what it rings at by default."""
    rows = [
        (
            f"`{kind.name}`",
            words_of(kind.name, "en")[0],
            words_of(kind.name, "zh")[0],
            "; ".join(", ".join(scope) or "the site" for scope in kind.scopes),
            f"{'<' if kind.below else '>'} {figure(kind.threshold, kind.unit)}",
            figure(kind.clear, kind.unit),
            f"{kind.minimum:,}" if kind.minimum else "",
            figure(kind.window_s, "seconds") if kind.window_s else "now",
            figure(kind.for_s, "seconds"),
            kind.severity,
            figure(kind.repeat_s, "seconds"),
        )
        for kind in KINDS.values()
    ]
    columns = ("kind", "", "", "of", "rings at", "over at", "minimum", "window", "for", "severity", "repeat")
    return _table(columns, rows)


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"


def rule_tables() -> dict[str, Callable[[], str]]:
    """The tables of the rules, by their names."""
    return {
        "reasons": _reasons,
        "remedies": _remedies,
        "refusals": partial(
            _refusals, ("rule", "rule id", "status", "fallback", "err", "reason", "what helps"), chinese=False
        ),
        "拒绝对照": partial(
            _refusals, ("规则", "标识", "状态码", "备用码", "err", "原因", "处理办法"), chinese=True
        ),
        "steps": partial(_steps, ("of", "step", "from", "to", "who", ""), other_eyes="other eyes"),
        "步骤": partial(_steps, ("对象", "步骤", "原状态", "新状态", "角色", ""), other_eyes="须他人办理"),
        "console": _console,
        "alarms": _alarms,
    }  # fmt: skip


def tables() -> dict[str, Callable[[], str]]:
    """All tables of the simulators by their names."""
    keys = {"end": "End", "clock": "ClockPlan", "planned receipts": "Planned", "plan": "PlanTable",
            "match": "MatchTable", "outbind": "OutbindTable"}  # fmt: skip
    own = {"binds": "Binds", "limits": "Limits", "answers": "Answers", "ids": "CarrierIds",
           "receipts": "CarrierReceipts", "deliveries": "Deliveries", "link": "Link"}  # fmt: skip
    return {
        "file": partial(_keys, "file", without=("$schema",)),
        "carrier": partial(_keys, "CarrierTable", ""),
        **{name: partial(_keys, model) for name, model in keys.items()},
        **{name: partial(_keys, model, name) for name, model in own.items()},
        "rule": partial(_keys, "RuleTable"),
        "phase": lambda: _keys("Phase", without=_changes()),
        "event": lambda: _keys("Event", without=_changes()),
        "actions": _events,
        "styles": lambda: _fenced(styles_text()),
        "faults": _faults,
        "magic": lambda: _fenced(table_text("1990000")),
        "simctl": _simctl,
        "requests": _requests,
    }


def scenarios() -> str:
    """What ``bin/chaos`` does."""
    rows = [
        _row(f"`{each.name}`", each.what, "codes" if each.doubles else "nothing") for each in all_scenarios().values()
    ]
    return "\n".join([_row("scenario", "what happens", "twice"), "|---|---|---|", *rows])


def marked(page: Path) -> dict[str, str]:
    """The tables of a page, as they stand there."""
    return {name: body.strip("\n") for name, body in _MARKED.findall(page.read_text(encoding="utf-8"))}


def _main() -> None:
    known = tables() | rule_tables() | {"scenarios": scenarios}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(
            _MARKED.sub(lambda found: f"<!-- table {found[1]} -->\n{known[found[1]]()}\n<!-- end -->", text),
            encoding="utf-8",
        )


if __name__ == "__main__":
    _main()
