"""``smsgw run``: the gateway itself, in the foreground, until SIGTERM or Ctrl-C: one process, or several workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.options import SiteOption
from smsgw.cli.output import wrong_usage
from smsgw.config.load import load_node, load_site
from smsgw.config.site import Site
from smsgw.config.workers import Role, parse_workers, role_named
from smsgw.documents.problems import ConfigErrors
from smsgw.route_tests import run_route_tests


def run(
    site: SiteOption = Path(),
    applied: Annotated[
        bool, typer.Option("--applied", help="By the version in force, whatever stands in the files here.")
    ] = False,
    workers: Annotated[
        str,
        typer.Option(
            "--workers",
            "-w",
            metavar="N",
            help='So many processes, or by role: "esme:2,carrier:2".',
            show_default="[node] workers",
        ),
    ] = "",
    role: Annotated[
        str,
        typer.Option("--role", metavar="ROLE", help="esme, carrier or all.", show_default="[node] role"),
    ] = "",
) -> None:
    """Run the gateway of a site."""
    # Here and not above: no other command needs the gateway, and loading it doubles their start.
    from smsgw.telemetry.logs import configure

    loaded = usable_site(site, applied)
    roles = _roles(loaded, workers, role)
    configure(loaded.log.level, loaded.log.format, node=loaded.node_name)
    for warning in loaded.warnings:
        typer.echo(f"smsgw: warning: {warning}", err=True)
    if len(roles) == 1:
        import uvloop

        from smsgw.app import run_site

        uvloop.run(run_site(loaded, applied=applied, role=roles[0]))
        return
    import asyncio

    from smsgw.supervisor.supervisor import Supervisor

    asyncio.run(Supervisor(loaded, roles, applied).run())


def _roles(site: Site, workers: str, role: str) -> tuple[Role, ...]:
    """What each process is; the options win over smsgw.toml."""
    node = site.file.node
    try:
        if not workers and not role:
            return node.roles
        named = role_named(role) if role else None
        if workers:
            return parse_workers(workers, named or (node.role if workers.isdecimal() else None))
        return parse_workers(node.workers, named)
    except ValueError as error:
        wrong_usage(str(error))


def usable_site(directory: Path, applied: bool) -> Site:
    """The site of the files, or with ``applied`` as much of it as finds its store; ends the command otherwise."""
    if applied:
        return load_node(directory)
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
