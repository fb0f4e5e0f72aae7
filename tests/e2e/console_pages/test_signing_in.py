"""Signing in, and the whole way to an action, with the keyboard alone; what comes when a session ends."""

from __future__ import annotations

from typing import Any

from tests.e2e.console_pages.harness import MARKS, NARROW, PASSWORD, OpenPage, Scene, playwright

pytestmark = MARKS
_NOT_SIGNED_IN = ("401 ", "Failed to load resource: the server responded with a status of 401")


async def test_nothing_is_asked_before_there_are_words_for_its_error(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("", "en")
    seen: list[str] = []

    async def words(route: Any) -> None:
        answer = await route.fetch()
        seen.append("words came")
        await route.fulfill(response=answer)

    async def session(route: Any) -> None:
        seen.append("session asked")
        await route.continue_()

    await at.page.route("**/words/en.json", words)
    await at.page.route("**/api/session", session)
    await at.page.reload()
    await at.page.wait_for_selector("#main")
    assert seen == ["words came", "session asked"]


async def test_from_signing_in_to_a_pause_by_keys(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("", "en")
    at.errors[:] = [each for each in at.errors if not each.startswith(_NOT_SIGNED_IN)]
    keys = at.page.keyboard
    assert await at.page.evaluate("document.activeElement.name") == "name"
    await keys.type("engineer")
    await keys.press("Tab")
    await keys.type(PASSWORD)
    await keys.press("Enter")
    await at.sees("Sign out", "nav")
    await at.settle()
    await at.page.reload()  # keys begin at the top of a page that is new
    await at.page.wait_for_selector("#main")
    await at.settle()
    await keys.press("Tab")
    assert await at.page.evaluate("document.activeElement.className") == "skip"
    await keys.press("Enter")
    assert await at.page.evaluate("document.activeElement.id") == "main"
    await at.page.locator(".button.emergency").focus()
    await keys.press("Enter")
    dialog = at.page.locator("dialog[open]")
    await playwright.expect(dialog).to_be_visible()
    assert await at.page.evaluate("document.activeElement.name") == "kind"
    await keys.type("Everything")
    await keys.press("Tab")
    await keys.press("Tab")
    assert await at.page.evaluate("document.activeElement.name") == "why"
    await keys.type("a wrong price")
    await keys.press("Tab")
    await keys.press("Tab")
    await keys.press("Enter")
    await at.sees("Everything is paused (engineer: a wrong price)")
    at.is_fine()
    row = at.page.locator("tr", has_text="a wrong price")
    await row.get_by_role("button", name="Resume").focus()
    await keys.press("Enter")
    await keys.type("corrected")
    await keys.press("Tab")
    await keys.press("Tab")
    await keys.press("Enter")
    await at.sees_not("a wrong price")
    at.is_fine()


async def test_escape_leaves_a_dialog_and_the_focus_returns(open_page: OpenPage) -> None:
    at = await open_page("compliance", "zh", place="words")
    button = at.button("新增敏感词")
    await button.focus()
    await at.page.keyboard.press("Enter")
    await playwright.expect(at.page.locator("dialog[open]")).to_be_visible()
    for _ in range(12):
        await at.page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        assert await at.page.evaluate(inside)
    await at.page.keyboard.press("Escape")
    await playwright.expect(at.page.locator("dialog[open]")).to_have_count(0)
    await playwright.expect(button).to_be_focused()
    at.is_fine()


async def test_a_wrong_password_is_told_and_nothing_of_it_stays(open_page: OpenPage) -> None:
    at = await open_page("", "zh", NARROW)
    await at.page.locator("[name=name]").fill("viewer")
    await at.page.locator("[name=password]").fill("not the password")
    await at.page.locator("button[type=submit]").click()
    await at.sees("登录信息不正确")
    await at.no_sideways_scrolling()
    await at.screenshot("signin.zh.390")
    await at.page.locator("[name=password]").fill(PASSWORD)
    await at.page.locator("button[type=submit]").click()
    await at.sees("暂停与恢复", "nav.navigation")


async def test_a_session_that_is_over_leads_to_signing_in_and_back(open_page: OpenPage) -> None:
    at = await open_page("viewer", "en", place="templates?state=active")
    await at.sees("welcome")
    await at.page.context.clear_cookies()
    await at.go("audit")
    await at.sees("Your session is over")
    await at.page.locator("[name=name]").fill("viewer")
    await at.page.locator("[name=password]").fill(PASSWORD)
    await at.page.locator("button[type=submit]").click()
    await at.sees("template.add")


async def test_the_drawer_of_a_telephone(open_page: OpenPage) -> None:
    at = await open_page("viewer", "en", NARROW, place="templates")
    menu = at.page.get_by_role("button", name="Navigation")
    await playwright.expect(at.page.locator("nav.navigation")).to_be_hidden()
    await menu.press("Enter")
    await playwright.expect(at.page.locator("nav.navigation a[aria-current=page]")).to_be_focused()
    await at.no_sideways_scrolling()
    await at.page.keyboard.press("Escape")
    await playwright.expect(menu).to_be_focused()
    await menu.press("Enter")
    await at.page.locator("nav.navigation a", has_text="Channels").click()
    await at.sees("carrier", "main")
    await playwright.expect(at.page.locator("nav.navigation")).to_be_hidden()
    at.is_fine()


async def test_the_language_is_kept(open_page: OpenPage) -> None:
    at = await open_page("viewer", "en", place="templates")
    await at.page.locator(".languages [lang=zh]").click()
    await at.sees("模板", "h1")
    await at.page.reload()
    await at.sees("模板", "h1")
    assert await at.page.evaluate("document.documentElement.lang") == "zh-CN"
    at.is_fine()


async def test_a_way_of_the_company_that_did_not_lead_in_is_told(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("", "en", NARROW)
    await at.page.goto(f"{scene.url}/?oidc=unknown")
    await at.sees("Your account is not registered here", "[role=alert]")
    await at.page.locator("[name=name]").fill("viewer")
    await at.page.locator("[name=password]").fill(PASSWORD)
    await at.page.locator("button[type=submit]").click()
    await at.sees("Pauses", "nav.navigation")
    assert at.page.url == f"{scene.url}/"
    await at.no_sideways_scrolling()
