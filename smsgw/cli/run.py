"""``smsgw run``: the gateway itself, in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.options import SiteOption
from smsgw.config.load import load_node, load_site
from smsgw.config.site import Site
from smsgw.documents.problems import ConfigErrors
from smsgw.route_tests import run_route_tests


def run(
    site: SiteOption = Path(),
    applied: Annotated[
        bool, typer.Option("--applied", help="By the version in force, whatever stands in the files here.")
    ] = False,
) -> None:
    """Run the gateway of a site."""
    # Here and not above: no other command needs the gateway, and loading it doubles their start.
    import uvloop

    from smsgw.app import run_site
    from smsgw.telemetry.logs import configure

    loaded = load_node(site) if applied else _checked(site)
    configure(loaded.log.level, loaded.log.format)
    for warning in loaded.warnings:
        typer.echo(f"smsgw: warning: {warning}", err=True)
    uvloop.run(run_site(loaded, applied=applied))


def _checked(directory: Path) -> Site:
    """The site of the files; ends the command when they can't be used."""
    try:
        loaded = load_site(directory)
        failed = list(run_route_tests(loaded))
        if failed:
            raise ConfigErrors(failed)
    except ConfigErrors as found:
        typer.echo(f"smsgw: {found}", err=True)
        typer.echo("smsgw: until that is mended, `smsgw run --applied` runs the version that was in force", err=True)
        raise typer.Exit(1) from None
    return loaded
