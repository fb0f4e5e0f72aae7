"""What reading texts and receipts costs, for rules too: ``python tests/bench/bench_text.py`` from the project's root.

Prints microseconds a call, best of several runs, beside the budget of the hot path; exits with 1 when a budget
is exceeded. Not part of the test suite: a busy machine would fail it for nothing.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from datetime import datetime
from itertools import count, cycle
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.classify import class_rule, classifier
from smsgw.policy.contacts import Contacts, contact_rule
from smsgw.policy.entries import ContactEntry
from smsgw.policy.links import find_links
from smsgw.policy.model import ALL_CLASSES, Draft, MessageClass, Rule
from smsgw.policy.phones import find_phones
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import (
    AccountPolicy,
    ClassRule,
    ContactsRule,
    Profile,
    SignatureRule,
    UnsubscribeRule,
    WindowSettings,
)
from smsgw.policy.registers import Registers
from smsgw.policy.text import fold_kept, normalise
from smsgw.policy.windows import Windows
from smsgw.smpp import pdu, tlv
from smsgw.smpp.alphabet import choose_coding, decode_text, encode_text
from smsgw.smpp.canonical import canonical_id
from smsgw.smpp.constants import ESM_RECEIPT, ESM_UDHI, Tag
from smsgw.smpp.receipt import build_receipt_text, parse_receipt
from smsgw.smpp.segments import count_segments, split_udh
from smsgw.smpp.udh import build_concat_udh, concat_of

_RUNS = 7
_CALLS = 20_000

_CHINESE = "【示例商城】您的验证码是123456,五分钟内有效,请勿告诉他人。" * 3
_GSM = "Your code is 123456. Don't tell anybody, we never ask for it. " * 3
_MARKETING = (
    "【示例商城】双十一狂欢节来了，全场五折起，会员再享九折，满三百减五十，活动仅限今日，点击商城首页立即抢购，"
    "数量有限，先到先得哦！拒收请回复R"
)
_CODE = "【示例商城】您的验证码是123456，五分钟内有效，请勿告诉他人。如非本人操作，请忽略本短信。"
_LINKED = "【示例商城】双十一狂欢节来了，全场五折起，点击 t.cn/A6abcd 立即抢购，客服400-800-1234，拒收请回复R"
_CONTACTS = (ContactEntry("shop", "link", "t.cn/A6abcd"), ContactEntry("shop", "phone", "4008001234"))
_SUBMITTED = datetime(2026, 11, 18, 10, 30)
_USUAL = build_receipt_text("0123456789", 1, 1, _SUBMITTED, _SUBMITTED, "DELIVRD", "000", "Your code is 123456.")
_UNUSUAL = b"4790000000SMSAlert^id: 1054BC63 stat:DELIVRD submit date:2611181030 done date:2611181030 err: text:"
_STATE_TLVS = tlv.tlv(Tag.RECEIPTED_MESSAGE_ID, b"0123456789\0") + tlv.tlv(Tag.MESSAGE_STATE, b"\x02")


def _deliver(short_message: bytes, esm_class: int = ESM_RECEIPT, data_coding: int = 0, tlvs: bytes = b"") -> bytes:
    return pdu.deliver_sm(
        1,
        source_addr=b"8613800000000",
        destination_addr=b"10690001",
        short_message=short_message,
        esm_class=esm_class,
        data_coding=data_coding,
        tlvs=tlvs,
    )


def _cases() -> list[tuple[str, float | None, Callable[[], object]]]:
    ucs2, gsm = _CHINESE[:70].encode("utf-16-be"), _GSM[:160].encode()
    escaped = encode_text("{€}" + _GSM[:150], 0)
    usual, unusual = pdu.Sm(_deliver(_USUAL)), pdu.Sm(_deliver(_UNUSUAL))
    raw_with_tlvs = _deliver(_USUAL, tlvs=_STATE_TLVS)
    declared = pdu.Sm(_deliver(_USUAL.decode().encode("utf-16-be"), data_coding=8))
    ordinary = pdu.Sm(_deliver(ucs2, esm_class=0, data_coding=8))
    segment = pdu.Sm(_deliver(build_concat_udh(7, 3, 2) + ucs2[:134], esm_class=ESM_UDHI, data_coding=8))
    long_text = _CHINESE + _CHINESE
    return [
        ("decode_text, 70 UCS2 characters", 1.5, lambda: decode_text(ucs2, 8)),
        ("decode_text, 160 GSM characters", 3.0, lambda: decode_text(gsm, 0)),
        ("decode_text, 153 GSM characters with escapes", 3.0, lambda: decode_text(escaped, 0)),
        ("encode_text, 160 GSM characters", None, lambda: encode_text(_GSM[:160], 0)),
        ("encode_text, 70 UCS2 characters", None, lambda: encode_text(_CHINESE[:70], 8)),
        ("choose_coding, 160 GSM characters", None, lambda: choose_coding(_GSM[:160])),
        ("count_segments, one UCS2 segment", None, lambda: count_segments(ucs2, 8)),
        ("split_udh, 3 UCS2 segments", None, lambda: split_udh(long_text[:200], 8, 7)),
        ("concat_of, an ordinary message", None, lambda: concat_of(ordinary)),
        ("concat_of, a segment", None, lambda: concat_of(segment)),
        ("parse_receipt, an ordinary MO", None, lambda: parse_receipt(ordinary)),
        ("parse_receipt, usual form", 6.0, lambda: parse_receipt(usual)),
        ("Sm() and parse_receipt, usual form and TLVs", None, lambda: parse_receipt(pdu.Sm(raw_with_tlvs))),
        ("parse_receipt, usual form in UCS2", 6.0, lambda: parse_receipt(declared)),
        ("parse_receipt, unusual form", None, lambda: parse_receipt(unusual)),
        (
            "build_receipt_text",
            None,
            lambda: build_receipt_text("0123456789", 1, 1, _SUBMITTED, _SUBMITTED, "DELIVRD", "000", "Hello"),
        ),
        ("canonical_id, hex", None, lambda: canonical_id("038601FA", "hex")),
    ]


def _parts() -> Parts:
    profile = Profile(
        "cn",
        ZoneInfo("Asia/Shanghai"),
        "86",
        SignatureRule(),
        UnsubscribeRule(frozenset((MessageClass.MARKETING,)), ("拒收请回复R",)),
        message_class=ClassRule(
            ("验证码", "校验码", "注册码", "动态码"),
            ("优惠", "促销", "特价", "折扣", "满减", "秒杀", "红包", "低至", "立减", "大促", "包邮", "清仓", "热卖"),
        ),
        contacts=ContactsRule(ALL_CLASSES, ALL_CLASSES),
    )
    registers = Registers()
    registers.put("contact", Contacts([*_CONTACTS, *(ContactEntry("*", "link", f"h{n}.cn") for n in range(1000))]))
    windows = Windows(WindowSettings(), profile.zone, Workdays(), ())
    return Parts(profile, AccountPolicy("shop"), {}, windows, registers)


def _of(build: Callable[[Parts, int], Rule | None], parts: Parts, message_class: int) -> Rule:
    rule = build(parts, message_class)
    assert rule is not None
    return rule


def _rule_cases() -> list[tuple[str, float | None, Callable[[], object]]]:
    parts = _parts()
    classify, code = classifier(parts), _of(class_rule, parts, MessageClass.OTP)
    contact = _of(contact_rule, parts, MessageClass.MARKETING)
    odd = _MARKETING.replace("来", "來") + "…"

    def drafts(text: str) -> Callable[[], Draft]:
        # Two by turns: a word set remembers its last text.
        made = [Draft("shop", MessageClass.NOTICE, "1069", "8613912345678", text + end, 1, 0) for end in ("", " ")]
        for each in made:
            each.plain = fold_kept(each.text)
            assert contact.check(each) is None
        turns = cycle(made)
        return lambda: next(turns)

    usual, otp, linked = drafts(_MARKETING), drafts(_CODE), drafts(_LINKED)
    counter, one = count(), linked()
    plain = one.plain

    def fresh() -> Draft:
        one.plain = f"{plain} {next(counter) % 9973}"
        return one

    return [
        ("fold_kept, 70 characters", 3.0, lambda: fold_kept(_MARKETING)),
        ("fold_kept, a code", 3.0, lambda: fold_kept(_CODE)),
        ("fold_kept, 70 characters, two of them odd", None, lambda: fold_kept(odd)),
        ("normalise, 70 characters", None, lambda: normalise(_MARKETING)),
        ("class that holds", 2.5, lambda: classify(usual())),
        ("class rule, a code", 3.5, lambda: code.check(otp())),
        ("links and phones, none there", 3.0, lambda: contact.check(usual())),
        ("links and phones, a code", None, lambda: contact.check(otp())),
        ("links and phones, one of each, a campaign's text", 6.0, lambda: contact.check(linked())),
        ("links and phones, one of each, each time another", None, lambda: contact.check(fresh())),
        ("links alone, a code", 1.5, lambda: find_links(otp().plain)),
        ("phones alone, none there", 1.5, lambda: find_phones(usual().plain)),
    ]


def main() -> int:
    """Run every case; return 1 when one is over its budget."""
    over = 0
    for name, budget_us, call in (*_cases(), *_rule_cases()):
        best_us = min(timeit.repeat(call, number=_CALLS, repeat=_RUNS)) / _CALLS * 1e6
        is_over = budget_us is not None and best_us > budget_us
        over += is_over
        budget = "" if budget_us is None else f"  budget {budget_us:.1f} µs" + ("  OVER" if is_over else "")
        print(f"{name:<52}{best_us:8.2f} µs{budget}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
