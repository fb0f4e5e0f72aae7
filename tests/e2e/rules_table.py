"""The rules as a table: what is sent, when, by whom, and what becomes of it. ``test_rules_table`` plays it.

One site has everything that the rows need: profiles in which rules are on, off or other, accounts under them, and
registers filled by staff. Each row is a small scene: messages with what they are answered, and what happens between
them. Every rule has rows of six cases, see ``CASES``. Times are China's (``cst``) or New York's (``est``); the clock
stands still but where a row moves it, so the last millisecond is the last. A recipient without a name is a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple, TypeAlias

PASSING, FAILING, BORDER, LONG = "passing", "failing", "border", "long message"
OTHER_PROFILE, RECONNECT = "other profile", "reconnect"
CASES: Final = (PASSING, FAILING, BORDER, LONG, OTHER_PROFILE, RECONNECT)

#: rule id → rule, status, fallback with ``vendor_codes = false``: as the rules' table has them.
ANSWERS: Final[Mapping[str, tuple[int, int, int]]] = {
    "number.invalid": (0, 0x0B, 0x0B),
    "account.disabled": (1, 0x401, 0x45),
    "account.expired": (1, 0x401, 0x45),
    "account.unapproved": (1, 0x401, 0x45),
    "paused": (2, 0x450, 0x45),
    "class.content": (3, 0x451, 0x45),
    "class.source": (3, 0x451, 0x45),
    "signature.missing": (4, 0x402, 0x45),
    "signature.unregistered": (4, 0x403, 0x45),
    "signature.malformed": (4, 0x404, 0x45),
    "unsubscribe.missing": (5, 0x405, 0x45),
    "unsubscribe.forbidden": (5, 0x406, 0x45),
    "service_phone": (6, 0x407, 0x45),
    "words.national": (7, 0x440, 0x45),
    "words.company": (7, 0x441, 0x45),
    "contact": (8, 0x442, 0x45),
    "template": (9, 0x443, 0x45),
    "length": (10, 0x444, 0x01),
    "window.hard": (11, 0x420, 0x61),
    "window.soft": (12, 0x421, 0x61),
    "route.none": (13, 0x452, 0x45),
    "optout": (14, 0x410, 0x0B),
    "blacklisted": (14, 0x411, 0x0B),
    "dead_number": (14, 0x414, 0x0B),
    "consent": (15, 0x412, 0x45),
    "frequency": (16, 0x430, 0x45),
    "same_content": (17, 0x431, 0x45),
    "quota": (18, 0x432, 0x45),
    "rate": (18, 0x58, 0x58),
    "queue.full": (19, 0x14, 0x14),
    "store.away": (19, 0x453, 0x08),
}

# -- what a row is made of


class Sent(NamedTuple):
    """A message. ``refused``: by which rule id; empty: accepted, and it reaches a carrier unless it ``waits``.

    ``to``: a network of ``NETWORKS``, or a name that later steps of the row use too (``ny:a``: with its network).
    ``at`` sets the clock before. ``times``: so many, to one recipient after another. ``elsewhere``: on another bind.
    """

    account: str
    text: str
    refused: str = ""
    to: str = ""
    at: str = ""
    retry_after_s: int | None = None
    waits: bool = False
    times: int = 1
    elsewhere: bool = False
    source: str = ""
    tier: str = ""
    campaign: str = ""
    audience: str = ""
    form: str = "udh"


class Split(NamedTuple):
    """A long message: its first segment, which is answered early, ``between``, and the rest.

    When it is refused the rest is told by status and the first segment by receipt.
    """

    account: str
    text: str
    between: tuple[Step, ...]
    refused: str = ""
    to: str = ""
    campaign: str = ""
    audience: str = ""


class At(NamedTuple):
    """The clock is set."""

    clock: str


class Bound(NamedTuple):
    """The account's application unbinds, if it was bound, and binds; ``refused`` when it may not."""

    account: str
    refused: str = ""


class Dropped(NamedTuple):
    """The connection of the account's application is lost; it binds again."""

    account: str


class Known(NamedTuple):
    """What becomes known of a recipient: optout, start, consent, blacklist, dead, tier (its name in ``scope``)."""

    what: str
    to: str
    scope: str = ""
    at: str = ""
    expires: str = ""


class Said(NamedTuple):
    """The recipient's handset answers to a number."""

    to: str
    dialled: str
    text: str


class Lands(NamedTuple):
    """What waited for the recipient reaches a carrier now."""

    to: str


class Store(NamedTuple):
    """The store stands still, or goes on."""

    away: bool


Step: TypeAlias = Sent | Split | At | Bound | Dropped | Known | Said | Lands | Store


class Row(NamedTuple):
    """One scene of one rule."""

    rule: int
    case: str
    what: str
    steps: tuple[Step, ...]


def row(rule: int, case: str, what: str, *steps: Step) -> Row:
    """A row; its steps in order."""
    return Row(rule, case, what, steps)


def cst(text: str) -> str:
    """``11-18 20:59:59.999`` of the year 2026 (or with a year) in China."""
    return _time(text, "+08:00")


def est(text: str) -> str:
    """The same in New York, in winter."""
    return _time(text, "-05:00")


def _time(text: str, offset: str) -> str:
    day, clock = text.split(" ")
    year = "" if day.count("-") == 2 else "2026-"
    return f"{year}{day}T{clock if clock.count(':') == 2 else clock + ':00'}{offset}"


# -- texts

_FILL: Final = "一切如常，敬请留意。"
_LATIN_FILL: Final = "All goes on as ever, please take note. "
#: Characters of one segment of a long text: in Chinese, and in the default alphabet.
SEGMENT, LATIN_SEGMENT = 67, 153


