"""``smsgw run``: the gateway itself, in the foreground, until SIGTERM or Ctrl-C: one process, or several workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from smsgw.cli.options import SiteOption
from smsgw.cli.output import wrong_usage
from smsgw.config.load import NODE_FILE, load_node, load_site
from smsgw.config.site import Site
from smsgw.config.workers import Role, RolesTwice, parse_workers, role_named
from smsgw.documents.document import Document
from smsgw.documents.problems import ConfigErrors, Problems
from smsgw.route_tests import run_route_tests

T = TypeVar("T")


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
    if not workers and not role:
        return node.roles
    named = _typed("--role", lambda: role_named(role)) if role else None
    if workers:
        plain = workers.strip().isdecimal()
        return _typed("--workers", lambda: parse_workers(workers, named or (node.role if plain else None)))
    try:
        return parse_workers(node.workers, named)
    except RolesTwice:
        file = site.directory / NODE_FILE
        document = Document.read(file, Problems())
        line = document.line("node", "workers") if document is not None else 0
        said = f"{file}:{line}: node.workers is {node.workers!r}, which says the roles already"
        wrong_usage(f"run: --role: {said}; give --workers a number beside --role, or leave --role out")


def _typed(option: str, parsed: Callable[[], T]) -> T:
    """What an option means; ends the command in a line that names it."""
    try:
        return parsed()
    except ValueError as error:
        wrong_usage(f"run: {option}: {error}")


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
        if _has_run(directory):
            typer.echo(
                "smsgw: until that is mended, `smsgw run --applied` runs the version that was in force", err=True
            )
        raise typer.Exit(1) from None
    return loaded


def _has_run(directory: Path) -> bool:
    """Whether there may be a version in force: the store can be found, and if it is the embedded one, was made."""
    try:
        site = load_node(directory)
    except ConfigErrors:
        return False
    return bool(site.store.url) or (site.state_dir / "redis").exists()
