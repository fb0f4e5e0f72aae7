"""``smsgw report``: a month of each department, the audit report with its signature, the export of an incident."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from smsgw.cli.archive import round_of
from smsgw.cli.desk import Visit, WhoOption, WhyOption
from smsgw.cli.options import JsonOption, SiteOption
from smsgw.cli.output import print_json, wrong_usage
from smsgw.cli.versions.recovered import usable_site
from smsgw.config.site import Site
from smsgw.reports.signing import SUFFIX, PublicKey
from smsgw.services import report_files
from smsgw.services.asking import Asking, here_of
from smsgw.services.audit_report import audit_report
from smsgw.services.desk import Desk
from smsgw.services.incidents import incident as incident_of
from smsgw.services.report_files import ReportFile
from smsgw.services.reports import FORMATS, checked_language
from smsgw.services.reports import monthly as monthly_of
from smsgw.store.secrets import load_or_create

app = typer.Typer(
    no_args_is_help=True, help="Reports (报表): monthly, audit, incident; what is signed is checked here."
)
_MOST_OCTETS: Final = 2**30
T = TypeVar("T")

LanguageOption = Annotated[str, typer.Option("--language", "-l", help="zh or en.")]
FormatOption = Annotated[
    str, typer.Option("--format", "-f", help="html or xlsx.", show_default="by the file's name, else html")
]
IntoOption = Annotated[
    Path | None, typer.Option("--into", "-o", help="File to write.", show_default="a name of its own, here")
]
FreshOption = Annotated[bool, typer.Option(help="First take into the archive what is new.")]


@app.command()
def monthly(
    month: Annotated[str, typer.Option(help="Such as 2026-10.", show_default="the last one")] = "",
    department: Annotated[str, typer.Option(help="Only this one.", show_default="all")] = "",
    language: LanguageOption = "zh",
    format_: FormatOption = "",
    into: IntoOption = None,
    fresh: FreshOption = True,
    site: SiteOption = Path(),
    who: WhoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Volume, delivery, unsubscribes, complaints, clicks, violations, cost and score of each department in a month."""
    visit = Visit(site, who)
    chosen = _format(format_, into)
    found = _asked(visit, fresh, lambda desk, asking: monthly_of(desk, asking, month=month, department=department))
    if as_json:
        print_json(asdict(found))
        return
    _write(report_files.file_of(found, chosen, language), into)


@app.command()
def audit(
    since: Annotated[str, typer.Option(help="First day.", show_default="the last month's")] = "",
    until: Annotated[str, typer.Option(help="Last day.", show_default="the last month's")] = "",
    every_row: Annotated[
        bool, typer.Option(help="Check every record of the archive; takes a minute a gigabyte.")
    ] = False,
    language: LanguageOption = "zh",
    format_: FormatOption = "",
    into: IntoOption = None,
    fresh: FreshOption = True,
    site: SiteOption = Path(),
    who: WhoOption = "",
) -> None:
    """Approvals, content, access to data, pauses, opt-outs and evidence, for supervisors; signed with the key of the
    site.
    """
    visit = Visit(site, who)
    chosen = _format(format_, into)

    async def made(desk: Desk, asking: Asking) -> tuple[ReportFile, bytes]:
        checked_language(language)
        found = await audit_report(desk, asking, since=since, until=until, every_row=every_row)
        return await report_files.signed(desk, found, chosen, language)

    file, signature = _asked(visit, fresh, made)
    path = _write(file, into)
    _put(path.with_name(path.name + SUFFIX), signature)
    typer.echo(f"signed: {path}{SUFFIX}, with the key {_key(visit.site).fingerprint}")


