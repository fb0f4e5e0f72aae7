"""Backups: what can't be lost, into a file and back, by whom and why.

Owns who may, the file's life (never over another one, whole or not at all, for nobody else to read), the audit entries
and the records of them. What belongs to a backup, and how it is merged, is ``store.backup``.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field

from smsgw import __version__
from smsgw.clock import from_ms
from smsgw.errors import RequestError
from smsgw.services.desk import Desk
from smsgw.store.backup.frames import NAMES, Reader, Section, Writer
from smsgw.store.backup.gather import gather
from smsgw.store.backup.restore import Checked, Restorer, check
from smsgw.store.keys import SCHEMA
from smsgw.store.seal import Recipients

_MAKERS: Final = ("engineer", "technical", "compliance", "management")
_RESTORERS: Final = ("technical", "compliance")
_NO_LINKS: Final = frozenset((errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))


class Backup(BaseModel):
    """What a file says of itself, and has."""

    file: str
    made: str = Field(description="When it was made, ISO 8601.")
    smsgw: str = Field(description="The version of smsgw that made it.")
    store_schema: int = Field(description="The schema of the store that it was made of.")
    partitions: int = Field(description="Partitions of that store; the one it is put into may have others.")
    octets: int
    counts: dict[str, int] = Field(description="What it has, by kind.")
    audit_fault: str = Field("", description="Why its copy of the audit log is not whole; empty: it is.")


class Import(BaseModel):
    """What became of an import, or would become of it."""

    backup: Backup
    dry_run: bool
    taken: dict[str, int] = Field(description="What was new, by kind; the rest was known, or something newer was.")
    audit_left: str = Field(description="Why the audit log was not put back; empty: it was, or there is none.")


async def export(desk: Desk, path: Path, why: str) -> Backup:
    """Write a backup of the running site to a new file."""
    desk.require(*_MAKERS)
    desk.reason(why)
    _refuse_existing(path)
    part = ""
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        with open(handle, "wb") as file:
            writer = Writer(
                file,
                desk.store.recipients,
                smsgw=__version__,
                schema=SCHEMA,
                partitions=desk.store.partitions,
                made_ms=time.time_ns() // 1_000_000,
            )
            await gather(desk.store, writer)
            file.flush()
            os.fsync(file.fileno())
        _put(part, path)
    except FileExistsError:
        _refuse_existing(path)
        raise
    except OSError as error:
        raise RequestError("invalid", f"{path}: can't be written: {error.strerror}") from error
    finally:
        if part:
            Path(part).unlink(missing_ok=True)
    counts = _named(writer.counts)
    await desk.audit("backup.export", f"backup {path.name}", why, counts=counts)
    reader = Reader(path)
    return _described(reader, Checked(writer.counts))


def show(path: Path, recipients: Recipients, secrets_file: Path) -> Backup:
    """Look at a whole file: every frame is verified, and the chain of its audit entries."""
    reader = Reader(path)
    reader.check(recipients, secrets_file)
    return _described(reader, check(reader, recipients))


async def put_back(desk: Desk, path: Path, why: str, *, replaces: bool = False, dry_run: bool = False) -> Import:
    """Merge a backup into the store. Nothing is written before the whole file was verified."""
    desk.require(*_RESTORERS)
    desk.reason(why)
    reader = Reader(path)
    reader.check(desk.store.recipients, desk.site.secrets_file)
    checked = check(reader, desk.store.recipients)
    described = _described(reader, checked)
    subject = f"backup {path.name}"
    restorer = Restorer(
        desk.store, reader, desk.log, now_ms=desk.now_ms(), replaces=replaces, looks=dry_run
    )  # fmt: skip
    await restorer.audit(checked)
    if not dry_run:
        begun = {"made": described.made, "partitions": described.partitions, "counts": described.counts}
        await desk.audit("backup.import_begun", subject, why, replace=replaces, **begun)
    await restorer.rest()
    outcome = restorer.outcome
    taken = _named(outcome.taken)
    if not dry_run:
        await desk.audit("backup.import", subject, why, taken=taken, audit_left=outcome.audit_left)
    return Import(backup=described, dry_run=dry_run, taken=taken, audit_left=outcome.audit_left)


def _put(part: str, path: Path) -> None:
    """Never over a file that somebody else has made meanwhile, as far as the file system can promise that."""
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _refuse_existing(path)
        os.rename(part, path)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise RequestError("invalid", f"{path}: is there already; name a new file")


def _described(reader: Reader, checked: Checked) -> Backup:
    header = reader.header
    return Backup(
        file=str(reader.path),
        made=from_ms(header.made_ms).isoformat(timespec="seconds"),
        smsgw=header.smsgw,
        store_schema=header.schema,
        partitions=header.partitions,
        octets=reader.path.stat().st_size,
        counts=_named(checked.counts),
        audit_fault=checked.audit_fault,
    )


def _named(counts: dict[Section, int]) -> dict[str, int]:
    return {name: counts.get(section, 0) for section, name in NAMES.items()}
