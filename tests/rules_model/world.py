"""A small company whose every rule is on, and random messages, words of recipients and decisions of staff for it.

Texts are put together from pieces, so that each rule is met, missed and just missed often. Nothing here decides.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.profile import (
    AccountPolicy,
    Cap,
    CarrierPolicy,
    ClassRule,
    ConsentRule,
    ContactsRule,
    HardWindow,
    LengthRule,
    ListRule,
    Profile,
    SameContentRule,
    ServicePhoneRule,
    SignatureRule,
    SoftWindow,
    SourceRule,
    TemplateRule,
    TimeRange,
    UnsubscribeRule,
    WindowSettings,
    WordsRule,
)
from smsgw.policy.routing import Route, RouteTable

OTP, NOTICE, MARKETING = 0, 1, 2
ZONE: Final = ZoneInfo("Asia/Shanghai")
START: Final = datetime(2026, 11, 16, 7, 0, tzinfo=ZONE)
#: With the nights that are passed over it becomes half as long again.
DAYS: Final = 14
PHRASES: Final = ("拒收请回复R", "回T退订")
BETA_PHRASES: Final = ("回TD退订",)
LONGEST: Final = (60, 100, 110)

PROFILE: Final = Profile(
    name="model",
    zone=ZONE,
    country="86",
    signature=SignatureRule(frozenset((OTP, NOTICE, MARKETING)), "either", 2, 8),
    unsubscribe=UnsubscribeRule(frozenset((MARKETING,)), PHRASES),
    message_class=ClassRule(("验证码", "校验码"), ("优惠", "促销", "打折", "抢购"), 2),
    source=SourceRule(),
    service_phone=ServicePhoneRule(frozenset((NOTICE,))),
    words=WordsRule(),
    contacts=ContactsRule(frozenset((OTP, NOTICE, MARKETING)), frozenset((NOTICE, MARKETING))),
    template=TemplateRule(frozenset((MARKETING,))),
    length=LengthRule(LONGEST),
    window=WindowSettings(
        "reject",
        HardWindow(frozenset((MARKETING,)), (TimeRange.parse("21:00-08:00"),)),
        SoftWindow(frozenset((MARKETING,)), "workdays", (TimeRange.parse("09:00-21:00"),)),
    ),
    blacklist=ListRule(frozenset((NOTICE, MARKETING))),
    dead_number=ListRule(frozenset((NOTICE, MARKETING))),
    consent=ConsentRule(frozenset((MARKETING,))),
    caps=(
        Cap("otp-minute", frozenset((OTP,)), "signature", 1, "minute", "rolling"),
        Cap("otp-day", frozenset((OTP,)), "company", 4, "day"),
        Cap("notice-hour", frozenset((NOTICE,)), "account", 2, "hour"),
        Cap("notice-36h", frozenset((NOTICE,)), "signature", 5, 36 * 3_600_000, "rolling"),
        Cap("marketing-day", frozenset((MARKETING,)), "company", 1, "day", "clock", {"loyal": 2, "vip": 9}, 2),
        Cap("marketing-week", frozenset((MARKETING,)), "company", 3, "week", "clock", {"loyal": 4}, 5),
        Cap("template-week", frozenset((MARKETING,)), "template", 2, "week"),
        Cap("audience-day", frozenset((MARKETING,)), "segment", 1, "day"),
    ),
    same_content=SameContentRule(frozenset((NOTICE, MARKETING)), 6 * 3_600_000),
    optout_checked_for=frozenset((NOTICE, MARKETING)),
    test_numbers=frozenset(("8613800000000",)),
)

ACCOUNTS: Final = {
    account.name: account
    for account in (
        AccountPolicy("login", signatures=frozenset(("示例科技",)), department="security",
                      numbers={"1069001": frozenset((OTP,))}),
        AccountPolicy("orders", signatures=frozenset(("示例物流",)), department="logistics", service_phone="4008001234",
                      numbers={"1069002": frozenset((NOTICE,))}),
        AccountPolicy("shop", signatures=frozenset(("示例商城",)), department="retail",
                      numbers={"1069003": frozenset((MARKETING, NOTICE))}),
        AccountPolicy("club", signatures=frozenset(("示例会所",)), department="retail",
                      slots=(TimeRange.parse("10:00-12:30"), TimeRange.parse("15:00-20:00"))),
    )
}  # fmt: skip
CLASSES: Final = {"login": OTP, "orders": NOTICE, "shop": MARKETING, "club": MARKETING}
CARRIERS: Final = {
    "alpha": CarrierPolicy("alpha", "front", ()),
    "beta": CarrierPolicy("beta", None, BETA_PHRASES),
}
ROUTES: Final = RouteTable(
    (
        Route("unicom", None, None, ("86130",), ("beta", "alpha")),
        Route("no-otp-abroad", None, frozenset((NOTICE, MARKETING)), ("852",), ("beta",)),
        Route("home", None, None, ("86",), ("alpha", "beta")),
    )
)
WORKDAYS: Final = Workdays()

_TEMPLATES: Final[tuple[dict[str, Any], ...]] = (
    {"id": "new", "account": "shop", "message_class": "marketing", "campaign": "",
     "text": "尊敬的{name}，新品到店{count}件，拒收请回复R",
     "variables": (("name", "text", 1, 6), ("count", "digits", 1, 3))},
    {"id": "sale", "account": "shop", "message_class": "marketing", "campaign": "noon",
     "text": "会员{name}专享优惠，打折中，详见http://shop.example.com/{page}，回T退订",
     "variables": (("name", "text", 1, 6), ("page", "code", 1, 8))},
    {"id": "any", "account": "", "message_class": "marketing", "campaign": "",
     "text": "您好，本周六活动{place}举行，拒收请回复R", "variables": (("place", "text", 2, 8),)},
    {"id": "beta", "account": "club", "message_class": "marketing", "campaign": "",
     "text": "贵宾{name}，活动厅已订好，回TD退订", "variables": (("name", "text", 1, 6),)},
    {"id": "parcel", "account": "orders", "message_class": "notice", "campaign": "",
     "text": "包裹{code}已到，取件请凭码，电话4008001234", "variables": (("code", "code", 4, 8),)},
    {"id": "flyer", "account": "orders", "message_class": "marketing", "campaign": "",
     "text": "老客户{name}，春季目录已寄出，拒收请回复R", "variables": (("name", "text", 1, 6),)},
    {"id": "login", "account": "login", "message_class": "otp", "campaign": "",
     "text": "您的验证码是{code}，五分钟内有效", "variables": (("code", "digits", 4, 6),)},
)  # fmt: skip

#: Word, list, category, action, evasion.
WORDS: Final = (
    ("保本保息", "national", "高息理财", "reject", True),
    ("赌博", "national", "赌博", "reject", False),
    ("高收益理财", "company", "高息理财", "reject", True),
    ("内部福利", "company", "夸大", "review", False),
    ("限时", "company", "夸大", "count", False),
)


def registers() -> dict[str, dict[str, dict[str, Any]]]:
    """The documents of every register as the run begins."""
    return {
        "signature": {
            f"{each['account']}/{each['name']}": each
            for each in (
                {"account": "shop", "name": "示例会员", "state": "active", "expires": "2026-11-24"},
                {"account": "shop", "name": "示例旧名", "state": "suspended"},
                {"account": "club", "name": "示例新会", "state": "draft"},
            )
        },
        "template": {
            f"{each['id']}@1": {
                **each, "version": 1, "state": "active",
                "expires": "2026-11-27" if each["id"] == "beta" else "",
                "variables": [
                    {"name": name, "kind": kind, "min_chars": low, "max_chars": high}
                    for name, kind, low, high in each["variables"]
                ],
            }
            for each in _TEMPLATES
        },
        "word": {
            f"{row[1]}/{row[0]}": dict(zip(("word", "list", "category", "action", "evasion"), row, strict=True))
            for row in WORDS
        },
        "contact": {
            f"{each['account']}/{each['kind']}/{each['value']}": each
            for each in (
                {"account": "*", "kind": "link", "value": "shop.example.com", "state": "active"},
                {"account": "orders", "kind": "link", "value": "t.cn/ab", "state": "active"},
                {"account": "orders", "kind": "phone", "value": "4008001234", "state": "active"},
                {"account": "shop", "kind": "phone", "value": "4007007000", "state": "suspended"},
            )
        },
        "campaign": {
            "noon": {"name": "noon", "account": "shop", "slots": ["11:00-12:30", "18:00-22:00"],
                     "starts": "2026-11-18", "ends": "2026-12-02", "state": "active"},
            "club": {"name": "club", "account": "club", "slots": [], "starts": "", "ends": "", "state": "active"},
        },
        "pause": {},
        "order": {},
        "channel": {
            "account:login": {"channel": "account:login", "state": "active"},
            "account:orders": {"channel": "account:orders", "state": "active", "licence": "B2-1",
                               "licence_expires": "2026-12-06"},
            "account:shop": {"channel": "account:shop", "state": "active"},
            "account:club": {"channel": "account:club", "state": "active", "expires": "2026-12-05"},
        },
    }  # fmt: skip


@dataclass(slots=True)
class Message:
    """One message as the world makes it. ``at_ms`` business time; ``number`` E.164 digits."""

    account: str
    source_addr: str
    number: str
    text: str
    at_ms: int
    tier: str = ""
    campaign: str = ""
    audience: str = ""


@dataclass(slots=True)
class Deed:
    """Something that changes what rules see: ``what`` and its values."""

    what: str
    values: dict[str, Any] = field(default_factory=dict)


class World:
    """An endless source; ``step`` gives a message or a deed. Same seed and count, same course of events."""

    def __init__(self, seed: int, count: int) -> None:
        self._rng = random.Random(seed)
        self._count = count
        # So many that caps are met often, and so few that most people may still get something.
        self.numbers = [
            f"86{head}{tail:08d}" for tail in range(max(5, count // 2500)) for head in ("138", "139", "188", "130")
        ]
        self.numbers += ["85298765432", "8613800000000", "14155550123"]
        self.at_ms = int(START.timestamp() * 1000)
        self._mean_ms = DAYS * 86_400_000 / count
        self.paused: list[str] = []

    def step(self) -> Message | Deed:
        rng = self._rng
        self.at_ms += int(rng.expovariate(1 / self._mean_ms))
        local = datetime.fromtimestamp(self.at_ms / 1000, UTC).astimezone(ZONE)
        if local.hour >= 22 or local.hour < 7:  # nights are dull: a few messages, then morning
            if rng.random() < 0.05:
                self.at_ms += int(timedelta(hours=rng.uniform(1, 9)).total_seconds() * 1000)
        elif rng.random() < 0.01:  # exactly on a border
            self.at_ms -= self.at_ms % 60_000
        return self._deed() if rng.random() < 0.04 else self._message()

    def _deed(self) -> Deed:
        rng = self._rng
        number = rng.choice(self.numbers)
        scope = rng.choice(("", ":a:shop", ":a:club", ":a:orders", ":s:示例商城", ":s:示例物流"))
        what = rng.choices(
            ("stop", "start", "consent", "blacklist", "unblacklist", "carrier", "dead", "undead", "tier", "register"),
            (6, 3, 40, 2, 1, 1, 4, 1, 3, 4),
        )[0]
        if what == "register":
            return self._register()
        end_ms = self.at_ms + rng.choice((0, 3_600_000, 86_400_000 * 2))
        return Deed(what, {
            "number": number, "scope": scope, "expires_ms": 0 if end_ms == self.at_ms else end_ms,
            "carrier": rng.choice(("alpha", "beta")), "tier": rng.choice(("", "loyal", "vip")),
            "at_ms": self.at_ms - rng.choice((0, 0, 0, 5_000, 86_400_000)),
        })  # fmt: skip

    def _register(self) -> Deed:
        rng = self._rng
        if self.paused and rng.random() < 0.7:
            scope = self.paused.pop(rng.randrange(len(self.paused)))
            return Deed("resume", {"scope": scope})
        scope = rng.choice(
            ("global", "department:retail", "account:shop", "signature:示例物流", "template:new", "campaign:noon",
             "carrier:alpha", "carrier:beta", "order:account:club", "order:account:shop")
        )  # fmt: skip
        if scope in self.paused:
            return Deed("resume", {"scope": self.paused.pop(self.paused.index(scope))})
        if rng.random() < 0.4:
            kind, key = rng.choice(
                (("signature", "shop/示例会员"), ("template", "any@1"), ("channel", "account:club"),
                 ("contact", "*/link/shop.example.com"), ("word", "company/内部福利"), ("campaign", "club"))
            )  # fmt: skip
            return Deed("toggle", {"kind": kind, "key": key})
        self.paused.append(scope)
        end_ms = 0 if rng.random() < 0.2 else self.at_ms + int(self._mean_ms * rng.uniform(1, 60))
        return Deed("pause", {"scope": scope, "expires_ms": end_ms, "at_ms": self.at_ms})

    def _message(self) -> Message:
        rng = self._rng
        account = rng.choices(("login", "orders", "shop", "club"), (2, 4, 4, 2))[0]
        return Message(
            account,
            rng.choices((_OWN[account], "1069003", "10690021", "1069999", ""), (60, 1, 1, 3, 2))[0],
            rng.choice(self.numbers),
            self._text(account),
            self.at_ms,
            rng.choices(("", "loyal", "vip"), (8, 1, 1))[0],
            rng.choices(("", "noon", "club", "nobody"), (40, 2, 2, 1))[0],
            rng.choices(("", "young", "old"), (6, 1, 1))[0],
        )

    def _text(self, account: str) -> str:
        rng = self._rng
        body = self._templated(account) if rng.random() < 0.8 else self._free()
        if rng.random() < 0.06:
            # Between two phrases, and not within a link, where nobody could say what was meant.
            head, comma, tail = body.partition("，")
            body = head + comma + rng.choice(_INTRUDERS) + tail
        signature = rng.choices(
            ("【" + _SIGNED[account] + "】", "【示例会员】", "【示例旧名】", "【示例】", "【很长很长很长很长的名】",
             "【示!例】", "", "[示例商城]", "【示例新会】"),
            (120, 8, 1, 1, 1, 1, 2, 1, 1),
        )[0]  # fmt: skip
        return body + signature if rng.random() < 0.12 else signature + body

    def _templated(self, account: str) -> str:
        rng = self._rng
        mine = [each for each in _TEMPLATES if each["account"] in (account, "")]
        template = rng.choice(mine if rng.random() < 0.95 else _TEMPLATES)
        text = str(template["text"])
        for name, kind, low, high in template["variables"]:
            chars = rng.choice((low, high, rng.randint(low, high)))
            if rng.random() < 0.05:
                chars = rng.choice((low - 1, high + 1))
            letters = {"digits": "3467", "code": "A37bc", "text": "张王李会员小明"}[kind]
            value = "".join(rng.choice(letters) for _ in range(chars))
            if rng.random() < 0.5:
                value = (letters * high)[:high]  # often the same, so that equal content comes again
            if kind == "text" and rng.random() < 0.03:
                value = "t.cn"
            text = text.replace("{" + name + "}", value)
        return text

    def _free(self) -> str:
        rng = self._rng
        body = "，".join(rng.choice(_FREE) for _ in range(rng.randint(1, 4)))
        return (
            body
            + rng.choices(
                ("", "，拒收请回复R", "，回T退订", "回TD退订", "，拒收请回复Ｒ。", "回复T退定"), (6, 6, 1, 1, 1, 1)
            )[0]
        )


_OWN: Final = {"login": "1069001", "orders": "10690021", "shop": "1069003", "club": ""}
_SIGNED: Final = {"login": "示例科技", "orders": "示例物流", "shop": "示例商城", "club": "示例会所"}
_FREE: Final = (
    "您的验证码是3467", "内部福利见柜台，客服电话4008001234",
    "校验码 4433，请勿转告", "包裹已到，请及时领取", "客服电话4008001234", "客服400-800-1234",
    "咨询4007007000", "致电13912345678", "全场优惠", "年终促销", "打折到底", "详见http://shop.example.com/a", "点击https://evil.example.net/x",
    "请看 http://t.cn/abc", "请看 http://t.cn/xyz", "请看 http://t.cn/ab/c", "见 t.cn/ab",
    "感谢您的支持", "天气转冷注意保暖", "账单已出", "会议改到三点",
)  # fmt: skip
_INTRUDERS: Final = (
    "保本保息", "保 本 保 息", "保\u200b本保息", "保、本、保、息", "高收益理財", "高收益理财", "赌博", "賭博", "赌 博",
    "赌\u200b博", "内部福利", "限时", "好" * 70,
)  # fmt: skip
