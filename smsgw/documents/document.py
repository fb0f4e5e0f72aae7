"""One TOML file: its values, where each stands, and a model made from them.

Turns what pydantic says into file, line, key and a sentence in plain words. A file that can't be read
or parsed, or has a wrong value, leaves errors in ``Problems`` and gives None, so that the other
files are still looked at.
"""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from smsgw.documents.locate import KeyPath, Lines
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.documents.values import DIRECTORY

M = TypeVar("M", bound=BaseModel)

WHEN_MISSING = "when_missing"
"""In a field's ``json_schema_extra``: what is said when the key is left out, such as what to write."""

_AT_LINE = re.compile(r"\s*\(at line (\d+), column (\d+)\)")
_TYPES = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list [...]",
    "tuple_type": "a list [...]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "frozen_set_type": "a list [...]",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
}


class Document:
    """A parsed file. ``at`` and ``where`` give the place of a key for messages of later checks."""

    def __init__(self, path: Path, text: str, data: dict[str, Any]) -> None:
        self.path = path
        self.data = data
        self._lines = Lines(text)

    @classmethod
    def read(cls, path: Path, problems: Problems) -> Document | None:
        """Read and parse; None when that failed, with the reason in ``problems``."""
        try:
            text = path.read_text(encoding="utf-8-sig")
            return cls(path, text, tomllib.loads(text))
        except OSError as error:
            problems.error(path, 0, "", f"can't be read: {error.strerror or error}")
        except UnicodeDecodeError as error:
            problems.error(path, 0, "", f"is not UTF-8 (octet {error.start})")
        except tomllib.TOMLDecodeError as error:
            message = str(error)
            place = _AT_LINE.search(message)
            line = int(place[1]) if place else text.count("\n") + 1
            why = _AT_LINE.sub("", message).replace("Invalid value", "Invalid value; text stands in quotes")
            problems.error(path, line, "", f"is not TOML: {why}")
        return None

    def line(self, *key: str | int) -> int:
        """The line of a key, or of the nearest table around it."""
        return self._lines.find(key)

    def error(self, problems: Problems, key: KeyPath, why: str) -> None:
        """Add an error at a key of this file."""
        problems.error(self.path, self.line(*key), show_key(key), why)

    def warn(self, problems: Problems, key: KeyPath, why: str) -> None:
        """Add a warning at a key of this file."""
        problems.warn(self.path, self.line(*key), show_key(key), why)

    def build(self, model: type[M], directory: Path, problems: Problems) -> M | None:
        """The frozen settings of this file; None when a value is wrong, with every reason in ``problems``."""
        try:
            return model.model_validate(self.data, by_alias=True, by_name=False, context={DIRECTORY: directory})
        except ValidationError as invalid:
            for details in invalid.errors():
                # pydantic's mark for "the key of this entry, not its value"
                key = tuple(part for part in details["loc"] if part != "[key]")
                if not _follows_from_another(details):
                    self.error(
                        problems, key, _explain(model, key, {**details, "input": self._as_written(key, details)})
                    )
        return None

    def _as_written(self, key: KeyPath, details: ErrorDetails) -> object:
        """The value that an error is about; of a duration out of its bounds the text, not its seconds."""
        found: Any = self.data
        for part in key if details["type"] in _BOUNDS else ():
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return details["input"]
        return found if isinstance(found, str) else details["input"]


def show_key(key: KeyPath) -> str:
    """``("cap", 2, "limit")`` as ``cap[2].limit``; counted from 1, as people do."""
    shown = ""
    for part in key:
        if isinstance(part, int):
            shown += f"[{part + 1}]"
        else:
            shown += f".{part}" if shown else part
    return shown


def _explain(model: type[BaseModel], key: KeyPath, details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    secret = bool(key) and str(key[-1]).startswith("password")
    found = "" if secret else f", found {_show(details['input'])}"
    if kind == "missing":
        about = _when_missing(model, key)
        return f"is missing; {about}" if about else "is missing"
    if kind == "extra_forbidden":
        place = getattr(_table(model, key[:-1]), "moved", {}).get(key[-1])
        if place is not None:
            return f"has moved: write it as {place}"
        deeper = _deeper(model, key)
        if deeper:
            return f"unknown key here; it belongs under [{deeper}]: is that line commented out?"
        return with_hint("unknown key", key[-1], _valid_keys(model, key[:-1]))
    if kind == "value_error":
        return str(context.get("error", details["msg"]))
    if kind == "literal_error":
        expected = str(context["expected"])
        return with_hint(f"expected {expected}{found}", details["input"], _words(expected), list_valid=False)
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        is_duration = isinstance(details["input"], str) and context[bound]
        return (
            f"expected {words} {context[bound]:g}s{found}"
            if is_duration
            else f"expected {words} {context[bound]}{found}"
        )
    if kind in ("string_too_short", "too_short"):
        return "must not be empty"
    if kind in _TYPES:
        return f"expected {_TYPES[kind]}{found}"
    return f"{details['msg']}{found}"


def _follows_from_another(details: ErrorDetails) -> bool:
    """A list whose only items are wrong counts as too short, too; once is enough."""
    return details["type"] == "too_short" and bool(details["input"])


def _show(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _words(expected: str) -> list[str]:
    return re.findall(r"'([^']*)'", expected)


def _table(model: type[BaseModel], key: KeyPath) -> type[BaseModel] | None:
    """The model of the table at ``key``."""
    table: type[BaseModel] | None = model
    for part in key:
        if isinstance(part, str) and table is not None:
            field = _field(table, part)
            table = next(_models(field.annotation), None) if field is not None else None
    return table


def _field(table: type[BaseModel], key: str | int) -> FieldInfo | None:
    return next((field for name, field in table.model_fields.items() if (field.alias or name) == key), None)


def _valid_keys(model: type[BaseModel], key: KeyPath) -> list[str]:
    """The keys that the table at ``key`` may have."""
    table = _table(model, key)
    return [field.alias or name for name, field in table.model_fields.items()] if table is not None else []


def _deeper(model: type[BaseModel], key: KeyPath) -> str:
    """The table inside the one of ``key`` that has such a key, if there is one and the table itself is no list."""
    table = _table(model, key[:-1])
    if table is None or not all(isinstance(part, str) for part in key):
        return ""
    for name, field in table.model_fields.items():
        inner = next(_models(field.annotation), None)
        if inner is not None and isinstance(key[-1], str) and _field(inner, key[-1]) is not None:
            return ".".join(map(str, (*key[:-1], field.alias or name)))
    return ""


def _when_missing(model: type[BaseModel], key: KeyPath) -> str:
    """What to say, beside that the key is missing, where the model says something."""
    table = _table(model, key[:-1])
    extra = getattr(_field(table, key[-1]) if table is not None else None, "json_schema_extra", None)
    return str(extra.get(WHEN_MISSING, "")) if isinstance(extra, dict) else ""


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)
