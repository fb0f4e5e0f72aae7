"""What happens in the demonstration and what must come of it, in order, as data.

Every recipient and text is used once, unless coming back to a recipient is the point. Business time only goes
forwards: a working morning, its night, the Saturday after, the Monday after that.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.demo.country import recipients
from simulators.demo.facts import Expect

MORNING = "2026-11-18T10:30:00+08:00"
NIGHT = "2026-11-18T22:15:00+08:00"
SATURDAY = "2026-11-21T11:00:00+08:00"
MONDAY = "2026-11-23T10:30:00+08:00"

#: system_id → (password, class, number it sends from)
ACCOUNTS = {
    "login": ("login123", "otp", "1069000110"),
    "orders": ("orders12", "notice", "1069000120"),
    "shop": ("shop1234", "marketing", "1069000130"),
    "trickle": ("orders12", "notice", "1069000140"),
    "borrower": ("orders12", "notice", "1069000120"),
    "frugal": ("orders12", "notice", "1069000150"),
}


_DELIVERED = Expect()


@dataclass(frozen=True, slots=True)
class Heading:
    """A chapter."""

    title: str


@dataclass(frozen=True, slots=True)
class Send:
    """One message of an account."""

    name: str
    account: str
    to: str
    text: str
    expect: Expect = _DELIVERED


@dataclass(frozen=True, slots=True)
class TooFast:
    """Several messages at once from an account whose rate lets one through."""

    name: str
    account: str
    to: str
    text: str
    count: int
    accepted: int


@dataclass(frozen=True, slots=True)
class BindRefused:
    """A bind that must be refused with ``status``."""

    name: str
    system_id: str
    password: str
    status: int
    rule: str


@dataclass(frozen=True, slots=True)
class FromHandset:
    """A subscriber's message, which comes in over a carrier and must reach ``account``."""

    name: str
    carrier: str
    handset: str
    dialled: str
    text: str
    account: str


@dataclass(frozen=True, slots=True)
class SetClock:
    """Business time moves to ``at``."""

    at: str
    title: str


@dataclass(frozen=True, slots=True)
class Burst:
    """``count`` messages of one account, each to a recipient of its own, at most 40 unanswered."""

    name: str
    account: str
    first: int
    text: str
    count: int
    #: Seconds between two.
    pause_s: float
    #: Whether the account's class is sent again when nobody knows if the carrier had it.
    resends: bool

    @property
    def recipients(self) -> tuple[str, ...]:
        """In the order in which they are sent to."""
        return tuple(str(self.first + number) for number in range(self.count))


@dataclass(frozen=True, slots=True)
class Spread:
    """One message of an account to each of these recipients, over ``carrier``; the failing ones get UNDELIV."""

    name: str
    account: str
    carrier: str
    recipients: tuple[str, ...]
    text: str
    pause_s: float = 0
    resends: bool = False


@dataclass(frozen=True, slots=True)
class Country:
    """Several such, at once."""

    spreads: tuple[Spread, ...]


@dataclass(frozen=True, slots=True)
class CarrierDies:
    """``carrier`` drops all connections under traffic and stays away until the rest went by ``other``."""

    carrier: str
    other: str
    traffic: tuple[Burst, ...]


Act = Heading | Send | TooFast | BindRefused | FromHandset | SetClock | CarrierDies | Country

_LONG_NOTICE = (
    "【示例物流】尊敬的客户，您在示例商城购买的三件商品已于今日上午分别从华东、华南两个仓库发出，"
    "预计明天下午六点之前送达。如果您当时不在家，快递员会把包裹放在小区门口的自提柜，并把取件码用短信发给您。"
    "包裹在自提柜可以免费保管二十四小时，请您及时领取。易碎商品请当面验收，如有破损请当场拒收并联系客服。"
    "感谢您的支持，祝您生活愉快。"
)
_LONG_MARKETING = (
    "【示例商城】周三会员日开始啦！全场生鲜满一百减三十，家电满一千减两百，图书五折起，"
    "更有数百款新品首发，数量有限，先到先得。会员凭本短信到店还可以领取精美环保袋一个，活动到本周五为止，"
)

_TOO_LONG = _LONG_MARKETING * 6 + "拒收请回复R"

