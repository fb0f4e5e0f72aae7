"""``smsgw run``: the gateway itself, in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import typer

from smsgw.cli.options import SiteOption
from smsgw.config.load import load_site


def run(site: SiteOption = Path()) -> None:
    """Run the gateway of a site."""
    # Here and not above: no other command needs the gateway, and loading it doubles their start.
    import uvloop

    from smsgw.app import run_site
    from smsgw.telemetry.logs import configure

    loaded = load_site(site)
    configure(loaded.log.level, loaded.log.format)
    for warning in loaded.warnings:
        typer.echo(f"smsgw: warning: {warning}", err=True)
    uvloop.run(run_site(loaded))
