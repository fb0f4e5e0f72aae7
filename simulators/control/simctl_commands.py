"""What each command of ``simctl`` asks of the control port; returns the exit status."""

from __future__ import annotations

import json
import sys
import tomllib
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from simulators.control import simctl_show as show
from simulators.control.client import Client, Refused

Command = Callable[[Client, Namespace], int]

LINK_ACTIONS = {
    "drop": "close connections without a word",
    "half-open": "make connections silent for good, as if the carrier's host were gone",
    "pause": "look hung: neither read nor write, until resume",
    "resume": "go on after pause",
    "unbind": "send unbind",
}
_FILTERS = ("destination", "source", "text", "account", "status", "message_id", "stat", "tlv", "bind", "data_coding")


class Misused(Exception):
    """A command line that argparse can't find wrong."""


def _told(arguments: Namespace, answer: Any, write: Callable[[Any], None]) -> int:
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        write(answer)
    return 0


# looking


def state(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    return _told(arguments, client.get("/api/state"), show.state)


def received(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    arguments.kind = ["submit"]
    return entries(client, arguments)


def entries(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    query = {**_conditions(arguments), "last": arguments.last, "raw": str(arguments.raw).lower()}
    answer = client.get("/api/entries", query)
    return _told(arguments, answer, show.entries_raw if arguments.raw else show.entries)


def _conditions(arguments: Namespace) -> dict[str, Any]:
    given = {name: getattr(arguments, name) for name in _FILTERS if getattr(arguments, name)}
    if arguments.kind:
        given["kind"] = arguments.kind
    if arguments.carrier:
        given["where"] = [arguments.carrier]
    return given


def traffic(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    query = {"quiet": str(not (arguments.all or arguments.command)).lower()}
    lists = {"account": arguments.account or [], "command": arguments.command or []}
    if arguments.carrier:
        lists["carrier"] = [arguments.carrier]
    seen = 0
    try:
        for kind, event in client.events("/api/traffic", {**query, **lists}):
            if arguments.json:
                print(json.dumps({"event": kind, **event}, ensure_ascii=False), flush=True)
            else:
                show.traffic(kind, event, arguments.raw)
            seen += kind == "pdu"
            if seen and seen == arguments.count:
                break
    except KeyboardInterrupt:
        pass  # as its help says
    return 0


def decode(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    answer = client.ask("POST", "/api/decode", {"hex": " ".join(arguments.hex)})
    _told(arguments, answer, show.pdu)
    return 1 if answer["error"] else 0


def settings(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    answer = client.get(client.path("/settings"))
    help_ = {each["key"]: each["about"] for each in client.get("/api/settings")}
    shown = {key: _at(answer, key) for key in help_}
    if arguments.key:
        wanted = tuple(arguments.key)
        shown = {
            key: value
            for key, value in shown.items()
            if key in wanted or key.startswith(tuple(f"{w}." for w in wanted))
        }
        if not shown:
            raise Refused(f"no setting is called {', '.join(wanted)}; simctl settings lists them")
    return _told(arguments, shown, lambda values: show.settings(values, help_))


def _at(settings: Mapping[str, Any], key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


# steering


def change(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    given = list(arguments.change)
    if "=" not in given[0]:
        client.use_carrier(given.pop(0))
    if not given:
        raise Misused("nothing to set; write KEY=VALUE, e.g. limits.rate=50")
    before = client.get(client.path("/settings"))
    changes: dict[str, Any] = {}
    for each in given:
        key, equals, text = each.partition("=")
        if not equals:
            raise Misused(f"{each!r} is not KEY=VALUE; write it like limits.rate=50")
        table = changes
        *path, last = key.strip().split(".")
        for part in path:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise Misused(f"{key} is set twice")
        table[last] = _value(text, _at(before, key.strip()))
    answer = client.ask("PATCH", client.path("/settings"), changes)
    keys = [each.partition("=")[0].strip() for each in given]
    return _told(arguments, {key: _at(answer, key) for key in keys}, lambda values: show.settings(values, {}))


def _value(text: str, before: object) -> Any:
    """A value as it is meant: TOML, unless the setting is text now and it does not look like a list or table."""
    if isinstance(before, str) and text[:1] not in ("[", "{"):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return json.loads(text)
    except ValueError:
        return text


def mo(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    request = {
        "source": getattr(arguments, "from"),
        "destination": arguments.to,
        "text": arguments.text,
        "account": arguments.account,
        "data_coding": arguments.data_coding,
    }
    return _told(arguments, client.ask("POST", client.path("/mo"), request), show.sent)


def receipt(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    request = {name: getattr(arguments, name) for name in ("message_id", "state", "style", "other_bind")}
    return _told(arguments, client.ask("POST", client.path("/receipts"), request), show.sent)


def _to(arguments: Namespace) -> dict[str, Any]:
    return {"account": arguments.account, "bind": arguments.bind}


def links(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    answer = client.ask("POST", client.path("/links"), {"do": arguments.do, **_to(arguments)})
    return _told(arguments, answer, show.connections)


def refuse_binds(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    status = 0 if arguments.status == "off" else arguments.status
    answer = client.ask("PATCH", client.path("/settings"), {"binds": {"refuse": status}})
    return _told(arguments, {"binds.refuse": _at(answer, "binds.refuse")}, lambda values: show.settings(values, {}))


def flood(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    request = {"kind": arguments.kind, "count": arguments.count, **_to(arguments)}
    return _told(arguments, client.ask("POST", client.path("/flood"), request), show.sent)


def malformed(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    if arguments.list:
        from simulators.carrier.faults import FAULTS  # only here: it brings the whole carrier along

        return _told(arguments, {name: fault.about for name, fault in FAULTS.items()}, show.faults)
    request = {"kind": arguments.kind, **_to(arguments)}
    return _told(arguments, client.ask("POST", client.path("/malformed"), request), show.connections)


def raw(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    request = {"hex": " ".join(arguments.hex), **_to(arguments)}
    return _told(arguments, client.ask("POST", client.path("/raw"), request), show.connections)


# the run


def wait(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    conditions = _conditions(arguments)
    counts = bool(conditions.keys() - {"where"}) or not (arguments.idle or arguments.bound is not None)
    conditions.pop("where", None)
    if counts:
        conditions.setdefault("kind", ["submit"])
    if "tlv" in conditions:
        pairs = [each.partition("=") for each in conditions["tlv"]]
        conditions["tlv"] = {name: _value(text, None) if equals else True for name, equals, text in pairs}
    request = {
        "carrier": client.named_carrier,
        "select": conditions if counts else None,
        "count": arguments.count,
        "bound": arguments.bound,
        "idle": arguments.idle,
        "timeout": arguments.timeout,
    }
    return _told(arguments, client.ask("POST", "/api/wait", request), show.waited)


def clock(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    if arguments.do == "show":
        return _told(arguments, client.get("/api/clock"), show.clock)
    if arguments.value is None:
        raise Misused(
            f"clock {arguments.do} needs a value: simctl clock {arguments.do} {_CLOCK_EXAMPLES[arguments.do]}"
        )
    value: str | float = arguments.value
    if arguments.do == "rate":
        try:
            value = float(arguments.value.rstrip("x×"))
        except ValueError:
            raise Misused(f"{arguments.value!r} is no rate; write simulated seconds a second: 1, 60, 0") from None
    return _told(arguments, client.ask("PUT", "/api/clock", {arguments.do: value}), show.clock)


_CLOCK_EXAMPLES = {"advance": "8h", "set": "2026-11-18T21:30:00+08:00", "rate": "60"}


def capture(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    if arguments.do == "list":
        return _told(arguments, client.get("/api/captures"), show.captures)
    if arguments.file is None:
        raise Misused(f"capture {arguments.do} needs a file name: simctl capture {arguments.do} run.pcap")
    path = f"/api/captures/{quote(arguments.file, safe='')}"
    if arguments.do == "fetch":
        Path(arguments.file).write_bytes(client.download(path))
        return 0
    if arguments.do == "start":
        answer = client.ask("POST", "/api/captures", {"file": arguments.file})
    else:
        answer = client.ask("DELETE", path)
    return _told(arguments, [answer], show.captures)


def reset(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    return _told(arguments, client.ask("POST", "/api/reset"), lambda _: print("everything counts from 0"))


def snapshot(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    text = json.dumps(client.get("/api/snapshot"), ensure_ascii=False, indent=1)
    if arguments.file == "-":
        print(text)
    else:
        Path(arguments.file).write_text(text + "\n", encoding="utf-8")
    return 0


def restore(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    try:
        text = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text(encoding="utf-8")
        value = json.loads(text)
    except ValueError as error:
        raise Misused(f"{arguments.file} is no snapshot: {error}") from None
    return _told(arguments, client.ask("POST", "/api/snapshot", value), show.restored)


def ledger(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    text = client.text("/api/ledger", {"carrier": client.named_carrier})
    return _told(arguments, {"ledger": text} if arguments.json else text, lambda told: print(told, end=""))


def expect(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    answer = client.get("/api/expectations")
    _told(arguments, answer, show.expectations)
    return 0 if answer["ok"] else 1


def phases(client: Client, arguments: Namespace) -> int:
    """See ``simctl.parser``."""
    return _told(arguments, client.get("/api/phases"), lambda names: print("\n".join(names) or "none"))
