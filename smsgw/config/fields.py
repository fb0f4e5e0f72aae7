"""The kinds of values that only site files hold: classes and hours; the others are in ``documents.values``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BeforeValidator, Strict

from smsgw.documents.names import with_hint
from smsgw.documents.values import checked_name, one_or_some, one_word, text_like
from smsgw.policy.model import CLASS_LABELS, MessageClass
from smsgw.policy.number_plan import NETWORKS, OTHER, PROVINCES
from smsgw.policy.profile import TimeRange


def message_class(value: object) -> MessageClass:
    """The class that a word of a file names."""
    if isinstance(value, str) and value in CLASS_LABELS:
        return MessageClass.from_label(value)
    expected = f"expected otp, notice or marketing, found {value!r}"
    raise ValueError(with_hint(expected, value, CLASS_LABELS, list_valid=False))


def _classes(value: object) -> frozenset[int]:
    words = value if isinstance(value, list) else [value]
    return frozenset(message_class(word) for word in words)


def _time_range(value: object) -> TimeRange:
    if not isinstance(value, str):
        raise ValueError(f'expected a time range such as "09:00-21:00", found {value!r}')
    return TimeRange.parse(value)


def _time_ranges(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _one_of(what: str, words: Mapping[str, str]) -> BeforeValidator:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(with_hint(f"unknown {what} {value!r}", value, words))
        return words[value]

    return BeforeValidator(check, json_schema_input_type=one_word(words))


def one_or_more(value: object) -> object:
    """A list of one where a value stands alone."""
    return [value] if isinstance(value, str | int | float) and not isinstance(value, bool) else value


def _name_or_empty(value: object) -> object:
    return value if value == "" else checked_name(value)


_NETWORKS: Final = {**{name: name for name in NETWORKS}, OTHER: ""}
_PROVINCES: Final = {
    **{name: name for name in PROVINCES},
    **{word: name for name, word in PROVINCES.items()},
    OTHER: "",
}

NetworkName = Annotated[str, _one_of("network", _NETWORKS)]
"""As policy knows it; "other" is the empty text."""
ProvinceName = Annotated[str, _one_of("province", _PROVINCES)]
"""In Chinese, whether it was written so or in letters; "other" is the empty text."""
_CLASS: Final = one_word(CLASS_LABELS)
_HOURS: Final = text_like(r"^\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*$")
ClassNumber = Annotated[MessageClass, BeforeValidator(message_class, json_schema_input_type=_CLASS)]
Classes = Annotated[frozenset[int], BeforeValidator(_classes, json_schema_input_type=one_or_some(_CLASS))]
OneRange = Annotated[TimeRange, BeforeValidator(_time_range, json_schema_input_type=_HOURS)]
NameOrEmpty = Annotated[str, BeforeValidator(_name_or_empty, json_schema_input_type=str)]
Ranges = Annotated[
    tuple[OneRange, ...],
    Strict(False),
    BeforeValidator(_time_ranges, json_schema_input_type=one_or_some(_HOURS)),
]
