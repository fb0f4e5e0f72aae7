"""Fails when a module or a function of the packages has outgrown one sitting.

Limits: 400 lines a module, 50 lines a function. Tables do not count: a literal of more than
ten lines at module level and the body of an enum are data, however long they are.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("smsgw", "simulators")
MODULE_LINES = 400
FUNCTION_LINES = 50
TABLE_LINES = 10


def _span(node: ast.stmt | ast.expr) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _is_enum(node: ast.ClassDef) -> bool:
    names = (base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases)
    return any(name.endswith(("Enum", "Flag")) for name in names)


def _table_lines(tree: ast.Module) -> int:
    """Lines of ``tree`` that are data."""
    lines = 0
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and _is_enum(node):
            lines += sum(_span(item) for item in node.body if isinstance(item, ast.Assign))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and _span(node) > TABLE_LINES:
            lines += _span(node)
    return lines


def oversized(source: str, name: str) -> Iterator[str]:
    """One line for each thing in ``source`` that is over its limit."""
    tree = ast.parse(source)
    lines = source.count("\n") - _table_lines(tree)
    if lines > MODULE_LINES:
        yield f"{name}:1: module has {lines} lines without its tables (limit {MODULE_LINES})"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _span(node) > FUNCTION_LINES:
            yield f"{name}:{node.lineno}: {node.name} has {_span(node)} lines (limit {FUNCTION_LINES})"


def main() -> int:
    """Print what is too long; the exit code says whether anything is."""
    found = [
        line
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in oversized(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    ]
    print("\n".join(found), file=sys.stderr) if found else None
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
