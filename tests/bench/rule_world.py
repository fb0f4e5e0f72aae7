"""A busy site for ``bench_rules``: full registers, every rule on, and distinct messages of all classes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.campaigns import Campaigns
from smsgw.policy.channels import Channels
from smsgw.policy.contacts import Contacts
from smsgw.policy.entries import (
    CampaignEntry,
    ChannelEntry,
    ContactEntry,
    SignatureEntry,
    TemplateEntry,
    Variable,
    VariableKind,
    WordEntry,
)
from smsgw.policy.model import ALL_CLASSES, Draft, MessageClass
from smsgw.policy.pipeline import Parts, Rules, compile_rules
from smsgw.policy.profile import (
    AccountPolicy,
    Cap,
    CarrierPolicy,
    ClassRule,
    ConsentRule,
    ContactsRule,
    HardWindow,
    LengthRule,
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
from smsgw.policy.registers import Registers
from smsgw.policy.routing import Route, RouteTable
from smsgw.policy.signature import Signatures
from smsgw.policy.templates import Templates
from smsgw.policy.words import Words

OTP, NOTICE, MARKETING = MessageClass
ZONE = ZoneInfo("Asia/Shanghai")
WORDS, TEMPLATES, SIGNATURES, CONTACTS = 10_000, 5_000, 1_000, 1_000
PHONE = "4008001234"
_MARKETING = frozenset((MARKETING,))
# Literals as staff write them; the fillers below make each template and each text its own.
_HEADS = ("尊敬的客户您好，", "温馨提示：", "您的订单", "亲爱的会员，", "【通知】", "系统提醒：")
_COMMON = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行"
)
_KINDS: tuple[VariableKind, ...] = ("text", "digits", "code", "amount", "date")


def ms(text: str) -> int:
    """An instant on Shanghai's wall clock."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def _profile() -> Profile:
    return Profile(
        "cn", ZONE, "86",
        SignatureRule(),
        UnsubscribeRule(_MARKETING, ("回T退订", "回TD退订", "拒收请回复R")),
        message_class=ClassRule(
            ("验证码", "校验码", "注册码", "动态码"),
            ("促销", "优惠", "折扣", "抢购", "秒杀", "特价", "满减", "红包", "领券", "大奖", "抽奖", "免费领", "限时",
             "钜惠", "返现", "上新", "爆款", "福利", "清仓", "甩卖"),
            3,
        ),
        source=SourceRule(registered_only=True),
        service_phone=ServicePhoneRule(_MARKETING),
        words=WordsRule(),
        contacts=ContactsRule(ALL_CLASSES, ALL_CLASSES),
        template=TemplateRule(frozenset((OTP, NOTICE))),
        length=LengthRule((200, 500, 500)),
        window=WindowSettings(
            "reject",
            HardWindow(_MARKETING, (TimeRange.parse("21:00-08:00"),)),
            SoftWindow(_MARKETING, "workdays", (TimeRange.parse("09:00-21:00"),)),
        ),
        consent=ConsentRule(_MARKETING),
        caps=(
            Cap("minute", ALL_CLASSES, "signature", 1, "minute"),
            Cap("day", ALL_CLASSES, "company", 40, "day", tiers={"loyal": 50}, ceiling=60),
            Cap("week", ALL_CLASSES, "account", 100, 604_800_000, "rolling"),
        ),
        same_content=SameContentRule(_MARKETING, 86_400_000),
    )  # fmt: skip


def _table(routes: int) -> RouteTable:
    """Like a site's: many prefixes of seven digits, some of five, one route for the rest."""
    many = [Route(f"p{n}", None, None, (f"86{1300000 + n * 97}",), ("beta",)) for n in range(routes - 21)]
    some = [Route(f"q{n}", None, frozenset((n % 3,)), (f"86{130 + n}",), ("beta",)) for n in range(20)]
    return RouteTable([*many, *some, Route("rest", None, None, (), ("alpha",))])


@dataclass(frozen=True, slots=True)
class Message:
    """What an application sends."""

    message_class: int
    text: str
    recipient: str


