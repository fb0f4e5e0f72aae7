"""Phone numbers in a text: mobiles, landlines with area code, 400 and 800, short service numbers, those with a plus.

Owns: finding them in what ``fold_kept`` gave, with spaces and hyphens between digits. Never decides whether one is
registered. Numbers of five to eight digits are phones only beside a word such as 致电 or 热线, since codes, amounts and
order numbers look the same; the nearer word decides (``验证码`` or ``订单`` says that it is none).
What can go wrong: a short number without such a word is not found; digits written as words are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from smsgw.policy.native import IS_COMPILED, flags, scan
from smsgw.policy.text import LATELY, outline

_SEP: Final = r"[ -]?"
# Five digits or more, or fewer with separators between them; every part is taken whole and never given back.
_find_runs: Final = re.compile(rb"0(?:0{4}|0{0,3}+[ ()-]{1,2}0)0*+(?:[ ()-]{1,2}0++)*+").finditer
_LEAST_DIGITS: Final = 5
_FEW_CHARS: Final = 4 + 3 * 2
_is_date: Final = re.compile(r"20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}(?: [0-9]{1,2})?").fullmatch
_FREE_BEGINS: Final = frozenset(("400", "800"))
_HAN: Final = "\u3400"
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
_phone_word: Final = _PHONE_WORD.search
_WORD_BEGINS: Final = flags(f"[{''.join(word[0] for word in _PHONE_WORD.pattern.split('|'))}]") if IS_COMPILED else b""
_BEHIND: Final = re.compile(r"[ )]?(?:热线|客服|咨询|垂询)")  # of the words above
_MAY_BE_BEHIND: Final = " )热客咨垂"
_order_word: Final = re.compile(r"(?:单号|订单|工单|编号|流水号?|卡号|账号|户号|order|no\.)[^0-9,。;]{0,4}\Z").search
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
    """The phone numbers of a text that ``fold_kept`` gave, as ``bare`` digits, not to be changed."""
    runs: Sequence[tuple[int, int]] = ()
    if IS_COMPILED and not (runs := scan.phone_runs(plain, _WORD_BEGINS)):
        return _NO_PHONES
    place = hash(plain) & LATELY
    known, found = _LATELY[place]
    if known == plain:
        return found
    found = []
    for start, end in runs if IS_COMPILED else _runs(plain):
        digits = plain[start:end]
        if not digits.isdigit():
            if not _is_in_date(digits, plain, start):
                _add_from_run(plain, start, end, found)
        elif end - start < _LONG_DIGITS:
            # Nothing but digits: a short number or none.
            if _is_called(plain, start, end) and _SHORT.match(plain, start, end + _BEHIND_A_RUN) is not None:
                found.append(digits)
        elif _is_usual(digits) and _stands_apart(plain, start, end):
            if not _is_order(plain, start):
                found.append(digits)
        else:
            _add_from_run(plain, start, end, found)
    _LATELY[place] = (plain, found)
    return found


_NO_PHONES: Final[list[str]] = []
_LATELY: Final = [("", _NO_PHONES)] * (LATELY + 1)


def _runs(plain: str) -> Sequence[tuple[int, int]]:
    """Where digits are that may be a number, with what separates them: not too few, and short ones as such begin."""
    runs: list[tuple[int, int]] = []
    for run in _find_runs(outline(plain)):
        start, end = run.span()
        digits = plain[start:end]
        if digits.isdigit():
            if end - start >= _LONG_DIGITS or _may_be_short(digits):
                runs.append((start, end))
        elif end - start > _FEW_CHARS or len(_NOT_DIGITS.sub("", digits)) >= _LEAST_DIGITS:
            runs.append((start, end))
    return runs


def _add_from_run(plain: str, run_start: int, run_end: int, found: list[str]) -> None:
    """The careful way: every kind of number, anywhere in a run of digits and what stands beside it."""
    start, end = max(0, run_start - _BEFORE_A_RUN), run_end + _BEHIND_A_RUN
    if end - run_start > _SHORT_CHARS:
        for match in _LONG.finditer(plain, start, end):
            start = match.end()
            if not _is_order(plain, match.start()):
                found.append(bare(match[0]))
        if start >= run_end:
            return
    found.extend(
        bare(match["short"])
        for match in _SHORT.finditer(plain, start, end)
        if _is_called(plain, match.start(), match.end())
    )


def _is_in_date(digits: str, plain: str, start: int) -> bool:
    """Whether digits with separators between are a date, which no kind of number looks like."""
    return digits[4] == "-" and _is_date(digits) is not None and "+" not in plain[max(0, start - 2) : start]


def _is_usual(digits: str) -> bool:
    """Whether ten digits or more are a mobile or begin with 400 or 800."""
    if len(digits) == _MOBILE_DIGITS:
        return digits[0] == "1" and digits[1] > "2"
    return len(digits) == _LONG_DIGITS and digits[:3] in _FREE_BEGINS


def _stands_apart(plain: str, start: int, end: int) -> bool:
    """Whether nothing beside a number can belong to it or change what it is; where in doubt it does not."""
    if start:
        before = plain[start - 1]
        if before < _HAN and before != "," and (before not in ": " or start == 1 or plain[start - 2] < _HAN):
            return False
    behind = plain[end : end + 1]
    if behind >= _HAN:
        return behind not in "元块"
    return behind in "。" or (behind in ",;" and not plain[end + 1 : end + 2].isdigit())


def _may_be_short(digits: str) -> bool:
    if len(digits) < 7:
        return digits[:2] in _SHORT_BEGINS
    return len(digits) < 9 and "2" <= digits[0] <= "8"


def _is_order(plain: str, start: int) -> bool:
    return _order_word(plain, max(0, start - _AROUND), start) is not None


def _is_called(plain: str, start: int, end: int) -> bool:
    """Whether the words around a short number say that it is a phone; the nearer ones before it decide."""
    first = max(0, start - _AROUND)
    is_behind = plain[end : end + 1] in _MAY_BE_BEHIND and _BEHIND.match(plain, end) is not None
    if not is_behind and _phone_word(plain, first, start) is None:
        return False
    before = plain[first:start]
    phone = max((match.end() for match in _PHONE_WORD.finditer(before)), default=0)
    other = max((match.end() for match in _OTHER_WORD.finditer(before)), default=0)
    return phone > other or (not other and is_behind)
