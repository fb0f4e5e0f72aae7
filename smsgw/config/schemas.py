"""JSON Schemas of every kind of file, made from the models that read them, for editors that help while one writes.

Owns: which kinds there are, which file is of which, and how a model's kinds of values look in a schema. A value that is
read from text (a duration, a rate) is shown as that text. The models decide; a schema only helps, so it may let
something pass that ``smsgw check`` refuses, never the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from smsgw.config.account import AccountSettings
from smsgw.config.alarms import AlarmsFile
from smsgw.config.calendar import CalendarFile
from smsgw.config.carrier import CarrierSettings
from smsgw.config.codes import CodesFile
from smsgw.config.fields import one_or_more
from smsgw.config.node import NodeFile
from smsgw.config.people import PeopleFile
from smsgw.config.profile_tables import ProfileFile
from smsgw.config.routes import RoutesFile

KINDS: Final[Mapping[str, type[BaseModel]]] = {
    "smsgw": NodeFile,
    "routes": RoutesFile,
    "account": AccountSettings,
    "carrier": CarrierSettings,
    "codes": CodesFile,
    "profile": ProfileFile,
    "calendar": CalendarFile,
    "people": PeopleFile,
    "alarms": AlarmsFile,
}
"""Kind → model. Files of a folder are of the kind that the folder is named after."""

_NATURAL: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float),
}  # fmt: skip


class _Schema(GenerateJsonSchema):
    """What pydantic makes of a model, and what files may hold beside that."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """A list whose only value may stand alone."""
        made = super().function_before_schema(schema)
        if schema["function"]["function"] is one_or_more and "items" in made:
            return {"anyOf": [made["items"], made]}
        return made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default is shown only where it is written as it is kept: not 10.0 for "10s"."""
        made = super().default_schema(schema)
        default, kind = made.get("default"), made.get("type")
        if "default" in made and not (isinstance(kind, str) and isinstance(default, _NATURAL.get(kind, ()))):
            del made["default"]
        return made

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        """A value that only its validator knows."""
        return {}

    def generate(self, schema: core_schema.CoreSchema, mode: str = "validation") -> JsonSchemaValue:
        """The whole, with the mark of the dialect."""
        made = super().generate(schema, "validation")
        return {"$schema": self.schema_dialect, **_plain(made)}


def _plain(made: Any) -> Any:
    """Without what files can't hold (TOML has no null), what says nothing (titles), and bounds of the wrong kind."""
    if isinstance(made, list):
        return [_plain(each) for each in made if each != {"type": "null"}]
    if not isinstance(made, dict):
        return made
    plain = {key: _plain(value) for key, value in made.items() if key != "title" or not isinstance(value, str)}
    if plain.get("type") == "array" and "minLength" in plain:
        plain["minItems"] = plain.pop("minLength")
    choices = plain.get("anyOf")
    if isinstance(choices, list) and len(choices) == 1:
        return {**plain.pop("anyOf")[0], **plain}
    return plain


def schema_of(kind: str) -> dict[str, Any]:
    """The schema of a kind of file. Raises KeyError for a kind that there is none of."""
    return KINDS[kind].model_json_schema(by_alias=True, schema_generator=_Schema)
