"""The page of alarms: what rings, silencing it by keyboard, taking care of it, trying a channel."""

from __future__ import annotations

from smsgw.services import alarms
from tests.e2e.console_pages.alarm_scene import DELIVERY, QUEUE, UNSUBSCRIBED
from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene, playwright

pytestmark = MARKS


async def ringing(scene: Scene) -> set[str]:
    found = await alarms.board(scene.root, scene.site.alarms)
    return {each.id for each in found.firing}


async def test_an_alarm_is_silenced_by_keyboard_and_told_again(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("engineer", "zh", NARROW, place="alarms")
    row = at.page.locator("li.alarm", has_text="送达率过低")
    await playwright.expect(row).to_contain_text("通道 alpha，省份 广东 62.4%（阈值 80%，1,412 条，近 15 分钟）")
    await at.no_sideways_scrolling()
    await at.screenshot("alarms-zh-390")
    await row.get_by_role("button", name="静默").focus()
    await at.page.keyboard.press("Enter")
    await at.answer(until="8h", why="运营商割接")
    await at.sees("静默至")
    assert DELIVERY.id not in await ringing(scene)
    silences = at.page.locator("tr", has_text="运营商割接")
    await silences.get_by_role("button", name="解除静默").click()
    await at.answer(why="割接完成")
    await at.sees_not("运营商割接")
    assert DELIVERY.id in await ringing(scene)
    at.is_fine()


async def test_what_was_done_of_itself_is_shown_with_how_to_take_it_back(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("compliance", "en", place="alarms")
    row = at.page.locator("li.alarm", has_text="unsubscribe rate high")
    await playwright.expect(row).to_contain_text("smsgw resume template:singles-day")
    await at.screenshot("alarms-en-1280")
    await row.get_by_role("button", name="I take care of it").click()
    await at.answer(why="I read the template again")
    await at.sees("Acknowledged")
    await at.button("History").or_(at.page.get_by_role("tab", name="History")).first.click()
    await at.sees("I read the template again")
    at.is_fine()


async def test_an_application_team_sees_its_own_and_changes_nothing(open_page: OpenPage) -> None:
    at = await open_page("application", "zh", place="alarms")
    await at.sees("退订率过高")
    await at.sees_not("送达率过低")
    await playwright.expect(at.page.locator("main li button")).to_have_count(0)
    await playwright.expect(at.page.get_by_role("tab", name="告警通道")).to_have_count(0)
    at.is_fine()


async def test_a_channel_that_fails_says_why_and_shows_no_secret(open_page: OpenPage) -> None:
    at = await open_page("engineer", "en", NARROW, place="alarms?tab=channels")
    await at.sees("failed 5 times")
    await at.sees("22:00-07:00")
    await at.no_sideways_scrolling()
    row = at.page.locator("tr", has_text="duty")
    await row.get_by_role("button", name="Test").click()
    dialog = at.page.locator("dialog[open]")
    await dialog.locator("[name=why]").fill("new telephone")
    await dialog.locator("button[type=submit]").click()
    await playwright.expect(dialog).to_contain_text("It did not arrive")
    assert "verysecret" not in await at.page.content()
    at.is_fine()


async def test_a_silence_names_what_it_is_about(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("engineer", "en", place="alarms")
    await at.button("Silence …").click()
    await at.answer(kind="unsubscribe_rate", only="template=singles-*", until="2h", why="known")
    await at.sees("template singles-*")
    assert {QUEUE.id, UNSUBSCRIBED.id}.isdisjoint(await ringing(scene))
    at.is_fine()
