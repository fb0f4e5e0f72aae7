"""The schemas that are shipped are those of the models, and true of the example: an editor underlines nothing in it."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from smsgw.config.schemas import KINDS, schema_of

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "docs" / "schemas"
FILES = [*sorted((ROOT / "config").rglob("*.toml")), ROOT / "config" / "example" / "people.toml.example"]
FOLDERS = {
    "accounts": "account",
    "carriers": "carrier",
    "profiles": "profile",
    "calendar": "calendar",
    "codes": "codes",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str, date, datetime), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,),
    "object": (dict,),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_shipped_schemas_are_current(kind: str) -> None:
    shipped = json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))
    assert shipped == schema_of(kind), "run: bin/smsgw schema --into docs/schemas"


def faults(value: Any, schema: dict[str, Any], whole: dict[str, Any], at: str = "") -> list[str]:
    """What an editor would underline; as much of JSON Schema as the models make."""
    if "$ref" in schema:
        return faults(value, whole["$defs"][schema["$ref"].rpartition("/")[2]], whole, at)
    if "anyOf" in schema:
        each = [faults(value, one, whole, at) for one in schema["anyOf"]]
        return [] if [] in each else min(each, key=len)
    found = []
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{at}: {value!r} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not fit {schema['pattern']}")
    if isinstance(value, list):
        for place, item in enumerate(value):
            found += faults(item, schema.get("items", {}), whole, f"{at}[{place}]")
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        found += [f"{at}.{key} is missing" for key in schema.get("required", ()) if key not in value]
        for key, item in value.items():
            if key in known:
                found += faults(item, known[key], whole, f"{at}.{key}")
            elif others is False:
                found.append(f"{at}.{key} is unknown")
            elif isinstance(others, dict):
                found += faults(item, others, whole, f"{at}.{key}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "config")))
def test_the_schemas_are_true_of_every_file_of_the_project(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    kind = FOLDERS.get(file.parent.name) or file.name.partition(".")[0]
    if (ROOT / "config" / "example") in file.parents:
        named = re.match(r"#:schema (\S+)\n", text)
        assert named is not None
        assert (file.parent / named[1]).resolve() == SCHEMAS / f"{kind}.json"
    schema = schema_of(kind)
    assert faults(tomllib.loads(text), schema, schema) == []


def test_a_mistake_is_underlined() -> None:
    schema = schema_of("routes")
    entry = {"name": "r", "carriers": ["a"], "class": "otq", "hours": "8-21", "prefx": "86"}
    assert faults({"route": [entry]}, schema, schema) == [
        ".route[0].class: 'otq' is none of ['otp', 'notice', 'marketing']",
        ".route[0].hours: '8-21' does not fit ^\\s*[0-9]{1,2}:[0-9]{2}\\s*-\\s*[0-9]{1,2}:[0-9]{2}\\s*$",
        ".route[0].prefx is unknown",
    ]