def padded(front: str, end: str = "", chars: int = 150, fill: str = _FILL) -> str:
    """A text of exactly so many characters."""
    room = chars - len(front) - len(end)
    assert room >= 0
    return front + (fill * (room // len(fill) + 1))[:room] + end


def cut(front: str, word: str, end: str = "", segment: int = SEGMENT, fill: str = _FILL) -> str:
    """A text in which ``word`` is cut in two by the end of the first segment, and goes on for another segment."""
    head = padded(front, word[: len(word) // 2], segment, fill)
    return padded(head + word[len(word) // 2 :], end, 2 * segment, fill)


R = "拒收请回复R"
STOP = "Reply STOP to unsubscribe"
MALL, OTHER_MALL = f"【示例商城】新品到店，{R}", f"【示例商城】旧款到店，{R}"
MEMBERS = f"【示例会员】积分到账，{R}"
LONG_MALL = padded("【示例商城】新品到店", R)
PARCEL = "【示例物流】您的包裹已送达"
LONG_PARCEL = padded(PARCEL)
CODE = "【示例科技】您的验证码是123456"
LONG_CODE = padded("【示例科技】", "您的验证码是123456")
SHOP_US = f"Shop: new arrivals this week. {STOP}"
LONG_US = padded("Shop: new arrivals this week. ", STOP, 300, _LATIN_FILL)
PARCEL_US = "Shop: your parcel has arrived."
PHONE = "400-800-1234"
HOTLINE = f"【示例商城】新品到店，详询{PHONE}，{R}"
ORDER = "【示例物流】您的订单{}已于11月18日送达"
LONG_ORDER = "【示例物流】" + "温馨提示，" * 12 + "您的长订单{}已发出，请保持电话畅通，以便快递员与您联系。"

# -- the site

#: Names of networks, and how a recipient's number begins.
NETWORKS: Final[Mapping[str, str]] = {
    "": "86138", "beta": "86133", "edge": "86139", "beyond": "86147", "germany": "49151", "ny": "1212", "la": "1310",
}  # fmt: skip

_ROOMY: Final = [
    {"name": f"roomy-{period}", "class": "marketing", "scope": "company", "limit": 99, "period": period}
    for period in ("day", "week")
]
_TIGHT: Final = [
    {"name": "tight-day", "class": "notice", "scope": "signature", "limit": 2, "period": "day"},
    {"name": "tight-audience", "class": "marketing", "scope": "segment", "limit": 1, "period": "day"},
]
#: name → (which profile of the example it is like, what differs); None takes a table out.
PROFILES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "cn": ("cn", {}),
    "us": ("us", {}),
    "loose": ("cn", {
        "class": None, "words": {"checked_for": []}, "length": {"marketing": "none"}, "window": {"action": "hold"},
        "optout_checked_for": [], "blacklist": {"checked_for": []}, "dead_number": {"checked_for": []},
        "same_content": {"period": "2h"}, "cap": _ROOMY,
    }),
    "strict": ("cn", {
        "service_phone": {"required_for": ["marketing"]},
        "contacts": {"links_for": ["notice", "marketing"], "phones_for": ["marketing"]},
    }),
    "numbered": ("cn", {"source": {"registered_only": True}}),
    "asks": ("cn", {"consent": {"required_for": ["marketing"]}, "same_content": None, "cap": _ROOMY}),
    "forms": ("cn", {"template": {"required_for": ["notice"]}}),
    "capped": ("cn", {"same_content": None, "cap": _ROOMY + _TIGHT}),
}  # fmt: skip

_US: Final = {"profile": "us", "signatures": []}
_LAST_DAY: Final = date(2026, 12, 31)
#: name → (which account of the example it is like, what differs).
ACCOUNTS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "us": ("shop", _US),
    "us-notice": ("orders", _US),
    "us-lapsing": ("orders", {**_US, "licence_expires": _LAST_DAY}),
    "us-wholesale": ("shop", {**_US, "department": "wholesale"}),
    "us-quota": ("orders", {**_US, "quota": {"day": 1}}),
    "us-delta": ("orders", _US),
    "lapsing": ("orders", {"licence_expires": _LAST_DAY}),
    "lapsing-two": ("orders", {"licence_expires": _LAST_DAY}),
    "licensed": ("orders", {}),
    "approved": ("orders", {}),
    "unapproved": ("shop", {}),
    "disabled": ("shop", {"enabled": False}),
    "halted": ("shop", {}),
    "briefly": ("shop", {}),
    "wholesale": ("shop", {"department": "wholesale"}),
    "gamma-only": ("orders", {}),
    "gamma-first": ("orders", {}),
    "two-lines": ("orders", {"numbers": [{"number": "10690088", "class": ["marketing"]}]}),
    "numbered": ("shop", {"profile": "numbered", "numbers": [{"number": "10690099"}]}),
    "loose": ("shop", {"profile": "loose"}),
    "loose-notice": ("orders", {"profile": "loose"}),
    "loose-code": ("login", {"profile": "loose"}),
    "strict": ("shop", {"profile": "strict"}),
    "strict-notice": ("orders", {"profile": "strict"}),
    "asks": ("shop", {"profile": "asks"}),
    "forms": ("orders", {"profile": "forms"}),
    "capped": ("shop", {"profile": "capped"}),
    "capped-notice": ("orders", {"profile": "capped"}),
    "slotted": ("shop", {"slots": ["10:00-12:00"]}),
    **{f"quota-{number}": ("orders", {"quota": {"day": 2}}) for number in range(1, 6)},
    "quota-month": ("orders", {"quota": {"month": 2}}),
    **{f"slow-{number}": ("orders", {"rate": "1/m"}) for number in range(1, 4)},
    "delta-shop": ("shop", {}),
    "delta-notice": ("orders", {}),
    "delta-code": ("login", {}),
}
#: Accounts that there are twice more: ``<name>-plain`` with the fallback column, ``<name>-receipt`` told by receipts.
TOLD_OTHERWISE: Final = ("shop", "orders", "login", "strict", "asks", "forms", "loose")
PLAIN, RECEIPT = "plain", "receipt"

#: Carrier delta never comes up: what is for it waits. Gamma is paused.
ROUTES: Final = (
    *({"name": each, "account": each, "carriers": ["delta"]}
      for each in ("delta-shop", "delta-notice", "delta-code", "us-delta")),
    {"name": "gamma-only", "account": "gamma-only", "carriers": ["gamma"]},
    {"name": "gamma-first", "account": "gamma-first", "carriers": ["gamma", "alpha"]},
    {"name": "codes", "class": "otp", "carriers": ["alpha", "beta"]},
    {"name": "shop-beta-first", "account": "shop", "class": "marketing", "prefix": ["86133"], "carriers": ["beta"]},
    {"name": "united-states", "prefix": ["1"], "carriers": ["beta"]},
    {"name": "everything-else", "class": ["notice", "marketing"], "prefix": ["8613"], "carriers": ["alpha", "beta"]},
)  # fmt: skip
CARRIERS: Final = ("alpha", "beta", "gamma", "delta")
QUEUE_LIMIT: Final = 10
_BRIEFLY: Final = cst("11-18 12:00")
_LONG_AGO: Final = cst("2026-01-01 00:00")

#: kind → id → document. Channels of all accounts and carriers are active unless they stand here.
REGISTERS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "channel": {
        "account:approved": {"state": "active", "expires": "2026-12-31"},
        "account:licensed": {"state": "active", "licence": "A2.B1-1", "licence_expires": "2026-12-31"},
        "account:unapproved": {"state": "reviewed"},
    },
    "pause": {
        "global": {"expires": _LONG_AGO}, "account:halted": {}, "account:briefly": {"expires": _BRIEFLY},
        "department:wholesale": {}, "signature:停用商城": {}, "template:halted-form": {}, "campaign:halted": {},
        "carrier:gamma": {},
    },
    "signature": {
        "shop/停用商城": {"state": "active"},
        "shop/停牌商城": {"state": "suspended"},
        "orders/季节物流": {"state": "active", "expires": "2026-12-31"},
        "orders/物流": {"state": "active"},
        "orders/一二三四五六七八九十壹贰叁肆伍陆柒捌玖拾": {"state": "active"},
    },
    "word": {
        "national/保本保息": {"action": "reject", "evasion": True},
        "company/内部价格": {"action": "reject"},
        "company/sex": {"action": "reject"},
        "company/理财讲座": {"action": "review"},
    },
    "contact": {
        "*/phone/4008001234": {},
        "*/link/shop.example.com/sale": {},
        "*/link/season.example.com": {"expires": "2026-12-31"},
    },
    "campaign": {
        "halted": {},
        "lunch": {"slots": ["11:00-12:30"]},
        "autumn": {"starts": "2026-11-17", "ends": "2026-11-19"},
    },
    "template": {
        "order@1": {"text": "您的订单{number}已于{day}送达", "variables": [
            {"name": "number", "kind": "digits", "max_chars": 6}, {"name": "day", "kind": "text", "max_chars": 12},
        ]},
        "long-order@1": {"text": LONG_ORDER[6:].format("{number}"), "variables": [
            {"name": "number", "kind": "digits", "max_chars": 6},
        ]},
        "season-form@1": {"text": "季节提醒第{number}号", "expires": "2026-12-31"},
        "suspended-form@1": {"text": "停用提醒第{number}号", "state": "suspended"},
        "halted-form@1": {"text": "停发提醒第{number}号"},
    },
}  # fmt: skip

DAY, OFFICE_US = cst("11-18 10:30"), est("11-18 12:00")
LAST_MS, NEW_YEAR = cst("12-31 23:59:59.999"), cst("2027-01-01 00:00")
LAST_MS_US, NEW_YEAR_US = est("12-31 23:59:59.999"), est("2027-01-01 00:00")
CLOSING_MS, CLOSED = cst("11-18 20:59:59.999"), cst("11-18 21:00")
NIGHT_S: Final = 12 * 3600

# -- the table

_NUMBER: Final = (
    row(0, FAILING, "a number that is none", Sent("shop", MALL, "number.invalid", to="12345")),
)  # fmt: skip

_ACCOUNT: Final = (
    row(1, PASSING, "approved and without an end", Sent("shop", MALL), Sent("orders", PARCEL), Sent("login", CODE)),
    row(1, FAILING, "disabled: can't bind", Bound("disabled", "account.disabled")),
    row(1, FAILING, "its channel was reviewed, never activated: can't bind", Bound("unapproved", "account.unapproved")),
    row(1, FAILING, "bound when its licence ended",
        Sent("lapsing", PARCEL), Sent("lapsing", PARCEL, "account.expired", at=cst("2027-01-04 10:30"))),
    row(1, BORDER, "the licence of its file holds through its last day",
        Sent("lapsing", PARCEL, at=LAST_MS), Sent("lapsing", PARCEL, "account.expired", at=NEW_YEAR)),
    row(1, BORDER, "so does the channel's approval",
        Sent("approved", PARCEL, at=LAST_MS), Sent("approved", PARCEL, "account.unapproved", at=NEW_YEAR)),
    row(1, BORDER, "and the licence that was named for the channel",
        Sent("licensed", PARCEL, at=LAST_MS), Sent("licensed", PARCEL, "account.expired", at=NEW_YEAR)),
    row(1, LONG, "the day ends between its segments",
        At(LAST_MS), Split("approved", LONG_PARCEL, (At(NEW_YEAR),), "account.unapproved"),
        At(LAST_MS), Split("approved", LONG_PARCEL, ())),
    row(1, OTHER_PROFILE, "the day is that of the profile's zone",
        Sent("us-lapsing", PARCEL_US, at=LAST_MS_US, to="ny"),
        Sent("us-lapsing", PARCEL_US, "account.expired", at=NEW_YEAR_US, to="ny")),
    row(1, RECONNECT, "bound it is refused message for message, and can't bind again",
        At(LAST_MS), Bound("lapsing-two"), Sent("lapsing-two", PARCEL, "account.expired", at=NEW_YEAR),
        Bound("lapsing-two", "account.expired"), At(LAST_MS), Bound("lapsing-two"), Sent("lapsing-two", PARCEL)),
)  # fmt: skip

_PAUSED: Final = (
    row(2, PASSING, "what nobody paused, beside what is", Sent("shop", MALL), Sent("shop", MEMBERS)),
    row(2, PASSING, "a paused carrier's messages go over the next of their route", Sent("gamma-first", PARCEL)),
    row(2, FAILING, "an account", Sent("halted", MALL, "paused")),
    row(2, FAILING, "a department", Sent("wholesale", MALL, "paused")),
    row(2, FAILING, "a signature", Sent("shop", f"【停用商城】新品到店，{R}", "paused")),
    row(2, FAILING, "a template", Sent("orders", "【示例物流】停发提醒第8号", "paused")),
    row(2, FAILING, "a campaign", Sent("shop", MALL, "paused", campaign="halted")),
    row(2, FAILING, "the only carrier", Sent("gamma-only", PARCEL, "paused")),
    row(2, FAILING, "everything", At(cst("2025-12-31 10:30")), Sent("shop", MALL, "paused", retry_after_s=48_600),
        Sent("login", CODE, "paused"), Sent("us", SHOP_US, "paused", to="ny")),
    row(2, BORDER, "it ends with its last millisecond",
        Sent("briefly", MALL, "paused", at=cst("11-18 11:59:59.999"), retry_after_s=1),
        Sent("briefly", MALL, at=_BRIEFLY)),
    row(2, LONG, "the signature is in the first segment alone",
        Sent("shop", padded("【停用商城】新品到店", R), "paused")),
    row(2, LONG, "a campaign, named by every segment", Sent("shop", LONG_MALL, "paused", campaign="halted"),
        Split("shop", LONG_MALL, (), "paused", campaign="halted")),
    row(2, LONG, "it ends between the segments",
        At(cst("11-18 11:59:59.999")), Split("briefly", LONG_MALL, (At(_BRIEFLY),)),
        At(cst("11-18 11:59:59.999")), Split("briefly", LONG_MALL, (), "paused")),
    row(2, OTHER_PROFILE, "a department's pause stops its accounts whatever their profile",
        At(OFFICE_US), Sent("us-wholesale", SHOP_US, "paused", to="ny"), Sent("us", SHOP_US, to="ny")),
    row(2, RECONNECT, "it outlives unbinds, lost connections and a segment that was answered",
        Sent("halted", MALL, "paused"), Bound("halted"), Sent("halted", MALL, "paused"), Dropped("halted"),
        Sent("halted", MALL, "paused"), Sent("halted", MALL, "paused", elsewhere=True),
        Split("halted", LONG_MALL, (Dropped("halted"),), "paused")),
)  # fmt: skip

_PROMOTION: Final = "【示例物流】本店优惠，包裹促销"
_CLASS: Final = (
    row(3, PASSING, "a code in its words, from its number",
        Sent("login", CODE), Sent("login", "【示例科技】注册码8888"), Sent("orders", PARCEL)),
    row(3, FAILING, "a code without a code word", Sent("login", "【示例科技】您的号码是123456", "class.content")),
    row(3, FAILING, "a code with a link", Sent("login", f"{CODE}，见shop.example.com/a", "class.content")),
    row(3, FAILING, "somebody else's number",
        Sent("shop", MALL, "class.source", source="1069000120"), Sent("orders", PARCEL, "class.source", source="1069000110")),
    row(3, FAILING, "a number for another class", Sent("two-lines", PARCEL, "class.source", source="10690088")),
    row(3, BORDER, "one promotional word is none; of two on it is marketing, with its phrase and its hours",
        Sent("orders", "【示例物流】本店优惠，包裹送达"), Sent("orders", _PROMOTION, "unsubscribe.missing"),
        Sent("orders", f"{_PROMOTION}，{R}"), Sent("orders", f"{_PROMOTION}，{R}", "window.hard", at=CLOSED),
        Sent("orders", "【示例物流】本店优惠，包裹送达", at=CLOSED)),
    row(3, BORDER, "and so with the number of a class",
        Sent("two-lines", f"{_PROMOTION}，{R}", source="10690088"),
        Sent("two-lines", "【示例物流】本店优惠，包裹送达", "class.source", source="10690088")),
    row(3, BORDER, "what extends a number belongs to it; what it begins with does not",
        Sent("shop", MALL, source="10690001309"), Sent("orders", PARCEL, "class.source", source="10690001309"),
        Sent("orders", PARCEL, source="106900013")),
    row(3, LONG, "the code word in the last segment, and cut in two",
        Sent("login", LONG_CODE), Sent("login", cut("【示例科技】", "验证码", "123456"))),
    row(3, LONG, "a link cut in two", Sent("login", cut(CODE, "shop.example.com/a"), "class.content")),
    row(3, LONG, "one promotional word in each of two segments",
        Sent("orders", padded("【示例物流】本店优惠", "包裹促销"), "unsubscribe.missing")),
    row(3, OTHER_PROFILE, "without the table [class] a code needs no code word, and promotion is a notice",
        Sent("loose-code", "【示例科技】您的号码是123456"), Sent("loose-notice", _PROMOTION)),
    row(3, OTHER_PROFILE, "only registered numbers",
        Sent("numbered", MALL, source="10690099"), Sent("numbered", MALL, "class.source", source="10690077"),
        Sent("slotted", MALL, source="10690077")),
    row(3, RECONNECT, "after a bind, on another bind, in the middle of a message",
        Bound("shop"), Sent("shop", MALL, "class.source", source="1069000120"),
        Sent("shop", MALL, "class.source", source="1069000120", elsewhere=True),
        Split("login", padded("【示例科技】您的号码是"), (Dropped("login"),), "class.content")),
)  # fmt: skip

_TWENTY: Final = "一二三四五六七八九十壹贰叁肆伍陆柒捌玖拾"
_SIGNATURE: Final = (
    row(4, PASSING, "in front; at the end where the carrier takes both",
        Sent("shop", MALL), Sent("shop", MEMBERS), Sent("shop", f"新品到店，{R}【示例商城】", to="beta")),
    row(4, FAILING, "none", Sent("shop", f"新品到店，{R}", "signature.missing")),
    row(4, FAILING, "at the end where the carrier wants it in front",
        Sent("shop", f"新品到店，{R}【示例商城】", "signature.missing")),
    row(4, FAILING, "another account's, or a suspended one",
        Sent("shop", f"【示例物流】新品到店，{R}", "signature.unregistered"),
        Sent("shop", f"【停牌商城】新品到店，{R}", "signature.unregistered")),
    row(4, FAILING, "malformed", Sent("shop", f"【示例 商城】新品到店，{R}", "signature.malformed"),
        Sent("shop", f"【示例商城新品到店，{R}", "signature.malformed")),
    row(4, BORDER, "from two characters to twenty",
        Sent("orders", "【物】包裹已送达", "signature.malformed"), Sent("orders", "【物流】包裹已送达"),
        Sent("orders", f"【{_TWENTY}】包裹已送达"), Sent("orders", f"【{_TWENTY}佰】包裹已送达", "signature.malformed")),
    row(4, BORDER, "registered through its last day",
        Sent("orders", "【季节物流】包裹已送达", at=LAST_MS),
        Sent("orders", "【季节物流】包裹已送达", "signature.unregistered", at=NEW_YEAR)),
    row(4, LONG, "in the first segment; cut in two at the end; but not in a later segment",
        Sent("shop", LONG_MALL), Sent("shop", padded("新品到店", f"{R}【示例商城】", 67 + 3), to="beta"),
        Sent("shop", padded("新品到店", f"【示例商城】好物，{R}"), "signature.missing")),
    row(4, LONG, "its day ends between the segments",
        At(LAST_MS), Split("orders", padded("【季节物流】"), (At(NEW_YEAR),), "signature.unregistered")),
    row(4, OTHER_PROFILE, "texts of the United States name the sender in their own words",
        At(OFFICE_US), Sent("us", SHOP_US, to="ny"), Sent("us", LONG_US, to="ny")),
    row(4, RECONNECT, "after a bind, on another bind, in the middle of a message",
        Bound("shop"), Sent("shop", f"新品到店，{R}", "signature.missing"),
        Sent("shop", f"新品到店，{R}", "signature.missing", elsewhere=True),
        Split("shop", padded("新品到店", R), (Dropped("shop"),), "signature.missing"),
        Split("shop", LONG_MALL, (Bound("shop"),))),
)  # fmt: skip

_UNSUBSCRIBE: Final = (
    row(5, PASSING, "marketing says it in any of the phrases, however spelt; others don't",
        Sent("shop", MALL), Sent("shop", "【示例商城】新品到店，回Ｔ退訂"), Sent("orders", PARCEL), Sent("login", CODE)),
    row(5, FAILING, "marketing does not say it", Sent("shop", "【示例商城】新品到店", "unsubscribe.missing")),
    row(5, FAILING, "a notice says it", Sent("orders", f"{PARCEL}，{R}", "unsubscribe.forbidden")),
    row(5, FAILING, "a code says it", Sent("login", f"{CODE}，回TD退订", "unsubscribe.forbidden")),
    row(5, BORDER, "at the very end: a full stop may follow, a character may not",
        Sent("shop", f"{MALL}。"), Sent("shop", f"{MALL}好", "unsubscribe.missing"),
        Sent("shop", MALL[:-1], "unsubscribe.missing")),
    row(5, LONG, "in the last segment, and cut in two",
        Sent("shop", LONG_MALL), Sent("shop", padded("【示例商城】", R, SEGMENT + 3)),
        Sent("shop", padded("【示例商城】", f"回{' '}TD{' '}退订。", SEGMENT + 4))),
    row(5, LONG, "in an earlier segment alone", Sent("shop", padded(MALL), "unsubscribe.missing")),
    row(5, LONG, "a notice with a phrase cut in two",
        Sent("orders", cut("【示例物流】", R), "unsubscribe.forbidden"),
        Sent("orders", padded("【示例物流】", R, SEGMENT + 3), "unsubscribe.forbidden")),
    row(5, OTHER_PROFILE, "each country's phrases",
        At(OFFICE_US), Sent("us", SHOP_US, to="ny"), Sent("us", "Shop: new arrivals. 回TD退订", "unsubscribe.missing", to="ny"),
        Sent("us", "Shop: new arrivals.", "unsubscribe.missing", to="ny"),
        Sent("us-notice", f"{PARCEL_US} {STOP}", "unsubscribe.forbidden", to="ny")),
    row(5, RECONNECT, "the last segment comes over another connection, with the phrase and without",
        Split("shop", LONG_MALL, (Dropped("shop"),)),
        Split("shop", padded("【示例商城】"), (Bound("shop"),), "unsubscribe.missing"),
        Sent("shop", "【示例商城】新品到店", "unsubscribe.missing", elsewhere=True)),
)  # fmt: skip

_SERVICE_PHONE: Final = (
    row(6, PASSING, "named, however it is set out",
        Sent("strict", HOTLINE), Sent("strict", HOTLINE.replace(PHONE, "４００ ８００ １２３４"))),
    row(6, FAILING, "not named, or another one",
        Sent("strict", MALL, "service_phone"), Sent("strict", HOTLINE.replace("1234", "1235"), "service_phone")),
    row(6, BORDER, "as a whole number: neither with a digit more nor with one less",
        Sent("strict", HOTLINE.replace(PHONE, f"1{PHONE}"), "service_phone"),
        Sent("strict", HOTLINE.replace(PHONE, f"{PHONE}5"), "service_phone"),
        Sent("strict", HOTLINE.replace(PHONE, PHONE[:-1]), "service_phone")),
    row(6, LONG, "cut in two",
        Sent("strict", cut("【示例商城】", PHONE, R)),
        Sent("strict", cut("【示例商城】", f"1{PHONE}", R), "service_phone")),
    row(6, LONG, "in no segment", Sent("strict", LONG_MALL, "service_phone")),
    row(6, OTHER_PROFILE, "not asked for", Sent("shop", MALL), At(OFFICE_US), Sent("us", SHOP_US, to="ny")),
    row(6, RECONNECT, "after a bind, on another bind, in the middle of a message",
        Bound("strict"), Sent("strict", MALL, "service_phone"), Sent("strict", MALL, "service_phone", elsewhere=True),
        Split("strict", LONG_MALL, (Dropped("strict"),), "service_phone"),
        Split("strict", cut("【示例商城】", PHONE, R), (Bound("strict"),))),
)  # fmt: skip

_WORDS: Final = (
    row(7, PASSING, "none of the words", Sent("shop", MALL), Sent("orders", PARCEL), Sent("login", CODE)),
    row(7, PASSING, "a word to be reviewed: accepted, and a person is awaited",
        Sent("shop", f"【示例商城】理财讲座，{R}", waits=True)),
    row(7, FAILING, "of the national list, in each class and in disguise",
        Sent("shop", f"【示例商城】保本保息，{R}", "words.national"), Sent("orders", f"{PARCEL}，保 本-保 息", "words.national"),
        Sent("login", f"{CODE}，保​本保息", "words.national")),
    row(7, FAILING, "of the company's list", Sent("shop", f"【示例商城】内部价格，{R}", "words.company")),
    row(7, FAILING, "the national list comes first", Sent("shop", f"【示例商城】内部价格，保本保息，{R}", "words.national")),
    row(7, BORDER, "the end of one clause and the beginning of the next make no word; nor do letters within another",
        Sent("orders", f"{PARCEL}于内部，价格不变"), Sent("orders", f"{PARCEL}至Essex"),
        Sent("orders", f"{PARCEL}，sex", "words.company"), Sent("orders", f"{PARCEL}，保本保")),
    row(7, LONG, "cut in two, and with a disguise at the cut",
        Sent("shop", cut("【示例商城】", "保本保息", R), "words.national"),
        Sent("shop", cut("【示例商城】", "保本 -保息", R), "words.national"),
        Sent("orders", cut("【示例物流】", "内部价格"), "words.company"),
        Sent("orders", cut("【示例物流】", "内部，价格"))),
    row(7, LONG, "a word to be reviewed, cut in two", Sent("shop", cut("【示例商城】", "理财讲座", R), waits=True)),
    row(7, OTHER_PROFILE, "a profile that does not look; one of another country that does",
        Sent("loose", f"【示例商城】保本保息，{R}"), At(OFFICE_US),
        Sent("us", f"Shop: no sex. {STOP}", "words.company", to="ny")),
    row(7, RECONNECT, "after a bind, on another bind, with the word cut by a lost connection",
        Bound("shop"), Sent("shop", f"【示例商城】保本保息，{R}", "words.national"),
        Sent("shop", f"【示例商城】保本保息，{R}", "words.national", elsewhere=True),
        Split("shop", cut("【示例商城】", "保本保息", R), (Dropped("shop"),), "words.national")),
)  # fmt: skip

_CONTACT: Final = (
    row(8, PASSING, "registered ones",
        Sent("strict", HOTLINE), Sent("strict", HOTLINE.replace("新品到店", "见shop.example.com/sale"))),
    row(8, FAILING, "a link of nobody", Sent("strict", HOTLINE.replace("新品到店", "见evil.example.org"), "contact")),
    row(8, FAILING, "a phone number of nobody", Sent("strict", HOTLINE.replace("新品到店", "致电13800138000"), "contact")),
    row(8, BORDER, "a path to its border; what is below a host; a host that only ends alike",
        Sent("strict", HOTLINE.replace("新品到店", "见shop.example.com/sale/1")),
        Sent("strict", HOTLINE.replace("新品到店", "见shop.example.com/sales"), "contact"),
        Sent("strict", HOTLINE.replace("新品到店", "见m.shop.example.com/sale?a=1")),
        Sent("strict", HOTLINE.replace("新品到店", "见myshop.example.com/sale"), "contact")),
    row(8, BORDER, "registered through its last day",
        Sent("strict-notice", f"{PARCEL}，见season.example.com/a", at=LAST_MS),
        Sent("strict-notice", f"{PARCEL}，见season.example.com/a", "contact", at=NEW_YEAR)),
    row(8, LONG, "cut in two, so that one half by itself is registered, or neither is a link",
        Sent("strict-notice", cut("【示例物流】", "shop.example.com.evil.net")  , "contact"),
        Sent("strict-notice", cut("【示例物流】", "evil.example.org"), "contact"),
        Sent("strict-notice", cut("【示例物流】", "shop.example.com/sale")),
        Sent("strict", cut(HOTLINE[:-len(R)], "13800138000", R), "contact")),
    row(8, OTHER_PROFILE, "links of anybody", Sent("shop", f"【示例商城】见evil.example.org，{R}"),
        At(OFFICE_US), Sent("us", f"Shop: see evil.example.org {STOP}", to="ny")),
    row(8, RECONNECT, "after a bind, on another bind, with the link cut by a lost connection",
        Bound("strict-notice"), Sent("strict-notice", f"{PARCEL}，evil.example.org", "contact"),
        Sent("strict-notice", f"{PARCEL}，evil.example.org", "contact", elsewhere=True),
        Split("strict-notice", cut("【示例物流】", "evil.example.org"), (Dropped("strict-notice"),), "contact")),
)  # fmt: skip

_TEMPLATE: Final = (
    row(9, PASSING, "filled in", Sent("forms", ORDER.format(123456))),
    row(9, FAILING, "no template at all, or a suspended one",
        Sent("forms", PARCEL, "template"), Sent("forms", "【示例物流】停用提醒第8号", "template")),
    row(9, FAILING, "a link in a variable", Sent("forms", ORDER.format(1).replace("11月18日", "evil.net"), "template")),
    row(9, BORDER, "a variable's bounds: one digit to six, digits alone",
        Sent("forms", ORDER.format("1")), Sent("forms", ORDER.format("123456")),
        Sent("forms", ORDER.format("1234567"), "template"), Sent("forms", ORDER.format(""), "template"),
        Sent("forms", ORDER.format("12a"), "template")),
    row(9, BORDER, "in force through its last day",
        Sent("forms", "【示例物流】季节提醒第8号", at=LAST_MS),
        Sent("forms", "【示例物流】季节提醒第8号", "template", at=NEW_YEAR)),
    row(9, LONG, "a variable cut in two",
        Sent("forms", LONG_ORDER.format("123456")), Sent("forms", LONG_ORDER.format("12345x"), "template"),
        Sent("forms", LONG_ORDER.format("1234567"), "template")),
    row(9, LONG, "the last segment differs", Sent("forms", LONG_ORDER.format("123456") + "谢谢", "template")),
    row(9, OTHER_PROFILE, "free texts", Sent("orders", PARCEL), At(OFFICE_US), Sent("us-notice", PARCEL_US, to="ny")),
    row(9, RECONNECT, "after a bind, on another bind, in the middle of a message",
        Bound("forms"), Sent("forms", PARCEL, "template"), Sent("forms", PARCEL, "template", elsewhere=True),
        Split("forms", LONG_ORDER.format("1234567"), (Dropped("forms"),), "template"),
        Split("forms", LONG_ORDER.format("123456"), (Bound("forms"),))),
)  # fmt: skip

_LENGTH: Final = (
    row(10, PASSING, "a short one", Sent("shop", MALL)),
    row(10, FAILING, "far too long", Sent("shop", padded("【示例商城】", R, 700), "length")),
    row(10, BORDER, "five hundred characters of marketing, signature included",
        Sent("shop", padded("【示例商城】", R, 500)), Sent("shop", padded("【示例商城】", R, 501), "length")),
    row(10, BORDER, "a thousand of a notice",
        Sent("orders", padded(PARCEL, "", 1000)), Sent("orders", padded(PARCEL, "", 1001), "length")),
    row(10, LONG, "counted over the whole, in each form of segments",
        *(Sent("shop", padded("【示例商城】", R, chars), refused, form=form)
          for form in ("udh16", "sar", "payload") for chars, refused in ((500, ""), (501, "length")))),
    row(10, OTHER_PROFILE, "no limit; another limit",
        Sent("loose", padded("【示例商城】", R, 700)), At(OFFICE_US),
        Sent("us", padded("Shop: ", STOP, 480, _LATIN_FILL), to="ny"),
        Sent("us", padded("Shop: ", STOP, 481, _LATIN_FILL), "length", to="ny")),
    row(10, RECONNECT, "the character too many comes over another connection",
        Split("shop", padded("【示例商城】", R, 501), (Dropped("shop"),), "length"),
        Split("shop", padded("【示例商城】", R, 500), (Bound("shop"),)),
        Sent("shop", padded("【示例商城】", R, 501), "length", elsewhere=True)),
)  # fmt: skip

_HARD: Final = (
    row(11, PASSING, "by day; and what has no window by night",
        Sent("shop", MALL), Sent("orders", PARCEL, at=CLOSED), Sent("login", CODE, at=cst("11-19 03:00"))),
    row(11, FAILING, "by night", Sent("shop", MALL, "window.hard", at=cst("11-19 03:00"), retry_after_s=6 * 3600)),
    row(11, BORDER, "it closes at nine to the millisecond",
        Sent("shop", MALL, at=CLOSING_MS), Sent("shop", MALL, "window.hard", at=CLOSED, retry_after_s=NIGHT_S)),
    row(11, BORDER, "and is over at eight, when the soft one is still closed",
        Sent("shop", MALL, "window.hard", at=cst("11-18 07:59:59.999")),
        Sent("shop", MALL, "window.soft", at=cst("11-18 08:00"))),
    row(11, LONG, "it closes between the segments: the message counts as a whole, when it is whole",
        At(CLOSING_MS), Split("shop", LONG_MALL, (At(CLOSED),), "window.hard"),
        At(CLOSING_MS), Split("shop", LONG_MALL, ()), At(CLOSED), Sent("shop", LONG_MALL, "window.hard")),
    row(11, OTHER_PROFILE, "held until the recipient's own morning",
        At(est("11-18 21:00")), Sent("us", SHOP_US, to="la:w"), Sent("us", SHOP_US, to="ny:e", waits=True),
        Sent("us", LONG_US, to="ny:l", waits=True), At(est("11-19 08:00")), Lands("ny:e"), Lands("ny:l")),
    row(11, OTHER_PROFILE, "held by the profile's clock",
        Sent("loose", MALL, at=CLOSED, to="a", waits=True), At(cst("11-19 09:00")), Lands("a")),
    row(11, RECONNECT, "after a bind, on another bind, in the middle of a message; what is held outlives its bind",
        At(CLOSED), Bound("shop"), Sent("shop", MALL, "window.hard"), Sent("shop", MALL, "window.hard", elsewhere=True),
        Split("shop", LONG_MALL, (Dropped("shop"),), "window.hard"),
        Sent("loose", LONG_MALL, to="a", waits=True), Bound("loose"), At(cst("11-19 09:00")), Lands("a")),
)  # fmt: skip

_SOFT: Final = (
    row(12, PASSING, "on a workday; on a Sunday that makes up for a holiday; a notice at any time",
        Sent("shop", MALL), Sent("shop", MALL, at=cst("09-20 10:30")), Sent("orders", PARCEL, at=cst("11-21 10:30"))),
    row(12, FAILING, "on a Saturday", Sent("shop", MALL, "window.soft", at=cst("11-21 10:30"), retry_after_s=167_400)),
    row(12, FAILING, "on a holiday", Sent("shop", MALL, "window.soft", at=cst("10-01 10:30"))),
    row(12, FAILING, "outside of its campaign's slot, or of a campaign that nobody knows",
        Sent("shop", MALL, "window.soft", campaign="lunch", retry_after_s=1800),
        Sent("shop", MALL, "window.soft", campaign="unheard-of")),
    row(12, BORDER, "it opens at nine to the millisecond",
        Sent("shop", MALL, "window.soft", at=cst("11-18 08:59:59.999"), retry_after_s=1),
        Sent("shop", MALL, at=cst("11-18 09:00"))),
    row(12, BORDER, "a campaign's slot",
        Sent("shop", MALL, "window.soft", campaign="lunch", at=cst("11-18 10:59:59.999")),
        Sent("shop", MALL, campaign="lunch", at=cst("11-18 11:00")),
        Sent("shop", MALL, campaign="lunch", at=cst("11-18 12:29:59.999")),
        Sent("shop", MALL, "window.soft", campaign="lunch", at=cst("11-18 12:30"))),
    row(12, BORDER, "a campaign's first and last day, also for notices",
        Sent("orders", PARCEL, "window.soft", campaign="autumn", at=cst("11-16 23:59:59.999"), retry_after_s=1),
        Sent("orders", PARCEL, campaign="autumn", at=cst("11-17 00:00")),
        Sent("orders", PARCEL, campaign="autumn", at=cst("11-19 23:59:59.999")),
        Sent("orders", PARCEL, "window.soft", campaign="autumn", at=cst("11-20 00:00"))),
    row(12, BORDER, "an account's own slot",
        Sent("slotted", MALL, at=cst("11-18 11:59:59.999")), Sent("slotted", MALL, "window.soft", at=cst("11-18 12:00"))),
    row(12, LONG, "the slot ends between the segments, each of which names the campaign",
        At(cst("11-18 12:29:59.999")), Split("shop", LONG_MALL, (At(cst("11-18 12:30")),), "window.soft", campaign="lunch"),
        At(cst("11-18 12:29:59.999")), Split("shop", LONG_MALL, (), campaign="lunch"),
        Sent("shop", LONG_MALL, "window.soft", campaign="lunch", at=cst("11-18 12:30"))),
    row(12, OTHER_PROFILE, "all days, from eight on, by the recipient's clock",
        Sent("us", SHOP_US, to="ny", at=est("11-21 08:00")), Sent("us", SHOP_US, to="la:a", waits=True),
        At(est("11-21 11:00")), Lands("la:a")),
    row(12, OTHER_PROFILE, "held over a weekend",
        Sent("loose", MALL, to="a", waits=True, at=cst("11-21 10:30")), At(cst("11-23 09:00")), Lands("a")),
    row(12, RECONNECT, "after a bind, on another bind, in the middle of a message",
        At(cst("11-21 10:30")), Bound("shop"), Sent("shop", MALL, "window.soft"),
        Sent("shop", MALL, "window.soft", elsewhere=True),
        Split("shop", LONG_MALL, (Dropped("shop"),), "window.soft")),
)  # fmt: skip

_ROUTE: Final = (
    row(13, PASSING, "home, and where a route leads", Sent("shop", MALL), Sent("shop", MALL, to="ny")),
    row(13, FAILING, "abroad", Sent("shop", MALL, "route.none", to="germany")),
    row(13, BORDER, "the last number of a prefix, and the next one",
        Sent("orders", PARCEL, to="edge"), Sent("orders", PARCEL, "route.none", to="beyond"),
        Sent("login", CODE, to="beyond")),
    row(13, LONG, "all of it", Sent("shop", LONG_MALL, "route.none", to="germany"),
        Split("shop", LONG_MALL, (), "route.none", to="germany")),
    row(13, OTHER_PROFILE, "routes don't ask for the profile",
        At(OFFICE_US), Sent("us", SHOP_US, to="ny"), Sent("us-notice", PARCEL_US, "route.none", to="germany")),
    row(13, RECONNECT, "after a bind, on another bind, in the middle of a message",
        Bound("shop"), Sent("shop", MALL, "route.none", to="germany"),
        Sent("shop", MALL, "route.none", to="germany", elsewhere=True),
        Split("shop", LONG_MALL, (Dropped("shop"),), "route.none", to="germany")),
)  # fmt: skip

_NOON, _BEFORE_NOON, _PAST_NOON = (cst(f"11-18 {at}") for at in ("12:00", "11:59:59.999", "12:00:00.001"))
_RECIPIENT: Final = (
    row(14, PASSING, "who opted out of another account or signature; and codes",
        Known("optout", "a", ":a:orders"), Known("optout", "a", ":s:示例会员"), Sent("shop", MALL, to="a"),
        Known("optout", "b"), Known("blacklist", "b"), Known("dead", "b"), Sent("login", CODE, to="b")),
    row(14, FAILING, "opted out: of the company, the account, the signature",
        Known("optout", "a"), Sent("shop", MALL, "optout", to="a"), Sent("orders", PARCEL, "optout", to="a"),
        Known("optout", "b", ":s:示例商城"), Sent("shop", MALL, "optout", to="b"), Sent("shop", MEMBERS, to="b")),
    row(14, FAILING, "opted out of one account",
        Known("optout", "a", ":a:halted"), Known("optout", "a", ":a:asks"), Known("consent", "a"),
        Sent("asks", MALL, "optout", to="a"), Sent("shop", MALL, to="a")),
    row(14, FAILING, "blacklisted by the company, and by the carrier that it would go to",
        Known("blacklist", "a"), Sent("shop", MALL, "blacklisted", to="a"), Sent("orders", PARCEL, "blacklisted", to="a"),
        Known("blacklist", "b", "alpha"), Sent("shop", MALL, "blacklisted", to="b"),
        Known("blacklist", "c", "beta"), Sent("shop", MALL, to="c")),
    row(14, FAILING, "dead", Known("dead", "a"), Sent("shop", MALL, "dead_number", to="a")),
    row(14, BORDER, "an entry holds up to its end",
        Known("blacklist", "a", expires=_NOON), Known("dead", "b", expires=_NOON), At(_BEFORE_NOON),
        Sent("shop", MALL, "blacklisted", to="a"), Sent("shop", MALL, "dead_number", to="b"), At(_NOON),
        Sent("shop", MALL, to="a"), Sent("shop", MALL, to="b")),
    row(14, BORDER, "of STOP and START the newer holds, by a millisecond, whatever order they come in",
        At(cst("11-18 13:00")),
        Known("optout", "a", at=_NOON), Known("start", "a", at=_PAST_NOON), Sent("shop", MALL, to="a"),
        Known("start", "b", at=_PAST_NOON), Known("optout", "b", at=_NOON), Sent("shop", MALL, to="b"),
        Known("optout", "c", at=_NOON), Known("start", "c", at=_BEFORE_NOON), Sent("shop", MALL, "optout", to="c")),
    row(14, LONG, "all of it; also when it became known between the segments",
        Known("optout", "a"), Sent("shop", LONG_MALL, "optout", to="a"),
        Split("shop", LONG_MALL, (Said("b", "106900013001", "退订"),), "optout", to="b"),
        Split("orders", LONG_PARCEL, (Known("blacklist", "c"),), "blacklisted", to="c"),
        Split("orders", LONG_PARCEL, (Known("dead", "d"),), "dead_number", to="d")),
    row(14, OTHER_PROFILE, "a profile that does not ask; one of another country that does",
        Known("optout", "a"), Known("blacklist", "a"), Known("dead", "a"), Sent("loose", MALL, to="a"), At(OFFICE_US),
        Known("optout", "ny:b"), Sent("us", SHOP_US, "optout", to="ny:b"),
        Sent("us-notice", PARCEL_US, "optout", to="ny:b")),
    row(14, RECONNECT, "an answer to the signature's number, a new bind, another bind, in the middle of a message",
        Said("a", "106900013001", "ｔｄ。"), Bound("shop"), Sent("shop", MALL, "optout", to="a"),
        Sent("shop", MALL, "optout", to="a", elsewhere=True), Dropped("shop"), Sent("shop", MALL, "optout", to="a"),
        Split("shop", LONG_MALL, (Dropped("shop"),), "optout", to="a"), Sent("shop", MEMBERS, to="a"),
        Said("a", "106900013001", "订阅"), Sent("shop", MALL, "frequency", to="a")),
)  # fmt: skip

_CONSENT: Final = (
    row(15, PASSING, "for the company, the account or the signature",
        *(step for to, scope in (("a", ""), ("b", ":a:asks"), ("c", ":s:示例商城"))
          for step in (Known("consent", to, scope), Sent("asks", MALL, to=to)))),
    row(15, PASSING, "START is consent", Known("start", "a", ":a:asks"), Sent("asks", MALL, to="a")),
    row(15, FAILING, "none", Sent("asks", MALL, "consent")),
    row(15, FAILING, "for another account", Known("consent", "a", ":a:shop"), Sent("asks", MALL, "consent", to="a")),
    row(15, BORDER, "for this signature and not for the next",
        Known("consent", "a", ":s:示例商城"), Sent("asks", MALL, to="a"), Sent("asks", MEMBERS, "consent", to="a")),
    row(15, BORDER, "an opt-out that is a millisecond newer, and one that is older",
        At(cst("11-18 13:00")),
        Known("consent", "a", at=_NOON), Known("optout", "a", at=_PAST_NOON), Sent("asks", MALL, "optout", to="a"),
        Known("optout", "b", at=_NOON), Known("consent", "b", at=_PAST_NOON), Sent("asks", MALL, to="b"),
        Known("optout", "c", at=_NOON), Known("consent", "c", at=_BEFORE_NOON), Sent("asks", MALL, "optout", to="c")),
    row(15, LONG, "all of it; also when it was recorded between the segments",
        Sent("asks", LONG_MALL, "consent", to="a"), Split("asks", LONG_MALL, (Known("consent", "a"),), to="a"),
        Split("asks", LONG_MALL, (), "consent")),
    row(15, OTHER_PROFILE, "not asked for", Sent("shop", MALL), At(OFFICE_US), Sent("us", SHOP_US, to="ny")),
    row(15, RECONNECT, "after a bind, on another bind, in the middle of a message",
        Bound("asks"), Sent("asks", MALL, "consent", to="a"), Sent("asks", MALL, "consent", to="a", elsewhere=True),
        Split("asks", LONG_MALL, (Dropped("asks"),), "consent", to="a"),
        Known("consent", "a"), Dropped("asks"), Sent("asks", MALL, to="a"), Sent("asks", MALL, to="a", elsewhere=True)),
)  # fmt: skip

_FREQUENCY: Final = (
    row(16, PASSING, "the first of a day; the second of a loyal recipient",
        Sent("shop", MALL, to="a"), Known("tier", "b", "loyal"), Sent("shop", MALL, to="b"), Sent("shop", OTHER_MALL, to="b"),
        Sent("shop", MALL, to="c", tier="loyal"), Sent("shop", OTHER_MALL, to="c", tier="loyal")),
    row(16, FAILING, "the second of a day",
        Sent("shop", MALL, to="a"), Sent("shop", OTHER_MALL, "frequency", to="a", retry_after_s=48_600)),
    row(16, FAILING, "over all accounts of the company",
        Sent("shop", MALL, to="a"), Sent("slotted", OTHER_MALL, "frequency", to="a"), Sent("orders", PARCEL, to="a")),
    row(16, BORDER, "the third of a loyal recipient; what was refused did not count",
        *(Sent("shop", text, refused, to="a", tier="loyal")
          for text, refused in ((MALL, ""), (OTHER_MALL[:-len(R)], "unsubscribe.missing"), (OTHER_MALL, ""), (MEMBERS, "frequency")))),
    row(16, BORDER, "a rolling minute to the millisecond",
        Sent("login", CODE, to="a", at=cst("11-18 10:30:50")),
        Sent("login", CODE, "frequency", to="a", at=cst("11-18 10:31:49.999"), retry_after_s=1),
        Sent("login", CODE, to="a", at=cst("11-18 10:31:50"))),
    row(16, BORDER, "a day of the clock to the millisecond",
        Sent("capped-notice", PARCEL, to="a", at=cst("11-18 00:00")), Sent("capped-notice", PARCEL, to="a", at=cst("11-18 23:59:59.999")),
        Sent("capped-notice", PARCEL, "frequency", to="a", retry_after_s=1),
        Sent("capped-notice", PARCEL, to="a", at=cst("11-19 00:00"))),
    row(16, BORDER, "a week of the clock",
        *(Sent("shop", MALL, to="a", at=cst(f"11-{day} 10:30")) for day in (16, 17, 18)),
        Sent("shop", MALL, "frequency", to="a", at=cst("11-20 20:59:59.999")),
        Sent("shop", MALL, to="a", at=cst("11-23 09:00"))),
    row(16, LONG, "it counts once, however many segments",
        Sent("shop", LONG_MALL, to="a", tier="loyal"), Sent("shop", MEMBERS, to="a", tier="loyal"),
        Sent("shop", padded("【示例会员】", R), "frequency", to="a", tier="loyal")),
    row(16, LONG, "the audience that every segment names",
        Sent("capped", LONG_MALL, to="a", audience="vip"), Sent("capped", LONG_MALL, "frequency", to="a", audience="vip"),
        Sent("capped", LONG_MALL, to="a", audience="new"), Sent("capped", MALL, "frequency", to="a", audience="new")),
    row(16, LONG, "the cap fills between the segments",
        Split("shop", LONG_MALL, (Sent("shop", MEMBERS, to="a"),), "frequency", to="a")),
    row(16, OTHER_PROFILE, "other limits, and other days",
        *(Sent("orders", PARCEL, to="a") for _ in range(3)),
        Sent("us", SHOP_US, to="ny:b", at=est("11-18 12:00")),
        Sent("us", f"Shop: more. {STOP}", "frequency", to="ny:b", at=est("11-18 20:59:59.999")),
        Sent("us", f"Shop: more. {STOP}", to="ny:b", at=est("11-19 08:00"))),
    row(16, RECONNECT, "after a bind, on another bind, in the middle of a message",
        Sent("shop", MALL, to="a"), Bound("shop"), Sent("shop", MEMBERS, "frequency", to="a"),
        Sent("shop", MEMBERS, "frequency", to="a", elsewhere=True),
        Split("shop", LONG_MALL, (Dropped("shop"),), "frequency", to="a"),
        Split("shop", LONG_MALL, (Dropped("shop"),), to="b"), Sent("shop", MEMBERS, "frequency", to="b")),
)  # fmt: skip

_SAME_CONTENT: Final = (
    row(17, PASSING, "other content; the same to somebody else; notices as often as need be",
        Sent("loose", MALL, to="a"), Sent("loose", OTHER_MALL, to="a"), Sent("loose", MALL, to="b"),
        Sent("orders", PARCEL, to="a"), Sent("orders", PARCEL, to="a")),
    row(17, FAILING, "the same again", Sent("loose", MALL, to="a"), Sent("loose", MALL, "same_content", to="a", retry_after_s=7200)),
    row(17, FAILING, "the same in another spelling",
        Sent("loose", MALL, to="a"), Sent("loose", MALL.replace("到", "\u200b到").replace("店", "\u5e97"), "same_content", to="a")),
    row(17, BORDER, "two hours to the millisecond",
        Sent("loose", MALL, to="a", at=cst("11-18 10:30")),
        Sent("loose", MALL, "same_content", to="a", at=cst("11-18 12:29:59.999"), retry_after_s=1),
        Sent("loose", MALL, to="a", at=cst("11-18 12:30"))),
    row(17, BORDER, "one character less is other content",
        Sent("loose", MALL, to="a"), Sent("loose", MALL.replace("到店", "到"), to="a")),
    row(17, LONG, "the same in other segments; another one only in the last",
        Sent("loose", LONG_MALL, to="a"), Sent("loose", LONG_MALL, "same_content", to="a"),
        Sent("loose", LONG_MALL, "same_content", to="a", form="sar"),
        Sent("loose", LONG_MALL, "same_content", to="a", form="payload"),
        Sent("loose", LONG_MALL.replace(R, f"好，{R}"), to="a")),
    row(17, OTHER_PROFILE, "not asked for; a day of another country",
        Known("consent", "a"), Sent("asks", MALL, to="a"), Sent("asks", MALL, to="a"),
        Sent("us", SHOP_US, to="ny:b", at=est("11-18 12:00")),
        Sent("us", SHOP_US, "same_content", to="ny:b", at=est("11-19 11:59:59.999"), retry_after_s=1),
        Sent("us", SHOP_US, to="ny:b", at=est("11-19 12:00"))),
    row(17, RECONNECT, "after a bind, on another bind, in the middle of a message",
        Sent("loose", LONG_MALL, to="a"), Bound("loose"), Sent("loose", LONG_MALL, "same_content", to="a"),
        Sent("loose", LONG_MALL, "same_content", to="a", elsewhere=True),
        Split("loose", LONG_MALL, (Dropped("loose"),), "same_content", to="a")),
)  # fmt: skip

_QUOTA: Final = (
    row(18, PASSING, "within quota and rate", Sent("quota-1", PARCEL), Sent("slow-1", PARCEL)),
    row(18, FAILING, "the day's quota is used up", Sent("quota-2", PARCEL, times=2), Sent("quota-2", PARCEL, "quota")),
    row(18, FAILING, "faster than the rate", Sent("slow-1", PARCEL, "rate")),
    row(18, BORDER, "exactly as many, and none more before midnight; what was refused took none",
        At(cst("11-18 23:59:59.999")), Sent("quota-3", PARCEL), Sent("quota-3", "包裹已送达", "signature.missing"),
        Sent("quota-3", PARCEL), Sent("quota-3", PARCEL, "quota", retry_after_s=1), Sent("quota-3", PARCEL, at=cst("11-19 00:00"))),
    row(18, BORDER, "the last of a month and the first of the next",
        Sent("quota-month", PARCEL, at=cst("11-01 00:00")), Sent("quota-month", PARCEL, at=cst("11-30 23:59:59.999")),
        Sent("quota-month", PARCEL, "quota", retry_after_s=1), Sent("quota-month", PARCEL, at=cst("12-01 00:00"))),
    row(18, LONG, "a quota counts messages", Sent("quota-4", LONG_PARCEL), Split("quota-4", LONG_PARCEL, ()),
        Sent("quota-4", LONG_PARCEL, "quota"), Split("quota-4", LONG_PARCEL, (), "quota")),
    row(18, LONG, "a rate counts segments", Sent("slow-2", LONG_PARCEL, form="payload"), Sent("slow-2", PARCEL, "rate")),
    row(18, OTHER_PROFILE, "the day is that of the profile's zone",
        Sent("us-quota", PARCEL_US, to="ny", at=est("11-18 23:59:59.999")), Sent("us-quota", PARCEL_US, "quota", to="ny"),
        Sent("us-quota", PARCEL_US, to="ny", at=est("11-19 00:00"))),
    row(18, RECONNECT, "quota and rate are the account's, not the connection's",
        Sent("quota-5", PARCEL), Bound("quota-5"), Split("quota-5", LONG_PARCEL, (Dropped("quota-5"),)),
        Sent("quota-5", PARCEL, "quota"), Sent("quota-5", PARCEL, "quota", elsewhere=True),
        Sent("slow-3", PARCEL), Bound("slow-3"), Sent("slow-3", PARCEL, "rate"), Sent("slow-3", PARCEL, "rate", elsewhere=True)),
)  # fmt: skip

_AWAY, _BACK = Store(away=True), Store(away=False)
_QUEUE: Final = (
    row(19, PASSING, "there is room, and the store is there", Sent("delta-notice", PARCEL, waits=True), Sent("shop", MALL)),
    row(19, FAILING, "the queue of a carrier and class is full; that of another class is not",
        Sent("delta-shop", MALL, times=QUEUE_LIMIT, waits=True), Sent("delta-shop", MALL, "queue.full"),
        Sent("delta-code", CODE, waits=True)),
    row(19, FAILING, "the store is away; every account is told at once, by status",
        _AWAY, Sent("shop", MALL, "store.away"), _BACK, Sent("shop", MALL)),
    row(19, BORDER, "the last place",
        Sent("delta-notice", PARCEL, times=QUEUE_LIMIT - 2, waits=True), Sent("delta-notice", PARCEL, waits=True, to="a"),
        Sent("delta-notice", PARCEL, "queue.full", to="a")),
    row(19, LONG, "a long message takes one place",
        Sent("delta-code", LONG_CODE, times=QUEUE_LIMIT - 1, waits=True), Sent("delta-code", LONG_CODE, "queue.full"),
        Sent("delta-code", CODE, "queue.full")),
    row(19, LONG, "the store is away: no segment is taken", _AWAY, Sent("shop", LONG_MALL, "store.away"), _BACK),
    row(19, OTHER_PROFILE, "a queue is everybody's",
        At(OFFICE_US), Sent("us-delta", PARCEL_US, "queue.full", to="ny"), Sent("us-notice", PARCEL_US, to="ny")),
    row(19, RECONNECT, "after a bind, on another bind; while the store is away one may bind",
        Bound("delta-shop"), Sent("delta-shop", MALL, "queue.full"), Sent("delta-shop", MALL, "queue.full", elsewhere=True),
        _AWAY, Bound("orders"), Sent("orders", PARCEL, "store.away"), _BACK, Sent("orders", PARCEL)),
)  # fmt: skip

TABLE: Final = (
    *_NUMBER, *_ACCOUNT, *_PAUSED, *_CLASS, *_SIGNATURE, *_UNSUBSCRIBE, *_SERVICE_PHONE, *_WORDS, *_CONTACT,
    *_TEMPLATE, *_LENGTH, *_HARD, *_SOFT, *_ROUTE, *_RECIPIENT, *_CONSENT, *_FREQUENCY, *_SAME_CONTENT, *_QUOTA, *_QUEUE,
)  # fmt: skip
