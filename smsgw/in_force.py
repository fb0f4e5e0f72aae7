"""Which version of its site a process runs: chosen at its start, and built for a running one.

Owns the rule of the start. Files that nobody has seen become a new version; files of the version in force just run;
files of a version that was rolled back don't come back by a restart, nor do those of any former one that only lay
there, or while other processes run: the version in force runs, and a warning says so. While a version is on trial,
nothing else starts. With ``applied`` the files are not looked at. Never changes a running gateway; that is
``gateway.reload``, to which ``Following`` gives what this process is made of.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final

from smsgw import wiring
from smsgw.carrier.pool import Pool
from smsgw.carrier.settings import CarrierSettings
from smsgw.config.bundle import Bundle, load_bundle, own_digests, own_tables
from smsgw.config.site import Site
from smsgw.errors import ConfigError, RequestError
from smsgw.gateway.change import LiveChange, SiteParts
from smsgw.gateway.context import Context
from smsgw.gateway.gateway import Gateway
from smsgw.gateway.reload import Reloader
from smsgw.policy.error_watch import ErrorWatch, Totals
from smsgw.policy.model import MessageClass
from smsgw.policy.registers import Registers
from smsgw.smpp.constants import CommandStatus, MessageState
from smsgw.store.audit import AuditEntry
from smsgw.store.connection import Store
from smsgw.store.keys import mt
from smsgw.store.publishing import PREPARE_S, Entry, publish, settled
from smsgw.store.streams import waiting_messages
from smsgw.store.versions import Now, Version, VersionStore
from smsgw.telemetry.logs import EventLog

MakePool = Callable[[CarrierSettings], Pool]
PutSite = Callable[[Site], None]
START: Final = "start"
_AGAIN_S: Final = 0.1
_TURN_S: Final = 0.0002
#: Answers after which the same message is sent again: nothing has failed yet.
_LATER: Final = frozenset((int(CommandStatus.ESME_RTHROTTLED), int(CommandStatus.ESME_RMSGQFUL)))
_FAILURES: Final = frozenset(
    int(state)
    for state in (
        MessageState.EXPIRED, MessageState.DELETED, MessageState.UNDELIVERABLE, MessageState.UNKNOWN,
        MessageState.REJECTED,
    )
)  # fmt: skip
_WARNINGS: Final = frozenset(("site.files_not_in_force", "site.unusable", "site.rolled_back"))
_log = EventLog("smsgw.in_force")


@dataclass(frozen=True, slots=True)
class Built:
    """A version, ready to be changed over to."""

    site: Site
    parts: SiteParts


class Builder:
    """Builds versions for one process; ``own`` are its tables of smsgw.toml as it was started with them.

    ``adjusted``: what else is this process's own, such as a worker's name.
    """

    def __init__(self, site: Site, adjusted: Callable[[Site], Site] = lambda site: site) -> None:
        self._home = site.directory
        self._adjusted = adjusted
        self.own: dict[str, Any] = own_tables(site.directory)

    def site(self, files: Mapping[str, str]) -> Site:
        """The site that a version makes here. Raises ConfigErrors."""
        return self._adjusted(load_bundle(Bundle(files), self._home, self.own))

    def build(self, registers: Registers, files: Mapping[str, str]) -> Built:
        """A site with everything compiled; slow, for a thread. Raises ConfigError.

        The loop gives the interpreter away at each read and write, and gets it back only when this thread's turn is
        over: of the usual turns of 5 ms a busy gateway would stand still for seconds.
        """
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(_TURN_S)
        try:
            site = self.site(files)
            return Built(site, wiring.site_parts(site, registers))
        finally:
            sys.setswitchinterval(usual_s)


async def choose(
    site: Site, builder: Builder, store: Store, now_ms: Callable[[], int], applied: bool = False
) -> tuple[Site, int]:
    """The site to run, and its version; 0 when the process takes no part in versions.

    Raises ConfigError when the version in force can't run here, StoreError.
    """
    if not site.file.apply.follow and not applied:
        return site, 0
    versions = VersionStore(store)
    entry = partial(_entry, site.node_name, now_ms)
    if applied:
        now = await settled(versions, entry)
        if not now.number:
            raise ConfigError(site.directory, 0, "", "no version was ever in force; start without --applied")
        return await _in_force(builder, versions, now), now.number
    bundle = Bundle.read(site.directory)
    edited = await versions.files_seen(site.node_name) != bundle.digest
    await versions.saw_files(site.node_name, bundle.digest)
    deadline_s = monotonic() + PREPARE_S
    while True:
        now = await settled(versions, entry)
        there = await versions.get(now.number)
        if there is not None and there.digest == bundle.digest:
            return site, now.number
        if why := await _objection(versions, now, bundle, site.node_name, edited):
            break
        draft = _draft(bundle, tuple(site.carriers), entry)
        try:
            published = await publish(versions, draft, bundle.files, "", 0.0, entry, site.node_name)
        except RequestError:
            # Another process starts with new files just now, perhaps the same: theirs first.
            if monotonic() > deadline_s:
                raise
            await asyncio.sleep(_AGAIN_S)
            continue
        if not published.refused:
            site_log("site.in_force", {"version": published.version.number, "why": START})
            return site, published.version.number
        now, why = published.now, f"the files here can't be applied: {published.refused}"
        break
    if not now.number:
        raise ConfigError(site.directory, 0, "", why)
    mend = "smsgw diff shows how the files differ; smsgw apply puts them in force"
    site_log("site.files_not_in_force", {"running": now.number, "why": why, "mend": mend})
    return await _in_force(builder, versions, now), now.number


async def _objection(versions: VersionStore, now: Now, bundle: Bundle, node: str, edited: bool) -> str:
    """Why files that are not those in force must not become so by a mere restart; empty when they may.

    ``edited``: they are others than when they were last looked at; so whoever brought old files back means it.
    """
    known = await versions.newest_like(bundle.digest)
    if known is not None:
        others = any(process.node != node for process in await versions.fleet())
        if known.state in ("rolled back", "refused") or others or not edited:
            return f"the files here are those of version {known.number} ({known.state})"
    return f"version {now.number} is on trial, and the files here are not its" if now.trial == "roll back" else ""


async def waiting_for_former(site: Site, store: Store) -> list[str]:
    """Carriers that the site has no more and for which messages still wait. Raises StoreError."""
    found = []
    for name in sorted(await VersionStore(store).former_carriers() - site.carriers.keys()):
        streams = [
            mt(partition, name, lane) for partition in range(store.partitions) for lane in range(len(MessageClass))
        ]
        if any([await waiting_messages(store, stream) for stream in streams]):
            found.append(name)
    return found


class Following:
    """A running gateway with the versions that it follows. ``run`` in the application's task group."""

    def __init__(
        self, builder: Builder, gateway: Gateway, built: Built, running: int, make_pool: MakePool, put: PutSite
    ) -> None:
        context = gateway.context
        self.live = LiveChange(gateway, built.parts, make_pool, site_log)
        self._put_site = put
        apply = built.site.file.apply
        self._follows = apply.follow or running > 0
        self.reloader: Reloader[Built] = Reloader(
            context.store,
            context.settings.node,
            running,
            own_digests(builder.own),
            partial(builder.build, context.registers),
            self._put,
            partial(_totals, context),
            ErrorWatch(apply.rise, apply.sample),
            context.clock.now_ms,
            site_log,
        )
        self.reloader.keep(built)

    async def run(self) -> None:
        """Follow until cancelled; a process that takes no part runs its own files."""
        if self._follows:
            await self.reloader.run()

    def _put(self, built: Built, number: int) -> None:
        self.live.put(built.parts)
        self._put_site(built.site)


