"""Which network and which province a recipient's number belongs to.

Owns: the Chinese number plan by prefix, and the order in which sources count: what carriers taught this process, then
the site's list of ported numbers, then the plan. Never reads files; the province table is handed in. Numbers are E.164
digits without a plus. Everything that is unknown or foreign is the empty text, and in files the network "other".
What can go wrong: the plan grows; a new prefix is "other" until it is added here, and routes without a network take it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final

MOBILE: Final = "mobile"
UNICOM: Final = "unicom"
TELECOM: Final = "telecom"
BROADNET: Final = "broadnet"
IOT: Final = "iot"
#: Every network there is; "" is everything else.
NETWORKS: Final = (MOBILE, UNICOM, TELECOM, BROADNET, IOT)
#: How "" is written in site files.
OTHER: Final = "other"

PROVINCES: Final[Mapping[str, str]] = {
    "安徽": "anhui", "北京": "beijing", "重庆": "chongqing", "福建": "fujian", "甘肃": "gansu", "广东": "guangdong",
    "广西": "guangxi", "贵州": "guizhou", "海南": "hainan", "河北": "hebei", "河南": "henan", "黑龙江": "heilongjiang",
    "湖北": "hubei", "湖南": "hunan", "吉林": "jilin", "江苏": "jiangsu", "江西": "jiangxi", "辽宁": "liaoning",
    "内蒙古": "neimenggu", "宁夏": "ningxia", "青海": "qinghai", "山东": "shandong", "山西": "shanxi",
    "陕西": "shaanxi", "上海": "shanghai", "四川": "sichuan", "天津": "tianjin", "西藏": "xizang", "新疆": "xinjiang",
    "云南": "yunnan", "浙江": "zhejiang",
}  # fmt: skip
"""Province → how it is written in letters."""

_PREFIXES: Final[Mapping[str, str]] = {
    MOBILE: "1340-1348 135-139 147 148 150-152 157-159 165 1703 1705 1706 172 178 182-184 187 188 195 197 198",
    UNICOM: "130-132 145 146 155 156 166 167 1704 1707-1709 171 175 176 185 186 196",
    TELECOM: "133 149 153 162 1700-1702 173 17400-17405 177 180 181 189-191 193 199",
    BROADNET: "192",
}
_IOT_PREFIXES: Final = ("86140", "86141", "86142", "86143", "86144")
_CHINESE_DIGITS: Final = 13
_IOT_DIGITS: Final = 15

#: The seven digits that decide about a province, and the first number that has them.
FIRST_SEVEN: Final = 1_300_000
LAST_SEVEN: Final = 2_000_000


def _expanded(ranges: str) -> Iterable[str]:
    for written in ranges.split():
        first, _, last = written.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield str(number)


def _table() -> dict[str, str | dict[str, str]]:
    """By 86 and three digits: the network, or what follows by 86 and all five digits that can decide."""
    table: dict[str, str | dict[str, str]] = {}
    for network, ranges in _PREFIXES.items():
        for prefix in _expanded(ranges):
            if len(prefix) == 3:
                table[f"86{prefix}"] = network
                continue
            finer = table.setdefault(f"86{prefix[:3]}", {})
            assert isinstance(finer, dict)
            for rest in range(10 ** (5 - len(prefix))):
                finer[f"86{prefix}{rest if len(prefix) < 5 else ''}"] = network
    return table


_PLAN: Final = _table()


def planned_network(recipient: str) -> str:
    """The network that a number's prefix was given to; it may have been ported since."""
    digits = len(recipient)
    if digits == _CHINESE_DIGITS:
        found = _PLAN.get(recipient[:5], "")
        return found if isinstance(found, str) else found.get(recipient[:7], "")
    if digits == _IOT_DIGITS and recipient.startswith(_IOT_PREFIXES):
        return IOT
    return ""


class Ported:
    """Numbers that belong to another network than their prefix says, packed: nine octets a number.

    Raises ValueError for a number or a network that there is none of. Of a number listed twice the last row counts.
    """

    __slots__ = ("_networks", "_numbers")

    def __init__(self, rows: Iterable[tuple[str, str]] = ()) -> None:
        places = {network: place for place, network in enumerate((*NETWORKS, ""))}
        try:
            known = {int(number): places[network] for number, network in rows}
        except KeyError as error:
            raise ValueError(f"there is no network {error.args[0]!r}") from None
        self._numbers = array("Q", sorted(known))
        self._networks = bytes(known[number] for number in self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def get(self, recipient: str) -> str | None:
        """The network of a number that is listed; None: it is not."""
        number = int(recipient)
        place = bisect_left(self._numbers, number)
        if place == len(self._numbers) or self._numbers[place] != number:
            return None
        network = self._networks[place]
        return NETWORKS[network] if network < len(NETWORKS) else ""


class Provinces:
    """The province of each seven digits, as one octet each. ``table``: index into ``names`` from ``FIRST_SEVEN`` on."""

    __slots__ = ("_names", "_table")

    def __init__(self, names: tuple[str, ...], table: bytes) -> None:
        self._names = names
        self._table = table

    def find(self, recipient: str) -> str:
        """The province of a Chinese number; empty for others."""
        if len(recipient) != _CHINESE_DIGITS or not recipient.startswith("861"):
            return ""
        place = int(recipient[2:9]) - FIRST_SEVEN
        return self._names[self._table[place]] if 0 <= place < len(self._table) else ""


class NumberPlan:
    """The plan of one version of a site. Without ``provinces`` every province is unknown: nobody asked for them."""

    __slots__ = ("_lists_any", "ported", "provinces")

    def __init__(self, ported: Ported | None = None, provinces: Provinces | None = None) -> None:
        self.ported = ported if ported is not None else Ported()
        self._lists_any = len(self.ported) > 0
        self.provinces = provinces

    def network(self, recipient: str, learnt: Mapping[str, str] | None = None) -> str:
        """The network that a number belongs to now; ``learnt``: what carriers have said of single numbers."""
        if learnt:
            found = learnt.get(recipient)
            if found is not None:
                return found
        if self._lists_any:
            found = self.ported.get(recipient)
            if found is not None:
                return found
        return planned_network(recipient)

    def province(self, recipient: str) -> str:
        """The province that a number is at home in; a ported number keeps its own."""
        return self.provinces.find(recipient) if self.provinces is not None else ""
