"""The published description is whole: every request explained, every error in it, every example true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from simulators.control import models
from tests.unit.simulators.control.live import live

_METHODS = ("get", "post", "put", "patch", "delete")


async def _described(directory: Path) -> dict[str, Any]:
    async with live(directory) as sims:
        description: dict[str, Any] = (await sims.http.get("/openapi.json")).json()
    return description


async def test_every_request_is_explained_and_has_its_errors(tmp_path: Path) -> None:
    description = await _described(tmp_path)
    problem = {"$ref": "#/components/schemas/Problem"}
    seen = 0
    for path, operations in description["paths"].items():
        for method in _METHODS:
            if method not in operations:
                continue
            seen += 1
            operation = operations[method]
            assert operation["description"], path
            assert operation["tags"], path
            errors = {status: each for status, each in operation["responses"].items() if status >= "400"}
            assert errors.keys() >= ({"403", "422", "415"} if method != "get" else {"403", "422"}), path
            for status, each in errors.items():
                assert each["content"]["application/json"]["schema"] == problem, (path, status)
            if "{carrier}" in path:
                assert "404" in errors, path
    assert seen >= 25


async def test_every_field_that_is_sent_is_explained(tmp_path: Path) -> None:
    schemas = (await _described(tmp_path))["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("Request"):
            for field, about in schema["properties"].items():
                assert about.get("description") or about.get("examples"), f"{name}.{field}"


def test_examples_are_true() -> None:
    checked = 0
    for model in vars(models).values():
        if isinstance(model, type) and issubclass(model, BaseModel):
            extra = model.model_config.get("json_schema_extra")
            for example in extra.get("examples", []) if isinstance(extra, dict) else []:  # type: ignore[union-attr]
                model.model_validate(example)
                checked += 1
    assert checked >= 8
