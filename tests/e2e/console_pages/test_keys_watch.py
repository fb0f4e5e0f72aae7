"""The pages that watch, by keys alone: overview, map, carriers, accounts, alarms."""

from __future__ import annotations

from smsgw.services import alarms
from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene, playwright
from tests.e2e.console_pages.keys import Keys

pytestmark = MARKS


async def test_the_rates_of_another_span_and_as_a_table(open_page: OpenPage) -> None:
    at = await open_page("viewer", "en", place="overview")
    keys = Keys(at)
    await keys.tab_to(keys.word("overview.recent"), "tab")
    await keys.press("ArrowRight")
    assert (await keys.stop() or {})["name"] == keys.word("overview.minutes")
    await keys.open(keys.word("chart.table"), "summary")
    await keys.tab_to(keys.word("overview.rates"), "region")
    await keys.tab_to(keys.word("overview.minutes"), "tab", back=True)
    await keys.open("alpha", "link")
    await at.sees("127.0.0.1", "main")
    assert (await keys.stop() or {})["role"] == "main", "a page that was opened begins at its top"
    at.is_fine()


async def test_a_province_of_one_carrier_on_the_map(open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", NARROW, place="map")
    keys = Keys(at)
    await keys.tab_to(keys.word("carriers.carrier"), "combobox")
    await keys.choose("alpha")
    await keys.tab_to(keys.word("map.as_map"), "tab")
    await at.page.keyboard.press("Tab")
    assert (await keys.stop() or {})["name"].startswith("北京"), "the tiles are one stop"
    await keys.press("ArrowDown", "ArrowDown", "ArrowDown")
    tile = await keys.stop() or {}
    assert (tile["role"], tile["name"][:2]) == ("button", "江西")
    await keys.press("Enter")
    await playwright.expect(at.page.locator("[data-tile=jiangxi]")).to_have_attribute("aria-pressed", "true")
    await at.sees("江西", ".atlas > .card:last-child")
    await at.sees("alpha", ".atlas > .card:last-child table")
    await keys.tab_to(keys.word("map.as_map"), "tab", back=True)
    await keys.press("ArrowRight")
    await keys.open("广东")
    await at.sees("广东", ".atlas > .card:last-child h2")
    at.is_fine()


async def test_a_carrier_is_drained_suspended_and_resumed(open_page: OpenPage) -> None:
    at = await open_page("engineer", "en", place="carriers")
    keys = Keys(at)
    why, suspend = keys.word("why"), keys.word("carriers.do.suspend")
    await keys.open("beta")
    await at.sees("beta", "main h2")
    await keys.open(keys.word("carriers.do.drain"))
    await keys.answer((keys.word("carriers.expires"), "1h"), (why, "moves"), submit=keys.word("carriers.do.drain"))
    await at.sees("moves", ".notice")
    await at.page.keyboard.press("Tab")
    await keys.tab_to(suspend, "button", back=False)
    await keys.press("Enter")
    await keys.fill((keys.word("carriers.expires"), "1h"))
    await keys.escape(suspend)
    await keys.press("Enter")
    await keys.answer((why, "silent"), submit=suspend)
    await at.sees("silent", ".notice")
    await keys.tab_to(keys.word("carriers.do.resume"), back=True)
    await keys.press("Enter")
    await keys.answer((why, "heard again"), submit=keys.word("carriers.do.resume"))
    await at.sees_not("silent")
    at.is_fine()


async def test_an_account_its_limits_and_refusals(open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", place="accounts")
    keys = Keys(at)
    await keys.fill((keys.word("accounts.search"), "retail"))
    await at.sees_not("logistics")
    await keys.open("shop")
    await keys.fill((keys.word("accounts.hours"), keys.word("accounts.hours.1")))
    await at.sees("window.soft")
    await keys.open(f"← {keys.word('accounts.all')}", "link")
    await at.sees("logistics")
    at.is_fine()


async def test_an_alarm_is_acknowledged_and_silenced(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", NARROW, place="alarms")
    keys = Keys(at)
    why, more = keys.word("why"), keys.word("alarms.silence.more")
    await keys.open(more)
    await keys.answer(
        (keys.word("alarms.kind"), keys.word("alarms.kind.store_memory")),
        (keys.word("alarms.until"), keys.word("alarms.until.8h")),
        (why, "内存扩容"),
        submit=more,
    )
    await at.sees("内存扩容")
    await keys.open_in("内存扩容", keys.word("alarms.unsilence"))
    await keys.answer((why, "已完成"), submit=keys.word("alarms.unsilence"))
    await at.sees_not("内存扩容")
    assert "store_memory" not in [each.kind for each in (await alarms.board(scene.root, scene.site.alarms)).silences]
    await keys.open_in(keys.word("alarms.kind.delivery_low"), keys.word("alarms.acknowledge"))
    await keys.escape(keys.word("alarms.acknowledge"))
    at.is_fine()
