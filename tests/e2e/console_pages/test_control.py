"""Pausing and resuming, the review queue, the audit log: as those do who do it."""

from __future__ import annotations

from smsgw.services import pauses, review
from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene, playwright
from tests.unit.services.test_review import NUMBER, park

pytestmark = MARKS


async def test_an_account_is_paused_from_any_page_and_resumed(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", NARROW, place="templates")
    await at.page.locator(".button.emergency").click()
    await at.answer(kind="account", name_account="orders", expires="2h", why="价格有误")
    await at.sees("orders")
    found = await pauses.get(scene.root, "account:orders")
    assert (found.who, found.reason, found.expires_ms - found.at_ms) == ("engineer", "价格有误", 7_200_000)
    row = at.page.locator("tr", has_text="orders")
    await row.get_by_role("button", name="恢复").click()
    await at.answer(why="已更正")
    await at.sees_not("orders")
    assert "account:orders" not in [each.scope for each in (await pauses.list_(scene.root)).items]
    at.is_fine()


async def test_who_only_looks_is_offered_nothing_to_press(open_page: OpenPage) -> None:
    at = await open_page("viewer", "en", place="pauses")
    await at.sees("complaints gather")
    await playwright.expect(at.page.locator(".button.emergency")).to_have_count(0)
    await playwright.expect(at.page.locator("main td button")).to_have_count(0)


async def test_held_messages_are_released_and_rejected(scene: Scene, open_page: OpenPage) -> None:
    first = await park(scene.store, 7, "【示例商城】第一条保本保息")
    second = await park(scene.store, 8, "【示例商城】第二条保本保息")
    at = await open_page("compliance", "en", place="review")
    card = at.page.locator("section.card", has_text="第一条")
    await playwright.expect(card.locator("mark")).to_have_text("保本保息")
    assert NUMBER[2:] not in await at.page.content()
    await card.get_by_role("button", name="Reveal").click()
    await at.answer(why="the customer called")
    await playwright.expect(card.locator(".revealed")).to_contain_text(NUMBER[2:])
    await card.get_by_role("button", name="Release").click()
    await at.answer(why="an ordinary text")
    await playwright.expect(card).to_have_count(0)
    await at.page.locator("section.card", has_text="第二条").get_by_role("button", name="Reject").click()
    await at.answer(why="promises a yield")
    await at.sees_not("第二条")
    waiting = {each.id for each in (await review.list_(scene.root)).items}
    assert waiting.isdisjoint({first, second})
    at.is_fine()


async def test_the_audit_log_is_searched_verified_and_taken_along(open_page: OpenPage) -> None:
    at = await open_page("auditor", "en", place="audit")
    await at.page.get_by_label("Action").fill("channel.")
    await at.sees_not("template.add")
    await at.sees("channel.approve")
    await at.page.get_by_role("button", name="channel.approve").click()
    await at.sees('"state": "approved"')
    await at.button("Verify").click()
    await at.answer()
    await at.sees("The log is whole")
    async with at.page.expect_download() as coming:
        await at.button("Export").click()
    taken = await coming.value
    assert taken.suggested_filename == "audit-log.ndjson"
    at.is_fine()
