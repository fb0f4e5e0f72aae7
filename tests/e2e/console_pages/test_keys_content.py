"""The pages of content, by keys alone: templates and channels through their reviews, and the simple registers."""

from __future__ import annotations

from smsgw.services import channels, templates
from tests.e2e.console_pages.harness import MARKS, NARROW, OpenPage, Scene
from tests.e2e.console_pages.keys import Keys

pytestmark = MARKS


async def test_a_template_is_written_and_approved_by_two(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("admin", "zh", NARROW, place="templates")
    keys = Keys(at)
    why = keys.word("why")
    await keys.open(keys.word("templates.add"))
    await keys.answer(
        (keys.word("templates.id"), "keyed"),
        (keys.word("templates.text"), "您的包裹{no}已签收"),
        (keys.word("templates.variables"), "no:digits:4-12"),
        (keys.word("class"), keys.word("class.notice")),
        (keys.word("account"), "shop"),
        (why, "需要"),
        submit=keys.word("templates.add"),
    )
    await at.sees("{no}", ".message-text")
    for role, step in (("department", "approve-department"), ("market", "approve-market")):
        reviewer = await open_page(role, "en", place="templates/keyed")
        keys = Keys(reviewer)
        await keys.open(keys.word(f"step.{step}"))
        await keys.answer((keys.word("why"), f"read by {role}"), submit=keys.word(f"step.{step}"))
        await reviewer.sees(f"read by {role}", ".stepper")
        reviewer.is_fine()
    done = [row["action"] for row in (await templates.get(scene.root, "keyed")).document["history"]]
    assert done == ["draft", "approve-department", "approve-market"]
    at.is_fine()


async def test_a_channel_is_applied_for_and_reviewed(scene: Scene, open_page: OpenPage) -> None:
    at = await open_page("engineer", "en", place="channels")
    keys = Keys(at)
    await keys.open(keys.word("channels.add"))
    await keys.answer(
        (keys.word("channels.channel"), keys.word("channels.carrier", name="beta")),
        (keys.word("channels.licence"), "B2-20260002"),
        (keys.word("channels.licence_expires"), "12312027"),
        (keys.word("why"), "a second way"),
        submit=keys.word("channels.add"),
    )
    await at.sees("B2-20260002")
    legal = await open_page("legal", "zh", NARROW, place="channels/carrier:beta")
    keys = Keys(legal)
    await keys.open(keys.word("step.review-legal"))
    await keys.answer((keys.word("why"), "资质有效"), submit=keys.word("step.review-legal"))
    await legal.sees("资质有效", ".stepper")
    document = (await channels.get(scene.root, "carrier:beta")).document
    assert document["licence_expires"] == "2027-12-31"
    for each in (at, legal):
        each.is_fine()


async def test_the_registers(open_page: OpenPage) -> None:
    at = await open_page("market", "en", place="signatures")
    keys = Keys(at)
    why, owner = keys.word("why"), keys.word("owner")
    await keys.open(keys.word("signatures.add"))
    await keys.answer(
        (keys.word("signatures.name"), "按键签名"), (owner, "示例公司"), (keys.word("signatures.proof"), "TM 8"),
        (why, "new"), submit=keys.word("signatures.add"),
    )  # fmt: skip
    await keys.open_in("按键签名", keys.word("step.activate"))
    await keys.answer((why, "proved"), submit=keys.word("step.activate"))
    await at.go("campaigns")
    await keys.open(keys.word("campaigns.add"))
    await keys.answer((keys.word("campaigns.name"), "keyed"), (why, "planned"), submit=keys.word("campaigns.add"))
    await keys.open("keyed")
    await at.sees("planned", "main .detail")
    await at.go("contacts")
    await keys.open(keys.word("contacts.add"))
    await keys.answer(
        (keys.word("contacts.value"), "keyed.example.com"), (why, "new"), submit=keys.word("contacts.add")
    )
    await keys.open_in("keyed.example.com", keys.word("register.remove"))
    await keys.answer((why, "not needed"), submit=keys.word("register.remove"))
    await at.sees_not("keyed.example.com")
    at.is_fine()


async def test_a_word_is_added_looked_for_and_removed(open_page: OpenPage) -> None:
    at = await open_page("compliance", "zh", NARROW, place="words")
    keys = Keys(at)
    why, add, remove = keys.word("why"), keys.word("words.add"), keys.word("register.remove")
    await keys.open(add)
    await keys.answer(
        (keys.word("words.word"), "按键词"), (keys.word("words.action"), keys.word("words.action.reject")),
        (keys.word("words.evasion"), "x"), (why, "试"), submit=add,
    )  # fmt: skip
    await keys.fill((keys.word("search"), "按键"))
    await at.sees_not("保本保息")
    await keys.open_in("按键词", remove)
    await keys.escape(remove)
    await keys.press("Enter")
    await keys.answer((why, "不再需要"), submit=remove)
    await at.sees_not("按键词")
    at.is_fine()
