"""Dead numbers by hand, and the undo of what was learnt."""

from __future__ import annotations

import pytest

from smsgw.errors import RequestError
from smsgw.services import dead_numbers
from smsgw.services.desk import Desk
from smsgw.store.facts import FactChange, FactOp
from smsgw.store.recipients import RecipientFacts
from tests.unit.services.conftest import NOW_MS, MakeDesk

NUMBER, DIGITS = "13800138000", "8613800138000"


async def test_entered_and_forgotten(desk: Desk) -> None:
    done = await dead_numbers.add(desk, NUMBER, "returned mail", expires="2027-01-31")
    assert done.changed
    (fact,) = done.facts
    assert (fact.kind, fact.scope, fact.source, fact.by) == ("dead", "", "returned mail", "root")
    assert (await dead_numbers.forget(desk, NUMBER, "called back")).changed
    assert not (await dead_numbers.forget(desk, NUMBER, "called back")).changed
    assert (await dead_numbers.show(desk, NUMBER)).facts == []
    assert [entry.action for entry in await desk.log.read()] == ["dead.add", "dead.forget", "dead.forget"]


async def test_forgetting_also_forgets_what_was_counted(desk: Desk) -> None:
    failed = FactChange(None, FactOp.FAILED, DIGITS, "", "MK:0001", NOW_MS, "receipt", 0, "", 3, 86_400_000, 86_400_000)
    await RecipientFacts(desk.store).write([failed, failed._replace(at_ms=NOW_MS + 1)])
    (fact,) = (await dead_numbers.show(desk, NUMBER)).facts
    assert (fact.kind, fact.count) == ("failures", 2)
    assert (await dead_numbers.forget(desk, NUMBER, "it rings")).changed
    assert (await dead_numbers.show(desk, NUMBER)).facts == []


async def test_a_list(desk: Desk) -> None:
    done = await dead_numbers.import_list(
        desk, "手机号,原因\n13800138001,空号\n13800138002,\n".encode(), "yearly check"
    )
    assert (done.lines, done.changed) == (2, 2)
    assert (await dead_numbers.show(desk, "13800138001")).facts[0].source == "空号"


async def test_what_is_wrong(desk: Desk, desk_of: MakeDesk) -> None:
    with pytest.raises(RequestError, match="number: "):
        await dead_numbers.add(desk, "x", "test")
    with pytest.raises(RequestError, match="why: "):
        await dead_numbers.forget(desk, NUMBER, "")
    with pytest.raises(RequestError, match="expires: "):
        await dead_numbers.add(desk, NUMBER, "test", expires="then")
    with pytest.raises(RequestError, match="needs one of the roles"):
        await dead_numbers.add(desk_of("li", "market"), NUMBER, "test")
