"""Consent, blacklists, dead numbers: which word counts, what is learnt, what ends, and what each refuses."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from smsgw.store import keys
from smsgw.store.admission import ACCEPTED, FORBIDDEN, NO_CONSENT, AdmitReply
from smsgw.store.facts import LEARNT, FactChange, FactOp, FactResult, Facts
from smsgw.store.held import ReleaseReply
from smsgw.store.looks import MAY_BE_SENT, LookReply, Looks
from smsgw.store.recipients import (
    SCOPE_COMPANY,
    Consent,
    Fact,
    Listed,
    facts_for,
    scope_account,
    scope_carrier,
    scope_signature,
)
from tests.store.kit import DAY_MS, NOW_MS, NUMBER, Kit, mapping, until

SHOP = scope_account("shop")
ALL = facts_for("shop", "示例", "alpha", optout=True, blacklist=True, dead=True, consent=True)
LISTS = facts_for("shop", "示例", "alpha", optout=True, blacklist=True, dead=True, consent=False)


async def write(kit: Kit, *changes: FactChange) -> list[FactResult]:
    return await kit.facts.write(changes)


def change(
    op: FactOp, at_ms: int, scope: str = SHOP, source: str = "x", number: str = NUMBER, **more: Any
) -> FactChange:
    return FactChange(None, op, number, scope, source, at_ms, **more)


def test_what_is_looked_for() -> None:
    assert ALL == ("o", "o:a:shop", "o:s:示例", "b", "b:c:alpha", "d", "+c", "+c:a:shop", "+c:s:示例")
    assert facts_for("shop", "", "", optout=False, blacklist=True, dead=False, consent=False) == ("b",)
    assert facts_for("shop", "", "", optout=False, blacklist=False, dead=False, consent=False) == ()


@pytest.mark.parametrize("scope", [SCOPE_COMPANY, SHOP, scope_signature("示例")])
async def test_marketing_needs_a_consent_of_its_scope(kit: Kit, scope: str) -> None:
    assert await kit.admit(kit.item(facts=ALL)) == [AdmitReply(NO_CONSENT)]
    await kit.facts.consent(NUMBER, scope_account("bank"), "app", NOW_MS, "v1")
    assert await kit.codes(kit.item(facts=ALL)) == [NO_CONSENT]
    assert await kit.facts.consent(NUMBER, scope, "app", NOW_MS, "v1") is FactResult.CHANGED
    assert await kit.codes(kit.item(facts=ALL)) == [ACCEPTED]
    assert Fact("consent", scope, "app", NOW_MS, wording="v1") in await kit.facts.show(NUMBER)


async def test_a_start_is_a_consent_too(kit: Kit) -> None:
    await kit.facts.remove(NUMBER, SHOP, "mo", NOW_MS)
    assert await kit.codes(kit.item(facts=ALL)) == [ACCEPTED]
    await kit.facts.add(NUMBER, SHOP, "mo", NOW_MS + 1)
    assert await kit.admit(kit.item(facts=ALL)) == [AdmitReply(FORBIDDEN, fact="o:a:shop")]
    needed_only = facts_for("shop", "示例", "", optout=False, blacklist=False, dead=False, consent=True)
    assert await kit.codes(kit.item(facts=needed_only)) == [NO_CONSENT]


async def test_the_newest_word_counts_in_any_order(kit: Kit) -> None:
    words = [(FactOp.OPT_OUT, 10), (FactOp.CONSENT, 20), (FactOp.SUBSCRIBE, 15), (FactOp.OPT_OUT, 30)]
    for last, forbidden in (([(FactOp.CONSENT, 31)], False), ([(FactOp.CONSENT, 30)], True), ([], True)):
        for number, order in enumerate(itertools.permutations([*words, *last])):
            who = f"86139{number:06d}{len(last)}{forbidden:d}"
            await write(kit, *(change(op, at_ms, number=who) for op, at_ms in order))
            (reply,) = await kit.admit(kit.item(who, facts=ALL))
            assert reply == (AdmitReply(FORBIDDEN, fact="o:a:shop") if forbidden else AdmitReply(ACCEPTED)), order


async def test_a_word_that_is_said_again_is_told_from_a_new_one(kit: Kit) -> None:
    words = [(FactOp.OPT_OUT, 10), (FactOp.OPT_OUT, 20), (FactOp.SUBSCRIBE, 30), (FactOp.SUBSCRIBE, 40)]
    assert await kit.facts.write([change(op, NOW_MS + at) for op, at in words]) == [
        FactResult.CHANGED,
        FactResult.RENEWED,
        FactResult.CHANGED,
        FactResult.RENEWED,
    ]
    assert [fact.at_ms for fact in await kit.facts.show(NUMBER)] == [NOW_MS + 40]


async def test_a_consent_by_command_lifts_an_older_opt_out_and_no_newer_one(kit: Kit) -> None:
    await kit.facts.add(NUMBER, SHOP, "mo", NOW_MS)
    assert await kit.facts.consent(NUMBER, SHOP, "call", NOW_MS, "v1") is FactResult.OPTED_OUT
    assert await kit.facts.consent(NUMBER, SHOP, "call", NOW_MS + 1, "v1") is FactResult.CHANGED
    assert await kit.facts.consent(NUMBER, SHOP, "call", NOW_MS + 1, "v1") is FactResult.NOTHING
    assert await kit.facts.show(NUMBER) == [Fact("consent", SHOP, "call", NOW_MS + 1, wording="v1")]
    assert not await kit.facts.add(NUMBER, SHOP, "old list", NOW_MS)


async def test_an_import_never_undoes_an_opt_out_whatever_came_first(kit: Kit) -> None:
    opted_out, fresh = NUMBER, "8613800000002"
    await kit.facts.add(opted_out, SHOP, "mo", NOW_MS)
    lines = [Consent(number, SHOP, "crm", NOW_MS + DAY_MS, "v2") for number in (opted_out, fresh)]
    assert await kit.facts.load_consents(lines) == [FactResult.OPTED_OUT, FactResult.CHANGED]
    assert await kit.facts.load_consents(lines) == [FactResult.OPTED_OUT, FactResult.NOTHING]
    assert await kit.codes(kit.item(opted_out, facts=ALL), kit.item(fresh, facts=ALL)) == [FORBIDDEN, ACCEPTED]
    # The opt-out is older than the imported consent, and comes after it.
    assert await kit.facts.add(fresh, SHOP, "mo", NOW_MS)
    assert await kit.codes(kit.item(fresh, facts=ALL)) == [FORBIDDEN]
    shown = await kit.facts.show(fresh)
    assert [(fact.kind, fact.imported, fact.wording) for fact in shown] == [
        ("consent", True, "v2"),
        ("optout", False, ""),
    ]


async def test_an_import_takes_no_proof_given_by_hand(kit: Kit) -> None:
    await kit.facts.consent(NUMBER, SHOP, "call", NOW_MS, "v1")
    assert await kit.facts.load_consents([Consent(NUMBER, SHOP, "crm", NOW_MS + 9, "v2")]) == [FactResult.NOTHING]
    assert not await kit.facts.add(NUMBER, SHOP, "old list", NOW_MS - 1)
    assert (await kit.facts.show(NUMBER))[0].wording == "v1"


async def test_blacklists_end_by_business_time(kit: Kit) -> None:
    assert await kit.facts.blacklist(NUMBER, "complaint 17", NOW_MS, "lin", NOW_MS + DAY_MS)
    assert not await kit.facts.blacklist(NUMBER, "complaint 17", NOW_MS, "lin", NOW_MS + DAY_MS)
    assert await kit.admit(kit.item(facts=LISTS)) == [AdmitReply(FORBIDDEN, fact="b")]
    kit.now_ms += DAY_MS - 1
    assert await kit.codes(kit.item(facts=LISTS)) == [FORBIDDEN]
    kit.now_ms += 1
    assert await kit.codes(kit.item(facts=LISTS)) == [ACCEPTED]
    (fact,) = await kit.facts.show(NUMBER)
    assert fact == Fact("blacklist", "", "complaint 17", NOW_MS, "lin", NOW_MS + DAY_MS)
    assert (fact.in_force(kit.now_ms - 1), fact.in_force(kit.now_ms)) == (True, False)
    left_ms = await kit.command("PTTL", "{p00}:who:" + kit.store.recipients.hash(NUMBER))
    assert DAY_MS < left_ms <= 2 * DAY_MS


async def test_a_blacklist_for_good_and_its_undo(kit: Kit) -> None:
    await kit.facts.blacklist(NUMBER, "complaint 17", NOW_MS, "lin")
    await kit.facts.blacklist(NUMBER, "by alpha", NOW_MS, "lin", carrier="alpha")
    assert await kit.command("PTTL", "{p00}:who:" + kit.store.recipients.hash(NUMBER)) == -1
    assert await kit.facts.unblacklist(NUMBER, NOW_MS + 1)
    assert not await kit.facts.unblacklist(NUMBER, NOW_MS + 1)
    assert await kit.admit(kit.item(facts=LISTS)) == [AdmitReply(FORBIDDEN, fact="b:c:alpha")]
    other = facts_for("shop", "", "beta", optout=True, blacklist=True, dead=True, consent=False)
    assert await kit.codes(kit.item(facts=other)) == [ACCEPTED]
    assert await kit.facts.unblacklist(NUMBER, NOW_MS + 1, "alpha")
    assert await kit.facts.show(NUMBER) == []


async def test_a_complaint_makes_no_entry_end_sooner(kit: Kit) -> None:
    await kit.facts.blacklist(NUMBER, "court order", NOW_MS, "lin")
    complaint = change(FactOp.COMPLAINT, NOW_MS + 5, "", "投诉", by="mo", expires_ms=NOW_MS + DAY_MS)
    assert await write(kit, complaint) == [FactResult.NOTHING]
    other = complaint._replace(number="8613800000002")
    assert await write(kit, other, other, other._replace(expires_ms=0)) == [1, 0, 1]
    (fact,) = await kit.facts.show("8613800000002")
    assert (fact.source, fact.by, fact.expires_ms) == ("投诉", "mo", 0)


def failure(at_ms: int, op: FactOp = FactOp.FAILED, scope: str = "", threshold: int = 3) -> FactChange:
    return change(op, at_ms, scope, "UNDELIV 1", threshold=threshold, within_ms=DAY_MS, keep_ms=30 * DAY_MS)


async def test_a_dead_number_is_learnt_from_enough_failures_within_the_time(kit: Kit) -> None:
    hours = [0, 20, 30, 43]  # three within a day are 20, 30 and 43 only
    results = await write(kit, *(failure(NOW_MS + hour * 3_600_000) for hour in hours))
    assert results == [FactResult.CHANGED] * 3 + [FactResult.LEARNT]
    at_ms = NOW_MS + 43 * 3_600_000
    assert await kit.facts.show(NUMBER) == [Fact("dead", "", "UNDELIV 1", at_ms, LEARNT, at_ms + 30 * DAY_MS)]
    assert await kit.admit(kit.item(facts=LISTS)) == [AdmitReply(FORBIDDEN, fact="d")]
    assert await kit.facts.undead(NUMBER, at_ms)
    assert await kit.codes(kit.item(facts=LISTS)) == [ACCEPTED]


async def test_a_delivery_forgets_what_was_counted_and_what_was_learnt(kit: Kit) -> None:
    delivered = change(FactOp.DELIVERED, NOW_MS + 9, "", "")
    assert await write(kit, delivered) == [FactResult.NOTHING]
    assert await write(kit, failure(NOW_MS), failure(NOW_MS), delivered) == [1, 1, 1]
    assert await kit.facts.show(NUMBER) == []
    assert await write(kit, failure(NOW_MS, threshold=1), delivered) == [FactResult.LEARNT, FactResult.LEARNT]
    assert await kit.facts.show(NUMBER) == []
    await kit.facts.dead(NUMBER, "porting list", NOW_MS, "lin")
    assert await write(kit, delivered) == [FactResult.NOTHING]  # what a person entered, a person takes away
    assert await kit.facts.undead(NUMBER, NOW_MS)


@pytest.mark.parametrize("overtakes", [False, True])
async def test_a_receipt_of_a_delivery_forgets_it_too(kit: Kit, overtakes: bool) -> None:
    rhash, other = kit.store.recipients.hash(NUMBER), "8613800000002"
    await kit.admit(kit.item())
    (message,) = await kit.read(keys.mt(0, "alpha", 2), 1)
    stream, (entry_id, _), _ = message
    await write(kit, failure(NOW_MS, threshold=1), failure(NOW_MS), failure(NOW_MS)._replace(number=other))
    kit.now_ms += 1
    kept = mapping("00" + "0" * 16)._replace(rhash=rhash)
    if not overtakes:
        kit.settlement.sent(None, stream, entry_id, "alpha", "c", kept)
        await kit.drain()
        await kit.receipt("c", final=False, delivered=False)
        assert await kit.facts.show(NUMBER) != [], "it is not there yet"
    await kit.receipt("c")
    if overtakes:
        kit.settlement.sent(None, stream, entry_id, "alpha", "c", kept)
        await kit.drain()
    assert await kit.facts.show(NUMBER) == []
    assert [fact.failures for fact in await kit.facts.show(other)] == [1]
    events = await kit.command("XRANGE", keys.events(0), "-", "+")
    assert [dict(zip(event[1][::2], event[1][1::2], strict=True))[b"op"] for event in events] == [b"dead", b"undead"]


async def test_a_carriers_blacklist_is_learnt(kit: Kit) -> None:
    refused = failure(NOW_MS, FactOp.REFUSED, scope_carrier("alpha"), threshold=2)
    assert await write(kit, refused) == [FactResult.CHANGED]
    assert [fact.failures for fact in await kit.facts.show(NUMBER)] == [1]
    assert await write(kit, refused) == [FactResult.LEARNT]
    assert await kit.admit(kit.item(facts=LISTS)) == [AdmitReply(FORBIDDEN, fact="b:c:alpha")]
    assert await kit.facts.unblacklist(NUMBER, NOW_MS, "alpha")
    await kit.facts.blacklist(NUMBER, "court order", NOW_MS, "lin", carrier="alpha")
    assert await write(kit, refused, refused) == [FactResult.CHANGED] * 2  # what never ends stays
    assert (await kit.facts.show(NUMBER))[0].source == "court order"


async def test_taking_off_the_companys_blacklist_keeps_what_was_counted(kit: Kit) -> None:
    await write(kit, failure(NOW_MS))
    await kit.facts.blacklist(NUMBER, "x", NOW_MS, "lin")
    await kit.facts.unblacklist(NUMBER, NOW_MS)
    assert [fact.kind for fact in await kit.facts.show(NUMBER)] == ["failures"]


async def test_failures_alone_are_forgotten_by_redis(kit: Kit) -> None:
    await write(kit, failure(NOW_MS))
    left_ms = await kit.command("PTTL", "{p00}:who:" + kit.store.recipients.hash(NUMBER))
    assert DAY_MS < left_ms <= 2 * DAY_MS
    await kit.facts.add(NUMBER, SHOP, "mo", NOW_MS)
    assert await kit.command("PTTL", "{p00}:who:" + kit.store.recipients.hash(NUMBER)) == -1


async def test_lists_of_numbers(kit4: Kit) -> None:
    lines = [Listed(str(8613800000000 + n), "portal", NOW_MS, "lin") for n in range(1200)]
    assert await kit4.facts.load_blacklist(lines) == 1200
    assert await kit4.facts.load_blacklist(lines) == 0
    assert await kit4.facts.load_dead(lines[:10]) == 10
    assert [fact.kind for fact in await kit4.facts.show(lines[3].number)] == ["blacklist", "dead"]


async def test_the_same_facts_hold_when_looking_again(kit: Kit) -> None:
    looked: list[Any] = []
    looks = Looks(kit.store, lambda contexts, replies: looked.extend(zip(contexts, replies, strict=True)))
    kit.run(looks.commit.run())
    await kit.facts.blacklist(NUMBER, "x", NOW_MS, "lin", NOW_MS + 10)
    rhash, other = kit.store.recipients.hash(NUMBER), kit.store.recipients.hash("8613800000002")
    looks.put("listed", rhash, LISTS, NOW_MS)
    looks.put("ended", rhash, LISTS, NOW_MS + 10)
    looks.put("unknown", other, LISTS, NOW_MS)
    looks.put("unasked", other, ALL, NOW_MS)
    looks.put("nothing", rhash, (), NOW_MS)
    await until(lambda: len(looked) == 5)
    assert dict(looked) == {
        "listed": LookReply(FORBIDDEN, "b"),
        "ended": LookReply(MAY_BE_SENT),
        "unknown": LookReply(MAY_BE_SENT),
        "unasked": LookReply(NO_CONSENT),
        "nothing": LookReply(MAY_BE_SENT),
    }


async def test_and_when_a_held_message_is_released(kit: Kit) -> None:
    await kit.admit(kit.item(due_ms=NOW_MS, at_ms=NOW_MS))
    (held,) = await kit.held.due(0, NOW_MS)
    await kit.facts.blacklist(NUMBER, "x", NOW_MS, "lin", NOW_MS + 10)
    rhash = kit.store.recipients.hash(NUMBER)
    for facts, at_ms in ((LISTS, NOW_MS), (ALL, NOW_MS + 10), (LISTS, 0), (LISTS, NOW_MS + 10)):
        kit.held.send(None, held, "alpha:2", held.blob, rhash, facts, 0, at_ms)
    await kit.drain()
    assert [reply for _, reply in kit.released] == [
        ReleaseReply(FORBIDDEN, "b"), ReleaseReply(NO_CONSENT), ReleaseReply(FORBIDDEN, "b"), ReleaseReply(ACCEPTED),
    ]  # fmt: skip


async def test_changes_by_group_commit_say_what_they_did(kit: Kit) -> None:
    done: list[Any] = []
    facts = Facts(kit.store, lambda changes, results: done.extend(zip(changes, results, strict=True)))
    kit.run(facts.commit.run())
    facts.put(change(FactOp.OPT_OUT, NOW_MS)._replace(context="stop"))
    facts.put(change(FactOp.OPT_OUT, NOW_MS)._replace(context="again"))
    facts.put(change(FactOp.CONSENT_IMPORT, NOW_MS, wording="v1")._replace(context="import"))
    await until(lambda: len(done) == 3)
    assert [(each.context, result) for each, result in done] == [
        ("stop", FactResult.CHANGED),
        ("again", FactResult.NOTHING),
        ("import", FactResult.OPTED_OUT),
    ]


async def test_events_tell_who_and_why_without_numbers(kit: Kit) -> None:
    await kit.facts.blacklist(NUMBER, "complaint 17", NOW_MS, "lin")
    await kit.facts.unblacklist(NUMBER, NOW_MS)
    await kit.facts.consent(NUMBER, SHOP, "web", NOW_MS, "v3")
    await write(kit, failure(NOW_MS, threshold=2), failure(NOW_MS, threshold=2))
    events = [fields for _, fields in await kit.command("XRANGE", "{p00}:events", "-", "+")]
    pairs = [dict(zip(fields[::2], fields[1::2], strict=True)) for fields in events]
    assert [pair[b"op"] for pair in pairs] == [b"blacklist", b"unblacklist", b"consent", b"dead"]
    assert (pairs[0][b"by"], pairs[2][b"wording"], pairs[3][b"by"]) == (b"lin", b"v3", b"receipt")
    assert not any(NUMBER.encode() in part for fields in events for part in fields)
