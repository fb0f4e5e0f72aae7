"""One number and what is done about it, lists from files, and what would become of a message."""

from __future__ import annotations

from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, playwright

pytestmark = MARKS
NUMBER = "13700137000"


async def test_a_number_is_looked_up_and_never_stands_in_an_address(open_page: OpenPage) -> None:
    at = await open_page("compliance", "zh", NARROW, place="recipients")
    asked: list[str] = []
    at.page.on("request", lambda request: asked.append(request.url))
    await at.page.locator("[name=number]").fill(NUMBER)
    await at.page.keyboard.press("Enter")
    await at.sees("没有任何记录")
    await at.button("登记退订").click()
    await at.answer(scope="account", account="shop", source="热线", why="来电要求")
    await at.sees("热线")
    await at.button("登记投诉").click()
    await at.answer(source="12321", why="未曾同意")
    await at.sees("黑名单", "table")
    assert NUMBER not in "".join([*asked, at.page.url])
    await at.no_sideways_scrolling()
    at.is_fine()


async def test_nothing_changes_twice(open_page: OpenPage) -> None:
    at = await open_page("compliance", "en", place="recipients")
    await at.page.locator("[name=number]").fill("13600136000")
    await at.page.keyboard.press("Enter")
    for _ in range(2):
        await at.button("Blacklist").click()
        await at.answer(why="complained")
    await at.sees("Nothing changed: ")
    at.is_fine()


async def test_a_list_with_wrong_lines_says_which(open_page: OpenPage) -> None:
    at = await open_page("compliance", "en", place="recipients?tab=lists")
    data = f"number,source\n{NUMBER},hotline\nabc,hotline\n".encode()
    await at.page.locator("[name=list]").select_option("optouts")
    await at.page.locator("[name=file]").set_input_files(
        {"name": "optouts.csv", "mimeType": "text/csv", "buffer": data}
    )
    await at.page.locator("[name=why]").fill("today's list")
    await at.button("Import").click()
    await at.sees("Line 3 number", ".notice .lines")
    await at.page.locator("[name=skip_wrong]").check()
    await at.button("Import").click()
    await at.sees("Imported: lines 2", ".notice.warn")
    await at.sees("Line 3", ".notice.warn .lines")


async def test_a_message_is_explained_rule_by_rule(open_page: OpenPage) -> None:
    at = await open_page("application", "en", NARROW, place="explain")
    assert await at.page.locator("[name=account] option").all_text_contents() == ["shop"]
    await at.page.locator("[name=number]").fill("13800138000")
    await at.page.locator("[name=text]").fill("【示例商城】会员日，拒收请回复R")
    await at.button("Explain").click()
    await at.sees("It would be refused", "main .notice")
    await at.sees("the recipient has unsubscribed")
    await playwright.expect(at.page.locator("main table tbody tr")).not_to_have_count(0)
    await at.no_sideways_scrolling()
    await at.screenshot("explained.en.390")
    at.is_fine()
