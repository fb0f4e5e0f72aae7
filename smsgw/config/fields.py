"""The kinds of values that only site files hold: classes and hours; the others are in ``documents.values``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Strict

from smsgw.documents.names import with_hint
from smsgw.documents.values import checked_name
from smsgw.policy.model import CLASS_LABELS, MessageClass
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


def _name_or_empty(value: object) -> object:
    return value if value == "" else checked_name(value)


ClassNumber = Annotated[MessageClass, BeforeValidator(message_class)]
Classes = Annotated[frozenset[int], BeforeValidator(_classes)]
OneRange = Annotated[TimeRange, BeforeValidator(_time_range)]
NameOrEmpty = Annotated[str, BeforeValidator(_name_or_empty)]
Ranges = Annotated[tuple[OneRange, ...], Strict(False), BeforeValidator(_time_ranges)]
