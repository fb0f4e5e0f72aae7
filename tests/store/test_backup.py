"""A backup of one store put into another: of other partitions, empty or not; and the merge of what is known."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsgw.errors import RequestError
from smsgw.store import keys
from smsgw.store.audit import AuditEntry, AuditLog
from smsgw.store.backup.frames import Reader, Section, Writer
from smsgw.store.backup.gather import gather
from smsgw.store.backup.restore import Outcome, Restorer, check
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.id_forms import IdFormStore
from smsgw.store.links import Links, StoredLink, real_ms
from smsgw.store.packing import from_script, pack, to_script
from smsgw.store.ported import PortedNumbers
from smsgw.store.quota import QuotaLeases
from smsgw.store.recipients import Consent, RecipientFacts, scope_account
from smsgw.store.registers import RegisterChange, RegisterStore
from smsgw.store.scripts import script
from smsgw.store.versions import Version, VersionStore
from tests.store.conftest import MakeKit
from tests.store.kit import DAY_MS, NOW_MS, Kit

NUMBERS = [f"86138{n:08d}" for n in range(1, 9)]
SHOP = scope_account("shop")


async def exported(store: Store, path: Path) -> Reader:
    file = BytesIO()
    writer = Writer(file, store.recipients, smsgw="1", schema=1, partitions=store.partitions, made_ms=NOW_MS)
    await gather(store, writer)
    path.write_bytes(file.getvalue())
    return Reader(path)


async def restored(store: Store, reader: Reader, *, replaces: bool = False, looks: bool = False) -> Outcome:
    checked = check(reader, store.recipients)
    restorer = Restorer(store, reader, AuditLog(store), now_ms=NOW_MS, replaces=replaces, looks=looks)
    await restorer.audit(checked)
    await restorer.rest()
    return restorer.outcome


async def fill(kit: Kit) -> None:
    """Something of everything."""
    facts, registers = RecipientFacts(kit.store), RegisterStore(kit.store)
    for number in NUMBERS[:4]:
        await facts.add(number, SHOP, "MO", NOW_MS)
    await facts.set_tier(NUMBERS[4], "loyal")
    await facts.load_consents([Consent(NUMBERS[5], "", "web", NOW_MS, "wording 3")])
    entry = AuditEntry(NOW_MS, "li.na", "template.add", "template welcome@1", "asked for")
    await registers.write("template", [RegisterChange("welcome@1", {"text": "hello", "later": [1, b"\xff"]})], entry)
    await registers.write("word", [RegisterChange(f"w{n}", {"word": str(n)}) for n in range(700)], entry)
    versions = VersionStore(kit.store)
    first = Version(1, "digest", "root", "first", NOW_MS, "proposed")
    now = await versions.propose(await versions.now(), first, {"smsgw.toml": "x = 1", "big": "y" * 100_000}, entry)
    await versions.put_in_force(now, first, "", 0, entry)
    await IdFormStore(kit.store).save("alpha", {"form": "hex"})
    ported = PortedNumbers(kit.store, {})
    ported.learn(NUMBERS[0], "unicom")
    await ported.write()
    quotas = QuotaLeases(kit.store)
    kit.run(quotas.commit.run())
    assert await quotas.lease("shop", [("d20270115", 1000)], 40) == 40
    link = StoredLink("aB3dE6gH", "shop", 2, "", "sale@1", "", "https://example.com/a", real_ms() + 3_600_000)
    opened = pack(link[1:7])
    assert await Links(kit.store, real_ms).put_back([[link.token, b"m" * 16, link.until_ms, opened]]) == 1


async def known(store: Store) -> dict[str, Any]:
    """What can't be lost, as its readers find it."""
    facts, registers = RecipientFacts(store), RegisterStore(store)
    ported: dict[str, str] = {}
    await PortedNumbers(store, ported).load()
    versions = VersionStore(store)
    now = await versions.now()
    return {
        "facts": {number: await facts.show(number) for number in NUMBERS},
        "templates": {name: stored.body for name, stored in (await registers.read("template")).items()},
        "words": {name: stored.body for name, stored in (await registers.read("word")).items()},
        "now": (now.number, now.last),
        "versions": await versions.all(),
        "files": await versions.files(1),
        "id forms": await IdFormStore(store).load(),
        "ported": ported,
        "links": [each async for each in Links(store, real_ms).all()],
        "quota": await QuotaLeases(store).used("shop", [("d20270115", 1000)]),
        "audit": [each async for each in AuditLog(store).all()],
    }