class World:
    """Rules and messages; the same for the same seed."""

    def __init__(self, seed: int = 4, routes: int = 100) -> None:
        self._chance = random.Random(seed)
        self.names = [f"{self._han(3)}{n}" for n in range(SIGNATURES)]
        self.templates = [self._template(number) for number in range(TEMPLATES)]
        self.registers = self._registers()
        account = AccountPolicy(
            "shop", licence_expires=date(2027, 6, 30), signatures=frozenset(("示例商城",)),
            slots=(TimeRange.parse("09:30-20:30"),), department="retail", service_phone=PHONE,
            numbers={"10690001": ALL_CLASSES},
        )  # fmt: skip
        carriers = {"alpha": CarrierPolicy("alpha", "either", ("回T退订", "拒收请回复R"))}
        profile, table = _profile(), _table(routes)
        self.rules: Rules = compile_rules(profile, account, table, carriers, Workdays(), None, self.registers, True)
        self.parts = Parts(profile, account, carriers, self.rules.windows, self.registers, True)
        self.at_ms = ms("2026-11-18 10:30")

    def draft(self, message: Message) -> Draft:
        """As the gateway makes it."""
        return Draft("shop", message.message_class, "10690001", message.recipient, message.text, 1, self.at_ms)

    def messages(self, count: int) -> Iterator[Message]:
        """Distinct ones: 30 of 100 codes, 40 notices, 30 marketing; the last by template or free, and all pass."""
        chance = self._chance
        for number in range(count):
            name = chance.choice(self.names)
            share = number % 10
            recipient = f"86139{chance.randrange(10**8):08d}"
            if share < 3:
                yield Message(OTP, f"【{name}】{self._filled(self.templates[number % 50])}", recipient)
            elif share < 7:
                # A tenth of the templates does nine tenths of the work, as in life.
                many = 500 if chance.random() < 0.9 else TEMPLATES
                entry = self.templates[chance.randrange(50, many)]
                yield Message(NOTICE, f"【{name}】{self._filled(entry)}", recipient)
            else:
                body = "，".join(self._han(chance.randrange(6, 14)) for _ in range(4))
                link = f"详见 shop{chance.randrange(CONTACTS)}.example.com/{number} " if share == 9 else ""
                yield Message(MARKETING, f"【{name}】{body}。{link}客服{PHONE}，拒收请回复R", recipient)

    def _han(self, count: int) -> str:
        return "".join(self._chance.choices(_COMMON, k=count))

    def _template(self, number: int) -> TemplateEntry:
        chance = self._chance
        if number < 50:
            text = f"您的{self._han(4)}验证码是{{v0}}，{{v1}}分钟内有效，请勿告诉他人。如非本人操作，请忽略本短信。"
            variables: tuple[Variable, ...] = (Variable("v0", "digits", 4, 8), Variable("v1", "digits", 1, 2))
            return TemplateEntry(f"t{number}", 1, "otp", text, "shop", "", variables, state="active")
        variables = tuple(
            Variable(f"v{place}", chance.choice(_KINDS), 1, 20) for place in range(chance.randrange(1, 4))
        )
        head = _HEADS[0] if number < 1050 else chance.choice(_HEADS)
        middle = "".join(f"{self._han(chance.randrange(5, 12))}{{{each.name}}}，" for each in variables)
        text = f"{head}{middle}{self._han(chance.randrange(8, 16))}，如有疑问请致电客服。"
        return TemplateEntry(f"t{number}", 1, "notice", text, "shop", "", variables, state="active")

    def _filled(self, entry: TemplateEntry) -> str:
        chance = self._chance
        text = entry.text
        for variable in entry.variables:
            digits = (
                "123456"[: variable.max_chars] if variable.max_chars < 4 else str(chance.randrange(1000, 9999_9999))
            )
            values = {"text": self._han(3), "digits": digits, "code": f"A{digits}", "amount": f"{digits}.50"}
            value = values.get(variable.kind) or f"{chance.randrange(1, 13)}月{chance.randrange(1, 29)}日"
            text = text.replace(f"{{{variable.name}}}", value)
        return text

    def _registers(self) -> Registers:
        chance = self._chance
        words: dict[str, None] = {}
        while len(words) < WORDS:
            words["".join(chr(0x4E00 + chance.randrange(3000)) for _ in range(chance.choice((3, 4, 4, 5, 6))))] = None
        registers = Registers()
        registers.put("word", Words(
            WordEntry("company" if place % 10 else "national", word, "类别", "reject", place % 5 == 0)
            for place, word in enumerate(words)
        ))  # fmt: skip
        registers.put("template", Templates(self.templates))
        registers.put("signature", Signatures(
            SignatureEntry("shop", name, expires=f"2027-{1 + n % 12:02}-01", state="active")
            for n, name in enumerate(self.names)
        ))  # fmt: skip
        registers.put("contact", Contacts([
            ContactEntry("shop", "phone", PHONE),
            *(ContactEntry("shop", "link", f"shop{n}.example.com") for n in range(CONTACTS)),
        ]))  # fmt: skip
        registers.put("campaign", Campaigns((CampaignEntry("double11", slots=("10:00-12:30",)),)))
        registers.put("channel", Channels((ChannelEntry("account:shop", "A-1", "2027-06-30", state="active"),)))
        return registers
