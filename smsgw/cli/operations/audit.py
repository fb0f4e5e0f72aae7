"""``smsgw audit``: who changed what, when and why; whether the log is whole; a copy of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from smsgw.cli import archive
from smsgw.cli.desk import Visit, WhoOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import console, counted, print_json, table
from smsgw.cli.registers.documents import cell, instant
from smsgw.errors import RequestError
from smsgw.services import audit
from smsgw.services.audit import AuditRow
from smsgw.services.desk import Desk

app = typer.Typer(no_args_is_help=True, help="The audit log (审计日志): list, verify, export.")


@app.command("list")
def list_all(
    by: Annotated[str, typer.Option("--by", help="Only what this person did.", show_default=False)] = "",
    action: Annotated[str, typer.Option(help="Only this, or what begins so: template.", show_default=False)] = "",
    subject: Annotated[str, typer.Option(help="Only where the subject has this in it.", show_default=False)] = "",
    since: Annotated[str, typer.Option(help="Not before: 2026-11-18 or 2026-11-18T10:30.", show_default=False)] = "",
    until: Annotated[str, typer.Option(help="Before.", show_default=False)] = "",
    before: Annotated[int, typer.Option(min=0, help="Older than this entry.", show_default="the last")] = 0,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Show at most so many.")] = 50,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """List what was changed, newest first, each with the reason."""
    visit = Visit(site, who)
    found = visit.ask(
        lambda desk: audit.list_(
            desk, who=by, action=action, subject=subject, since=since, until=until, before=before, limit=limit
        )
    )
    if as_json:
        print_json(asdict(found))
        return
    if not found.items:
        typer.echo("none")
        return
    rows = [
        (each.seq, each.at, each.who, each.action, each.subject, each.why, _detail(each, visit.zone))
        for each in found.items
    ]
    console().print(table(("entry", "time", "who", "what", "subject", "why", "before → after"), rows, ("entry",)))
    if found.next_before:
        typer.echo(f"older ones with --before {found.next_before}")


@app.command()
def verify(
    kept: Annotated[
        str, typer.Option(help="A head that was kept elsewhere, <number>:<hash>, as `export` ends.", show_default=False)
    ] = "",
    site: SiteOption = Path(),
    who: WhoOption = "",
    with_records: Annotated[
        bool, typer.Option("--records", help="Then also every record of the archive, as `archive verify` does.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at every entry and its place in the chain. Exit code 1, and the first broken entry, when it is not whole."""
    found = Visit(site, who).ask(lambda desk: audit.verify(desk, kept=kept))
    if as_json:
        print_json({**asdict(found), "faults": [fault._asdict() for fault in found.faults]})
    elif found.whole:
        typer.echo(f"the audit log is whole: {counted(found.entries, 'entry', 'entries')}; head {found.head}")
    else:
        more = f" ({len(found.faults) - 1} more faults; --json shows them)" if len(found.faults) > 1 else ""
        typer.echo(f"smsgw: the audit log is broken: {found.faults[0].why}{more}", err=True)
    if not found.whole:
        raise typer.Exit(1)
    if with_records:
        archive.verify(site=site, as_json=as_json)


@app.command()
def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; - or nothing: the standard output.")
    ] = None,
    site: SiteOption = Path(),
    who: WhoOption = "",
) -> None:
    """Copy the whole log as lines of JSON, oldest first; the last line is its head, to verify against later."""
    visit = Visit(site, who)
    if file is None or str(file) == "-":
        visit.ask(lambda desk: _write(desk, typer.get_text_stream("stdout")))
        return
    # Never over an older copy, and for nobody else to read.
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RequestError("invalid", f"{file}: can't be written: {error.strerror}; name a new file") from error
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        count = visit.ask(lambda desk: _write(desk, out))
    typer.echo(f"{file}: {counted(count - 1, 'entry', 'entries')}")


async def _write(desk: Desk, out: TextIO) -> int:
    count = 0
    async for line in audit.export(desk):
        out.write(line + "\n")
        count += 1
    return count


def _detail(row: AuditRow, zone: tzinfo) -> str:
    """What an entry says beside its words: changed fields as ``name old → new``, others as they are."""
    before, after = row.detail.get("before"), row.detail.get("after")
    shown = []
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in {**before, **after}:
            old, new = _value(name, before.get(name), zone), _value(name, after.get(name), zone)
            shown.append(f"{_name(name)} {old} → {new or '–'}" if old else f"{_name(name)} {new}" if new else "")
    rest = ((name, value) for name, value in row.detail.items() if name not in ("before", "after"))
    shown += [f"{_name(name)} {text}" for name, value in rest if (text := _value(name, value, zone))]
    return "; ".join(filter(None, shown))


def _name(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ")


def _value(name: str, value: Any, zone: tzinfo) -> str:
    """A field in words; instants in the site's zone, empty for none."""
    return instant(value, zone) if name.endswith("_ms") and isinstance(value, int) else cell(value)
