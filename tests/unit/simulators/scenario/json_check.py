"""Just enough of JSON schema to see whether a file is what the published schema says."""

from __future__ import annotations

import re
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def complaints(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """What is wrong with a value; empty for nothing."""
    if "$ref" in schema:
        return complaints(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema:
        tried = [complaints(value, each, root, at) for each in schema["anyOf"]]
        return [] if any(not each for each in tried) else [f"{at}: none of {len(tried)}"]
    if "const" in schema and value != schema["const"]:
        return [f"{at}: not {schema['const']!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: not one of the enum"]
    kinds = schema.get("type", list(_TYPES))
    if not any(_is(value, kind) for kind in (kinds if isinstance(kinds, list) else [kinds])):
        return [f"{at}: {value!r} is no {kinds}"]
    if isinstance(value, dict):
        return _of_table(value, schema, root, at)
    if isinstance(value, list):
        found = [complaints(each, schema.get("items", {}), root, f"{at}[{n}]") for n, each in enumerate(value)]
        return [each for part in found for each in part]
    return _of_value(value, schema, at)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _of_table(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    found = [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
    for name, each in value.items():
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
        if inner is False:
            found.append(f"{at}.{name}: unknown")
        elif inner is not True:
            found += complaints(each, inner, root, f"{at}.{name}")
    return found


def _of_value(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    found = []
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} is not {schema['pattern']}")
    if isinstance(value, int | float):
        bad = [
            bound
            for bound, wrong in {
                "minimum": lambda most: value < most,
                "maximum": lambda least: value > least,
                "exclusiveMinimum": lambda most: value <= most,
            }.items()
            if bound in schema and wrong(schema[bound])
        ]
        found += [f"{at}: {value} against {bound} {schema[bound]}" for bound in bad]
    return found
