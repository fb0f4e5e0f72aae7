"""Figures and the office, by keys alone: statistics, links, reports, the audit log, people and sessions."""

from __future__ import annotations

from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene
from tests.e2e.console_pages.keys import Keys

pytestmark = MARKS


async def test_figures_by_other_groups_and_links_of_an_account(open_page: OpenPage) -> None:
    at = await open_page("engineer", "en", place="figures")
    keys = Keys(at)
    await keys.fill((keys.word("figures.by"), keys.word("figures.by.account")))
    await at.sees("shop", "main tbody")
    await keys.tab_to(keys.word("figures.csv"))
    async with at.page.expect_download() as coming:
        await at.page.keyboard.press("Enter")
    assert (await coming.value).suggested_filename.endswith(".csv")
    await at.go("links")
    await keys.fill((keys.word("account"), "orders"))
    await at.sees_not("singles-day")
    at.is_fine()


async def test_a_month_is_reported_and_taken_along(open_page: OpenPage) -> None:
    at = await open_page("compliance", "zh", NARROW, place="reports")
    keys = Keys(at)
    await keys.tab_to(keys.word("reports.language"))
    await keys.choose("English")
    await keys.tab_to(keys.word("reports.html"))
    async with at.page.expect_download() as coming:
        await at.page.keyboard.press("Enter")
    assert (await coming.value).suggested_filename.endswith(".html")
    await at.settle()
    assert (await keys.stop() or {})["name"] == keys.word("reports.html"), "the button lost the focus"
    await keys.tab_to(keys.word("reports.tab.monthly"), "tab", back=True)
    await keys.press("ArrowLeft")
    await keys.open(keys.word("reports.look"))
    await keys.escape(keys.word("reports.look"))
    at.is_fine()


async def test_the_log_is_searched_and_verified(open_page: OpenPage) -> None:
    at = await open_page("auditor", "en", place="audit")
    keys = Keys(at)
    verify = keys.word("audit.verify")
    await keys.open(verify)
    await keys.answer(submit=verify)
    await at.sees("The log is whole")
    await keys.fill((keys.word("audit.action"), "channel.approve"))
    await at.sees_not("template.add")
    await keys.open("channel.approve")
    await at.sees('"state": "approved"', "main .detail")
    at.is_fine()


async def test_sessions_of_others_and_ones_own_are_ended(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("admin", "zh", place="people")
    keys = Keys(at)
    await scene.cookie("technical")
    await keys.open("technical")
    await keys.open(keys.word("people.end_all"))
    await keys.answer((keys.word("why"), "离职"), submit=keys.word("people.end_all"))
    await at.sees_not("127.0.0.1")
    await scene.cookie("admin")
    await at.go("sessions")
    rows = await at.page.locator("main tbody tr").count()
    end = keys.word("sessions.end")
    await keys.open(end)
    await keys.answer(submit=end)
    assert await at.page.locator("main tbody tr").count() == rows - 1
    await keys.tab_to("English", back=True)
    await keys.press("Enter")
    at.language = "en"
    await at.sees("My sessions", "h1")
    assert (await keys.stop() or {})["name"] == "English"
    at.is_fine()
