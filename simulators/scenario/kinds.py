"""The kinds of values of scenario files: how each is written, read, shown again, and described to editors.

A kind is a type with a validator (text or number from the file → what ``CarrierSettings`` holds), a
serializer (back to the text of the file) and a JSON schema of what may be written. Validators raise
ValueError with a sentence that says what was expected and what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator, PlainSerializer, Strict, WithJsonSchema

from simulators.carrier.ids import IdForm
from simulators.carrier.receipts import FULL, ReceiptStyle
from simulators.carrier.states import DELIVERED, ReceiptState
from simulators.spread import Delay, parse_share, parse_weighted
from smsgw.documents.names import with_hint
from smsgw.documents.units import parse_duration
from smsgw.smpp.constants import CommandStatus, status_name

T = TypeVar("T")


def kind(read: Callable[[Any], Any], show: Callable[[Any], Any], schema: dict[str, Any]) -> tuple[Any, ...]:
    """Metadata of an annotated type: reader, writer, schema."""
    return BeforeValidator(read), PlainSerializer(show), WithJsonSchema(schema)


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected {expected}, found {value!r}")
    return value


# durations and delays


def show_duration(seconds: float) -> str:
    """``90.0`` as ``90s``."""
    return f"{seconds:.12g}s"


def _delay(value: object) -> Delay:
    return value if isinstance(value, Delay) else Delay.parse(_text(value, 'a delay such as "20ms-80ms"'))


# shares

_DIGITS = 12
#: Shares that differ by less add up to the same.
_ROUNDING = 1e-9


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f'expected a share such as "2%" or 0.02, found {value!r}')
    # 83.7 % is 0.837, whatever a hundredth of it is in binary.
    return round(parse_share(value if isinstance(value, str) else repr(value)), _DIGITS)


def show_share(share: float) -> str:
    """``0.02`` as ``2%``."""
    return f"{share * 100:.10g}%"


# statuses

_STATUSES = {name: int(status) for name, status in CommandStatus.__members__.items()}


def parse_status(value: object) -> int:
    """A command_status written ``0x58``, ``88`` or ``ESME_RTHROTTLED``."""
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        words = _text(value, 'a command_status such as "0x58" or "ESME_RTHROTTLED"').strip()
        if words in _STATUSES:
            return _STATUSES[words]
        try:
            number = int(words, 0)
        except ValueError:
            raise ValueError(
                with_hint(f"no command_status is named {words!r}", words, _STATUSES, list_valid=False)
            ) from None
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(f"expected a command_status of 0 to 0xFFFFFFFF, found {value!r}")
    return number


def _error_status(value: object) -> int:
    status = parse_status(value)
    if status == 0:
        raise ValueError("expected a status that refuses; 0 (ESME_ROK) takes")
    return status


def _refusal(value: object) -> int:
    return 0 if value == "silence" else parse_status(value)


def show_status(status: int) -> str:
    """``ESME_RTHROTTLED``, or ``0x00000402`` for one without a name."""
    return status_name(status)


# weighted choices


@dataclass(frozen=True, slots=True)
class Weighted(Generic[T]):
    """Values with shares, and the one that takes what they leave over."""

    shares: tuple[tuple[T, float], ...]
    rest: T


def _pairs(value: object, expected: str) -> list[tuple[str, float | None]]:
    """From ``A:95%, B`` or ``{A = "95%", B = "rest"}`` to names with shares; None takes the rest."""
    if isinstance(value, str):
        return [(name, None if share is None else round(share, _DIGITS)) for name, share in parse_weighted(value)]
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"expected {expected}, found {value!r}")
    return [(str(name), None if share == "rest" else _share(share)) for name, share in value.items()]


def _split(pairs: Iterable[tuple[T, float | None]], rest: T) -> Weighted[T]:
    shares = tuple((value, share) for value, share in pairs if share is not None)
    bare = [value for value, share in pairs if share is None]
    if len(bare) > 1:
        raise ValueError("only one value may go without a share; it takes the rest")
    total = sum(share for _, share in shares)
    if total > 1 + _ROUNDING:
        raise ValueError(f"shares add up to {total:.0%}, more than 100%")
    return Weighted(shares, bare[0] if bare else rest)


def _weighted(parse: Callable[[str], T], rest: T, expected: str) -> Callable[[object], Weighted[T]]:
    def read(value: object) -> Weighted[T]:
        if isinstance(value, Weighted):
            return value
        return _split([(parse(name), share) for name, share in _pairs(value, expected)], rest)

    return read


def _show_weighted(show: Callable[[T], str], usual: T) -> Callable[[Weighted[T]], str]:
    def write(value: Weighted[T]) -> str:
        parts = [f"{show(each)}:{show_share(share)}" for each, share in value.shares]
        nothing_left = sum(share for _, share in value.shares) >= 1 - _ROUNDING
        return ", ".join(parts if nothing_left and value.rest is usual else [*parts, show(value.rest)])

    return write


def show_state(state: ReceiptState) -> str:
    """``DELIVRD``, or ``UNDELIV/002`` where err is not the usual one of the state."""
    return state.stat if ReceiptState.parse(state.stat) == state else str(state)


def _refusals(value: object) -> tuple[tuple[int, float], ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value == {}:
        return ()
    pairs = _pairs(value, 'refusals such as "ESME_RTHROTTLED:2%, 0x08:1%"')
    chosen = _split([(_error_status(name), share) for name, share in pairs], 0)
    left = 1 - sum(share for _, share in chosen.shares)
    return (*chosen.shares, (chosen.rest, left)) if chosen.rest else chosen.shares


def _show_refusals(refusals: tuple[tuple[int, float], ...]) -> dict[str, str]:
    return {show_status(status): show_share(share) for status, share in refusals}


def _id_form(value: object) -> IdForm:
    return value if isinstance(value, IdForm) else IdForm(_text(value, 'a form of ids such as "dec" or "hex:8"'))


# times


def _zone(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        hours: float = value
    else:
        words = _text(value, 'a zone such as "+08:00"')
        sign, digits = (-1, words[1:]) if words[:1] == "-" else (1, words.removeprefix("+"))
        hour, _, minute = digits.partition(":")
        if not (hour.isdecimal() and (minute or "0").isdecimal() and int(minute or 0) < 60):
            raise ValueError(f'expected a zone such as "+08:00", found {value!r}')
        hours = sign * (int(hour) + int(minute or 0) / 60)
    if not -24 < hours < 24:
        raise ValueError(f"expected a zone within a day of UTC, found {value!r}")
    return float(hours)


def _show_zone(hours: float) -> str:
    minutes = round(abs(hours) * 60)
    return f"{'-' if hours < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _minute(words: str) -> int:
    hour, colon, minute = words.strip().partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and int(hour) < 25 and int(minute) < 60):
        raise ValueError(f'expected a time of day such as "22:00", found {words!r}')
    return int(hour) * 60 + int(minute)


def _between(value: object) -> tuple[int, int]:
    if isinstance(value, tuple):
        return value
    first, dash, second = _text(value, 'times of day such as "22:00-08:00"').partition("-")
    if not dash:
        raise ValueError(f'expected times of day such as "22:00-08:00", found {value!r}')
    return _minute(first), _minute(second)


def _show_between(times: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in times)


def _listed(value: object) -> object:
    """One text is a list of one."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


