"""What a later smsgw wrote beside what this one knows is passed over, and stays where it is written again."""

from __future__ import annotations

from dataclasses import replace

from smsgw.gateway.reports import Origin, Report, unpack_origin, unpack_report
from smsgw.policy.entries import TemplateEntry
from smsgw.store import keys
from smsgw.store.audit import AuditEntry, AuditLog
from smsgw.store.envelope import FIELDS, Envelope
from smsgw.store.packing import from_script, pack, to_script, unpack
from smsgw.store.ported import PortedNumbers
from smsgw.store.recipients import RecipientFacts
from smsgw.store.registers import RegisterChange, RegisterStore
from smsgw.store.state import parse_state
from smsgw.store.versions import Now, Process, Version, VersionStore
from tests.store.kit import NOW_MS, NUMBER, Kit

ENTRY = AuditEntry(NOW_MS, "amy", "site.apply", "version 1", "because")


def test_an_envelope_keeps_them() -> None:
    first = Envelope(["00aa"], [b"pdu"], "shop", 2, NUMBER, "1069", "", [1], NOW_MS, links=[[0, 9, "s.cn/1"]])
    fields = unpack(first.pack())
    assert len(fields) == FIELDS
    found = Envelope.unpack(pack([*fields, "later", {"more": 1}]))
    assert found.links == [[0, 9, "s.cn/1"]]
    found.attempts += 1
    assert unpack(found.pack())[FIELDS:] == ["later", {"more": 1}]


def test_origins_and_reports_pass_them_over() -> None:
    origin = Origin(b"\0\x001069\0", b"\1\x01139\0", NOW_MS, 5, "sig", b"env")
    report = Report(2, "000", NOW_MS, b"", "MB")
    assert unpack_origin(pack([*origin, "later"])) == origin
    assert unpack_report(pack([*report, "later"])) == report


def test_a_state_passes_them_over() -> None:
    assert parse_state(b"20000000000000000shop\x001069\x00later").source_addr == "1069"


async def test_versions_keep_them(kit: Kit) -> None:
    versions, registers = VersionStore(kit.store), RegisterStore(kit.store)
    first = Version(1, "digest", "amy", "why", NOW_MS, "proposed", later={"signed_by": "wu"})
    now = await versions.propose(replace(await versions.now(), later={"region": "north"}), first, {"a": "b"}, ENTRY)
    assert (await registers.get("version", "now")).body["region"] == "north"  # type: ignore[union-attr]
    now = await versions.put_in_force(await versions.now(), first, "", 0, ENTRY)
    assert await versions.now() == now == Now(1, 1, later={"region": "north"}, revision=2)
    stored = await registers.get("version", "000001")
    assert stored is not None
    assert (stored.body["signed_by"], stored.body["state"]) == ("wu", "confirmed")
    assert "later" not in stored.body


async def test_what_a_process_tells(kit: Kit) -> None:
    versions = VersionStore(kit.store)
    told = {"node": "a", "at_ms": await versions.clock_ms(), "running": 3, "mood": "good"}
    await kit.command("HSET", keys.fleet(), "a", pack(told))
    assert await versions.fleet() == [Process("a", int(told["at_ms"]), 3)]  # type: ignore[call-overload]


async def test_what_is_known_of_a_recipient(kit: Kit) -> None:
    facts = RecipientFacts(kit.store)
    await facts.add(NUMBER, "", "MO", NOW_MS)
    key = keys.who(0, kit.store.recipients.hash(NUMBER))
    known = from_script(await kit.command("GET", key))
    await kit.command("SET", key, to_script({**known, b"vip": ["x", 5], b"o": [*known[b"o"], "later"]}))
    assert [(each.kind, each.source) for each in await facts.show(NUMBER)] == [("optout", "MO")]
    await facts.set_tier(NUMBER, "loyal")
    assert [each.kind for each in await facts.show(NUMBER)] == ["optout", "tier"]
    assert from_script(await kit.command("GET", key))[b"vip"] == [b"x", 5]


async def test_audit_entries_and_ported_numbers(kit: Kit) -> None:
    log = AuditLog(kit.store)
    await log.append(ENTRY)
    (entry,) = [each async for each in log.raw()]
    packed = pack([*unpack(entry.packed), "later"])
    await kit.command("DEL", keys.audit())
    await kit.command("XADD", keys.audit(), "1-0", "e", packed, "h", entry.hash, "x", "later")
    assert [each.who async for each in log.all()] == ["amy"]
    sealed = kit.store.sealer.seal(pack((NUMBER, "unicom", "later")))
    await kit.command("XADD", keys.ported(), "*", "n", sealed, "x", "later")
    known: dict[str, str] = {}
    await PortedNumbers(kit.store, known).load()
    assert known == {NUMBER: "unicom"}


async def test_documents_of_registers(kit: Kit) -> None:
    body = {"id": "welcome", "version": 1, "message_class": "notice", "text": "hello", "mood": "good",
            "variables": [{"name": "who", "mood": "good"}]}  # fmt: skip
    await RegisterStore(kit.store).write("template", [RegisterChange("welcome@1", body)], ENTRY)
    stored = await RegisterStore(kit.store).get("template", "welcome@1")
    assert stored is not None
    assert TemplateEntry.from_document(stored.body).variables[0].name == "who"
