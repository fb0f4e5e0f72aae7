"""The audit log as people look at it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smsgw.errors import RequestError
from smsgw.services import audit
from smsgw.services.desk import Desk
from smsgw.store import keys
from tests.unit.services.conftest import MakeDesk, Time


@pytest.fixture
async def filled(desk_of: MakeDesk, time: Time) -> Desk:
    """Six entries of two people, an hour apart, from 10:30 on."""
    ann, bob = desk_of("ann", "market"), desk_of("bob", "engineer")
    for number, (desk, action) in enumerate(
        ((ann, "template.add"), (bob, "pause.add"), (ann, "template.change"), (bob, "pause.resume"),
         (ann, "signature.add"), (bob, "pause.add"))
    ):  # fmt: skip
        await desk.audit(action, f"thing {number}", "because", number=number)
        time.pass_by(hours=1)
    return ann


async def seqs(desk: Desk, **filters: Any) -> list[int]:
    return [row.seq for row in (await audit.list_(desk, **filters)).items]


async def test_a_number_of_no_entry(filled: Desk) -> None:
    for before in (-1, 2**53, 10**30):
        with pytest.raises(RequestError, match="before: expected the number of an entry"):
            await audit.list_(filled, before=before)


async def test_filters(filled: Desk) -> None:
    assert await seqs(filled) == [6, 5, 4, 3, 2, 1]
    assert await seqs(filled, who="bob") == [6, 4, 2]
    assert await seqs(filled, action="template.") == [3, 1]
    assert await seqs(filled, subject="thing 4") == [5]
    assert await seqs(filled, since="2026-11-18T12:30", until="2026-11-18T14:30") == [4, 3]
    assert await seqs(filled, since="2026-11-19") == []
    assert await seqs(filled, until="2026-11-18T03:00:00Z") == [1]
    (row,) = (await audit.list_(filled, limit=1, before=2)).items
    assert (row.at, row.who, row.why, row.detail) == (
        "2026-11-18T10:30:00.000+08:00", "ann", "because", {"number": 0},
    )  # fmt: skip


async def test_pages(filled: Desk) -> None:
    first = await audit.list_(filled, limit=4)
    assert ([row.seq for row in first.items], first.next_before) == ([6, 5, 4, 3], 3)
    second = await audit.list_(filled, limit=4, before=first.next_before)
    assert ([row.seq for row in second.items], second.next_before) == ([2, 1], 0)
    assert (await audit.list_(filled, limit=6)).next_before == 0


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        ({"limit": 0}, "limit: expected 1 to 1000"),
        ({"before": -1}, "before: expected the number"),
        ({"since": "yesterday"}, "since: 'yesterday' is neither a day"),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, filters: dict[str, Any], why: str) -> None:
    with pytest.raises(RequestError, match=why):
        await audit.list_(desk, **filters)


async def test_only_who_has_a_role_looks(desk_of: MakeDesk) -> None:
    nobody = desk_of("nobody")
    with pytest.raises(RequestError, match="needs one of the roles"):
        await audit.list_(nobody)
    with pytest.raises(RequestError, match="needs one of the roles"):
        await audit.verify(nobody)


async def test_an_export_verifies_the_log_later(filled: Desk) -> None:
    lines = [json.loads(line) async for line in audit.export(filled)]
    assert [line.get("seq") for line in lines] == [1, 2, 3, 4, 5, 6, None]
    assert lines[0]["previous"] == ""
    assert lines[1]["previous"] == lines[0]["hash"]
    kept = lines[-1]["head"]
    verified = await audit.verify(filled, kept=kept)
    assert (verified.whole, verified.entries, verified.head, verified.faults) == (True, 6, kept, [])
    with pytest.raises(RequestError, match="kept: expected a head"):
        await audit.verify(filled, kept="6")
    await filled.store.command(0, "XDEL", keys.audit(), "6-0")
    await filled.store.command(0, "HSET", keys.audit_head(), "seq", 5, "hash", bytes.fromhex(lines[4]["hash"]))
    assert (await audit.verify(filled)).whole
    broken = await audit.verify(filled, kept=kept)
    assert [(each.seq, each.why) for each in broken.faults] == [(6, "entry 6 is missing")]


async def test_an_empty_log(desk: Desk) -> None:
    assert (await audit.list_(desk)).items == []
    assert [json.loads(line) async for line in audit.export(desk)] == [{"head": "0:"}]
    assert (await audit.verify(desk)).whole