_STRINGS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)\s*$",
    "examples": ["300ms", "30s", "5m"],
}
_WEIGHTS = {"type": "object", "additionalProperties": {"type": ["string", "number"]}, "minProperties": 1}
_STATUS = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 0xFFFFFFFF},
        {"type": "string", "pattern": "^0x[0-9A-Fa-f]{1,8}$"},
        {"enum": sorted(_STATUSES)},
    ],
    "examples": ["0x58", "ESME_RTHROTTLED"],
}

Duration = Annotated[float, *kind(parse_duration, show_duration, DURATION_SCHEMA)]
DelayValue = Annotated[
    Delay,
    *kind(
        _delay,
        str,
        {
            "type": "string",
            "examples": ["50ms", "20ms-80ms", "exp:2s", "lognormal:50ms/1s", "0%:5ms,50%:20ms,99%:1s,100%:8s"],
            "minLength": 2,
        },
    ),
]
Share = Annotated[
    float,
    *kind(
        _share,
        show_share,
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%?\s*$"},
            ],
            "examples": ["2%", 0.02],
        },
    ),
]
ErrorStatus = Annotated[int, *kind(_error_status, show_status, _STATUS)]
Status = Annotated[int, *kind(parse_status, show_status, _STATUS)]
LimitStatus = Annotated[
    int,
    *kind(
        _refusal,
        lambda status: show_status(status) if status else "silence",
        {"anyOf": [{"const": "silence"}, *_STATUS["anyOf"]], "examples": ["0x58", "silence"]},
    ),
]
Refusals = Annotated[
    tuple[tuple[int, float], ...],
    *kind(
        _refusals,
        _show_refusals,
        {"anyOf": [{"type": ["string", "integer"]}, _WEIGHTS], "examples": ["ESME_RTHROTTLED:2%, 0x08:1%", "0x58"]},
    ),
]
States = Annotated[
    Any,
    *kind(
        _weighted(ReceiptState.parse, DELIVERED, 'states such as "DELIVRD:95%, UNDELIV/001:5%"'),
        _show_weighted(show_state, DELIVERED),
        {"anyOf": [{"type": "string"}, _WEIGHTS], "examples": ["DELIVRD:95%, UNDELIV/001:5%"]},
    ),
]
Styles = Annotated[
    Any,
    *kind(
        _weighted(ReceiptStyle.parse, FULL, 'styles such as "full:90%, text+quoted:10%"'),
        _show_weighted(str, FULL),
        {"anyOf": [{"type": "string"}, _WEIGHTS], "examples": ["text+quoted", "full:90%, text:10%"]},
    ),
]
State = Annotated[
    ReceiptState,
    *kind(
        lambda value: ReceiptState.parse(_text(value, "a state")),
        show_state,
        {"type": "string", "examples": ["UNDELIV/001"]},
    ),
]
Style = Annotated[
    ReceiptStyle,
    *kind(lambda value: ReceiptStyle.parse(_text(value, "a style")), str, {"type": "string", "examples": ["text"]}),
]
Form = Annotated[
    IdForm,
    *kind(_id_form, lambda form: form.name, {"type": "string", "examples": ["dec", "hex:8", "HEX", "text", "empty"]}),
]
OtherForm = Annotated[
    IdForm | None,
    *kind(
        lambda value: None if value == "same" else _id_form(value),
        lambda form: "same" if form is None else form.name,
        {"type": "string", "examples": ["same", "dec", "hex:8"]},
    ),
]
Zone = Annotated[float, *kind(_zone, _show_zone, {"type": ["string", "number"], "examples": ["+08:00"]})]
Between = Annotated[
    tuple[int, int],
    *kind(
        _between,
        _show_between,
        {"type": "string", "pattern": r"^\d\d?:\d\d\s*-\s*\d\d?:\d\d$", "examples": ["22:00-08:00"]},
    ),
]
#: One text or several.
OneOrMore = Annotated[tuple[str, ...], Strict(False), BeforeValidator(_listed), WithJsonSchema(_STRINGS)]
