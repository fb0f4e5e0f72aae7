"""The page of figures: groups are chosen without a mouse, a chart over time, costs, a file."""

from __future__ import annotations

from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage

pytestmark = MARKS
SINCE = "since=2026-11-17"


async def test_groups_are_chosen_without_a_mouse(open_page: OpenPage) -> None:
    at = await open_page("department", "en", NARROW, place=f"figures?{SINCE}")
    await at.sees("Delivered", "main")
    await at.page.get_by_label("By", exact=True).focus()
    await at.page.keyboard.type("Prov")
    await at.settle()
    await at.sees("广东", "main")
    assert "by=province" in at.page.url
    await at.no_sideways_scrolling()
    await at.screenshot("figures-390")
    at.is_fine()


async def test_over_time_and_as_a_file(open_page: OpenPage) -> None:
    at = await open_page("management", "zh", place=f"figures?{SINCE}&by=hour&then=carrier")
    await at.sees("运营商黑名单", "main")
    await at.screenshot("figures-zh")
    async with at.page.expect_download() as waiting:
        await at.button("导出 CSV").click()
    file = await waiting.value
    assert file.suggested_filename == "figures.csv"
    await at.page.get_by_role("tab", name="费用").click()
    await at.settle()
    await at.sees("计费条数", "main")
    await at.screenshot("figures-costs-zh")
    at.is_fine()
