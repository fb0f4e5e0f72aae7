"""What the pages show in tests: something of everything, written by the services as staff would.

Each function seeds one room and is named in ``SEEDS``. ``PLACES`` are further places that the walk looks at, beside
each page's own: what a click on a row opens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from smsgw.services import (
    blacklist,
    campaigns,
    channels,
    consent,
    contacts,
    optouts,
    pauses,
    signatures,
    templates,
    tiers,
    words,
)
from smsgw.store.links import StoredLink, real_ms
from tests.e2e.console_pages.alarm_scene import seed_alarms
from tests.e2e.console_pages.harness import Scene
from tests.e2e.console_pages.live_scene import seed_live
from tests.e2e.console_pages.message_scene import FOUND, seed_messages
from tests.unit.console.test_links import remembered
from tests.unit.services.test_review import park

NUMBER: Final = "13800138000"
WHY: Final = "asked for by the head of the department"
LONG: Final = "【示例商城】双十一会员专享：全场满三百减五十，限时三天，详情见会员中心，拒收请回复R"
_STEPS: Final = (("approve-department", "department"), ("approve-market", "market"), ("activate", "engineer"))
_REVIEWS: Final = (
    ("review-market", "market"), ("review-legal", "legal"), ("review-technical", "technical"),
    ("approve", "management"), ("activate", "engineer"),
)  # fmt: skip

PLACES: Final[tuple[str, ...]] = (
    "templates/welcome",
    "templates/singles-day",
    "channels/account:shop",
    "channels/carrier:alpha",
    "recipients?tab=lists",
    "pauses?now=1",
    "alarms?tab=history",
    "alarms?tab=channels",
    "carriers/alpha",
    "accounts/shop",
    f"messages/{FOUND}",
)


async def seed_content(scene: Scene) -> None:
    """Templates and channels in every stage of their review, signatures, campaigns, words, contacts."""
    root = scene.root
    await signatures.add(root, "shop", "新签名", owner="示例公司", proof="TM 4711", why=WHY)
    await signatures.add(root, "orders", "示例快递", owner="示例物流公司", proof="TM 12", expires="2027-06-30", why=WHY)
    await signatures.step(root, "orders", "示例快递", "activate", why=WHY)
    await campaigns.add(root, "singles-day", account="shop", slots=["11:00-12:30"], ends="2026-11-30", why=WHY)
    await templates.add(
        root,
        "welcome",
        text="您的包裹{no}已送达，请凭取件码{code}领取",
        message_class="notice",
        account="shop",
        variables=["no:digits:4-12", "code:code:4-6"],
        why=WHY,
    )
    for action, role in _STEPS:
        await templates.step(scene.desk(role), "welcome", action, why="read it")
    await templates.change(root, "welcome", text="包裹{no}已到，取件码{code}", why="shorter")
    await templates.add(
        root, "singles-day", text=LONG.partition("】")[2], message_class="marketing", account="shop", why=WHY
    )
    await templates.step(scene.desk("department"), "singles-day", "approve-department", why="fits our plan")
    await templates.add(
        root, "code", text="验证码{code}，五分钟内有效", message_class="otp", variables=["code:digits:6"], why=WHY
    )
    papers = {"licence": "B2-20260001", "licence_expires": "2027-12-31"}
    await channels.add(root, "account:shop", **papers, why=WHY)
    await channels.add(root, "carrier:alpha", **papers, why=WHY)
    for action, role in _REVIEWS:
        await channels.step(scene.desk(role), "carrier:alpha", action, why="looked at the papers")
    await channels.step(scene.desk("legal"), "account:shop", "review-legal", why="the licence is right")
    await words.put(root, "company", "保本保息", category="finance", action="review", why=WHY)
    await words.put(root, "national", "高收益理财", category="finance", action="reject", evasion=True, why=WHY)
    await contacts.add(root, "shop", "link", "shop.example.com", owner="示例商城", why=WHY)
    await contacts.add(root, "*", "phone", "4008001234", owner="客服", why=WHY)


async def seed_recipients(scene: Scene) -> None:
    """One recipient of whom much is known."""
    root = scene.root
    await consent.add(root, NUMBER, "web form", "privacy v3", WHY)
    await optouts.add(root, NUMBER, "asked by telephone", account="shop", source="hotline")
    await tiers.set_tier(root, NUMBER, "loyal", WHY)
    await blacklist.add(root, "13900139000", "complained twice", expires="2027-01-31")


async def seed_control(scene: Scene) -> None:
    """Pauses that stand, and messages that wait for a person."""
    await pauses.pause(
        scene.desk("engineer"), "campaign:singles-day", why="the price in the text is wrong", expires="4h"
    )
    await pauses.pause(scene.desk("compliance"), "template:welcome", why="complaints gather")
    for n in range(1, 4):
        await park(scene.store, n)


async def seed_links(scene: Scene) -> None:
    """Short links of a campaign and of a template; nobody has followed them yet."""
    until_ms = real_ms() + 86_400_000
    of_campaign = ("shop", 2, "示例商城", "", "singles-day")
    links = [
        StoredLink("link0001", *of_campaign, "https://shop.example.com/singles-day?from=13800138000", until_ms),
        StoredLink("link0002", *of_campaign, "https://shop.example.com/coupon", until_ms),
        StoredLink("link0003", "orders", 1, "示例物流", "welcome@1", "", "https://shop.example.com/parcel", until_ms),
    ]
    await remembered(scene.store, links)


SEEDS: Final[tuple[Callable[[Scene], Awaitable[None]], ...]] = (
    seed_content,
    seed_recipients,
    seed_control,
    seed_links,
    seed_live,
    seed_messages,
)


async def seed(scene: Scene) -> None:
    """Everything."""
    for each in (*SEEDS, seed_alarms):
        await each(scene)
