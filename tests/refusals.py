"""Which sentences a refusal may have, as the source has them: f-strings with ``{}`` where something is filled in."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_WRAPPERS = ("with_hint", "masked", "str")


class Said(NamedTuple):
    """A sentence and where it is said."""

    sentence: str
    where: str


def said_in(path: Path, errors: Mapping[str, int | str]) -> Iterator[Said]:
    """The sentences of calls of ``errors`` in a module, by name → which argument the sentence is, or its name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            names = _assigned(scope)
            for node in ast.walk(scope):
                if isinstance(node, ast.Call) and (place := errors.get(_name(node.func))) is not None:
                    for sentence in _sentences(_argument(node, place), names):
                        yield Said(sentence, f"{path}:{node.lineno}")


def _argument(call: ast.Call, place: int | str) -> ast.expr | None:
    if isinstance(place, str):
        return next((each.value for each in call.keywords if each.arg == place), None)
    return call.args[place] if len(call.args) > place else None


def _name(called: ast.expr) -> str:
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


def _assigned(scope: ast.AST) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _sentences(node: ast.expr | None, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from _sentences(one, names)
            yield from _sentences(other, names)
        case ast.Call(func=called, args=[first, *_]) if _name(called) in _WRAPPERS:
            yield from _sentences(first, names)
        case ast.Name(id=name):
            for value in names.get(name, ()):
                if not (isinstance(value, ast.Call) and any(part is node for part in ast.walk(value))):
                    yield from _sentences(value, {**names, name: []})


def returned_by(path: Path, names: tuple[str, ...]) -> Iterator[Said]:
    """The sentences that functions of a module return."""
    for scope in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(scope, ast.FunctionDef) and scope.name in names:
            known = _assigned(scope)
            for node in ast.walk(scope):
                if isinstance(node, ast.Return):
                    for sentence in _sentences(node.value, known):
                        yield Said(sentence, f"{path}:{node.lineno}")
