"""The site of the rules' table: profiles in which rules are on, off or other, accounts under them, and registers.

One gateway has all of it, so every row finds what it needs and none changes it. Pauses, campaigns and whatever else
ends are looked at before and behind their end: the rows set the clock.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from tests.e2e.gateway import CLOSED_PORT, EXAMPLE, Overrides
from tests.e2e.rules_scene import cst, ms
from tests.e2e.stage import carrier_like_alpha

#: A template, and the text of those who fill it in; it takes two segments, and its variable lies on their border.
LONG_FORM: Final = "温馨提示，" * 11 + "您的长订单{}已发出，请保持电话畅通，以便快递员与您联系。"
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
    "cn": ("cn", {"test_numbers": ["8613700000009"]}),
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
    "us-queue": ("orders", _US),
    "lapsing": ("orders", {"licence_expires": _LAST_DAY}),
    "lapsing-two": ("orders", {"licence_expires": _LAST_DAY}),
    "licensed": ("orders", {}),
    "approved": ("orders", {}),
    "draft": ("shop", {}),
    "off": ("shop", {"enabled": False}),
    "halted": ("shop", {}),
    "suspended": ("shop", {}),
    "susp-briefly": ("shop", {}),
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
    "asks-notice": ("orders", {"profile": "asks"}),
    "forms": ("orders", {"profile": "forms"}),
    "capped": ("shop", {"profile": "capped"}),
    "capped-notice": ("orders", {"profile": "capped"}),
    "slotted": ("shop", {"slots": ["10:00-12:00"]}),
    **{f"quota-{number}": ("orders", {"quota": {"day": 2}}) for number in range(1, 6)},
    "quota-month": ("orders", {"quota": {"month": 2}}),
    **{f"slow-{number}": ("orders", {"rate": "1/m"}) for number in range(1, 5)},
    **{f"queue-{number}": ("orders", {}) for number in range(1, 7)},
    "queue-2-code": ("login", {}),
}
#: Accounts that there are twice more: ``<name>-plain`` with the fallback column, ``<name>-receipt`` told by receipts.
TOLD_OTHERWISE: Final = ("shop", "orders", "login", "strict", "asks", "forms", "loose", "off", "draft")
PLAIN, RECEIPT = "plain", "receipt"

#: Carriers ``none-1`` to ``none-6`` never come up: what is for them waits. Gamma is paused, and there is none either.
UP: Final = ("alpha", "beta")
NEVER_UP: Final = ("gamma", *(f"none-{number}" for number in range(1, 7)))
ROUTES: Final = (
    *({"name": f"queue-{each}", "account": f"queue-{each}", "carriers": [f"none-{each}"]} for each in range(1, 7)),
    {"name": "queue-2-code", "account": "queue-2-code", "carriers": ["none-2"]},
    {"name": "us-queue", "account": "us-queue", "carriers": ["none-5"]},
    {"name": "gamma-only", "account": "gamma-only", "carriers": ["gamma"]},
    {"name": "gamma-first", "account": "gamma-first", "carriers": ["gamma", "alpha"]},
    {"name": "codes", "class": "otp", "carriers": ["alpha", "beta"]},
    {"name": "beta-first", "class": "marketing", "prefix": ["86133"], "carriers": ["beta"]},
    {"name": "united-states", "prefix": ["1"], "carriers": ["beta"]},
    {"name": "everything-else", "class": ["notice", "marketing"], "prefix": ["8613"], "carriers": ["alpha", "beta"]},
)  # fmt: skip
QUEUE_LIMIT: Final = 10
BRIEFLY: Final = cst("11-18 12:00")
LONG_AGO: Final = cst("2026-01-01 00:00")

#: kind → id → document. Channels of all accounts and carriers are active unless they stand here.
REGISTERS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "channel": {
        "account:approved": {"state": "active", "expires": "2026-12-31"},
        "account:licensed": {"state": "active", "licence": "A2.B1-1", "licence_expires": "2026-12-31"},
        "account:draft": {"state": "reviewed"},
    },
    "pause": {
        "global": {"expires": LONG_AGO}, "account:halted": {}, "account:briefly": {"expires": BRIEFLY},
        "department:wholesale": {}, "signature:停用商城": {}, "template:halted-form": {}, "campaign:halted": {},
        "carrier:gamma": {},
    },
    "order": {"account:suspended": {}, "account:susp-briefly": {"expires": BRIEFLY}},
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
        "long-order@1": {"text": LONG_FORM.format("{number}"), "variables": [
            {"name": "number", "kind": "digits", "max_chars": 6},
        ]},
        "season-form@1": {"text": "季节提醒第{number}号", "expires": "2026-12-31"},
        "suspended-form@1": {"text": "停用提醒第{number}号", "state": "suspended"},
        "halted-form@1": {"text": "停发提醒第{number}号"},
    },
}  # fmt: skip


def accounts() -> dict[str, tuple[str, dict[str, Any]]]:
    """The table's accounts, and those that are told otherwise."""
    found = dict(ACCOUNTS)
    for name in TOLD_OTHERWISE:
        base, changes = ACCOUNTS.get(name, (name, {}))
        found[f"{name}-{PLAIN}"] = (base, {**changes, "explain": False, "vendor_codes": False})
        found[f"{name}-{RECEIPT}"] = (base, {**changes, "explain": False, "reject_mode": "receipt"})
    return found


