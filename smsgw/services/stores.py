"""The store as a whole: what is in it, and moving it to another number of partitions or another Redis.

Owns who may, and the audit entry of a migration, which stands in the new store. How it is moved is ``store.migration``.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from smsgw.policy.model import CLASS_LABELS
from smsgw.services.desk import Desk
from smsgw.services.queues import undelivered
from smsgw.store.audit import AuditLog
from smsgw.store.connection import Store
from smsgw.store.migration.fleet import living
from smsgw.store.migration.kinds import KINDS
from smsgw.store.migration.run import Migrated, Migration, Told
from smsgw.store.migration.sizes import sizes
from smsgw.store.queues import Queues
from smsgw.store.schema import builds, form

_MOVERS = ("engineer", "technical")


class KindSize(BaseModel):
    """One kind of key."""

    kind: str
    what: str
    keys: int
    octets: int = Field(description="Memory in Redis; of kinds with many keys estimated from some of them.")


class Waiting(BaseModel):
    """One lane of a carrier."""

    carrier: str
    lane: str
    messages: int


class Node(BaseModel):
    """A process of the fleet. ``lease_s``: for how long it is taken for alive yet, 0 when it has ended."""

    node: str
    lease_s: float
    smsgw: str


class StoreInfo(BaseModel):
    """A store."""

    redis: str
    store_schema: str
    partitions: int
    migrated: bool = Field(description="Its number of partitions was changed once.")
    kinds: list[KindSize]
    waiting: list[Waiting]
    held: int
    parked: dict[str, int]
    undelivered: dict[str, int]
    nodes: list[Node]


async def info(desk: Desk, quick: bool = False) -> StoreInfo:
    """What is in the store; ``quick``: without walking over all its keys."""
    desk.require_reader()
    store, queues = desk.store, Queues(desk.store)
    found, told = await form(store), await builds(store)
    shared = "" if found is None or found.shared == found.schema else f", shared with {found.shared} and later"
    lengths = await queues.lengths(list(desk.site.carriers))
    versions = {name: build.version for name, build in told.items()}
    return StoreInfo(
        redis=store.server_version,
        store_schema="none" if found is None else f"{found.schema}{shared}",
        partitions=store.partitions,
        migrated=bool(store.migrated_s),
        kinds=[] if quick else [
            KindSize(kind=name, what=KINDS[name].title, keys=size.keys, octets=size.octets)
            for name, size in (await sizes(store)).items()
        ],
        waiting=[
            Waiting(carrier=each.carrier, lane=CLASS_LABELS[each.lane], messages=each.waiting) for each in lengths
        ],
        held=await queues.held_count(),
        parked=await queues.lots(),
        undelivered=await undelivered(desk),
        nodes=[
            Node(node=name, lease_s=round(left_s, 1), smsgw=versions.get(name, ""))
            for name, left_s in (await living(store)).items()
        ],
    )  # fmt: skip


async def migrate(desk: Desk, new: Store, why: str, told: Told) -> Migrated:
    """Move the desk's store, of which nothing is changed, into a new one. Raises StoreError."""
    desk.require(*_MOVERS)
    entry = desk.entry(
        "store.migrate",
        "store",
        why,
        before={"partitions": desk.store.partitions},
        after={"partitions": new.partitions},
    )
    done = await Migration(desk.store, new, told).run()
    await AuditLog(new).append(entry)
    return done
