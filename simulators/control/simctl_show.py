"""What ``simctl`` prints for people: tables on a terminal, the same without colours and wide in a pipe.

Texts came over the wire, so control characters are made visible: none reaches the terminal as one.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 200


def _console() -> Console:
    return Console(
        width=None if sys.stdout.isatty() else _WIDE, highlight=False, no_color=bool(os.environ.get("NO_COLOR"))
    )


def visible(value: object) -> str:
    """Text with control and reordering characters as escapes; line breaks as ⏎."""
    return "".join(
        char if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co") else "⏎" if char == "\n" else _escape(char)
        for char in str(value)
    )


def _escape(char: str) -> str:
    return "\u200d" if char == "\u200d" else f"\\u{ord(char):04x}"  # joiners make one emoji of several


def _table(*columns: str, rows: Sequence[Sequence[object]], right: tuple[str, ...] = ()) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(visible(cell)) for cell in row))
    _console().print(table)


def _line(*words: object) -> None:
    _console().print(Text(" ".join(visible(word) for word in words if word != "")), soft_wrap=True)


def local(iso: str) -> str:
    """Business time as the tester's own time."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _status(name: str) -> Text:
    return Text(name.removeprefix("ESME_"), style="" if not name else "green" if name == "ESME_ROK" else "red")


def clock(value: Mapping[str, Any]) -> None:
    """The clock."""
    pace = (
        "real time"
        if value["mode"] == "real"
        else "stands still"
        if not value["rate"]
        else f"{value['rate']:g} × real time"
    )
    drives = f"(moves {', '.join(value['drives'])} along)" if value["drives"] else ""
    _line(local(value["now"]), "·", pace, drives)


def state(value: Mapping[str, Any]) -> None:
    """Everything at a glance."""
    clock(value["clock"])
    if value["scenario"]:
        _line("scenario", value["scenario"], f"· phases: {', '.join(value['phases']) or 'none'}")
    for problem in value["problems"]:
        _line("problem:", problem)
    for carrier in value["carriers"]:
        counts = carrier["counts"]
        print()
        _line(f"{carrier['name']} · {carrier['host']}:{carrier['port']} · {carrier['bound']} bound")
        _line(
            f"  {counts['submits']} messages: {counts['ok']} accepted, {counts['failed']} refused · "
            f"{counts['dlr_sent']} receipts and {counts['mo_sent']} MO sent, {carrier['receipts_waiting']} waiting"
        )
        for name, number in counts["status"].items():
            _line(f"  {number} × {name}")
        if carrier["links"]:
            _table(
                "bind", "account", "state", "from", "unanswered", "heard", "",
                rows=[_link(link) for link in carrier["links"]], right=("bind", "unanswered"),
            )  # fmt: skip
    if value["captures"]:
        print()
        captures(value["captures"])


def _link(link: Mapping[str, Any]) -> list[object]:
    marks = [word for word in ("silent", "choked") if link[word]]
    unanswered = f"{link['unanswered_in']}/{link['unanswered_out']}"
    return [
        link["bind"],
        link["account"],
        link["state"],
        link["remote"],
        unanswered,
        f"{link['heard_s']:.0f} s ago",
        ", ".join(marks),
    ]


def entries(value: Mapping[str, Any]) -> None:
    """A line for each."""
    found = value["entries"]
    if found:
        _table(
            "time", "carrier", "kind", "account", "from", "to", "text", "status", "id", "stat",
            rows=[_entry(entry) for entry in found],
        )  # fmt: skip
    left_out = f", the last {len(found)} are shown" if len(found) < value["count"] else ""
    _line(f"{value['count']} found{left_out}")


def _entry(entry: Mapping[str, Any]) -> list[object]:
    what = [entry["where"], entry["kind"], entry["account"], entry["source"], entry["destination"], entry["text"]]
    said = [_status(entry["status_name"]), entry["message_id"], entry["stat"] or entry["fate"]]
    return [local(entry["at"])[11:19], *what, *said]


def entries_raw(value: Mapping[str, Any]) -> None:
    """Every field of each."""
    for entry in value["entries"]:
        _line(f"── {local(entry['at'])} {entry['where']} #{entry['bind']} {entry['account']} {entry['kind']}",
              entry["status_name"], entry["message_id"], entry["fate"])  # fmt: skip
        if entry.get("decoded"):
            pdu(entry["decoded"])
    _line(f"{value['count']} found")