async def test_everything_comes_back_into_a_store_of_other_partitions(make_kit: MakeKit, tmp_path: Path) -> None:
    kit = await make_kit(partitions=4)
    await fill(kit)
    before = await known(kit.store)
    reader = await exported(kit.store, tmp_path / "backup")
    await kit.command("FLUSHALL")
    other = await another(kit, partitions=3)
    outcome = await restored(other, reader)
    assert await known(other) == before
    assert not (await AuditLog(other).verify()).faults
    assert outcome.taken == {**reader.counts, Section.END: 0}
    assert set(reader.counts) == set(Section) - {Section.END}
    again = await restored(other, reader)
    assert set(again.taken.values()) == {0}
    assert again.audit_left == ""
    assert await known(other) == before
    await other.close()


async def another(kit: Kit, partitions: int) -> Store:
    """The same server and secrets, another number of partitions."""
    secrets = kit.secrets
    store = Store(
        kit.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=StoreSettings(partitions=partitions)
    )
    await store.ready()
    return store


async def test_what_is_newer_stays(kit: Kit, tmp_path: Path) -> None:
    facts, registers = RecipientFacts(kit.store), RegisterStore(kit.store)
    subscribed, refused, older = NUMBERS[:3]
    for number in (refused, older):
        await facts.load_consents([Consent(number, SHOP, "web", NOW_MS - 50, "")])
    await facts.remove(refused, SHOP, "START", NOW_MS - 10)
    await facts.add(subscribed, SHOP, "STOP", NOW_MS - 10)
    entry = AuditEntry(NOW_MS, "li.na", "word.add", "word", "asked for")
    await registers.write("word", [RegisterChange("a", {"n": 1}), RegisterChange("b", {"n": 1})], entry)
    reader = await exported(kit.store, tmp_path / "backup")
    await kit.command("FLUSHALL")
    await kit.store.ready()
    await facts.add(refused, SHOP, "STOP", NOW_MS - 5)
    await facts.remove(subscribed, SHOP, "START", NOW_MS - 5)
    await registers.write("word", [RegisterChange("a", {"n": 2})], entry._replace(why="as well"))
    outcome = await restored(kit.store, reader)
    assert [(each.kind, each.source) for each in await facts.show(subscribed)] == [("subscribe", "START")]
    assert [each.kind for each in await facts.show(refused)] == ["consent", "optout"]
    assert [each.kind for each in await facts.show(older)] == ["consent"]
    assert {name: each.body["n"] for name, each in (await registers.read("word")).items()} == {"a": 2, "b": 1}
    assert outcome.audit_left == "this store has a log of its own, up to entry 1"
    assert outcome.taken[Section.REGISTER] == 1
    assert (await restored(kit.store, reader, replaces=True)).taken[Section.REGISTER] == 1
    assert {name: each.body["n"] for name, each in (await registers.read("word")).items()} == {"a": 1, "b": 1}


async def test_who_only_looks_changes_nothing(make_kit: MakeKit, tmp_path: Path) -> None:
    kit = await make_kit(partitions=2)
    await fill(kit)
    reader = await exported(kit.store, tmp_path / "backup")
    await kit.command("FLUSHALL")
    await kit.store.ready()
    before = await kit.keys()
    looked = await restored(kit.store, reader, looks=True)
    assert await kit.keys() == before
    assert looked.taken == (await restored(kit.store, reader)).taken


async def test_an_interrupted_import_is_begun_again(kit: Kit, tmp_path: Path) -> None:
    log = AuditLog(kit.store)
    for n in range(3):
        await log.append(AuditEntry(NOW_MS + n, "li.na", "note", "it", "because"))
    whole = [each async for each in log.all()]
    reader = await exported(kit.store, tmp_path / "backup")
    copied = [each async for each in log.raw()]
    await kit.command("FLUSHALL")
    await kit.store.ready()
    assert await AuditLog(kit.store).put_back(copied[:2])
    outcome = await restored(kit.store, reader)
    assert outcome.audit_left == ""
    assert [each async for each in AuditLog(kit.store).all()] == whole
    assert not (await AuditLog(kit.store).verify()).faults


async def test_a_broken_audit_log_is_not_put_back(kit: Kit, tmp_path: Path) -> None:
    log = AuditLog(kit.store)
    for n in range(3):
        await log.append(AuditEntry(NOW_MS + n, "li.na", "note", "it", "because"))
    await kit.command("XDEL", keys.audit(), "2-0")
    reader = await exported(kit.store, tmp_path / "backup")
    await kit.command("FLUSHALL")
    await kit.store.ready()
    assert (await restored(kit.store, reader)).audit_left == "the copy of it is broken: entry 2 is missing"
    assert (await AuditLog(kit.store).head()).seq == 0


