"""``smsgw schema``: what a file may hold, for editors that complete and underline while one writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.output import counted, print_json, wrong_usage
from smsgw.config.schemas import KINDS, schema_of
from smsgw.documents.names import with_hint


def schema(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help=f"One of: {', '.join(KINDS)}.")] = "",
    into: Annotated[Path | None, typer.Option("--into", help="Write all of them there.", show_default=False)] = None,
) -> None:
    """Print the JSON Schema of a kind of file, or write those of all kinds into a directory."""
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        for name in KINDS:
            text = json.dumps(schema_of(name), ensure_ascii=False, indent=2)
            (into / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        typer.echo(f"{counted(len(KINDS), 'schema')} in {into}")
        return
    if kind not in KINDS:
        wrong_usage(with_hint(f"no kind of file is named {kind!r}" if kind else "which kind of file?", kind, KINDS))
    print_json(schema_of(kind))
