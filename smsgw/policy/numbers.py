"""Recipients as E.164 digits, and masked for people.

Owns: which spellings of a number mean the same recipient, so that caps and opt-outs can't be missed
by writing a number another way. Never routes and never knows networks or provinces.
The type of number (SMPP 3.4 §5.2.5) is not looked at: clients in China set it at random, and a marketing
text for ``13800138000`` sent as "international" would else pass by the opt-out of ``8613800138000``. A number
of the North American plan whose area code starts with 3–9 therefore needs its plus or 00.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

CHINA: Final = "86"
NORTH_AMERICA: Final = "1"
#: Masks that are kept: a recipient is recorded several times within a second.
MASKED_LATELY: Final = 16_384

# 11 digits, or 13 for the Internet of things (140–144).
_CHINESE = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9}|14[0-4][0-9]{10})")
# Elsewhere: country code 1 with an area code and an exchange of the North American plan, or any other but 86.
_ABROAD = re.compile(r"(?:\+|00)?(1[2-9][0-9]{2}[2-9][0-9]{6}|(?!86)[2-9][0-9]{6,14})")
# The plan of North America: area code and exchange both begin with 2–9. Ten digits alone are a number of it.
_AMERICAN = re.compile(r"(?:(?:\+|00)?1)?([2-9][0-9]{2}[2-9][0-9]{6})")
_INTERNATIONAL = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})")


def to_e164(number: str, country: str = CHINA) -> str | None:
    """The number as E.164 digits without a plus, or None when it can't be a recipient.

    For country 86: ``13800138000``, ``8613800138000``, ``+86…`` and ``0086…`` are one recipient; numbers of other
    countries are kept as digits; short codes, fixed lines of China and anything but digits are None.
    For country 1: ``2125550123``, ``12125550123`` and ``+1…`` are one recipient; ten digits that could be an area code,
    an exchange and a number are never another country's, which needs its plus or 00 then.
    For other profiles only the international spelling is understood.
    """
    if country == NORTH_AMERICA:
        match = _AMERICAN.fullmatch(number)
        if match is not None:
            return NORTH_AMERICA + match[1]
        match = _INTERNATIONAL.fullmatch(number)
        return match[1] if match is not None and not match[1].startswith(NORTH_AMERICA) else None
    if country != CHINA:
        match = _INTERNATIONAL.fullmatch(number)
        return match[1] if match is not None else None
    match = _CHINESE.fullmatch(number)
    if match is not None:
        return CHINA + match[1]
    match = _ABROAD.fullmatch(number)
    return match[1] if match is not None else None


@lru_cache(maxsize=MASKED_LATELY)
def mask(number: str) -> str:
    """For logs and pages: ``8613800138000`` → ``138****8000``; others keep three digits in front and four behind.

    Never shows more than half of a short number; anything that is not a number shows nothing.
    """
    if len(number) == 13 and number.isdecimal() and number.isascii() and number.startswith("861"):
        return f"{number[2:5]}****{number[-4:]}"  # what nearly all are; the rest says the same of others
    digits = number.removeprefix("+").removeprefix("00")
    if not digits.isascii() or not digits.isdigit():
        return "****"
    if len(digits) >= 13 and digits.startswith("861"):
        digits = digits[2:]
    if len(digits) >= 9:
        return f"{digits[:3]}****{digits[-4:]}"
    return f"****{digits[-2:]}" if len(digits) >= 5 else "****"
