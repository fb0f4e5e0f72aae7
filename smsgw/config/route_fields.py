"""The kinds of values that only routes hold: numbers of segments, days, hours, patterns; each as policy reads it.

A pattern may not be able to keep a gateway busy: no repetition within a repetition, few open ends, nothing that looks
around or back. Raises ValueError with a sentence, like every kind of value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from smsgw.documents.names import with_hint
from smsgw.documents.values import one_or_some, one_word, text_like
from smsgw.policy.profile import TimeRange
from smsgw.policy.route import ANY_SEGMENTS, MOST_SEGMENTS, READ_BY_PATTERNS, day_bit
from smsgw.policy.route_words import DAY_NAMES, HOLIDAYS, WORKDAYS

_SEGMENTS: Final = re.compile(r"(>=)?([0-9]{1,3})(?:-([0-9]{1,3}))?")
_DAYS: Final = {
    **{name: day_bit(day, True) | day_bit(day, False) for day, name in enumerate(DAY_NAMES)},
    "workdays": WORKDAYS,
    "holidays": HOLIDAYS,
}
_LONGEST_PATTERN: Final = 200
#: What a pattern may have to try at each character of a text: the product of its repetitions.
_MOST_TRIES: Final = 5_000
_parser: Any = vars(re)["_parser"]
_REPEATS: Final = {_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT}
_LOOKS: Final = {_parser.GROUPREF, _parser.GROUPREF_EXISTS, _parser.ASSERT, _parser.ASSERT_NOT}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _segments(value: object) -> int:
    mask = 0
    for each in _listed(value):
        match = _SEGMENTS.fullmatch(str(each).replace(" ", "")) if isinstance(each, str | int) else None
        first = int(match[2]) if match is not None else 0
        last = (MOST_SEGMENTS if match[1] else int(match[3] or first)) if match is not None else 0
        if match is None or (match[1] and match[3]) or not 0 < first <= last <= MOST_SEGMENTS:
            raise ValueError(f'expected numbers of segments such as "1", "2-4" or ">=3", found {each!r}')
        mask |= (1 << (last + 1)) - (1 << first)
    return mask & ANY_SEGMENTS


def _days(value: object) -> int:
    mask = 0
    for each in _listed(value):
        if not isinstance(each, str) or each not in _DAYS:
            raise ValueError(
                with_hint(f"unknown day {each!r}", each, _DAYS, list_valid=False) + f" ({', '.join(_DAYS)})"
            )
        mask |= _DAYS[each]
    return mask


def _hours(value: object) -> int:
    mask = 0
    for each in _listed(value):
        if not isinstance(each, str):
            raise ValueError(f'expected a time range such as "08:00-21:00", found {each!r}')
        for start, end in TimeRange.parse(each).minutes():
            mask |= (1 << end) - (1 << start)
    return mask


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_PATTERN:
        raise ValueError(f"expected a regular expression of at most {_LONGEST_PATTERN} characters, found {value!r:.60}")
    try:
        re.compile(value)
        tries = _tries(_parser.parse(value), repeated=False)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None
    if tries > _MOST_TRIES:
        raise ValueError("repeats too much, it could take for ever: one * or +, or a few repetitions such as {1,9}")
    return value


def _tries(parsed: Iterable[tuple[Any, Any]], repeated: bool) -> int:
    """In how many ways a pattern may match at one place; ValueError for what must not be in it at all."""
    tries = 1
    for code, argument in parsed:
        if code in _LOOKS:
            raise ValueError("must not look around or back: (?=…), (?!…), (?<…) and \\1 could take for ever")
        if code in _REPEATS:
            least, most, inner = argument
            if repeated:
                raise ValueError("must not repeat what repeats, such as (a+)+: it could take for ever")
            tries *= min(most, READ_BY_PATTERNS) - min(least, READ_BY_PATTERNS) + 1
            tries *= _tries(inner, repeated=most > 1)
        elif code is _parser.SUBPATTERN:
            tries *= _tries(argument[-1], repeated)
        elif code is _parser.BRANCH:
            tries *= sum(_tries(branch, repeated) for branch in argument[1])
        elif code is _parser.ATOMIC_GROUP:
            tries *= _tries(argument, repeated)
    return tries


_SEGMENTS_TEXT: Final = text_like(r"^\s*(>=\s*[0-9]{1,3}|[0-9]{1,3}(\s*-\s*[0-9]{1,3})?)\s*$") | int
_DAY_WORD: Final = one_word(_DAYS)
_HOURS_TEXT: Final = text_like(r"^\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*$")
_PATTERN_TEXT: Final = Annotated[str, Field(min_length=1, max_length=_LONGEST_PATTERN)]

SegmentCounts = Annotated[int, BeforeValidator(_segments, json_schema_input_type=one_or_some(_SEGMENTS_TEXT))]
DayMask = Annotated[int, BeforeValidator(_days, json_schema_input_type=one_or_some(_DAY_WORD))]
MinuteMask = Annotated[int, BeforeValidator(_hours, json_schema_input_type=one_or_some(_HOURS_TEXT))]
Pattern = Annotated[str, BeforeValidator(_pattern, json_schema_input_type=_PATTERN_TEXT)]
