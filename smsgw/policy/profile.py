"""The settings that rules are compiled from, as plain frozen values; ``config`` builds them from files.

Owns: their shape, and what makes a single value impossible (``ValueError`` with a sentence that
``config`` puts behind file, line and key). Never holds a default that a company must decide: caps
have none. Times of day are minutes since local midnight in the profile's zone; classes are
``MessageClass`` numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from smsgw.policy.model import ALL_CLASSES

if TYPE_CHECKING:
    from smsgw.policy.short_links import ShortLinks

Classes: TypeAlias = frozenset[int]
SignaturePosition: TypeAlias = Literal["front", "end", "either"]
Days: TypeAlias = Literal["workdays", "weekdays", "all"]
WindowAction: TypeAlias = Literal["reject", "hold"]
WindowZone: TypeAlias = Literal["profile", "recipient"]
NO_CLASSES: Final[frozenset[int]] = frozenset()
NO_NETWORKS: Final[frozenset[str]] = frozenset()
CapScope: TypeAlias = Literal["company", "account", "signature", "template", "segment"]
"""What a cap counts by, beside the recipient; ``segment`` is the audience that the application names."""
CapKind: TypeAlias = Literal["clock", "rolling"]

DAY_MINUTES: Final = 24 * 60
PERIOD_MS: Final[Mapping[str, int]] = {
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
}
"""Nominal lengths of the named periods; a clock day of a zone with summer time may differ."""

_TIME_RANGE = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A daily time ``[start_min, end_min)``; it wraps midnight when start is behind end."""

    start_min: int
    end_min: int

    def __post_init__(self) -> None:
        if not (0 <= self.start_min < DAY_MINUTES and 0 < self.end_min <= DAY_MINUTES):
            raise ValueError("a time must lie within 00:00-24:00")
        if self.start_min == self.end_min:
            raise ValueError("a time range must not be empty; the whole day is 00:00-24:00")

    @classmethod
    def parse(cls, text: str) -> TimeRange:
        """From ``09:00-21:00``, ``21:00-08:00`` (over midnight) or ``00:00-24:00``; ValueError says what is wrong."""
        match = _TIME_RANGE.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a time range such as 09:00-21:00")
        hour, minute, end_hour, end_minute = map(int, match.groups())
        if minute > 59 or end_minute > 59:
            raise ValueError(f"{text!r} has a minute above 59")
        end = end_hour * 60 + end_minute
        return cls(hour * 60 + minute, end or DAY_MINUTES)

    def minutes(self) -> Iterable[tuple[int, int]]:
        """The parts within one day, without wrapping."""
        if self.start_min < self.end_min:
            return ((self.start_min, self.end_min),)
        return ((0, self.end_min), (self.start_min, DAY_MINUTES))


@dataclass(frozen=True, slots=True)
class SignatureRule:
    """Rule 4. ``position`` holds where a carrier has no own; lengths are characters within 【】."""

    required_for: Classes = ALL_CLASSES
    position: SignaturePosition = "either"
    min_chars: int = 2
    max_chars: int = 20


@dataclass(frozen=True, slots=True)
class UnsubscribeRule:
    """Rule 5. Classes that are not in ``required_for`` must not carry a phrase."""

    required_for: Classes
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoRule:
    """``[mo]``: what an answer means that is, as a whole, one of these words, and what is sent back once; "" nothing.

    A complaint blacklists the recipient at once; help changes nothing.
    """

    stop_words: tuple[str, ...] = ()
    start_words: tuple[str, ...] = ()
    complaint_words: tuple[str, ...] = ()
    help_words: tuple[str, ...] = ()
    stop_text: str = ""
    start_text: str = ""
    complaint_text: str = ""
    help_text: str = ""


@dataclass(frozen=True, slots=True)
class ClassRule:
    """``[class]``: how content is compared with the declared class; without it, it is not.

    A verification code has one of ``code_words`` and no link. A text with at least ``promotional_hits`` different ones
    of ``promotional_words`` is marketing, whatever was declared.
    """

    code_words: tuple[str, ...] = ()
    promotional_words: tuple[str, ...] = ()
    promotional_hits: int = 2


@dataclass(frozen=True, slots=True)
class SourceRule:
    """``[source]``, rule 3: whether only registered numbers may be sent from. One that is registered for another
    account or class is refused in any case. ``owners``: every registered number of the site and its account."""

    registered_only: bool = False
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServicePhoneRule:
    """``[service_phone]``, rule 6: classes whose text must name the account's service phone."""

    required_for: Classes = NO_CLASSES


@dataclass(frozen=True, slots=True)
class WordsRule:
    """``[words]``, rule 7: classes that the word lists are applied to."""

    checked_for: Classes = ALL_CLASSES


@dataclass(frozen=True, slots=True)
class ContactsRule:
    """``[contacts]``, rule 8: classes of which links, and phone numbers, must be registered."""

    links_for: Classes = NO_CLASSES
    phones_for: Classes = NO_CLASSES


@dataclass(frozen=True, slots=True)
class TemplateRule:
    """``[template]``, rule 9: classes that may only send what matches an active template."""

    required_for: Classes = NO_CLASSES


@dataclass(frozen=True, slots=True)
class LengthRule:
    """``[length]``, rule 10: the most characters of a whole text, signature included, by class; None for no limit."""

    max_chars: tuple[int | None, int | None, int | None] = (None, None, None)