ACTS: tuple[Act, ...] = (
    Heading("Messages that may be sent"),
    Send("verification code", "login", "13800138001", "【示例科技】您的验证码是482913，5分钟内有效。"),
    Send("notice", "orders", "13800138002", "【示例物流】您的订单已发货，预计明天送达。"),
    Send("marketing", "shop", "13800138003", "【示例商城】周三会员日全场八折，拒收请回复R"),
    Send(
        "marketing, routed by prefix", "shop", "13300138004", "【示例会员】积分今日可兑换好礼，回T退订",
        Expect(carrier="beta"),
    ),
    Send("long notice, three segments", "orders", "13800138005", _LONG_NOTICE, Expect(segments=3)),
    Send("long marketing", "shop", "13800138006", _LONG_MARKETING + "回TD退订", Expect(segments=2)),
    Heading("One violation of each rule"),
    Send(
        "recipient is no number", "orders", "12345", "【示例物流】您的包裹已签收。", Expect(0x0B, "number.invalid"),
    ),
    Send("no signature", "orders", "13800138011", "您的包裹已到达自提柜。", Expect(0x402, "signature.missing")),
    Send(
        "somebody else's signature", "orders", "13800138012", "【别家物流】您的包裹正在派送。",
        Expect(0x403, "signature.unregistered"),
    ),
    Send(
        "malformed signature", "orders", "13800138013", "【示例-物流】您的包裹改期派送。",
        Expect(0x404, "signature.malformed"),
    ),
    Send(
        "marketing without a way out", "shop", "13800138014", "【示例商城】今晚八点开抢",
        Expect(0x405, "unsubscribe.missing"),
    ),
    Send(
        "long marketing without one", "shop", "13800138015", _LONG_MARKETING + "欢迎光临！",
        Expect(0x405, "unsubscribe.missing", segments=2),
    ),
    Send(
        "notice with one", "orders", "13800138016", "【示例物流】您的退款已到账，回T退订",
        Expect(0x406, "unsubscribe.forbidden"),
    ),
    Send(
        "code with a link in it", "login", "13800138061", "【示例科技】您的验证码是118204，登录 http://login.example.com",
        Expect(0x451, "class.content"),
    ),
    Send(
        "from another account's number", "borrower", "13800138062", "【示例物流】您的包裹已到达网点。",
        Expect(0x451, "class.source"),
    ),
    Send(
        "link that nobody registered", "orders", "13800138063", "【示例物流】查询包裹 http://parcel.example.com/8",
        Expect(0x442, "contact"),
    ),
    Send("too long", "shop", "13800138064", _TOO_LONG, Expect(0x444, "length", segments=9)),
    Send("abroad, where no route leads", "orders", "+442079460123", "【示例物流】您的包裹已清关。",
         Expect(0x452, "route.none")),
    Send(
        "second code in a minute", "login", "13800138001", "【示例科技】您的验证码是771204，5分钟内有效。",
        Expect(0x430, "frequency", retry_after=True),
    ),
    Send(
        "second marketing in a day", "shop", "13800138003", "【示例商城】会员日最后一小时，拒收请回复R",
        Expect(0x430, "frequency", retry_after=True),
    ),
    Send(
        "the same notice in other signs", "orders", "13800138002", "【示例物流】您的订单已发货,预计明天送达｡",
        Expect(0x431, "same_content", retry_after=True),
    ),
    Send("the one message of a quota", "frugal", "13800138065", "【示例物流】您的包裹已称重。"),
    Send(
        "one more than the quota", "frugal", "13800138066", "【示例物流】您的包裹已打包。",
        Expect(0x432, "quota", retry_after=True),
    ),
    TooFast("faster than the account's rate", "trickle", "13800138017", "【示例物流】您的包裹已出库。", 4, 1),
    BindRefused("account that is closed", "closed", "orders12", 0x401, "account.disabled"),
    BindRefused("account whose licence is over", "expired", "orders12", 0x401, "account.expired"),
    Heading("A subscriber opts out, another complains"),
    FromHandset("MO ＴＤ", "alpha", "13800138020", "106900013001", "ＴＤ", "shop"),
    Send(
        "marketing to whoever said ＴＤ", "shop", "13800138020", "【示例商城】想念您的第一天，拒收请回复R",
        Expect(0x410, "optout"),
    ),
    Send("the other signature's goes on", "shop", "13800138020", "【示例会员】您的会员权益已升级，拒收请回复R"),
    FromHandset("MO 投诉", "alpha", "13800138021", "106900013001", "投诉", "shop"),
    Send(
        "marketing to whoever complained", "shop", "13800138021", "【示例会员】新会员专享，拒收请回复R",
        Expect(0x411, "blacklisted"),
    ),
    Heading("A carrier dies under traffic"),
    CarrierDies(
        "alpha", "beta",
        (
            Burst(
                "notices while alpha dies", "orders", 13800200000, "【示例物流】您的包裹已装车，编号{n}。",
                count=240, pause_s=0, resends=False,
            ),
            Burst(
                "codes while alpha dies", "login", 13800300000, "【示例科技】您的验证码是{n}，请勿告诉他人。",
                count=100, pause_s=0.01, resends=True,
            ),
        ),
    ),
    SetClock(NIGHT, "Night"),
    Send(
        "marketing at night", "shop", "13800138031", "【示例商城】深夜特惠，拒收请回复R",
        Expect(0x420, "window.hard", retry_after=True),
    ),
    Send("verification code at night", "login", "13800138032", "【示例科技】您的验证码是305518，5分钟内有效。"),
    SetClock(SATURDAY, "Saturday"),
    Send(
        "marketing on a Saturday", "shop", "13800138033", "【示例商城】周末狂欢，拒收请回复R",
        Expect(0x421, "window.soft", retry_after=True),
    ),
    Send("notice on a Saturday", "orders", "13800138034", "【示例物流】周末照常派送，请保持电话畅通。"),
    SetClock(MONDAY, "Monday"),
    Send("marketing in a new week", "shop", "13800138003", "【示例商城】新的一周，新的优惠，拒收请回复R"),
    Heading("To every province, over both carriers"),
    Country((
        Spread("notices to 31 provinces", "orders", "alpha", recipients(0, 4), "【示例物流】您的包裹{n}已到本地网点。"),
        Spread(
            "marketing to 31 provinces", "shop", "beta", recipients(1, 2), "【示例商城】会员礼券{n}已到账，拒收请回复R",
        ),
    )),
)  # fmt: skip