def site_log(event: str, fields: dict[str, object]) -> None:
    """What happens to versions is rare, and each time of its own interest."""
    if event in _WARNINGS:
        _log.warning(event, **fields)
    else:
        _log.event(event, **fields)


def _draft(bundle: Bundle, carriers: tuple[str, ...], entry: Entry) -> Version:
    audit = entry("version.propose", 0, START)
    return Version(0, bundle.digest, audit.who, START, audit.at_ms, "proposed", carriers=carriers)


def _totals(context: Context) -> Totals:
    accounts = [context.metrics.account(name) for name in tuple(context.accounts)]
    carriers = [context.metrics.carrier(name) for name in tuple(context.pools)]
    answers = [(status, count) for each in carriers for status, count in each.answered.items()]
    receipts = [(int(state), count) for each in carriers for state, count in each.receipts.items()]
    return Totals(
        refused=sum(sum(each.refused.values()) + each.refused.other for each in accounts),
        asked=sum(each.mt_received for each in accounts),
        failed=sum(count for status, count in answers if status and status not in _LATER)
        + sum(each.response_timeouts for each in carriers),
        answered=sum(count for _, count in answers) + sum(each.response_timeouts for each in carriers),
        undelivered=sum(count for state, count in receipts if state in _FAILURES),
        receipts=sum(count for _, count in receipts),
    )


async def _in_force(builder: Builder, versions: VersionStore, now: Now) -> Site:
    return await asyncio.to_thread(builder.site, await versions.files(now.number))


def _entry(node: str, now_ms: Callable[[], int], action: str, number: int, why: str) -> AuditEntry:
    return AuditEntry(now_ms(), f"smsgw {node}", action, f"version {number}", why)
