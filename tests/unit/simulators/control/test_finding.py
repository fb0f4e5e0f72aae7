"""Finding among many entries lets the loop go on, and finds what a look at all at once would."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulators.control.finding import everything, find, most
from simulators.expect.model import Expectation
from simulators.expect.selection import Selection
from simulators.scenario.model import Scenario
from tests.unit.simulators.control.live import SOON_S, live


@pytest.mark.parametrize(
    "conditions",
    [
        {}, {"kind": "submit"}, {"kind": ["receipt", "bind"]}, {"kind": "mo"}, {"where": "al*"}, {"where": "beta"},
        {"destination": "*7"}, {"kind": "submit", "text": "/5/"}, {"kind": ["submit", "receipt"], "where": "alpha"},
    ],
)  # fmt: skip
async def test_it_finds_what_a_look_at_all_finds(tmp_path: Path, conditions: dict[str, object]) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme, sims.esme("beta") as other:
        for number in range(20):
            await esme.submit("10690001", f"1380013{number:04}", f"number {number}", registered_delivery=1)
        await other.submit("10690001", "13800130007", "the other")
        sims.group.carriers["alpha"].send_mo("1", "2", "TD")
        await esme.wait_for(lambda: len(esme.receipts) == 20 and esme.mo, SOON_S)
        async with asyncio.timeout(SOON_S):  # what comes of an entry later would be found by the second look only
            while any(each.answered_s is None for each in sims.group.entries() if each.kind in ("mo", "receipt")):
                await asyncio.sleep(0)
        selection = Selection.model_validate(conditions)
        expected = [entry for entry in sims.group.entries() if selection.matches(entry)]
        carriers = list(sims.group.carriers.values())
        assert await find(carriers, selection, 1000) == (len(expected), expected)
        assert await find(carriers, selection, 3) == (len(expected), expected[-3:])
        assert await find(carriers, selection, 0) == (len(expected), [])
        assert most(carriers, selection) >= len(expected)
        assert sorted(await everything(carriers), key=lambda entry: entry.real_s) == list(sims.group.entries())


@pytest.mark.parametrize(
    "path", ["/api/ledger", "/api/expectations", "/api/snapshot", "/api/entries?last=3000", "/api/entries?text=*l*"]
)
async def test_the_loop_goes_on_while_much_is_told(tmp_path: Path, path: str) -> None:
    expected = Expectation.model_validate({"kind": "submit", "count": 3000, "text": "hello"})
    async with (
        live(tmp_path, scenario=Scenario("many", (), expectations=(expected,))) as sims,
        sims.esme() as esme,
    ):
        for number in range(3000):
            esme.submit("10690001", f"138{number:08}", "hello")
        alpha = sims.group.carriers["alpha"]
        await alpha.wait_for(lambda: alpha.stats.submits == 3000, SOON_S)
        asking = asyncio.ensure_future(sims.http.get(path))
        turns = 0
        while not asking.done():
            await asyncio.sleep(0)
            turns += 1
        assert asking.result().status_code == 200
        assert turns > 10  # a request that holds up the loop takes six to nine


async def test_the_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        for number in range(3000):
            esme.submit("10690001", f"138{number:08}", "hello")
        alpha = sims.group.carriers["alpha"]
        await alpha.wait_for(lambda: alpha.stats.submits == 3000, SOON_S)
        finding = asyncio.ensure_future(find([alpha], Selection.model_validate({"kind": "submit", "text": "*l*"}), 1))
        turns = 0
        while not finding.done():
            await asyncio.sleep(0)
            turns += 1
        assert finding.result()[0] == 3000
        assert turns > 3
