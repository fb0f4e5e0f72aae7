"""The JSON schema (draft 2020-12) of scenario files, for editors."""

from __future__ import annotations

from typing import Any

from simulators.scenario.model import ScenarioFile


def json_schema() -> dict[str, Any]:
    """The schema; shipped as ``schema.json`` beside this module."""
    schema = ScenarioFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
