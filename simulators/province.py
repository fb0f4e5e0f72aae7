"""Where in China a mobile number is at home, from the public table in the package ``phone``.

The table is read when it is first asked (ten milliseconds), answers are kept by the seven digits that
decide. A number that was taken to another network keeps its province.
"""

from __future__ import annotations

import functools
from typing import Any

#: The names in the table.
PROVINCES = frozenset((
    "安徽", "北京", "重庆", "福建", "甘肃", "广东", "广西", "贵州", "海南", "河北", "河南", "黑龙江", "湖北", "湖南",
    "吉林", "江苏", "江西", "辽宁", "内蒙古", "宁夏", "青海", "山东", "山西", "陕西", "上海", "四川", "天津", "西藏",
    "新疆", "云南", "浙江",
))  # fmt: skip
_COUNTRY_PREFIXES = (b"+86", b"0086", b"86")
_NATIONAL_DIGITS = 11
_DECIDING_DIGITS = 7


def national_of(address: bytes) -> bytes:
    """A Chinese mobile number without 86, +86 or 0086 in front; any other address as it is."""
    for prefix in _COUNTRY_PREFIXES:
        rest = address[len(prefix) :]
        if len(rest) == _NATIONAL_DIGITS and rest[:1] == b"1" and address.startswith(prefix):
            return rest
    return address


def province_of(address: bytes) -> str:
    """The province of a Chinese mobile number, one of ``PROVINCES``; empty for other numbers and unknown ones."""
    national = national_of(address)
    if len(national) != _NATIONAL_DIGITS or national[:1] != b"1" or not national.isdigit():
        return ""
    return _province_of_digits(national[:_DECIDING_DIGITS])


@functools.cache
def _table() -> Any:
    from phone import Phone  # megabytes that most runs never look at

    return Phone()


@functools.lru_cache(maxsize=100_000)
def _province_of_digits(digits: bytes) -> str:
    found = _table().find(int(digits))
    return str(found["province"]) if found else ""
