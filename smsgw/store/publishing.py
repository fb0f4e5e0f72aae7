"""A version's way into force: written down, prepared by every process that lives, then put in force for all at once.

Owns: that nothing comes into force which a process can't run, and that a trial whose time is over ends although no
process was there to end it. Waits for processes, never for people. What can go wrong: the caller is ended meanwhile;
its proposal is over after a minute and was never in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

from smsgw.errors import RequestError
from smsgw.store.audit import AuditEntry
from smsgw.store.versions import PROPOSAL_MS, Now, Process, Trial, Version, VersionStore

PREPARE_S: Final = 30.0
CHANGE_OVER_S: Final = 5.0
_LOOK_S: Final = 0.02

Entry = Callable[[str, int, str], AuditEntry]
"""The audit entry of an action on a version, for a reason."""


@dataclass(frozen=True, slots=True)
class Published:
    """``refused``: which process can't run it, and why; empty when it is in force. ``fleet``: who runs what now."""

    version: Version
    refused: str
    now: Now
    fleet: tuple[Process, ...] = ()


async def publish(
    versions: VersionStore,
    version: Version,
    files: Mapping[str, str],
    trial: Trial,
    for_s: float,
    entry: Entry,
    but: str = "",
) -> Published:
    """Bring a version into force, or have it refused. ``version.number`` and ``before`` are given here.

    ``but``: a process that is not waited for, because it is the one that asks.
    Raises StoreError, and RequestError ``conflict`` while another version is proposed or waits to be confirmed.
    """
    now = await settled(versions, entry)
    await _check_free(versions, now, version.who if but else "")
    version = _numbered(version, now)
    now = await versions.propose(now, version, files, entry("version.propose", version.number, version.why))
    try:
        fault = await _prepared(versions, version.number, but)
    except BaseException:  # also when cancelled: what is left proposed would be in everybody's way
        await versions.refuse(now, version, "given up", entry("version.refuse", version.number, "given up"))
        raise
    if fault:
        now = await versions.refuse(now, version, fault, entry("version.refuse", version.number, fault))
        return Published(version, fault, now)
    now = await versions.put_in_force(now, version, trial, for_s, entry("version.apply", version.number, version.why))
    return Published(version, "", now, await running(versions, version.number, but))


async def running(versions: VersionStore, number: int, but: str = "") -> tuple[Process, ...]:
    """The processes that live, once all of them run a version, or after some seconds as they are."""
    deadline_s = monotonic() + CHANGE_OVER_S
    while True:
        fleet = [each for each in await versions.fleet() if each.node != but]
        if all(each.running == number for each in fleet) or monotonic() > deadline_s:
            return tuple(fleet)
        await asyncio.sleep(_LOOK_S)


async def settled(versions: VersionStore, entry: Entry) -> Now:
    """What is in force, once a trial whose time is over has ended."""
    now = await versions.now()
    if not now.trial or await versions.clock_ms() < now.until_ms:
        return now
    version = await versions.get(now.number)
    try:
        if now.trial == "roll back" and version is not None:
            why = "nobody confirmed it in time"
            return await versions.roll_back(now, version.before, why, entry("version.rollback", now.number, why))
        return await versions.confirm(now, entry("version.confirm", now.number, "errors have not risen"))
    except RequestError:  # a process was quicker
        return await versions.now()


async def _check_free(versions: VersionStore, now: Now, process: str) -> None:
    """``process``: who asks, if it is no person; what an earlier life of it proposed stands in nobody's way."""
    if now.trial == "roll back":
        why = f"version {now.number} is on trial: `smsgw confirm` or `smsgw rollback` first"
        raise RequestError("conflict", why)
    if now.proposed and await versions.clock_ms() - now.proposed_ms < PROPOSAL_MS:
        proposed = await versions.get(now.proposed)
        if proposed is None or not process or proposed.who != process:
            raise RequestError(
                "conflict", f"version {now.proposed} is just being applied by somebody else; wait for it"
            )


def _numbered(version: Version, now: Now) -> Version:
    return replace(version, number=now.last + 1, state="proposed", before=now.number)


async def _prepared(versions: VersionStore, number: int, but: str) -> str:
    """Wait until every process has prepared it; empty, or which one can't and why."""
    deadline_s = monotonic() + PREPARE_S
    while True:
        fleet = [each for each in await versions.fleet() if each.node != but]
        for process in fleet:
            if process.fault_of == number and process.fault:
                return f"{process.node} can't run it: {process.fault}"
        waiting = [process.node for process in fleet if process.ready != number]
        if not waiting:
            return ""
        if monotonic() > deadline_s:
            return f"{', '.join(waiting)} did not prepare it in {PREPARE_S:g} s"
        await asyncio.sleep(_LOOK_S)
