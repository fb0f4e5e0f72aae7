"""Recipients in every province: the first seven digits decide where a number belongs.

Numbers of 138 belong to a network that the demonstration's routes send over alpha, those of 133 to one that the shop's
marketing goes over beta to. Whoever has 09 as the first two of the last four digits is not reached.
"""

from __future__ import annotations

from typing import Final

#: By province: first seven digits of numbers of 138 and of 133.
PREFIXES: Final = {
    "beijing": (1380000, 1330010), "tianjin": (1380022, 1330033), "hebei": (1380031, 1330015),
    "shanxi": (1380030, 1330055), "neimenggu": (1380047, 1330470), "liaoning": (1380004, 1330400),
    "jilin": (1380043, 1330430), "heilongjiang": (1380045, 1330075), "shanghai": (1380021, 1330018),
    "jiangsu": (1380025, 1330077), "zhejiang": (1380057, 1330570), "anhui": (1380055, 1330001),
    "fujian": (1380059, 1330500), "jiangxi": (1380065, 1330700), "shandong": (1380053, 1330530),
    "henan": (1380037, 1330090), "hubei": (1380026, 1330710), "hunan": (1380073, 1330730),
    "guangdong": (1380009, 1330004), "guangxi": (1380077, 1330000), "hainan": (1380089, 1330750),
    "chongqing": (1380023, 1330002), "sichuan": (1380028, 1330800), "guizhou": (1380085, 1330850),
    "yunnan": (1380087, 1330870), "xizang": (1388900, 1330890), "shaanxi": (1380029, 1330910),
    "gansu": (1380093, 1330930), "qinghai": (1380096, 1330970), "ningxia": (1380095, 1330950),
    "xinjiang": (1380090, 1330990),
}  # fmt: skip
UNREACHED: Final = "13[38]????09??"
"""A pattern of the carriers' rules."""
#: In each so many-th province one of its numbers is not reached.
_EVERY: Final = 4


def recipients(which: int, count: int) -> tuple[str, ...]:
    """``count`` of each province; ``which``: 0 of 138, 1 of 133."""
    return tuple(
        f"{prefixes[which]}{9 if place % _EVERY == which and number == 0 else 1:02d}{number:02d}"
        for place, prefixes in enumerate(PREFIXES.values())
        for number in range(count)
    )


def is_reached(recipient: str) -> bool:
    """Whether a carrier of the demonstration delivers to it."""
    return recipient[7:9] != "09"
