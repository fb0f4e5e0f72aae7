"""Reports as files: a page or a workbook, its name, its signature.

Owns: the site's signing key, which is made of the site's secrets as every other key of it is, so that each machine that
shares them signs alike and nothing more has to be kept; that an audit report is signed only on record.
"""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from smsgw.errors import RequestError
from smsgw.reports import audit, incident, monthly
from smsgw.reports.document import Document
from smsgw.reports.page import html
from smsgw.reports.signing import SIGNATURE_OCTETS, SUFFIX, PublicKey, SiteKey
from smsgw.reports.workbook import xlsx
from smsgw.services.desk import Desk, one_of
from smsgw.services.reports import FORMATS, checked_language
from smsgw.store.seal import Recipients

TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ZIP_TYPE: Final = "application/zip"
_PURPOSE: Final = "report signature"
_UNSAFE: Final = re.compile(r"[^\w.-]+")

AnyReport = monthly.Monthly | audit.Audit | incident.Incident


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file to be handed out."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether a file is whole. ``key``: fingerprint of the key that was checked with. ``ours``: it is this site's."""

    whole: bool
    key: str
    ours: bool
    why: str


def site_key(recipients: Recipients) -> SiteKey:
    """The key of the site whose secrets these are."""
    return SiteKey(recipients.key_for(_PURPOSE))


def file_of(report: AnyReport, format_: str, language: str, key: str = "") -> ReportFile:
    """The report as a file. Raises RequestError for a format or a language that there is not."""
    one_of("format", format_, FORMATS)
    document = _document(report, checked_language(language), key)
    name = "-".join(("smsgw", type(report).__name__.lower(), *_named(report)))
    data = html(document) if format_ == "html" else xlsx(document)
    return ReportFile(f"{_UNSAFE.sub('_', name)}.{format_}", TYPES[format_], data)


def _document(report: AnyReport, language: str, key: str) -> Document:
    if isinstance(report, monthly.Monthly):
        return monthly.document(report, language, key)
    if isinstance(report, audit.Audit):
        return audit.document(report, language, key)
    return incident.document(report, language, key)


def _named(report: AnyReport) -> tuple[str, ...]:
    if isinstance(report, monthly.Monthly):
        return (report.month, *((report.department,) if report.department else ()))
    if isinstance(report, audit.Audit):
        return report.since, report.until
    return report.scope, report.since[:16]


async def written(report: AnyReport, format_: str, language: str) -> ReportFile:
    """The same in a thread: a workbook of a hundred thousand rows takes seconds."""
    return await asyncio.to_thread(file_of, report, format_, language)


async def signed(desk: Desk, report: audit.Audit, format_: str, language: str) -> tuple[ReportFile, bytes]:
    """An audit report and its signature; the audit log has the file's digest."""
    key = site_key(desk.store.recipients)
    made = await asyncio.to_thread(file_of, report, format_, language, key.public.fingerprint)
    digest = sha256(made.data).hexdigest()
    about = f"audit report {report.since} to {report.until}"
    await desk.audit("report.audit", about, "signed for supervisors", file=made.name, sha256=digest)
    return made, key.sign(made.data)


def packed(desk: Desk, made: ReportFile, signature: bytes) -> ReportFile:
    """Report, signature and public key in one ZIP file."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(made.name, made.data)
        archive.writestr(made.name + SUFFIX, signature)
        archive.writestr("site-key.pem", site_key(desk.store.recipients).public.pem)
    return ReportFile(made.name.rpartition(".")[0] + ".zip", ZIP_TYPE, kept.getvalue())


def checked(data: bytes, signature: bytes, key: PublicKey, ours: PublicKey | None) -> Checked:
    """Whether a file is as it was signed with a key. Raises RequestError for what is no signature."""
    if len(signature) != SIGNATURE_OCTETS:
        raise RequestError("invalid", f"the signature has {len(signature)} octets; one of ours has {SIGNATURE_OCTETS}")
    is_ours = ours is not None and ours.fingerprint == key.fingerprint
    if key.fits(data, signature):
        return Checked(True, key.fingerprint, is_ours, "")
    return Checked(
        False, key.fingerprint, is_ours, "the file was changed after it was signed, or was signed with another key"
    )
