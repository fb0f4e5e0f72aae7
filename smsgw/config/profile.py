"""``profiles/*.toml``: the rules of a country or company, made into policy's own values.

What a company must decide has no default here: a profile without marketing caps per day and per week, or
without a word on the hard window, is refused.
"""

from __future__ import annotations

from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field

from smsgw.config.fields import Classes, Ranges
from smsgw.documents.document import Document
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.documents.units import parse_duration
from smsgw.documents.values import CountryCode, Digits, Listed, Name, Settings, Strings
from smsgw.policy.model import ALL_CLASSES, MessageClass
from smsgw.policy.profile import (
    PERIOD_MS,
    Cap,
    CapKind,
    CapScope,
    Days,
    HardWindow,
    Profile,
    SignaturePosition,
    SignatureRule,
    SoftWindow,
    UnsubscribeRule,
    WindowAction,
    WindowSettings,
)
from smsgw.policy.text import normalise

REQUIRED_PERIODS: Final = ("day", "week")
"""Periods for which every profile must say how much marketing one recipient may get."""


def _zone(value: object) -> ZoneInfo:
    try:
        if isinstance(value, str):
            return ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        pass
    raise ValueError(with_hint(f"unknown time zone {value!r:.60}", value, available_timezones()))


def _period(value: object) -> str | int:
    if isinstance(value, str) and value in PERIOD_MS:
        return value
    try:
        return round(parse_duration(value) * 1000)
    except ValueError:
        raise ValueError(f'expected {", ".join(PERIOD_MS)} or a duration such as "24h", found {value!r}') from None


class SignatureTable(Settings):
    """``[signature]``: rule 4."""

    required_for: Classes = ALL_CLASSES
    position: SignaturePosition = "either"
    min: Annotated[int, Field(ge=1)] = 2
    max: Annotated[int, Field(ge=1)] = 20


class UnsubscribeTable(Settings):
    """``[unsubscribe]``: rule 5 and the words of MO."""

    required_for: Classes
    phrases: Strings
    stop_words: Annotated[Strings, Field(min_length=1)]
    start_words: Strings = ()
    confirmation: str = ""


class HardTable(Settings):
    """``[window.hard]``: rule 11. ``closed = []`` says that there is none."""

    classes: Classes
    closed: Ranges


class SoftTable(Settings):
    """``[window.soft]``: rule 12."""

    classes: Classes
    days: Days
    open: Annotated[Ranges, Field(min_length=1)]


class WindowTable(Settings):
    """``[window]``."""

    action: WindowAction = "reject"
    hard: HardTable
    soft: SoftTable | None = None


class CapTable(Settings):
    """``[[cap]]``: rule 16, one limit."""

    name: Name
    classes: Classes = Field(alias="class")
    scope: CapScope
    limit: Annotated[int, Field(ge=1)]
    period: Annotated[str | int, BeforeValidator(_period)]
    kind: CapKind = "clock"
    tiers: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    ceiling: Annotated[int, Field(ge=1)] | None = None


class ProfileFile(Settings):
    """A file of ``profiles/``."""

    name: Name
    zone: Annotated[ZoneInfo, BeforeValidator(_zone)]
    country: CountryCode
    signature: SignatureTable = SignatureTable()
    unsubscribe: UnsubscribeTable
    window: WindowTable
    cap: Listed[CapTable] = ()
    optout_checked_for: Classes = frozenset((MessageClass.NOTICE, MessageClass.MARKETING))
    test_numbers: Listed[Digits] = ()


def build_profile(file: ProfileFile, document: Document, problems: Problems) -> Profile | None:
    """The policy's profile; None when its parts don't fit together, with the reasons in ``problems``."""
    before = problems.count
    _check_words(file, document, problems)
    if file.signature.min > file.signature.max:
        document.error(problems, ("signature", "min"), f"is more than max ({file.signature.max})")
    caps = _build_caps(file, document, problems)
    _check_stated(caps, file, document, problems)
    if problems.count > before:
        return None
    if MessageClass.MARKETING not in file.window.hard.classes or not file.window.hard.closed:
        document.warn(problems, ("window", "hard"), "nothing keeps marketing from being sent at night")
    hard, soft = file.window.hard, file.window.soft
    return Profile(
        name=file.name,
        zone=file.zone,
        country=file.country,
        signature=SignatureRule(
            file.signature.required_for, file.signature.position, file.signature.min, file.signature.max
        ),
        unsubscribe=UnsubscribeRule(
            file.unsubscribe.required_for,
            file.unsubscribe.phrases,
            file.unsubscribe.stop_words,
            file.unsubscribe.start_words,
            file.unsubscribe.confirmation,
        ),
        window=WindowSettings(
            action=file.window.action,
            hard=HardWindow(hard.classes, hard.closed) if hard.closed else None,
            soft=SoftWindow(soft.classes, soft.days, soft.open) if soft is not None else None,
        ),
        caps=caps,
        optout_checked_for=file.optout_checked_for,
        test_numbers=frozenset(file.test_numbers),
    )


def _build_caps(file: ProfileFile, document: Document, problems: Problems) -> tuple[Cap, ...]:
    caps: dict[str, Cap] = {}
    for index, row in enumerate(file.cap):
        if row.name in caps:
            document.error(problems, ("cap", index, "name"), f"another cap is named {row.name!r} already")
        for tier, limit in (("limit", row.limit), *row.tiers.items()):
            if row.ceiling is not None and limit > row.ceiling:
                key = ("cap", index, "limit") if tier == "limit" else ("cap", index, "tiers", tier)
                document.error(problems, key, f"{limit} is over the ceiling of {row.ceiling}")
        try:
            caps[row.name] = Cap(
                row.name, row.classes, row.scope, row.limit, row.period, row.kind, dict(row.tiers), row.ceiling
            )
        except ValueError as error:
            document.error(problems, ("cap", index, "period"), str(error))
    return tuple(caps.values())


def _check_stated(caps: tuple[Cap, ...], file: ProfileFile, document: Document, problems: Problems) -> None:
    """The company, not a default, says how much marketing one recipient gets."""
    stated = {cap.period_ms for cap in caps if MessageClass.MARKETING in cap.classes}
    broken = len(caps) < len(file.cap)
    for period in REQUIRED_PERIODS:
        if PERIOD_MS[period] not in stated and not broken:
            why = f'no cap for class "marketing" per {period}: the company has to decide it, there is no default'
            document.error(problems, ("cap",), why)


def _check_words(file: ProfileFile, document: Document, problems: Problems) -> None:
    rule = file.unsubscribe
    if rule.required_for and not rule.phrases:
        document.error(problems, ("unsubscribe", "phrases"), "must not be empty: required_for asks for one of them")
    stop_words = {normalise(word) for word in rule.stop_words}
    for index, word in enumerate(rule.start_words):
        if normalise(word) in stop_words:
            document.error(problems, ("unsubscribe", "start_words", index), f"{word!r} is in stop_words too")
