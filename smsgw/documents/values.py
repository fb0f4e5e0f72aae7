"""The kinds of values that any file may hold, each checked and turned into what a program reads.

A kind is a type with its validators; they raise ValueError with a sentence that names what was expected
and what was found. Files are read strictly: TOML has types, so ``port = "2775"`` is a mistake, not a number.
Paths are relative to a directory, which the loader passes as validation context.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, ClassVar, Final, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationInfo, WithJsonSchema

from smsgw.documents.units import parse_duration, parse_rate

IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

DIRECTORY: Final = "directory"
"""Key of that directory in the validation context."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_T = TypeVar("_T")


class Settings(BaseModel):
    """Base of everything read from a file: frozen, strict, and no key that nobody knows.

    ``moved``: keys that once stood in this table, and where they are written now.
    """

    moved: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_by_name=True,
        validate_by_alias=True,
        arbitrary_types_allowed=True,
    )


def checked_name(value: object) -> str:
    """A name, or ValueError."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"expected a name of at most 32 letters, digits, '_', '-' and '.', found {value!r}")
    return value


def text_like(pattern: str) -> Any:
    """For ``json_schema_input_type``: text in a file that a validator turns into something else."""
    return Annotated[str, Field(pattern=pattern)]


def one_word(words: Iterable[str]) -> Any:
    """For ``json_schema_input_type``: one of several words."""
    ordered = sorted(words) if isinstance(words, frozenset | set) else list(words)
    return Annotated[str, WithJsonSchema({"type": "string", "enum": ordered})]


def one_or_some(kind: Any) -> Any:
    """For ``json_schema_input_type``: a value, or a list of some."""
    return kind | GenericAlias(list, (kind,))


def _octets(limit: int, secret: bool = False) -> BeforeValidator:
    def check(value: object) -> str:
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > limit:
            found = "" if secret else f", found {value!r}"
            raise ValueError(f"expected printable ASCII of at most {limit} characters{found}")
        return value

    return BeforeValidator(check, json_schema_input_type=Annotated[str, Field(max_length=limit)])


def _digits(low: int, high: int, or_empty: bool = False) -> BeforeValidator:
    def check(value: object) -> str:
        if or_empty and value == "":
            return ""
        if not isinstance(value, str) or not (value.isascii() and value.isdigit() and low <= len(value) <= high):
            raise ValueError(f"expected {low} to {high} digits as text, found {value!r}")
        return value

    pattern = f"^[0-9]{{{low},{high}}}$"
    return BeforeValidator(check, json_schema_input_type=text_like(f"{pattern}|^$" if or_empty else pattern))


def _network(value: object) -> IpNetwork:
    try:
        return ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        raise ValueError(f'expected an address or a network such as "10.1.2.0/24", found {value!r}') from None


def _file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a path, found {value!r}")
    path: Path = (info.context or {}).get(DIRECTORY, Path()) / Path(value).expanduser()
    try:
        is_file = path.is_file()
    except OSError:  # a name that no file system takes
        is_file = False
    if not is_file:
        raise ValueError(f"expected an existing file, found none at {path}")
    return path


def _secret_file(value: object, info: ValidationInfo) -> str:
    path = _file(value, info)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"expected a readable file, but {path}: {error}") from None


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError(f'expected a time with its zone, such as "2026-11-18T10:30:00+08:00", found {value}')
    return moment


def _day(value: object) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ValueError(f"expected a day such as 2027-06-30, found {value!r}")
    return day


def no_duplicates(values: Iterable[str]) -> None:
    """Raises ValueError naming what is listed twice."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{value!r} is listed twice")
        seen.add(value)


def _distinct(value: object) -> object:
    if isinstance(value, list):
        no_duplicates([item for item in value if isinstance(item, str)])
    return value


_DURATION: Final = text_like(r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)\s*$")
_RATE: Final = text_like(r"^\s*[0-9]+(\.[0-9]+)?\s*/\s*(s|min|m|h|d)\s*$")
Seconds = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=_DURATION)]
"""A duration, 0 allowed (for timers: off)."""
PositiveSeconds = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=_DURATION), Field(gt=0)]
PerSecond = Annotated[float, BeforeValidator(parse_rate, json_schema_input_type=_RATE)]
Port = Annotated[int, Field(ge=0, le=65535)]
"""0 lets the system choose, for tests."""
Host = Annotated[str, Field(min_length=1, max_length=255)]
Name = Annotated[str, BeforeValidator(checked_name, json_schema_input_type=text_like(f"^{_NAME.pattern}$"))]
"""Goes into Redis keys, metrics and file names."""
SystemId = Annotated[str, _octets(15), BeforeValidator(checked_name)]
Text = Annotated[str, Field(min_length=1)]
Digits = Annotated[str, _digits(3, 20)]
DigitsOrEmpty = Annotated[str, _digits(3, 20, or_empty=True)]
Prefix = Annotated[str, _digits(1, 15)]
CountryCode = Annotated[str, _digits(1, 3)]
Network = Annotated[IpNetwork, BeforeValidator(_network, json_schema_input_type=str)]
ExistingFile = Annotated[Path, BeforeValidator(_file, json_schema_input_type=str)]
SecretFile = Annotated[str, BeforeValidator(_secret_file, json_schema_input_type=str)]
Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=str)]
ShortText = Annotated[str, _octets(12)]
SmppPassword = Annotated[str, _octets(8, secret=True)]

Listed = Annotated[tuple[_T, ...], Strict(False), BeforeValidator(_distinct)]
"""A TOML array without doubles, kept as a tuple."""
Strings = Listed[Text]
