"""Overview, map, carriers and accounts in a browser: what each role sees, with the keyboard, in both languages."""

from __future__ import annotations

import pytest

from smsgw.policy.reasons import REASONS
from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene

pytestmark = MARKS


async def test_the_overview_lives(open_page: OpenPage) -> None:
    at = await open_page("viewer", "en")
    await at.go("overview")
    for words in ("Accepted / s", "Delivered, last hour", "Account orders may not send now", "partly up"):
        await at.sees(words, "main")
    await at.sees(REASONS["window.soft"].text, "main")
    before = await at.page.locator(".figure .value").first.text_content()
    assert float(before.split()[0]) > 0
    two_hours = at.page.get_by_role("tab", name="Two hours")
    await at.page.get_by_role("tab", name="Last minutes").press("ArrowRight")
    assert await two_hours.get_attribute("aria-selected") == "true"
    at.is_fine()


async def test_a_team_sees_only_what_is_its_own(open_page: OpenPage) -> None:
    at = await open_page("application", "zh", NARROW)
    await at.go("overview")
    await at.sees("接收（条/秒）", "main")
    await at.sees_not("发送（条/秒）")
    await at.sees_not("orders")
    await at.go("accounts")
    await at.sees("shop", "main table")
    await at.sees_not("orders")
    await at.no_sideways_scrolling()
    at.is_fine()


async def test_the_map_by_keyboard(open_page: OpenPage) -> None:
    at = await open_page("market", "en")
    await at.go("map")
    tile = at.page.locator("[data-tile=beijing]")
    assert await tile.get_attribute("tabindex") == "0"
    assert await at.page.locator(".tile[tabindex='0']").count() == 1
    assert await at.page.locator(".tile").count() == 34
    await tile.focus()
    await at.page.keyboard.press("ArrowLeft")
    await at.page.keyboard.press("Enter")
    await at.settle()
    await at.sees("Shanxi", ".atlas .card:last-child h2")
    await at.sees("alpha", ".atlas .card:last-child table")
    assert await at.page.locator("[data-tile=shanxi]").get_attribute("aria-pressed") == "true"
    assert "delivered" in str(await at.page.locator("[data-tile=shanxi]").get_attribute("aria-label"))
    await at.page.get_by_role("tab", name="Map").press("ArrowRight")
    await at.sees("Guangdong", "main table")
    at.is_fine()


async def test_the_map_of_one_carrier(open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", NARROW)
    await at.go("map?carrier=beta&chosen=guangdong")
    await at.sees("广东", ".atlas .card:last-child h2")
    await at.sees("beta", ".atlas .card:last-child table")
    await at.sees_not("alpha", ".atlas .card:last-child table")
    await at.no_sideways_scrolling()
    at.is_fine()


async def test_a_carrier_is_suspended_and_resumed(open_page: OpenPage, scene: Scene) -> None:
    at = await open_page("engineer", "en")
    await at.go("carriers")
    await at.page.locator("main table").get_by_role("button", name="beta").press("Enter")
    await at.settle()
    for words in ("beta#0", "Window", "Codes", "Last heard"):
        await at.sees(words, "main")
    await at.button("Suspend").press("Enter")
    await at.answer(expires="2h", why="complaints gather")
    await at.sees("Suspended by engineer", "main")
    await at.sees("complaints gather", "main")
    await at.button("Resume").press("Enter")
    await at.answer(why="mended")
    await at.sees_not("Suspended by engineer")
    found = await scene.root.log.head()
    assert found.seq >= 2
    at.is_fine()


@pytest.mark.parametrize("role", ["viewer", "compliance"])
async def test_who_may_only_look_has_no_buttons(open_page: OpenPage, role: str) -> None:
    at = await open_page(role, "en")
    await at.go("carriers/alpha")
    await at.sees("alpha#1", "main")
    assert await at.button("Suspend").count() == 0
    assert await at.button("Drain").count() == 0


async def test_an_account_with_its_refusals_in_words(open_page: OpenPage) -> None:
    at = await open_page("application", "zh")
    await at.go("accounts/shop")
    for words in (REASONS["window.soft"].text_zh, "139****4711", "【示例商城】", "近一小时拒绝原因"):
        await at.sees(words, "main")
    await at.sees("1000 of 1000", "main")
    at.is_fine()