@dataclass(frozen=True, slots=True)
class ListRule:
    """``[blacklist]`` and ``[dead_number]``, rule 14: the classes they hold for, and what they learn from receipts.

    ``learn_from``: a receipt's ``err`` or text codes, compared without case. After ``threshold`` such receipts within
    ``within_s`` an entry is made for ``keep_s``. No codes: nothing is learnt.
    """

    checked_for: Classes
    learn_from: frozenset[str] = frozenset()
    threshold: int = 1
    within_s: float = 30 * 86400.0
    keep_s: float = 90 * 86400.0


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """``[consent]``, rule 15: classes that need a recipient's consent."""

    required_for: Classes = NO_CLASSES


@dataclass(frozen=True, slots=True)
class SameContentRule:
    """``[same_content]``, rule 17: at most ``limit`` messages of equal content to one recipient in ``period_ms``."""

    classes: Classes
    period_ms: int
    limit: int = 1


@dataclass(frozen=True, slots=True)
class HardWindow:
    """Rule 11: closed at these times of every day for these classes, whatever else is open."""

    classes: Classes
    closed: tuple[TimeRange, ...]


@dataclass(frozen=True, slots=True)
class SoftWindow:
    """Rule 12: open only on these days at these times for these classes."""

    classes: Classes
    days: Days
    open: tuple[TimeRange, ...]


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """What a closed window does, and both windows; None means there is no such window.

    ``zone``: by whose clock; ``recipient`` takes the zones of the recipient's number (all must be open), and the
    profile's where the number tells none.
    """

    action: WindowAction = "reject"
    hard: HardWindow | None = None
    soft: SoftWindow | None = None
    zone: WindowZone = "profile"


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit of rule 16: at most ``limit`` messages to one recipient within a period.

    ``period``: a name (minute, hour, day, week) or, for kind ``rolling`` only, any number of ms.
    ``tiers``: other limits by the recipient's tier. ``ceiling`` bounds all of them; None for no bound.
    Raises ValueError for what can't be counted.
    """

    name: str
    classes: Classes
    scope: CapScope
    limit: int
    period: str | int
    kind: CapKind = "clock"
    tiers: Mapping[str, int] = field(default_factory=dict)
    ceiling: int | None = None

    def __post_init__(self) -> None:
        if not self.name or ":" in self.name:
            raise ValueError("a cap needs a name without a colon")
        if isinstance(self.period, str):
            if self.period not in PERIOD_MS:
                raise ValueError(f"period {self.period!r} is not one of {', '.join(PERIOD_MS)}")
        elif self.kind == "clock":
            raise ValueError(f"a clock period is one of {', '.join(PERIOD_MS)}; any other needs kind rolling")
        elif self.period <= 0:
            raise ValueError("a period must be longer than nothing")
        if min((self.limit, *self.tiers.values(), self.ceiling or 0)) < 0:
            raise ValueError("a limit must not be negative")

    @property
    def period_ms(self) -> int:
        """The nominal length of the period."""
        return PERIOD_MS[self.period] if isinstance(self.period, str) else self.period

    def bounded(self, limit: int) -> int:
        """A limit below the ceiling."""
        return limit if self.ceiling is None else min(limit, self.ceiling)


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of a country or company. ``zone`` is made by ``config`` (it reads files; policy does not)."""

    name: str
    zone: ZoneInfo
    country: str
    signature: SignatureRule
    unsubscribe: UnsubscribeRule
    mo: MoRule = MoRule()
    message_class: ClassRule | None = None
    source: SourceRule = field(default_factory=SourceRule)
    service_phone: ServicePhoneRule = ServicePhoneRule()
    words: WordsRule = WordsRule()
    contacts: ContactsRule = ContactsRule()
    template: TemplateRule = TemplateRule()
    length: LengthRule = LengthRule()
    window: WindowSettings = WindowSettings()
    blacklist: ListRule = ListRule(ALL_CLASSES - {0})
    dead_number: ListRule = ListRule(ALL_CLASSES - {0}, threshold=3)
    consent: ConsentRule = ConsentRule()
    caps: tuple[Cap, ...] = ()
    same_content: SameContentRule | None = None
    optout_checked_for: Classes = ALL_CLASSES - {0}
    test_numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Quota:
    """Rule 18: messages that an account may send in a calendar day and month of its profile's zone; None: no end."""

    day: int | None = None
    month: int | None = None


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """What rules need to know of an account.

    ``licence_expires`` is the last day it may send, in the profile's zone. ``slots`` narrow the soft window.
    ``signatures`` are those of its file; the register may add to them and take them away. ``service_phone`` is written
    as in its texts; empty for none. ``numbers`` maps its source numbers to the classes that may use each. ``lane``: the
    best it may wait in; a class whose lane is lower keeps its own. ``short_links``: None where links stay as they are.
    """

    name: str
    enabled: bool = True
    licence_expires: date | None = None
    signatures: frozenset[str] = frozenset()
    slots: tuple[TimeRange, ...] = ()
    department: str = ""
    service_phone: str = ""
    numbers: Mapping[str, Classes] = field(default_factory=dict)
    quota: Quota = Quota()
    lane: int = 0
    short_links: ShortLinks | None = None


@dataclass(frozen=True, slots=True)
class CarrierPolicy:
    """What rules need to know of a carrier; None and () leave it to the profile.

    ``cost`` is that of a segment, ``costs`` where a network has another one. ``networks``: those it serves; none: all.
    """

    name: str
    signature_position: SignaturePosition | None = None
    unsubscribe_phrases: tuple[str, ...] = ()
    cost: float = 0.0
    costs: Mapping[str, float] = field(default_factory=dict)
    networks: frozenset[str] = NO_NETWORKS

    def cost_for(self, network: str) -> float:
        """What a segment to a recipient of this network costs."""
        return self.costs.get(network, self.cost)
