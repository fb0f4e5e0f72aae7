"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SiteOption = Annotated[
    Path,
    typer.Option("--site", "-s", envvar="SMSGW_SITE", help="Directory with smsgw.toml.", show_default="this directory"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
