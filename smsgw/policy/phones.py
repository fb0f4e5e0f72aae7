"""Phone numbers in a text: mobiles, landlines with area code, 400 and 800, short service numbers, those with a plus.

Owns: finding them in what ``fold_kept`` gave, with spaces and hyphens between digits. Never decides whether one is
registered. Numbers of five to eight digits are phones only beside a word such as 致电 or 热线, since codes, amounts and
order numbers look the same; the nearer word decides (``验证码`` or ``订单`` says that it is none).
What can go wrong: a short number without such a word is not found; digits written as words are not read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_SEP: Final = r"[ -]?"
#: Texts whose numbers are kept: a campaign sends one text many times.
TEXTS_LATELY: Final = 256
_RUN: Final = re.compile(r"[0-9](?:[ ()-]{0,2}[0-9]){4,}")
_BEFORE_A_RUN: Final = 4
_BEHIND_A_RUN: Final = 5
# Not within a longer number, an amount, a date or a path, and not behind a star, which stands for hidden digits.
_BEGIN: Final = r"(?<![0-9*#=&_a-z¥$€£])(?<![0-9][-.:])"
_END: Final = r"(?![0-9*_a-z])(?![-.:][0-9])(?!,[0-9]{3}(?![0-9]))(?! ?[元块%$])"
_LONG: Final = re.compile(
    rf"{_BEGIN}(?<![^0-9]/)(?:(?:\+|00)?86{_SEP})?(?:"
    rf"(?P<mobile>1{_SEP}[3-9](?:{_SEP}[0-9]){{9}})"
    rf"|(?P<free>[48]{_SEP}0{_SEP}0(?:{_SEP}[0-9]){{7}})"
    rf"|(?P<landline>\(?0(?:10|2[0-9]|[3-9][0-9]{{2}})\)?{_SEP}[2-9](?:{_SEP}[0-9]){{6,7}})"
    rf"){_END}"
    rf"|(?<![0-9])(?P<plus>\+{_SEP}[1-9](?:[ ()-]{{0,2}}[0-9]){{7,14}}){_END}"
    rf"|{_BEGIN}(?P<american>(?:1[ -])?(?:\([2-9][0-9]{{2}}\)[ -]?|[2-9][0-9]{{2}}-)[2-9][0-9]{{2}}-[0-9]{{4}}){_END}"
)
_SHORT: Final = re.compile(
    rf"{_BEGIN}(?<![0-9],)(?<!/)(?P<short>(?:95|96|10|12|11)[0-9]{{3,4}}|[2-8][0-9]{{2,3}}-?[0-9]{{4}})(?:-[0-9]{{1,2}})?{_END}(?!/[0-9])"
    r"(?! ?(?:[元块分个件名人份次台万折点号年月日天小米时]|积分|[kmg]b?\b))"
)
_AROUND: Final = 12
_SHORT_CHARS: Final = 9 + _BEHIND_A_RUN
_LONG_DIGITS: Final = 10
_MOBILE_DIGITS: Final = 11
_SHORT_BEGINS: Final = frozenset(("95", "96", "10", "11", "12"))
_PHONE_WORD: Final = re.compile(
    r"拨打|拨|致电|来电|电话|热线|客服|咨询|详询|垂询|联系|座机|手机|call|tel|phone|dial|hotline"
)
_OTHER_WORD: Final = re.compile(
    r"(?<!号)码|口令|尾号|单号|订单|工单|编号|流水|工号|卡号|账号|户号|"
    r"房号|学号|车牌|金额|余额|合计|支付|消费|转账|收入|积分|code|pin|order|no\."
)
_BEHIND: Final = re.compile(r"[ )]?(?:热线|客服|咨询|垂询)")
_ORDER_WORD: Final = re.compile(r"(?:单号|订单|工单|编号|流水号?|卡号|账号|户号|order|no\.)[^0-9,。;]{0,4}$")
_NOT_DIGITS: Final = re.compile(r"[^0-9]")


def bare(number: str) -> str:
    """Digits as they are compared: without separators and, for China, without the country's code."""
    digits = number if number.isdigit() else _NOT_DIGITS.sub("", number)
    if digits.startswith("0086"):
        digits = digits[4:]
    elif digits.startswith("86") and len(digits) > 10:
        digits = digits[2:]
    if digits.startswith(("400", "800")) or (len(digits) == _MOBILE_DIGITS and digits[0] == "1"):
        return digits
    # A landline written as +86 10 … has lost its zero; its area code never begins with 1 but for 10.
    if len(digits) in (10, 11) and re.fullmatch(r"(?:10|2[0-9])[2-9][0-9]{7}|[3-9][0-9]{2}[2-9][0-9]{6,7}", digits):
        return "0" + digits
    return digits


def find_phones(plain: str) -> list[str]:
    """The phone numbers of a text that ``fold_kept`` gave, as ``bare`` digits; quick where there are few digits."""
    return list(_found(plain)) if _RUN.search(plain) is not None else []


@lru_cache(maxsize=TEXTS_LATELY)
def _found(plain: str) -> tuple[str, ...]:
    found: list[str] = []
    for run in _RUN.finditer(plain):
        digits = run[0]
        if len(digits) < _LONG_DIGITS and digits.isdigit():
            # Nothing but digits: a short number or none, and nearly always none, as its length and beginning tell.
            if _may_be_short(digits):
                match = _SHORT.match(plain, run.start(), run.end() + _BEHIND_A_RUN)
                if match is not None and _is_called(plain, match.start(), match.end()):
                    found.append(digits)
            continue
        start, end = max(0, run.start() - _BEFORE_A_RUN), run.end() + _BEHIND_A_RUN
        if end - run.start() > _SHORT_CHARS:
            for match in _LONG.finditer(plain, start, end):
                start = match.end()
                if not _is_order(plain, match.start()):
                    found.append(bare(match[0]))
            if start >= run.end():
                continue
        found.extend(
            bare(match["short"])
            for match in _SHORT.finditer(plain, start, end)
            if _is_called(plain, match.start(), match.end())
        )
    return tuple(found)


def _may_be_short(digits: str) -> bool:
    if len(digits) < 7:
        return digits[:2] in _SHORT_BEGINS
    return len(digits) < 9 and "2" <= digits[0] <= "8"


def _is_order(plain: str, start: int) -> bool:
    return _ORDER_WORD.search(plain[max(0, start - _AROUND) : start]) is not None


def _is_called(plain: str, start: int, end: int) -> bool:
    """Whether the words around a short number say that it is a phone; the nearer ones before it decide."""
    before = plain[max(0, start - _AROUND) : start]
    if _PHONE_WORD.search(before) is None and _BEHIND.match(plain, end) is None:
        return False
    phone = max((match.end() for match in _PHONE_WORD.finditer(before)), default=0)
    other = max((match.end() for match in _OTHER_WORD.finditer(before)), default=0)
    return phone > other or (not other and _BEHIND.match(plain, end) is not None)
