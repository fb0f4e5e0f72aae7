"""Templates and channels through their reviews by different people, and the simple registers."""

from __future__ import annotations

from smsgw.services import campaigns, contacts, signatures, templates, words
from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene, playwright

pytestmark = MARKS


async def test_a_template_from_its_draft_to_its_first_message(scene: Scene, open_page: OpenPage) -> None:
    writer = await open_page("department", "en", place="templates")
    await writer.button("New template").click()
    await writer.answer(
        id="parcel", text="您的包裹{no}已签收", variables="no:digits:4-12", message_class="notice", why="wanted"
    )
    await writer.sees("version 1")
    await playwright.expect(writer.page.locator(".message-text mark")).to_have_text("{no}")
    await playwright.expect(writer.button("Approve (department)")).to_be_disabled()
    await writer.sees("You wrote it; it needs somebody else")
    # The department's second person is somebody else; here the service plays them.
    boss = scene.desk("department")
    boss.person = type(boss.person)("boss", boss.person.roles)
    await templates.step(boss, "parcel", "approve-department", why="we need it")
    market = await open_page("market", "zh", NARROW, place="templates/parcel")
    await market.button("市场同意").click()
    await market.answer(why="没有问题")
    await market.sees("没有问题", ".stepper")
    await market.button("启用").click()
    await market.answer(why="上线")
    await market.sees("生效中")
    assert (await templates.get(scene.root, "parcel")).document["state"] == "active"
    for at in (writer, market):
        at.is_fine()
    await market.no_sideways_scrolling()


async def test_what_was_changed_meanwhile_is_not_approved_unseen(scene: Scene, open_page: OpenPage) -> None:
    await templates.add(scene.root, "stale", text="您的快递第一稿", message_class="notice", why="wanted")
    at = await open_page("department", "en", place="templates/stale")
    await at.sees("您的快递第一稿")
    await templates.change(scene.root, "stale", text="您的快递第二稿", why="better")
    await at.button("Approve (department)").click()
    dialog = at.page.locator("dialog[open]")
    await dialog.locator("[name=why]").fill("read it")
    await dialog.locator("button[type=submit]").click()
    await playwright.expect(dialog.get_by_role("alert")).to_contain_text("Conflict")


async def test_a_channel_shows_who_has_reviewed_it_and_who_is_next(open_page: OpenPage) -> None:
    at = await open_page("technical", "en", place="channels/account:shop")
    await at.sees("the licence is right", ".stepper .now")
    await at.button("Reviewed (technical)").click()
    await at.answer(why="the interface fits")
    await at.sees("the interface fits", ".stepper .now")
    await at.sees("marketing reviewer open", ".stepper .now")
    assert await at.button("Approve").count() == 0
    at.is_fine()


async def test_signatures_campaigns_words_and_contacts(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("market", "en", place="signatures")
    await at.button("Register a signature").click()
    await at.answer(account="shop", name="年货节", owner="示例公司", proof="TM 9", why="a new brand")
    row = at.page.locator("tr", has_text="年货节")
    await row.get_by_role("button", name="Activate").click()
    await at.answer(why="proved")
    await playwright.expect(row).to_contain_text("active")
    assert (await signatures.get(scene.root, "shop", "年货节")).document["state"] == "active"
    await at.go("campaigns")
    await at.button("New campaign").click()
    await at.answer(name="spring", slots="10:00-11:30 14:00-15:00", ends="2027-03-31", why="planned")
    assert (await campaigns.get(scene.root, "spring")).document["slots"] == ["10:00-11:30", "14:00-15:00"]
    await at.go("contacts")
    await at.button("Register").click()
    await at.answer(kind="link", value="spring.example.com", owner="示例商城", why="for the campaign")
    await at.page.locator("tr", has_text="spring.example.com").get_by_role("button", name="Remove").click()
    await at.answer(why="not needed")
    assert (await contacts.list_(scene.root, search="spring.example.com")).total == 0
    at.is_fine()
    keeper = await open_page("compliance", "zh", NARROW, place="words")
    await keeper.button("新增敏感词").click()
    await keeper.answer(word="稳赚不赔", list="company", action="reject", category="finance", why="承诺收益")
    await keeper.sees("稳赚不赔")
    assert (await words.get(scene.root, "company", "稳赚不赔")).document["action"] == "reject"
    keeper.is_fine()