def profile_like(base: str, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A whole profile: that of the example, with what differs."""
    profile = tomllib.loads((EXAMPLE / "profiles" / f"{base}.toml").read_text(encoding="utf-8"))
    for key, value in changes.items():
        old = profile.get(key)
        profile[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return {**profile, "name": name}


def site() -> Overrides:
    """The files that differ from the example's."""
    files: dict[str, Any] = {
        "smsgw.toml": {
            "clock": {"rate": 0},
            "channels": {"approval": "required"},
            "long": {"early_answer": "200ms"},
            "store": {"queue_limit": QUEUE_LIMIT, "timeout": "1s"},
        },
        "routes.toml": {"route": list(ROUTES)},
    }
    for name, (base, changes) in PROFILES.items():
        files[f"profiles/{name}.toml"] = profile_like(base, name, dict(changes))
    for name in NEVER_UP:
        files[f"carriers/{name}.toml"] = carrier_like_alpha(name, CLOSED_PORT, {})
    return files


def documents(kind: str) -> dict[str, dict[str, Any]]:
    """The table's documents of a register, with what their ids say."""
    found: dict[str, dict[str, Any]] = {}
    for name, short in REGISTERS[kind].items():
        first, _, rest = name.partition("/")
        if kind in ("pause", "order"):
            own: dict[str, Any] = {"scope": name, "action": "suspend", "reason": "complaints", "who": "amy", "at_ms": 0}
            own["expires_ms"] = ms(short["expires"]) if short else 0
        elif kind == "signature":
            own = {"account": first, "name": rest}
        elif kind == "word":
            own = {"list": first, "word": rest}
        elif kind == "contact":
            own = {"account": first, **dict(zip(("kind", "value"), rest.split("/", 1), strict=True)), "state": "active"}
        elif kind == "template":
            own = {"id": name.partition("@")[0], "version": 1, "message_class": "notice", "state": "active"}
        else:
            own = {"channel" if kind == "channel" else "name": name, "state": "active"}
        found[name] = {**own, **short} if kind not in ("pause", "order") else own
    if kind == "signature":
        for document in list(found.values()):
            for how in (PLAIN, RECEIPT):
                account = f"{document['account']}-{how}"
                found[f"{account}/{document['name']}"] = {**document, "account": account}
    if kind == "channel":
        for how in (PLAIN, RECEIPT):
            name = f"account:draft-{how}"
            found[name] = {**found["account:draft"], "channel": name}
        names = [f"account:{each}" for each in ("shop", "orders", "login", "ushop", *accounts())]
        for name in (*names, *(f"carrier:{each}" for each in (*UP, *NEVER_UP))):
            found.setdefault(name, {"channel": name, "state": "active"})
    return found
