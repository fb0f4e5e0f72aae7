"""The JSON schema (draft 2020-12) of scenario files, for editors: ``#:schema …/schema.json`` in the first line.

Made from the models; the file ``schema.json`` beside this module is what ``carrier-sim schema`` prints, and a
test keeps it so. Kinds of ``smsgw.documents`` say nothing of how they are written; that is added here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from simulators.expect import selection
from simulators.scenario.kinds import DURATION_SCHEMA
from simulators.scenario.model import ScenarioFile
from smsgw.documents import values
from smsgw.documents.units import parse_duration, parse_rate

#: The published file.
SCHEMA_FILE: Final = Path(__file__).with_name("schema.json")
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_WRITTEN: Final[dict[object, JsonSchemaValue]] = {
    parse_duration: DURATION_SCHEMA,
    parse_rate: {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*/\s*(s|m|h|d)\s*$", "examples": ["100/s"]},
    values._moment: {"type": "string", "format": "date-time", "examples": ["2026-11-18T10:30:00+08:00"]},
    values._file: {"type": "string", "minLength": 1},
    values._secret_file: {"type": "string", "minLength": 1},
}


class SchemaGenerator(GenerateJsonSchema):
    """Knows how the kinds of ``smsgw.documents`` are written, and leaves out defaults that are none."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """What may be written is what the reader takes, not what it gives."""
        function = schema["function"]["function"]
        if function in _WRITTEN:
            return dict(_WRITTEN[function])
        described = super().function_before_schema(schema)
        return {"anyOf": [described["items"], described]} if function is selection._one_or_more else described

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """``None`` means: stays as it was."""
        if schema.get("default") is None or not isinstance(schema["default"], bool | int | float | str):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Titles made of the keys would only repeat them."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """TOML has no null."""
        return self.generate_inner(schema["schema"])


def json_schema() -> dict[str, Any]:
    """The schema of a scenario file."""
    schema = ScenarioFile.model_json_schema(by_alias=True, schema_generator=SchemaGenerator)
    return {
        "$schema": DIALECT,
        **schema,
        "title": "Scenario of the carrier simulator",
        "description": "Carriers, what they do, what happens when, and what must come of it.",
    }


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
