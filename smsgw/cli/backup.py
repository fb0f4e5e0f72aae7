"""``smsgw backup``: what can't be lost, into one sealed file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, counted, pairs, print_json, table
from smsgw.cli.versions.recovered import usable_site
from smsgw.config.site import Site
from smsgw.errors import RequestError
from smsgw.services import backup
from smsgw.services.backup import Backup
from smsgw.store.secrets import load

app = typer.Typer(
    no_args_is_help=True,
    help="Opt-outs, consent, registers, versions, the audit log (备份): export, import, show.",
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", show_default=False)]


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", show_default=False)],
    why: Annotated[str, typer.Option("--why", "--reason", help="The reason, for the audit log.")] = "backup",
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Copy what can't be lost while everything runs; who has no secrets of this site can't read the file."""
    visit = Visit(site, who)
    made = visit.ask(lambda desk: backup.export(desk, file, why))
    if as_json:
        print_json(made.model_dump())
        return
    _print(made)
    typer.echo(f"keep {visit.site.secrets_file} as well, apart from it: nobody can read the backup without it")


@app.command("import")
def import_(
    file: FileArgument,
    *,
    why: WhyOption,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also over documents and versions that are there; else they stay.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken.")] = False,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Merge a backup into the store; of what is known of recipients the newest counts. May be repeated."""
    visit = Visit(site, who)
    _need_secrets(visit.site)
    done = visit.ask(lambda desk: backup.put_back(desk, file, why, replaces=replace, dry_run=dry_run))
    if as_json:
        print_json(done.model_dump())
        return
    _print(done.backup, done.taken, "would be taken" if dry_run else "taken")
    if done.audit_left:
        typer.echo(f"the audit log was not put back: {done.audit_left}; it stays in the backup")


@app.command()
def show(
    file: FileArgument,
    site: SiteOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Verify a backup as a whole and show what it has; needs no store."""
    loaded = usable_site(site)
    _need_secrets(loaded)
    found = backup.show(file, load(loaded.secrets_file).hasher(), loaded.secrets_file)
    if as_json:
        print_json(found.model_dump())
    else:
        _print(found)
    if found.audit_fault:
        typer.echo(f"smsgw: {file}: its copy of the audit log is broken: {found.audit_fault}", err=True)
        raise typer.Exit(1)


def _need_secrets(site: Site) -> None:
    """New secrets would be made else, and nothing could be read with them."""
    if not site.secrets_file.exists():
        why = "is not there; put back the file of secrets that was kept beside the backup, mode 600"
        raise RequestError("missing", f"{site.secrets_file}: {why}")


def _print(found: Backup, counts: dict[str, int] | None = None, heading: str = "") -> None:
    rows = [("file", f"{found.file}, {counted(found.octets, 'octet')}"), ("made", found.made)]
    partitions = counted(found.partitions, "partition")
    rows.append(("of", f"smsgw {found.smsgw}, schema {found.store_schema}, {partitions}"))
    console().print(pairs(rows))
    if counts is None:
        console().print(table(("what", "in it"), found.counts.items(), ("in it",)))
        return
    merged = [(name, count, counts[name]) for name, count in found.counts.items()]
    console().print(table(("what", "in it", heading), merged, ("in it", heading)))
