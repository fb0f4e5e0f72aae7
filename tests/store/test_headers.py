"""Scripts' headers are true: keys, arguments, includes; and what a script builds is named in keys.py."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest

from smsgw.store.keys import LUA_NAMES
from smsgw.store.scripts import Script, script, script_names
from tests.store.kit import Kit, segment_replies
from tests.store.test_long import segment

SCRIPTS = [script(name) for name in script_names()]
#: What the tag is followed by → how headers name it.
PATTERNS = {
    ":mt:": "{pNN}:mt:<carrier>:<lane>", ":out:": "{pNN}:out:<account>", ":held": "{pNN}:held",
    ":heldmsg": "{pNN}:heldmsg", ":c:": "{pNN}:c:<hash>", ":who:": "{pNN}:who:<hash>",
    ":rcpt:": "{pNN}:rcpt:<carrier>:<cid>", ":early:": "{pNN}:early:<carrier>:<cid>", ":st:": "{pNN}:st:<message id>",
    ":deciding:": "{pNN}:deciding:<carrier>:<cid>", ":gather:": "{pNN}:gather:<message id>",
    ":tally:": "{pNN}:tally:<carrier>", ":idforms": "{pNN}:idforms",
    ":long:": "{pNN}:long:<group>", ":longdue": "{pNN}:longdue", ":done:": "{pNN}:done:<slot>",
    ":events": "{pNN}:events", ":hwm:": "{pNN}:hwm:<consumer>", ":part:": "{pNN}:part:<stream>",
    ":reg:": "{pNN}:reg:<kind>", ":regbulk": "{pNN}:regbulk", ":regfeed": "{pNN}:regfeed", ":audit": "{pNN}:audit",
    ":audithead": "{pNN}:audithead", ":alarms": "{pNN}:alarms",
    ":parked:": "{pNN}:parked:<lot>", ":lotof": "{pNN}:lotof", ":lots": "{pNN}:lots", ":pace:": "{pNN}:pace:<lot>",
    ":quota:": "{pNN}:quota:<account>:<bucket>", ":nodes": "{pNN}:nodes", ":lease:": "{pNN}:lease:<carrier>",
    ":rate:": "{pNN}:rate:<account>", ":binds:": "{pNN}:binds:<account>",
    ":bound": "{pNN}:bound", ":ranks": "{pNN}:ranks", ":links": "{pNN}:links",
}  # fmt: skip


def named_keys(header: str) -> set[str]:
    keys = header.partition("keys used:")[2].partition("-- ARGV")[0]
    return set(re.findall(r"\{pNN\}:\w+(?::(?:<[\w ]+>))*", keys))


@pytest.mark.parametrize("code", SCRIPTS, ids=lambda code: code.name)
def test_a_header_says_everything(code: Script) -> None:
    for part in (f"-- {code.name}: ", "-- KEYS[1]", "-- ARGV[1]  slot", "-- ARGV[4]", "-- Returns"):
        assert part in code.header, part
    assert "tomic because" in code.header or "reads" in code.header


@pytest.mark.parametrize("code", SCRIPTS, ids=lambda code: code.name)
def test_a_header_names_the_keys_that_the_script_builds(code: Script) -> None:
    built = {PATTERNS[suffix] for name, suffix in LUA_NAMES.items() if f"local {name} =" in code.text}
    if "part_of" in code.text:
        built.add(PATTERNS[":part:"])
    # A stream's whole key is handed to those that only settle.
    queues, receipts = {PATTERNS[":mt:"]}, {PATTERNS[":out:"]}
    handed = {"settle": queues, "mark": queues, "ack": receipts}.get(code.name, set())
    assert named_keys(code.header) == built | handed


@pytest.mark.parametrize("code", SCRIPTS, ids=lambda code: code.name)
def test_a_script_takes_one_key_and_four_arguments(code: Script) -> None:
    assert set(re.findall(r"KEYS\[(\w+)\]", code.text)) <= {"1", "NN"}
    assert {int(number) for number in re.findall(r"ARGV\[(\d+)\]", code.text)} == {1, 2, 3, 4}
    assert "-- include: replay" in files("smsgw.store").joinpath("scripts", f"{code.name}.lua").read_text()


async def test_every_key_that_exists_follows_a_pattern(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[Any, ...]] = []
    command = kit.store.command

    async def noting(partition: int, *parts: Any) -> Any:
        sent.append(parts)
        return await command(partition, *parts)

    monkeypatch.setattr(kit.store, "command", noting)
    await kit.admit(kit.item(), kit.item(n=1, due_ms=kit.now_ms))
    await segment_replies(kit, segment(kit, 1))
    await kit.receipt("unknown")
    monkeypatch.undo()
    calls = [parts for parts in sent if parts[0] == "EVALSHA"]
    assert calls
    assert all(parts[2:4] == (1, "{p00}") and len(parts) == 8 for parts in calls)
    for raw in await kit.command("KEYS", "*"):
        key = raw.decode()
        assert any(key[5:].startswith(suffix) for suffix in (*PATTERNS, ":meta")), key
