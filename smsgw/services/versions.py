"""Versions of the site: put the files in force, confirm them, go back, look at what was and what would change.

Owns: who may, the reason, and what is told of it. Every step is audited and in force on every process within a second;
a version that one of them can't run never comes into force. Knows the fleet only through the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from smsgw.config.bundle import Bundle, own_digests, own_tables
from smsgw.config.site import Site
from smsgw.errors import RequestError
from smsgw.services.desk import Desk
from smsgw.store.audit import AuditEntry
from smsgw.store.publishing import Entry, Published, publish, running, settled
from smsgw.store.versions import KEPT, Now, Process, Trial, Version, VersionStore

_WRITERS: Final = ("technical", "engineer", "management")
MOST_CONFIRM_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Listing:
    """``versions`` newest first; ``fleet``: the processes that live, and what each of them runs.

    ``left_s``: until the trial of the version in force ends.
    """

    now: Now
    left_s: float
    versions: list[Version]
    fleet: list[Process]


async def apply(desk: Desk, bundle: Bundle, *, why: str, confirm_within_s: float = 0.0) -> Published:
    """Put the files in force on every process. Without ``confirm_within_s`` they stay unless errors rise.

    Raises RequestError ``conflict`` when they are in force already, or while another version is on trial.
    """
    desk.require(*_WRITERS)
    why = desk.reason(why)
    if not 0 <= confirm_within_s <= MOST_CONFIRM_S:
        raise RequestError("invalid", "confirm-within: expected a time of at most 24h")
    versions = VersionStore(desk.store)
    now = await settled(versions, _automatic(desk))
    there = await versions.get(now.number)
    if there is not None and there.digest == bundle.digest:
        why = f"nothing to apply: the files here are version {now.number}, which is in force"
        restart = to_restart(desk.site, await versions.fleet())
        if restart:
            why += f"; smsgw.toml [{'], ['.join(restart)}] changes when the process here is restarted"
        raise RequestError("conflict", why)
    carriers = tuple(desk.site.carriers)
    version = Version(0, bundle.digest, desk.person.name, why, desk.now_ms(), "proposed", carriers=carriers)
    for_s = confirm_within_s or desk.site.file.apply.watch_s
    trial: Trial = "roll back" if confirm_within_s else "confirm" if for_s else ""
    await versions.saw_files(desk.site.node_name, bundle.digest)
    return await publish(versions, version, bundle.files, trial, for_s, _entry(desk))


async def confirm(desk: Desk, *, why: str) -> Now:
    """The version on trial stays. Raises RequestError ``conflict`` when none is."""
    desk.require(*_WRITERS)
    versions = VersionStore(desk.store)
    now = await settled(versions, _automatic(desk))
    if not now.trial:
        version = await versions.get(now.number)
        state = f"version {now.number} is in force" + (f", {version.state}" if version is not None else "")
        raise RequestError("conflict", f"nothing waits to be confirmed: {state}")
    return await versions.confirm(now, _entry(desk)("version.confirm", now.number, why))


async def roll_back(desk: Desk, number: int | None = None, *, why: str) -> tuple[Now, tuple[Process, ...]]:
    """Put an earlier version in force again, for good; None: the one that was in force before this one."""
    desk.require(*_WRITERS)
    why = desk.reason(why)
    versions = VersionStore(desk.store)
    now = await settled(versions, _automatic(desk))
    there = await versions.get(now.number)
    if there is None:
        raise RequestError("missing", "no version is in force yet; the first one is made when the gateway starts")
    to = there.before if number is None else number
    if not to:
        raise RequestError("missing", f"version {now.number} is the first one; name the version to go back to")
    if to == now.number:
        raise RequestError("conflict", f"version {to} is in force already")
    target = await versions.get(to)
    if target is None:
        raise RequestError("missing", f"there is no version {to}; `smsgw history` lists them")
    if target.state == "refused":
        raise RequestError("conflict", f"version {to} was refused: {target.ended}")
    await versions.files(to)
    after = await versions.roll_back(now, to, why, _entry(desk)("version.rollback", now.number, why))
    return after, await running(versions, to)


async def list_(desk: Desk, limit: int = KEPT) -> Listing:
    """What was in force, by whom and why."""
    desk.require_reader()
    versions = VersionStore(desk.store)
    now = await settled(versions, _automatic(desk))
    left_s = max(0, now.until_ms - await versions.clock_ms()) / 1000 if now.trial else 0.0
    return Listing(now, left_s, await versions.all(limit), await versions.fleet())


async def export(desk: Desk, number: int, *, why: str) -> Bundle:
    """The same, to be written to a disk: audited."""
    _, bundle = await files(desk, number)
    await desk.audit("version.export", f"version {number}", why)
    return bundle


def to_restart(site: Site, fleet: Iterable[Process]) -> list[str]:
    """Tables of smsgw.toml that the process of this site runs otherwise: it must be started again for them."""
    here = own_digests(own_tables(site.directory))
    found = []
    for process in fleet:
        if process.node == site.node_name:
            found += [name for name in {**here, **process.own} if here.get(name) != process.own.get(name)]
    return sorted(found)


async def files(desk: Desk, number: int | None = None) -> tuple[int, Bundle]:
    """The files of a version, None: of the one in force. They hold passwords, so only for those who may change them."""
    desk.require(*_WRITERS)
    versions = VersionStore(desk.store)
    if number is None:
        number = (await settled(versions, _automatic(desk))).number
    if not number:
        raise RequestError("missing", "no version is in force yet; the first one is made when the gateway starts")
    if await versions.get(number) is None:
        raise RequestError("missing", f"there is no version {number}; `smsgw history` lists them")
    return number, Bundle(await versions.files(number))


def _entry(desk: Desk) -> Entry:
    return lambda action, number, why: desk.entry(action, f"version {number}", why)


def _automatic(desk: Desk) -> Entry:
    """For what nobody decided: a trial whose time was over."""
    return lambda action, number, why: AuditEntry(desk.now_ms(), "smsgw", action, f"version {number}", why)
