"""``codes/*.toml`` and the ``[codes]`` of a carrier: which code means what; and what may go elsewhere, and when.

A carrier names a file of codes and may say of any code that it means something else here, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from smsgw.documents.document import Document
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.documents.values import Name, PositiveSeconds, Seconds, Settings, Strings, no_duplicates
from smsgw.policy.breaker import BreakerSettings
from smsgw.policy.code_classes import CodeClass, CodeTable, status_of

MOST_CODE_CHARACTERS = 20
_NONE = "none"


def _minute(value: object) -> int:
    hour, colon, minute = value.partition(":") if isinstance(value, str) else ("", "", "")
    if colon and hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60 and len(minute) == 2:
        return int(hour) * 60 + int(minute)
    raise ValueError(f'expected a time of day such as "08:00", found {value!r}')


class CodeLists(Settings):
    """Codes by class. ``ported_to``: the network that a code names, where it names one."""

    blacklist: Strings = ()
    invalid_number: Strings = ()
    suspended: Strings = ()
    cap: Strings = ()
    flow: Strings = ()
    content: Strings = ()
    signature: Strings = ()
    time: Strings = ()
    ported: Strings = ()
    no_route: Strings = ()
    ported_to: dict[str, Name] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        codes = [code for code, _ in self.classes()]
        no_duplicates([code.casefold() for code in codes])
        for code in codes:
            if len(code) > MOST_CODE_CHARACTERS:
                raise ValueError(f"{code!r} is longer than the {MOST_CODE_CHARACTERS} characters that are read of one")
            if code[:2] in ("0x", "0X") and status_of(code) is None:
                raise ValueError(f'{code!r} is no command_status; expected one such as "0x58"')
        for code in self.ported_to:
            if code not in self.ported:
                raise ValueError(with_hint(f"ported_to: {code!r} is not listed under ported", code, self.ported))
        return self

    def classes(self) -> Iterator[tuple[str, CodeClass | None]]:
        """Every code with its class; None: it means nothing."""
        for each in CodeClass:
            for code in getattr(self, each.value):
                yield code, each


class CodesFile(CodeLists):
    """One table of codes that carriers share."""

    name: Name


class CarrierCodes(CodeLists):
    """``[codes]`` of a carrier: the file it builds on, and what differs. ``none``: codes that mean nothing here."""

    base: Name | None = None
    none: Strings = ()
    opens_minute: Annotated[int, BeforeValidator(_minute, json_schema_input_type=str)] = Field(8 * 60, alias="opens")
    cap_s: PositiveSeconds | None = Field(None, alias="cap_for")
    signature_after: Annotated[int, Field(ge=0, le=1000)] = 0
    signature_pause_s: PositiveSeconds = Field(3600.0, alias="signature_pause")

    def classes(self) -> Iterator[tuple[str, CodeClass | None]]:
        """Every code with its class; None: it means nothing."""
        yield from super().classes()
        for code in self.none:
            yield code, None


def _by_name(value: object) -> object:
    return {"base": value} if isinstance(value, str) else value


CodesSettings = Annotated[CarrierCodes, BeforeValidator(_by_name, json_schema_input_type=str | CarrierCodes)]
"""``codes = "cn"`` or a table."""


class ResponseTimes(Settings):
    """How long an answer may take, by class; 0s: as ``response`` says for all."""

    otp: Seconds = 0.0
    notice: Seconds = 0.0
    marketing: Seconds = 0.0

    @property
    def by_class(self) -> tuple[float, float, float]:
        """Indexed by message class."""
        return self.otp, self.notice, self.marketing


class FailoverSettings(Settings):
    """``[failover]``: when a message goes to the next carrier of its route, beyond lost binds and statuses."""

    on_timeout: bool = False
    on_receipt: bool = False
    latency_s: Seconds = Field(0.0, alias="latency")
    response: ResponseTimes = ResponseTimes()


Share = Annotated[float, Field(ge=0, le=1)]


class BreakerTable(Settings):
    """``[breaker]``: a province is taken off this carrier while its delivery rate is below what is usual."""

    below: Annotated[float, Field(ge=0, lt=1)] = 0.5
    against_history: Share = 0.8
    recovered: Share = 0.9
    sample: Annotated[int, Field(ge=1, le=100_000)] = 50
    window_s: PositiveSeconds = Field(300.0, alias="window")
    history_s: PositiveSeconds = Field(86_400.0, alias="history")
    open_s: PositiveSeconds = Field(60.0, alias="open")
    open_max_s: PositiveSeconds = Field(1800.0, alias="open_max")
    probe_share: Annotated[float, Field(gt=0, le=1)] = Field(0.05, alias="probe")
    probe_sample: Annotated[int, Field(ge=1, le=100_000)] = 20

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self.settings()
        return self

    def settings(self) -> BreakerSettings:
        """As the policy wants them."""
        return BreakerSettings(**self.model_dump())


def code_table(own: CarrierCodes | None, files: Mapping[str, CodesFile]) -> CodeTable:
    """The codes of a carrier: those of its file with its own on top."""
    if own is None:
        return CodeTable()
    base = files.get(own.base) if own.base is not None else None
    classes: dict[str, CodeClass] = {}
    ported_to: dict[str, str] = {}
    for lists in (base, own):
        if lists is not None:
            ported_to.update(lists.ported_to)
            for code, each in lists.classes():
                _set(classes, code, each)
    return CodeTable(classes, ported_to)


def _set(classes: dict[str, CodeClass], code: str, each: CodeClass | None) -> None:
    """What was said of the same code before, in whatever case, is forgotten."""
    for known in [known for known in classes if known.casefold() == code.casefold()]:
        del classes[known]
    if each is not None:
        classes[code] = each


def check_codes(document: Document, files: Mapping[str, object], problems: Problems) -> None:
    """A carrier names codes that exist. Looks at the bare values, so also in a file that is otherwise wrong."""
    value = document.data.get("codes")
    name, key = (value.get("base"), ("codes", "base")) if isinstance(value, dict) else (value, ("codes",))
    if isinstance(name, str) and name not in files:
        document.error(problems, key, with_hint(f"no file of codes is named {name!r}", name, list(files)))
