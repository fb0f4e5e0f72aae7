"""The tables of ``profiles/*.toml`` as they are written; ``profile`` makes policy's values from them.

Owns: keys, kinds of values and the defaults of what nobody has to decide. What a company must decide has no default: a
key without one is reported as missing, and caps and lengths of marketing are looked for by ``profile_checks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field

from smsgw.config.fields import Classes, Ranges
from smsgw.documents.document import WHEN_MISSING
from smsgw.documents.names import with_hint
from smsgw.documents.units import parse_duration
from smsgw.documents.values import CountryCode, Digits, Listed, Name, PositiveSeconds, Settings, Strings, one_word
from smsgw.policy.model import ALL_CLASSES, MessageClass
from smsgw.policy.profile import (
    NO_CLASSES,
    PERIOD_MS,
    CapKind,
    CapScope,
    Days,
    SignaturePosition,
    WindowAction,
    WindowZone,
)

NO_LIMIT: Final = "none"
"""How a length that the company does not limit is written."""
_NOTICE_AND_MARKETING: Final = frozenset((MessageClass.NOTICE, MessageClass.MARKETING))
_DAY_S: Final = 86_400.0


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


def _length(value: object) -> int | None:
    if value == NO_LIMIT:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f'expected the most characters of a text, or "{NO_LIMIT}", found {value!r:.60}')
    return value


def _decide(what: str, **bounds: Any) -> Any:
    """A key without a default; ``what`` is said when it is missing."""
    return Field(json_schema_extra={WHEN_MISSING: f"the company has to decide {what}"}, **bounds)


_TEMPLATE: Final = 'which classes may only send approved templates: write required_for = ["marketing"], or [] for none'
_LENGTH: Final = f'how long a marketing text may be: write marketing = 500 (characters), or marketing = "{NO_LIMIT}"'
_HARD: Final = 'when marketing may never be sent: write classes = ["marketing"] and closed = ["21:00-08:00"]'
_CONSENT: Final = 'which classes need the recipient\'s consent: write required_for = ["marketing"], or [] for none'

_LENGTH_GIVEN: Final = Annotated[int, Field(ge=1)] | one_word((NO_LIMIT,))
Length = Annotated[int | None, BeforeValidator(_length, json_schema_input_type=_LENGTH_GIVEN)]


class SignatureTable(Settings):
    """``[signature]``: rule 4."""

    required_for: Classes = ALL_CLASSES
    position: SignaturePosition = "either"
    min: Annotated[int, Field(ge=1)] = 2
    max: Annotated[int, Field(ge=1)] = 20


class UnsubscribeTable(Settings):
    """``[unsubscribe]``: rule 5."""

    moved: ClassVar[Mapping[str, str]] = {
        "stop_words": "stop_words of [mo]",
        "start_words": "start_words of [mo]",
        "confirmation": "stop_text of [mo]",
    }

    required_for: Classes = _decide('which classes must say how to unsubscribe: write required_for = ["marketing"]')
    phrases: Strings


class MoTable(Settings):
    """``[mo]``: the words of answers, and what is sent back once."""

    stop_words: Strings = _decide('which answers opt out: write stop_words = ["R", "TD", "退订"]', min_length=1)
    start_words: Strings = ()
    complaint_words: Strings = ()
    help_words: Strings = ()
    stop_text: str = ""
    start_text: str = ""
    complaint_text: str = ""
    help_text: str = ""


class ClassTable(Settings):
    """``[class]``: rule 3, content."""

    code_words: Strings = ()
    promotional_words: Strings = ()
    promotional_hits: Annotated[int, Field(ge=1)] = 2


class SourceTable(Settings):
    """``[source]``: rule 3, numbers."""

    registered_only: bool = False


class ServicePhoneTable(Settings):
    """``[service_phone]``: rule 6."""

    required_for: Classes = NO_CLASSES


class WordsTable(Settings):
    """``[words]``: rule 7."""

    checked_for: Classes = ALL_CLASSES


class ContactsTable(Settings):
    """``[contacts]``: rule 8."""

    links_for: Classes = NO_CLASSES
    phones_for: Classes = NO_CLASSES


class TemplateTable(Settings):
    """``[template]``: rule 9."""

    required_for: Classes = _decide(_TEMPLATE)


class LengthTable(Settings):
    """``[length]``: rule 10, characters by class."""

    otp: Length = None
    notice: Length = None
    marketing: Length = _decide(_LENGTH)


class HardTable(Settings):
    """``[window.hard]``: rule 11. ``closed = []`` says that there is none."""

    classes: Classes
    closed: Ranges = _decide(_HARD)


class SoftTable(Settings):
    """``[window.soft]``: rule 12."""

    classes: Classes
    days: Days
    open: Annotated[Ranges, Field(min_length=1)]


class WindowTable(Settings):
    """``[window]``."""

    action: WindowAction = "reject"
    zone: WindowZone = "profile"
    hard: HardTable = _decide(_HARD)
    soft: SoftTable | None = None


class BlacklistTable(Settings):
    """``[blacklist]``: rule 14, and what is learnt from receipts."""

    checked_for: Classes = _NOTICE_AND_MARKETING
    learn_from: Strings = ()
    threshold: Annotated[int, Field(ge=1)] = 1
    within_s: PositiveSeconds = Field(30 * _DAY_S, alias="within")
    keep_s: PositiveSeconds = Field(90 * _DAY_S, alias="keep")


class DeadNumberTable(BlacklistTable):
    """``[dead_number]``: rule 14, learnt only after several failures in a row."""

    threshold: Annotated[int, Field(ge=1)] = 3


class ConsentTable(Settings):
    """``[consent]``: rule 15."""

    required_for: Classes = _decide(_CONSENT)


class SameContentTable(Settings):
    """``[same_content]``: rule 17."""

    classes: Classes = Field(alias="class")
    period_s: PositiveSeconds = Field(alias="period")
    limit: Annotated[int, Field(ge=1)] = 1


class CapTable(Settings):
    """``[[cap]]``: rule 16, one limit."""

    name: Name
    classes: Classes = Field(alias="class")
    scope: CapScope
    limit: Annotated[int, Field(ge=1)]
    period: Annotated[str | int, BeforeValidator(_period, json_schema_input_type=str)]
    kind: CapKind = "clock"
    tiers: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    ceiling: Annotated[int, Field(ge=1)] | None = None


class ProfileFile(Settings):
    """A file of ``profiles/``."""

    name: Name
    zone: Annotated[ZoneInfo, BeforeValidator(_zone, json_schema_input_type=str)]
    country: CountryCode
    signature: SignatureTable = SignatureTable()
    unsubscribe: UnsubscribeTable
    mo: MoTable = _decide('which answers opt out: write [mo] with stop_words = ["R", "TD", "退订"]')
    message_class: ClassTable | None = Field(None, alias="class")
    source: SourceTable = SourceTable()
    service_phone: ServicePhoneTable = ServicePhoneTable()
    words: WordsTable = WordsTable()
    contacts: ContactsTable = ContactsTable()
    template: TemplateTable = _decide(_TEMPLATE)
    length: LengthTable = _decide(_LENGTH)
    window: WindowTable = _decide(_HARD)
    blacklist: BlacklistTable = BlacklistTable()
    dead_number: DeadNumberTable = DeadNumberTable()
    consent: ConsentTable = _decide(_CONSENT)
    cap: Listed[CapTable] = ()
    same_content: SameContentTable | None = None
    optout_checked_for: Classes = _NOTICE_AND_MARKETING
    test_numbers: Listed[Digits] = ()
