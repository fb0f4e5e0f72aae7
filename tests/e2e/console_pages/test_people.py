"""The page of people: who may come in, and ending somebody's sessions by keys alone."""

from __future__ import annotations

from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene, playwright

pytestmark = MARKS


async def test_an_admin_ends_somebodys_sessions(scene: Scene, open_page: OpenPage) -> None:
    await scene.cookie("technical")
    at = await open_page("admin", "en", place="people")
    await at.sees("application team")
    await at.screenshot("people")
    await at.button("technical").focus()
    await at.page.keyboard.press("Enter")
    await at.settle()
    await at.screenshot("people-one")
    await at.button("End all").focus()
    await at.page.keyboard.press("Enter")
    await playwright.expect(at.page.locator("dialog [name=why]")).to_be_focused()
    await at.page.keyboard.type("lost her telephone")
    await at.page.keyboard.press("Tab")
    await at.page.keyboard.press("Tab")
    await at.page.keyboard.press("Enter")
    await at.sees("Nothing here")
    await at.sees_not("End all")
    at.is_fine()
    last = (await scene.root.log.read_back(0, 5))[0]
    assert (last.who, last.action, last.subject, last.why) == (
        "admin", "session.end", "session technical", "lost her telephone",
    )  # fmt: skip


async def test_an_auditor_only_looks(scene: Scene, open_page: OpenPage) -> None:
    await scene.cookie("legal")
    at = await open_page("auditor", "zh", NARROW, place="people/legal")
    await at.sees("法务")
    await at.sees("当前会话")
    await at.sees_not("全部结束")
    await at.no_sideways_scrolling()
    await at.screenshot("people-one-narrow")
    await at.go("people")
    await at.no_sideways_scrolling()
    await at.screenshot("people-narrow")
    at.is_fine()