async def test_nothing_is_written_of_a_file_that_is_cut(kit: Kit, tmp_path: Path) -> None:
    await fill(kit)
    reader = await exported(kit.store, tmp_path / "backup")
    octets = reader.path.read_bytes()
    reader.path.write_bytes(octets[:-20])
    with pytest.raises(RequestError, match="is cut"):
        check(Reader(reader.path), kit.store.recipients)


# -- the merge


TIMES = st.integers(1, 6)
ENDS = st.sampled_from([0, NOW_MS + 1, NOW_MS + DAY_MS])
MAPS = st.fixed_dictionaries(
    {},
    optional={
        "o": st.tuples(st.just("MO"), TIMES),
        "s": st.tuples(st.just("START"), TIMES),
        "c": st.tuples(st.just("web"), TIMES, st.just("wording"), st.integers(0, 1)),
        "b": st.tuples(st.just("complaint"), TIMES, st.just("wang"), ENDS),
        "d": st.tuples(st.just("DEAD"), TIMES, st.just("receipt"), ENDS),
        "b:c:alpha": st.tuples(st.just("0x4"), TIMES, st.just("receipt"), ENDS),
        "tier": st.sampled_from(["loyal", "new"]),
        "x:later": st.just("unknown"),
    },
)


def merged(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """The rules of the script's header, said plainly."""
    found = dict(ours)
    for name, entry in theirs.items():
        mine = found.get(name)
        if mine is None:
            found[name] = entry
        elif name in ("o", "s"):
            found[name] = max(mine, entry, key=lambda each: each[1])
        elif name == "c":
            found[name] = max(mine, entry, key=lambda each: (-each[3], each[1]))
        elif name[0] in "bd":
            found[name] = max(mine, entry, key=lambda each: each[3] or 10**20)
    if "o" in found:
        said = [found[name][1] for name in ("s", "c") if name in found and not (name == "c" and found[name][3])]
        if any(at > found["o"][1] for at in said):
            del found["o"]
        else:
            found.pop("s", None)
    return found


@given(MAPS, MAPS, st.integers(0, 1))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_merge_is_what_the_rules_say(
    kit: Kit, ours: dict[str, Any], theirs: dict[str, Any], looks: int
) -> None:
    await kit.command("DEL", "{p00}:who:x")
    ours = merged({}, ours)
    expected = merged(ours, theirs)
    if ours:
        await kit.command("SET", "{p00}:who:x", to_script(ours))
    payload = to_script((NOW_MS, looks, [("x", to_script(theirs))], []))
    changed, _ = from_script(await kit.store.evaluate(0, script("restore"), payload))
    assert changed == (expected != ours)
    packed = await kit.command("GET", "{p00}:who:x")
    found = {} if packed is None else from_script(packed)
    assert found == _raw(ours if looks else expected)
    if "o" in ours and "o" not in expected:  # only something newer undoes an opt-out
        assert max(theirs[name][1] for name in ("s", "c") if name in theirs) > ours["o"][1]


def _raw(known: dict[str, Any]) -> dict[bytes, Any]:
    packed: dict[bytes, Any] = from_script(to_script(known))
    return packed


async def test_an_entry_that_ends_has_a_ttl_and_one_for_good_has_none(kit: Kit) -> None:
    rows = [("ends", to_script({"d": ("DEAD", 1, "r", NOW_MS + DAY_MS)})), ("stays", to_script({"o": ("MO", 1)}))]
    over = ("over", to_script({"d": ("DEAD", 1, "r", NOW_MS - 5 * DAY_MS)}))
    await kit.store.evaluate(0, script("restore"), to_script((NOW_MS, 0, [*rows, over], [])))
    assert 0 < await kit.command("PTTL", "{p00}:who:ends") <= 2 * DAY_MS
    assert await kit.command("PTTL", "{p00}:who:stays") == -1
    assert await kit.command("EXISTS", "{p00}:who:over") == 0


async def test_a_quota_is_only_raised(kit: Kit) -> None:
    async def raised(count: int) -> int:
        payload = to_script((NOW_MS, 0, [], [("shop", "d1", count, 60_000)]))
        return int(from_script(await kit.store.evaluate(0, script("restore"), payload))[1])

    assert [await raised(count) for count in (5, 3, 9)] == [1, 0, 1]
    assert await kit.command("GET", "{p00}:quota:shop:d1") == b"9"