def pdu(value: Mapping[str, Any]) -> None:
    """One PDU, decoded."""
    status = value["status"]["name"] if value["status"] else ""
    _line(f"{value['command'] or '?'} · {status} · sequence {value['sequence_number']} · {value['octets']} octets")
    if value["error"]:
        _line("  malformed:", value["error"])
    rows = [[field["name"], _plain(field["value"]), field["meaning"]] for field in value["fields"]]
    rows += [[f"UDH {each['identifier']}", each["hex"], each["meaning"] or each["name"]] for each in value["udh"]]
    rows += [[f"TLV {each['tag']} {each['name']}", each["hex"], each["meaning"]] for each in value["tlvs"]]
    if value["text"] is not None:
        rows.append(["text", value["text"], ""])
    rows += [[f"receipt {name}", told, ""] for name, told in (value["receipt"] or {}).items() if told is not None]
    if rows:
        _table("field", "value", "meaning", rows=rows)
    for at in range(0, len(value["hex"]), 32):
        octets = bytes.fromhex(value["hex"][at : at + 32])
        shown = "".join(chr(octet) if 32 <= octet < 127 else "·" for octet in octets)
        print(f"  {at // 2:04x}  {octets.hex(' '):47}  {shown}")


def _plain(value: object) -> object:
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    return value if plain else json.dumps(value, ensure_ascii=False)


def traffic(kind: str, event: Mapping[str, Any], raw: bool) -> None:
    """One line of the live traffic."""
    if kind == "dropped":
        _line(f"… {event['dropped']} PDUs came too fast to be shown")
        return
    head = f"{local(event['at'])[11:19]} {event['carrier']} #{event['bind']} {event['account']}"
    if kind != "pdu":
        _line(head, f"{kind} {event['remote']}")
        return
    way = "←" if event["direction"] == "in" else "→"
    addresses = f"{event['source']} → {event['destination']}" if event["source"] or event["destination"] else ""
    status = event["status"] if event["status"] != "ESME_ROK" else ""
    error = f"malformed: {event['error']}" if event["error"] else ""
    said = (event["system_id"], event["message_id"], event["stat"], event["text"], error)
    _line(head, way, event["command"], status, addresses, *said)
    sys.stdout.flush()
    if raw:
        print(f"    {event['hex']}", flush=True)


def settings(values: Mapping[str, Any], help_: Mapping[str, str]) -> None:
    """Settings with what they are for."""
    if help_:
        _table(
            "setting",
            "value",
            "what it is",
            rows=[[key, _plain(value), help_.get(key, "")] for key, value in values.items()],
        )
        return
    for key, value in values.items():
        _line(f"{key} = {_plain(value)}")


def faults(value: Mapping[str, Any]) -> None:
    """Kinds of malformed and unknown PDUs."""
    _table("kind", "what it is", rows=list(value.items()))


def sent(value: Mapping[str, Any]) -> None:
    """How many PDUs."""
    _line(f"{value['sent']} sent")


def connections(value: Mapping[str, Any]) -> None:
    """How many connections."""
    number = value["connections"]
    _line(
        f"{number} connection{'' if number == 1 else 's'}",
        "" if number else "(none that fits; simctl state shows them)",
    )


def waited(value: Mapping[str, Any]) -> None:
    """What was waited for."""
    _line(f"after {value['waited_s']:g} s: {value['count']} found, {value['bound']} bound")


def captures(value: Sequence[Mapping[str, Any]]) -> None:
    """Recordings."""
    for each in value:
        running = "recording" if each["running"] else "ended"
        _line(
            f"{each['file']} · {running} · {each['octets']:,} octets", f"· {each['failure']}" if each["failure"] else ""
        )


def restored(value: Mapping[str, Any]) -> None:
    """What a snapshot changed."""
    _line(f"restored: {', '.join(value['carriers'])}")
    clock(value["clock"])


def expectations(value: Mapping[str, Any]) -> None:
    """How they stand."""
    for result in value["results"]:
        mark = "ok" if result["ok"] else "FAILED" if result["state"] == "failed" else "open"
        _line(f"{mark:6} {result['name']}: {result['found']}" if result["ok"] else f"{mark:6} {result['name']}")
        if not result["ok"]:
            _line("         expected:", result["expected"])
            _line("         found:   ", result["found"])
            for each in result["offenders"][:5]:
                _line(
                    "          ",
                    each["at"],
                    each["kind"],
                    f"{each['source']} → {each['destination']}",
                    each["text"],
                    each["why"],
                )
    if not value["results"]:
        _line("nothing is expected")
