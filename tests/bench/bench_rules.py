"""What deciding costs: ``python tests/bench/bench_rules.py`` from the project's root.

Prints microseconds a call, best of several runs, beside the budget of the hot path; exits with 1 when a budget
is exceeded. Not part of the test suite: a busy machine would fail it for nothing.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.mo_words import MoWords
from smsgw.policy.model import ALL_CLASSES, Draft, MessageClass
from smsgw.policy.numbers import to_e164
from smsgw.policy.pipeline import Rules, compile_rules
from smsgw.policy.profile import (
    AccountPolicy,
    Cap,
    CarrierPolicy,
    HardWindow,
    Profile,
    SignatureRule,
    SoftWindow,
    TimeRange,
    UnsubscribeRule,
    WindowSettings,
)
from smsgw.policy.routing import Route, RouteTable
from smsgw.policy.shaping import TokenBucket
from smsgw.policy.text import normalise

_RUNS = 9
_CALLS = 20_000

OTP, NOTICE, MARKETING = MessageClass
ZONE = ZoneInfo("Asia/Shanghai")
BODY = (
    "双十一狂欢节来了，全场五折起，会员再享九折，满三百减五十，活动仅限今日，点击商城首页立即抢购，数量有限，先到先得哦"
)
FRONT = f"【示例商城】{BODY}！拒收请回复R"
END = f"{BODY}！拒收请回复R【示例商城】"
CODE = "【示例商城】您的验证码是123456，五分钟内有效，请勿告诉他人。如非本人操作，请忽略本短信。"
RECIPIENT = "8613912345678"


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def _profile() -> Profile:
    marketing = frozenset((MARKETING,))
    return Profile(
        "cn",
        ZONE,
        "86",
        SignatureRule(),
        UnsubscribeRule(marketing, ("回T退订", "回TD退订", "拒收请回复R"), ("TD", "退订", "0000")),
        WindowSettings(
            "reject",
            HardWindow(marketing, (TimeRange.parse("21:00-08:00"),)),
            SoftWindow(marketing, "workdays", (TimeRange.parse("09:00-21:00"),)),
        ),
        (
            Cap("minute", ALL_CLASSES, "signature", 1, "minute"),
            Cap("day", ALL_CLASSES, "company", 40, "day", tiers={"loyal": 50}, ceiling=60),
            Cap("week", ALL_CLASSES, "account", 100, 604_800_000, "rolling"),
        ),
    )


def _table(routes: int) -> RouteTable:
    """Like a site's: many prefixes of seven digits, some of five, one route for the rest."""
    many = [Route(f"p{n}", None, None, (f"86{1300000 + n * 97}",), ("beta",)) for n in range(routes - 21)]
    some = [Route(f"q{n}", None, frozenset((n % 3,)), (f"86{130 + n}",), ("beta",)) for n in range(20)]
    return RouteTable([*many, *some, Route("rest", None, None, (), ("alpha",))])


def _rules(routes: RouteTable, profile: Profile | None = None) -> Rules:
    account = AccountPolicy(
        "shop",
        licence_expires=date(2027, 6, 30),
        signatures=frozenset(f"签名{n}" for n in range(200)) | {"示例商城"},
        slots=(TimeRange.parse("09:30-20:30"),),
    )
    carriers = {"alpha": CarrierPolicy("alpha", "either", ("回T退订", "拒收请回复R"))}
    return compile_rules(profile or _profile(), account, routes, carriers, Workdays())


def _draft(text: str, message_class: int, at_ms: int) -> Draft:
    return Draft("shop", message_class, "10690001", RECIPIENT, text, 1, at_ms)


def _rows(rules: Rules, draft: Draft) -> object:
    found = rules.cap_rows(draft)
    return found and found.script_rows(draft.at_ms)


def _cases() -> list[tuple[str, float | None, Callable[[], object]]]:
    small, large = _table(100), _table(10_000)
    rules, rules_large = _rules(small), _rules(large)
    strict = _rules(small, replace(_profile(), signature=SignatureRule(position="end")))
    day, night = _ms("2026-11-18 10:30"), _ms("2026-11-18 22:30")
    accepted = _draft(FRONT, MARKETING, day)
    assert rules(accepted) is None
    assert rules(_draft(END, MARKETING, day)) is None
    assert rules(_draft(CODE, OTP, day)) is None
    assert rules(_draft(FRONT, MARKETING, night)) is not None
    odd = FRONT.replace("拒收请回复R", "回Ｔ退訂。")
    assert rules(_draft(odd, MARKETING, day)) is None
    words = MoWords(("R", "T", "TD", "N", "退订", "拒收", "取消", "0000", "00000", "STOP"))
    bucket = TokenBucket(1e9)
    return [
        (f"marketing, {len(FRONT)} characters, passes", 6.0, lambda: rules(_draft(FRONT, MARKETING, day))),
        ("the same with 10,000 routes", 6.0, lambda: rules_large(_draft(FRONT, MARKETING, day))),
        ("the same, signature at the end", 6.0, lambda: rules(_draft(END, MARKETING, day))),
        ("the same, its phrase in another spelling", None, lambda: rules(_draft(odd, MARKETING, day))),
        ("code, passes", 6.0, lambda: rules(_draft(CODE, OTP, day))),
        ("notice, passes", 6.0, lambda: rules(_draft(CODE, NOTICE, day))),
        ("marketing at night, refused", None, lambda: rules(_draft(FRONT, MARKETING, night))),
        ("marketing, signature missing, refused", None, lambda: strict(_draft(FRONT, MARKETING, day))),
        ("a draft alone", None, lambda: _draft(FRONT, MARKETING, day)),
        ("find a route among 100", 1.0, lambda: small.find("shop", MARKETING, RECIPIENT)),
        ("find a route among 10,000", 1.0, lambda: large.find("shop", MARKETING, RECIPIENT)),
        ("cap rows, remembered", 1.0, lambda: _rows(rules, accepted)),
        ("normalise, 70 characters", None, lambda: normalise(FRONT)),
        ("classify an MO", 2.0, lambda: words.classify("ｔ ｄ。")),
        ("E.164", 1.0, lambda: to_e164("13912345678")),
        ("take from a bucket", 0.5, lambda: bucket.take(1, 0.0)),
    ]


def main() -> int:
    """Print a line for each case."""
    over = 0
    for name, budget, call in _cases():
        micros = min(timeit.repeat(call, number=_CALLS, repeat=_RUNS)) / _CALLS * 1e6
        verdict = "" if budget is None else f"  (budget {budget:.1f}){'  OVER' if micros > budget else ''}"
        over += bool(budget is not None and micros > budget)
        print(f"{micros:8.2f} µs  {name}{verdict}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
