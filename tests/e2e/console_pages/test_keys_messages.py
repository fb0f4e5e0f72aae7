"""The pages of messages and recipients, by keys alone: search, explain, pauses, review, what is known of a number."""

from __future__ import annotations

from smsgw.services import pauses, review
from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene, playwright
from tests.e2e.console_pages.keys import Keys
from tests.e2e.console_pages.message_scene import FOUND
from tests.unit.console.test_search import NUMBER as SENT_TO
from tests.unit.services.test_review import park

pytestmark = MARKS


async def test_a_message_is_found_decoded_and_revealed(open_page: OpenPage) -> None:
    at = await open_page("compliance", "en", place="messages")
    keys = Keys(at)
    await keys.fill((keys.word("messages.id"), FOUND))
    await keys.press("Enter")
    await at.sees(keys.word("messages.timeline"))
    assert (await keys.stop() or {})["role"] == "main", "the message begins at its top"
    reveal = keys.word("messages.reveal")
    await keys.open(reveal)
    await keys.escape(reveal)
    await keys.press("Enter")
    await keys.answer((keys.word("why"), "the customer called"), submit=reveal)
    await at.sees(SENT_TO[-11:])
    await at.page.keyboard.press("Tab")
    while (await keys.stop() or {})["role"] != "summary":
        await at.page.keyboard.press("Tab")
    await keys.press("Enter")
    await playwright.expect(at.page.locator("details[open] table.pdu").first).to_contain_text("short_message")
    at.is_fine()


async def test_a_text_is_explained_and_what_is_wrong_is_told(open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", NARROW, place="explain")
    keys = Keys(at)
    run = keys.word("explain.run")
    await keys.fill((keys.word("explain.number"), "not a number"), (keys.word("explain.text"), "【示例商城】您的包裹"))
    await keys.open(run)
    wrong = await at.page.evaluate("document.activeElement.querySelector('[role=alert]')?.textContent")
    assert wrong, "the focus is not at what was wrong"
    at.errors.clear()
    await keys.tab_to(keys.word("explain.number"), back=True)
    await keys.press("Control+a")
    await keys.type("13800138000")
    await keys.open(run)
    await at.sees(keys.word("explain.rules"))
    await playwright.expect(at.page.locator("main [role=alert]")).to_have_count(0)
    at.is_fine()


async def test_a_pause_is_set_changed_and_ended(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", NARROW, place="signatures")
    keys = Keys(at)
    why = keys.word("why")
    await keys.tab_to(keys.word("emergency"), "link", back=True)
    await keys.press("Enter")
    await keys.answer(
        (keys.word("pauses.kind"), keys.word("pauses.kind.department")),
        (keys.word("pauses.kind.department"), "logistics"),
        (why, "投诉增多"),
        submit=keys.word("pauses.stop.now"),
    )
    await at.sees("投诉增多")
    await keys.open_in("投诉增多", keys.word("pauses.change"))
    await keys.answer(
        (keys.word("pauses.until"), keys.word("pauses.until.2h")), (why, "再等"), submit=keys.word("pauses.change")
    )
    await keys.open_in("logistics", keys.word("pauses.resume"))
    await keys.answer((why, "已处理"), submit=keys.word("pauses.resume"))
    await at.sees_not("logistics")
    assert "department:logistics" not in [each.scope for each in (await pauses.list_(scene.root)).items]
    at.is_fine()


async def test_a_held_message_is_revealed_and_released(scene: Scene, open_page: OpenPage) -> None:
    held = await park(scene.store, 9, "【示例商城】按键放行保本保息")
    at = await open_page("compliance", "en", place="review")
    keys = Keys(at)
    await keys.open_in("按键放行", keys.word("reveal"))
    await keys.answer((keys.word("why"), "the customer called"), submit=keys.word("reveal"))
    assert await at.page.evaluate("document.activeElement.classList.contains('revealed')")
    await at.go("pauses")
    await at.go("review")
    await keys.open_in("按键放行", keys.word("review.release"))
    await keys.answer((keys.word("why"), "an ordinary text"), submit=keys.word("review.release"))
    await at.sees_not("按键放行")
    assert held not in {each.id for each in (await review.list_(scene.root)).items}
    at.is_fine()


async def test_what_is_known_of_a_number_and_what_is_done_about_it(open_page: OpenPage) -> None:
    at = await open_page("compliance", "zh", place="recipients")
    keys = Keys(at)
    why, source = keys.word("why"), keys.word("recipients.source")
    assert (await keys.stop() or {})["name"] == keys.word("recipients.number"), "typing may begin at once"
    await keys.type("13700137000")
    await keys.press("Enter")
    await at.sees(keys.word("recipients.nothing"))
    optout, consent, listed = (keys.word(f"recipients.do.{each}") for each in ("optout", "consent", "blacklist"))
    await keys.open(consent)
    await keys.answer((source, "门店"), (keys.word("recipients.wording"), "v3"), (why, "书面同意"), submit=consent)
    await at.sees("v3")
    await keys.open(optout)
    await keys.answer((source, "热线"), (why, "来电要求"), submit=optout)
    await at.sees("热线")
    await keys.open(listed)
    await keys.answer((why, "多次投诉"), submit=listed)
    await at.sees(keys.word("recipients.kind.blacklist"), "main td")
    unlist = keys.word("recipients.do.unlist")
    await keys.open(unlist)
    await keys.answer((why, "误登记"), submit=unlist)
    await keys.tab_to(keys.word("recipients.tab.one"), "tab", back=True)
    await keys.press("ArrowRight")
    await keys.tab_to(keys.word("recipients.file"))
    async with at.page.expect_file_chooser() as chooser:
        await at.page.keyboard.press("Space")
    await (await chooser.value).set_files({"name": "list.csv", "mimeType": "text/csv", "buffer": b"number\n1"})
    await keys.fill((why, "名单"))
    await keys.open(keys.word("recipients.import"))
    assert await at.page.evaluate("document.activeElement.querySelector('[role=alert]')?.textContent")
