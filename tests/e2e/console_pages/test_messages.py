"""The page of messages: finding one without a mouse, looking at it whole, and what somebody sees who gives a reason."""

from __future__ import annotations

from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage
from tests.e2e.console_pages.message_scene import FOUND
from tests.unit.console.test_search import NUMBER, TEXT

pytestmark = MARKS


async def test_found_by_number_and_looked_at_without_a_mouse(open_page: OpenPage) -> None:
    at = await open_page("viewer", "en", NARROW, place="messages")
    await at.page.get_by_label("Number", exact=True).focus()
    await at.page.keyboard.type("138 0013 8000")
    await at.page.keyboard.press("Enter")
    await at.sees("4 found", "main")
    assert NUMBER[2:] not in at.page.url
    await at.no_sideways_scrolling()
    row = at.page.locator("tbody button.link").nth(2)
    await row.focus()
    await at.page.keyboard.press("Enter")
    await at.sees("receipt of the carrier", "main")
    assert at.page.url.endswith(f"#/messages/{FOUND}")
    shown = at.page.locator("details.one-pdu summary").filter(has_text="gateway → carrier").first
    await shown.focus()
    await at.page.keyboard.press("Enter")
    await at.sees("138****8000", "details.one-pdu[open]")
    await at.sees_not("订单")
    assert await at.page.get_by_role("button", name="Reveal number and text").count() == 0
    await at.no_sideways_scrolling()
    await at.screenshot("messages-one-390")
    at.is_fine()


async def test_in_full_for_a_reason(open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", place=f"messages/{FOUND}")
    await at.sees("通道侧报文", "main")
    await at.screenshot("messages-one-zh")
    await at.button("显示号码与内容").click()
    await at.answer(why="客户投诉 4711")
    await at.sees(NUMBER, "main")
    await at.sees(TEXT, "main")
    at.is_fine()


async def test_a_rule_is_told_in_words(open_page: OpenPage) -> None:
    at = await open_page("compliance", "zh", place="messages")
    await at.page.locator("[name=rule]").fill("optout")
    await at.page.keyboard.press("Enter")
    await at.sees("查询结果 1 条", "main")
    await at.sees("189****2222", "tbody")
    await at.screenshot("messages-found-zh")
    at.is_fine()
