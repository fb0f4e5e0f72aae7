"""Tiers by hand and by list."""

from __future__ import annotations

import re

import pytest

from smsgw.errors import RequestError
from smsgw.services import tiers
from smsgw.services.csv_rows import WrongLines
from smsgw.services.desk import Desk
from smsgw.store.recipients import RecipientFacts
from tests.unit.services.conftest import MakeDesk

NUMBER, DIGITS = "13800138000", "8613800138000"


async def test_set_and_taken_away(desk: Desk) -> None:
    assert (await tiers.set_tier(desk, NUMBER, "loyal", "gold card")).changed
    assert [fact.source for fact in (await tiers.show(desk, NUMBER)).facts] == ["loyal"]
    assert not (await tiers.set_tier(desk, NUMBER, "loyal", "gold card")).changed
    assert (await tiers.set_tier(desk, NUMBER, "", "card given back")).changed
    assert (await tiers.show(desk, NUMBER)).facts == []
    assert [entry.detail["tier"] for entry in await desk.log.read()] == ["loyal", "loyal", ""]


async def test_a_list(desk: Desk) -> None:
    data = "号码,等级\n13800138001,loyal\n13800138002,\n13800138001,loyal\n".encode("gb18030")
    done = await tiers.import_list(desk, data, "yearly")
    assert (done.lines, done.changed, done.unchanged) == (3, 1, 2)
    assert await RecipientFacts(desk.store).get_tier("8613800138001") == "loyal"
    with pytest.raises(WrongLines) as caught:
        await tiers.import_list(desk, b"13800138003,loyal\n13800138004,loyl\n13800138005\n", "yearly")
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(2, "tier"), (3, "tier")]
    assert "did you mean 'loyal'" in str(caught.value)
    assert await RecipientFacts(desk.store).get_tier("8613800138003") == ""
    with pytest.raises(WrongLines, match=re.escape("no cap names a tier '138****8004'")):
        await tiers.import_list(desk, b"13800138003,13800138004\n", "yearly")


async def test_what_is_wrong(desk: Desk, desk_of: MakeDesk) -> None:
    with pytest.raises(RequestError, match="did you mean 'loyal'"):
        await tiers.set_tier(desk, NUMBER, "loyl", "test")
    with pytest.raises(RequestError, match="why: "):
        await tiers.set_tier(desk, NUMBER, "loyal", "")
    with pytest.raises(RequestError, match="needs one of the roles"):
        await tiers.set_tier(desk_of("li", "engineer"), NUMBER, "loyal", "test")
