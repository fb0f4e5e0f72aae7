"""The kinds of values that select entries: patterns of text, numbers and statuses by name, TLVs.

Values come from TOML, where numbers are numbers, and from the queries of the control port, where
everything is text; so a number may be written as text too: ``"0x58"``, ``"88"``, ``"ESME_RTHROTTLED"``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Strict, WithJsonSchema

from smsgw.documents.names import with_hint
from smsgw.smpp.constants import CommandStatus, Tag

TextTest: TypeAlias = Callable[[str], bool]

_REGEX = re.compile(r"/(.*)/(i?)", re.DOTALL)
_WILD = re.compile(r"\\[*?\\]|[*?]")
_TAGS: Final = {tag.name.lower(): int(tag) for tag in Tag}
_MAX_U32 = 0xFFFFFFFF


def compile_pattern(pattern: str) -> TextTest:
    """A test of whole texts: ``*`` and ``?`` are wild (``\\*`` is not), ``/…/`` is a regular expression to be found.

    ``/…/i`` ignores case. Raises ValueError for what is no regular expression.
    """
    regex = _REGEX.fullmatch(pattern)
    if regex is not None:
        found = compile_regex(pattern)
        return lambda text: found.search(text) is not None
    if _WILD.search(pattern) is None:
        return pattern.__eq__
    whole = re.compile(_glob(pattern), re.DOTALL)
    return lambda text: whole.fullmatch(text) is not None


def compile_regex(pattern: str) -> re.Pattern[str]:
    """``/…/`` or ``/…/i`` compiled; raises ValueError for anything else."""
    regex = _REGEX.fullmatch(pattern)
    if regex is None:
        raise ValueError(f'expected a regular expression between slashes, such as "/No ([0-9]+)/", found {pattern!r}')
    try:
        return re.compile(regex[1], re.DOTALL | re.MULTILINE | (re.IGNORECASE if regex[2] else 0))
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


def _glob(pattern: str) -> str:
    parts = []
    at = 0
    for wild in _WILD.finditer(pattern):
        parts.append(re.escape(pattern[at : wild.start()]))
        found = wild[0]
        parts.append({"*": ".*", "?": "."}.get(found) or re.escape(found[1]))
        at = wild.end()
    return "".join([*parts, re.escape(pattern[at:])])


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _patterns(value: object) -> tuple[str, ...]:
    patterns = []
    for each in _listed(value):
        if not isinstance(each, str):
            raise ValueError(f"expected text in quotes, or a list of it, found {each!r}")
        compile_pattern(each)
        patterns.append(each)
    return tuple(patterns)


def _number(value: object) -> int:
    try:
        number = int(value, 0) if isinstance(value, str) else value
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MAX_U32:
        raise ValueError(f"expected a number such as 8 or 0x08, found {value!r}")
    return number


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(_number(each) for each in _listed(value))


def _status(value: object) -> int:
    if isinstance(value, str) and not value[:1].isdigit():
        name = value.upper()
        for candidate in (name, f"ESME_{name}", f"ESME_R{name}"):
            if candidate in CommandStatus.__members__:
                return int(CommandStatus[candidate])
        raise ValueError(with_hint(f"no status is called {value!r}", value, CommandStatus.__members__))
    return _number(value)


def _statuses(value: object) -> tuple[int, ...]:
    return tuple(_status(each) for each in _listed(value))


def tag_number(name: str) -> int:
    """The number of a TLV tag: ``message_state``, ``0x0427`` or ``1063``. Raises ValueError with a hint."""
    known = _TAGS.get(name.lower())
    if known is not None:
        return known
    if not name[:1].isdigit():
        raise ValueError(with_hint(f"no TLV is called {name!r}", name, _TAGS))
    number = _number(name)
    if number > 0xFFFF:
        raise ValueError(f"expected a tag of 0x0000 to 0xFFFF, found {name}")
    return number


def compile_tlv(expected: bool | int | str) -> Callable[[bytes | None], bool]:
    """A test of a TLV's value, None where it is missing. Raises ValueError for what can't be its value.

    True: it is there; False: it is not; a number: its octets as a big-endian integer; ``"hex:0a0b"``: exactly
    those octets; any other text: a pattern for the value as text, without its NUL.
    """
    if isinstance(expected, bool):
        return lambda value: (value is not None) is expected
    if isinstance(expected, int):
        return lambda value: bool(value) and int.from_bytes(value or b"", "big") == expected
    if expected.startswith("hex:"):
        try:
            octets = bytes.fromhex(expected[4:])
        except ValueError:
            raise ValueError(f"expected octets such as hex:0a0b, found {expected!r}") from None
        return lambda value: value == octets
    matches = compile_pattern(expected)
    return lambda value: value is not None and matches(tlv_text(value))


def tlv_text(value: bytes) -> str:
    """A TLV's value as text, without a NUL at its end."""
    octets = value.rstrip(b"\0")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _tlvs(value: object) -> dict[str, bool | int | str]:
    if not isinstance(value, dict):
        raise ValueError(f'expected a table such as {{ message_state = 2, "0x1400" = true }}, found {value!r}')
    for name, expected in value.items():
        tag_number(str(name))
        if not isinstance(expected, bool | int | str):
            raise ValueError(f"expected true, false, a number or text for {name}, found {expected!r}")
        compile_tlv(expected)
    return value


def _one_or_list(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item}]})


Patterns = Annotated[tuple[str, ...], Strict(False), BeforeValidator(_patterns), _one_or_list({"type": "string"})]
"""One pattern or several, of which one must match."""
Numbers = Annotated[
    tuple[int, ...], Strict(False), BeforeValidator(_numbers), _one_or_list({"type": ["integer", "string"]})
]
Statuses = Annotated[
    tuple[int, ...], Strict(False), BeforeValidator(_statuses), _one_or_list({"type": ["integer", "string"]})
]
TlvTable = Annotated[dict[str, bool | int | str], BeforeValidator(_tlvs)]
