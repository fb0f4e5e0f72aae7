"""The page of short links: whose they are, where they lead, and nothing that may be somebody's."""

from __future__ import annotations

from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage

pytestmark = MARKS


async def test_links_by_campaign_and_template(open_page: OpenPage) -> None:
    at = await open_page("market", "en")
    await at.go("links")
    for words in ("singles-day", "shop.example.com/coupon", "shop.example.com/singles-day…", "welcome@1"):
        await at.sees(words, "main table")
    await at.sees_not("13800138000")
    await at.sees("has no base_url", "main")
    days = at.page.get_by_label("Time", exact=True)
    await days.focus()
    await days.select_option("7")
    await at.settle()
    assert "days=7" in at.page.url
    await at.page.get_by_label("Campaign", exact=True).fill("singles-day")
    await at.sees_not("welcome@1")
    at.is_fine()


async def test_a_team_sees_its_own_on_a_telephone(open_page: OpenPage) -> None:
    at = await open_page("application", "zh", NARROW)
    await at.go("links")
    await at.sees("singles-day", "main")
    await at.sees("目标地址", "main")
    await at.sees_not("welcome@1")
    await at.no_sideways_scrolling()
    at.is_fine()
