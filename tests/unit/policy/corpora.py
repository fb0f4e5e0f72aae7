"""The two corpora of texts, their word lists, and contacts that are registered for them."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

from smsgw.policy.contacts import Contacts
from smsgw.policy.entries import ContactEntry, WordEntry
from smsgw.policy.profile import ClassRule
from smsgw.policy.words import Words

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
STOP_WORDS = ("R", "T", "TD", "N", "退订", "拒收", "取消", "0000", "00000", "STOP")
PROMOTIONAL = ClassRule(
    ("验证码", "校验码", "注册码", "动态码"),
    (
        *("优惠", "促销", "特价", "折扣", "满减", "秒杀", "抢购", "红包", "低至", "立减", "大促", "包邮"),
        *("买一送一", "新品上市", "限时", "免费领", "满额", "清仓", "热卖", "会员日"),
    ),
)
REGISTERED = (
    ("link", "example.com"),
    ("link", "example.cn"),
    ("link", "t.cn/shop"),
    ("link", "示例商城.中国"),
    ("phone", "4008001234"),
    ("phone", "95588"),
    ("phone", "01088886666"),
    ("phone", "12306"),
)


def corpus(name: str) -> list[dict[str, Any]]:
    """The rows of a corpus."""
    rows: list[dict[str, Any]] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return rows


@cache
def words() -> Words:
    """The national and the company's list."""
    with (VECTORS / "word_lists.csv").open(encoding="utf-8", newline="") as file:
        return Words(
            WordEntry.from_document({**row, "evasion": row["evasion"] == "yes"}) for row in csv.DictReader(file)
        )


@cache
def contacts() -> Contacts:
    """What the whole company has registered."""
    return Contacts(ContactEntry("*", kind, value) for kind, value in REGISTERED)
