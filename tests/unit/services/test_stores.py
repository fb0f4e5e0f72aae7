"""What is in the store, told; a migration is for those who may, and stands in the new store's audit log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smsgw.errors import RequestError
from smsgw.services import optouts, stores
from smsgw.services.desk import Desk
from smsgw.store.admission import Admission, AdmitItem
from smsgw.store.audit import AuditLog
from smsgw.store.connection import Store
from smsgw.store.leases import Leases
from smsgw.store.schema import announce
from tests.store.conftest import RunningServer
from tests.unit.services.conftest import NOW_MS, MakeDesk

NUMBER = "13800138000"


async def accept(store: Store, count: int) -> None:
    """Notices that wait for alpha."""
    admission = Admission(store, lambda items, replies: None, lambda: NOW_MS)
    for n in range(count):
        rhash = store.recipients.hash(f"861380000{n:04}")
        reply = await admission.once(f"{n}", AdmitItem(None, rhash, [f"00{n:018x}"], b"blob", "alpha:1", NOW_MS))
        assert reply.code == 0


async def test_what_is_in_the_store(desk: Desk, store: Store) -> None:
    await optouts.add(desk, NUMBER, "asked")
    await accept(store, 3)
    leases = Leases(store, "east")
    await announce(store, "east", leases.token)
    await leases.join([])
    found = await stores.info(desk)
    assert (found.partitions, found.migrated, found.held, found.store_schema) == (2, False, 0, "1")
    assert {(each.carrier, each.lane): each.messages for each in found.waiting if each.messages} == {
        ("alpha", "notice"): 3
    }
    sizes = {each.kind: each for each in found.kinds}
    assert sizes["who"].keys == 1
    assert all(each.octets > 40 for each in found.kinds)
    (node,) = found.nodes
    assert node.node == "east"
    assert 0 < node.lease_s <= 10
    assert node.smsgw
    assert (await stores.info(desk, quick=True)).kinds == []
    await leases.leave([])
    assert [each.lease_s for each in (await stores.info(desk)).nodes] == [0]


async def test_many_keys_of_a_kind_are_weighed_by_some(desk: Desk, store: Store) -> None:
    value = b"x" * 500
    for n in range(3000):
        await store.command(n % 2, "SET", f"{{p{n % 2:02x}}}:st:{n}", value)
    found = await stores.info(desk)
    (states,) = (each for each in found.kinds if each.kind == "st")
    assert states.keys == 3000
    assert 3000 * 500 < states.octets < 3000 * 800


async def test_a_migration_stands_in_the_new_audit_log(
    desk: Desk, desk_of: MakeDesk, store: Store, server: RunningServer
) -> None:
    await optouts.add(desk, NUMBER, "asked")
    settings = replace(store.settings, partitions=3)
    new = Store(f"{server.server.url}?db=1", sealer=store.sealer, recipients=store.recipients, settings=settings)
    try:
        with pytest.raises(RequestError, match="needs one of the roles engineer, technical"):
            await stores.migrate(desk_of("mei", "viewer"), new, "it grows", lambda step, written: None)
        done = await stores.migrate(desk_of("he", "technical"), new, "it grows", lambda step, written: None)
        assert done.partitions == (2, 3)
        log = AuditLog(new)
        last = (await log.read_back())[0]
        assert (last.action, last.why) == ("store.migrate", "it grows")
        assert last.detail["before"] == {"partitions": 2}
        assert not (await log.verify()).faults
        assert (await AuditLog(store).head()).seq == last.seq - 1, "the old store was only read"
        there = Desk(desk.site, new, desk.person, lambda: NOW_MS)
        assert (await optouts.show(there, NUMBER)).facts == (await optouts.show(desk, NUMBER)).facts != []
    finally:
        await new.close()