@app.command()
def incident(
    scope: Annotated[
        str, typer.Argument(help="account:, template:, campaign:, carrier: or signature:<name>.", show_default=False)
    ],
    *,
    since: Annotated[str, typer.Option(help="From this time on, such as 2026-11-18T10:30.", show_default=False)],
    why: WhyOption,
    until: Annotated[str, typer.Option(help="Before this time.", show_default="now")] = "",
    full: Annotated[bool, typer.Option("--full", help="Numbers in full; for compliance.")] = False,
    language: LanguageOption = "zh",
    format_: FormatOption = "",
    into: IntoOption = None,
    fresh: FreshOption = True,
    site: SiteOption = Path(),
    who: WhoOption = "",
) -> None:
    """Whom an incident touched, what each got and when, and what happened meanwhile; audited."""
    visit = Visit(site, who)
    chosen = _format(format_, into)
    found = _asked(
        visit,
        fresh,
        lambda desk, asking: incident_of(desk, asking, scope=scope, since=since, until=until, full=full, why=why),
    )
    _write(report_files.file_of(found, chosen, language), into)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The report.", show_default=False)],
    signature: Annotated[Path | None, typer.Option(help="Its signature.", show_default="FILE.sig")] = None,
    key: Annotated[
        Path | None, typer.Option(help="Public key of whoever signed, PEM.", show_default="this site's")
    ] = None,
    site: SiteOption = Path(),
) -> None:
    """Say whether a signed report is whole, and whose it is."""
    ours = _key(usable_site(site)) if key is None else None
    signed = _read(signature or file.with_name(file.name + SUFFIX))
    found = report_files.checked(_read(file), signed, _public(key) if ours is None else ours, ours)
    whose = "this site" if found.ours else "whoever has the key"
    if not found.whole:
        typer.echo(f"smsgw: {file}: {found.why} (checked with {found.key})", err=True)
        raise typer.Exit(1)
    typer.echo(f"{file} is whole, signed by {whose}: {found.key}")


@app.command()
def key(
    into: Annotated[Path | None, typer.Option("--into", "-o", help="File to write.", show_default="print it")] = None,
    site: SiteOption = Path(),
) -> None:
    """Print the site's public key, for whoever is to check its reports."""
    found = _key(usable_site(site))
    if into is not None:
        into.write_text(found.pem, encoding="ascii")
    else:
        typer.echo(found.pem, nl=False)
    typer.echo(f"fingerprint: {found.fingerprint}", err=True)


def _asked(visit: Visit, fresh: bool, call: Callable[[Desk, Asking], Awaitable[T]]) -> T:
    """What ``call`` finds, with this process answering for records."""
    if fresh:
        round_of(visit.site)
    return visit.ask(lambda desk: call(desk, here_of(visit.site)))


def _format(given: str, into: Path | None) -> str:
    """What was asked for, else what the file's name says, else html; ends the command for what there is not."""
    by_name = into.suffix.lstrip(".").lower() if into is not None else ""
    found = given or by_name or FORMATS[0]
    if found not in FORMATS:
        where = "--format" if given else f"--into {into}: the end of the name"
        wrong_usage(f"{where}: expected {' or '.join(FORMATS)}, found {found!r}")
    if into is not None and not into.resolve().parent.is_dir():
        wrong_usage(f"--into {into}: there is no directory {into.parent}")
    return found


def _write(file: ReportFile, into: Path | None) -> Path:
    path = into if into is not None else Path(file.name)
    _put(path, file.data)
    typer.echo(f"written: {path}, {len(file.data):,} octets")
    return path


def _put(path: Path, data: bytes) -> None:
    """Whole or not at all, and readable by nobody else: a report tells of people and of costs. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        if path.is_file():
            path.unlink()
        raise OSError(error.errno, f"can't be written: {error.strerror}", str(path)) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_OCTETS)
    except OSError as error:
        wrong_usage(f"{path}: can't be read: {error.strerror}")


def _public(path: Path | None) -> PublicKey:
    assert path is not None
    try:
        return PublicKey.read(_read(path))
    except ValueError as error:
        wrong_usage(f"--key: {path} is no public key as `smsgw report key` prints it: {error}")


def _key(site: Site) -> PublicKey:
    return report_files.site_key(load_or_create(site.secrets_file).hasher()).public
