"""The JSON schema of application scenarios, for editors; made from the models."""

from __future__ import annotations

import json
from typing import Any

from simulators.esme.scenario.model import ScenarioFile
from simulators.scenario.schema import DIALECT, SchemaGenerator


def json_schema() -> dict[str, Any]:
    """Draft 2020-12."""
    schema = ScenarioFile.model_json_schema(by_alias=True, schema_generator=SchemaGenerator)
    about = "Applications, what they do one after the other, and what must come of it."
    return {"$schema": DIALECT, **schema, "title": "Scenario of the application simulator", "description": about}


def schema_text() -> str:
    """As it is printed."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
