"""Opt-outs: the newer word counts, whatever order words arrive in."""

from __future__ import annotations

import itertools

from smsgw.store.facts import FactResult
from smsgw.store.recipients import SCOPE_COMPANY, Change, Consent, Fact, OptOut, scope_account, scope_signature
from tests.store.kit import NOW_MS, NUMBER, Kit

SHOP = scope_account("shop")


async def test_an_opt_out_is_kept_with_source_and_time(kit: Kit) -> None:
    assert await kit.facts.add(NUMBER, SHOP, "mo 10690001", NOW_MS)
    assert await kit.facts.show(NUMBER) == [Fact("optout", SHOP, "mo 10690001", NOW_MS)]
    assert not await kit.facts.add(NUMBER, SHOP, "import", NOW_MS - 1)
    assert await kit.facts.show(NUMBER) == [Fact("optout", SHOP, "mo 10690001", NOW_MS)]
    assert await kit.command("PTTL", "{p00}:who:" + kit.store.recipients.hash(NUMBER)) == -1


async def test_scopes_are_apart(kit: Kit) -> None:
    for scope in (SCOPE_COMPANY, SHOP, scope_signature("示例")):
        assert await kit.facts.add(NUMBER, scope, "mo", NOW_MS)
    assert await kit.facts.remove(NUMBER, SHOP, "mo", NOW_MS + 1)
    kinds = {(fact.kind, fact.scope) for fact in await kit.facts.show(NUMBER)}
    assert kinds == {("optout", ""), ("subscribe", SHOP), ("optout", scope_signature("示例"))}


async def test_any_order_of_words_ends_the_same(kit: Kit) -> None:
    words = [(True, 10), (False, 20), (True, 30), (False, 40), (True, 40)]
    for number, order in enumerate(itertools.permutations(words)):
        who = f"8613900{number:06d}"
        for is_out, at_ms in order:
            await (kit.facts.add if is_out else kit.facts.remove)(who, SHOP, "x", at_ms)
        assert await kit.facts.show(who) == [Fact("optout", SHOP, "x", 40)], order


async def test_an_older_import_undoes_no_new_subscription(kit: Kit) -> None:
    assert await kit.facts.remove(NUMBER, SHOP, "START", NOW_MS)
    assert await kit.facts.load([Change(NUMBER, True, SHOP, "old list", NOW_MS - 1)]) == 0
    assert [fact.kind for fact in await kit.facts.show(NUMBER)] == ["subscribe"]


async def test_an_imported_opt_out_says_what_stands_in_its_way(kit: Kit) -> None:
    again, agreed, out, listed, new = (str(8613800000000 + n) for n in range(5))
    await kit.facts.remove(again, SHOP, "START", NOW_MS)
    await kit.facts.consent(agreed, SHOP, "form", NOW_MS, "v1")
    await kit.facts.add(out, SHOP, "mo", NOW_MS)
    await kit.facts.load_consents([Consent(listed, SHOP, "list", NOW_MS, "v1")])
    earlier = [OptOut(number, SHOP, "old system", NOW_MS - 1) for number in (again, agreed, out, listed, new)]
    assert await kit.facts.load_optouts(earlier) == [
        FactResult.SUBSCRIBED, FactResult.SUBSCRIBED, FactResult.NOTHING, FactResult.CHANGED, FactResult.CHANGED,
    ]  # fmt: skip
    assert [fact.kind for fact in await kit.facts.show(again)] == ["subscribe"]
    assert [fact.kind for fact in await kit.facts.show(agreed)] == ["consent"]
    assert await kit.facts.show(out) == [Fact("optout", SHOP, "mo", NOW_MS)]
    later = [each._replace(at_ms=NOW_MS + 1) for each in earlier]
    assert await kit.facts.load_optouts(later) == [
        FactResult.CHANGED, FactResult.CHANGED, FactResult.RENEWED, FactResult.RENEWED, FactResult.RENEWED,
    ]  # fmt: skip
    _, fields = (await kit.command("XRANGE", "{p00}:events", "-", "+"))[-1]
    assert fields[:2] == [b"op", b"optout"]


async def test_tiers(kit4: Kit) -> None:
    numbers = [str(8613800000000 + n) for n in range(1200)]
    assert await kit4.facts.load_tiers((number, "loyal") for number in numbers) == 1200
    assert await kit4.facts.load_tiers((number, "loyal") for number in numbers) == 0
    assert await kit4.facts.get_tier(numbers[7]) == "loyal"
    assert await kit4.facts.set_tier(numbers[7], "")
    assert await kit4.facts.get_tier(numbers[7]) == ""
    assert await kit4.facts.show(numbers[7]) == []


async def test_changes_are_events_without_numbers(kit: Kit) -> None:
    await kit.facts.add(NUMBER, SHOP, "mo", NOW_MS)
    await kit.facts.add(NUMBER, SHOP, "mo", NOW_MS)
    await kit.facts.remove(NUMBER, SHOP, "START", NOW_MS + 1)
    events = [fields for _, fields in await kit.command("XRANGE", "{p00}:events", "-", "+")]
    rhash = kit.store.recipients.hash(NUMBER).encode()
    common = [b"who", rhash, b"scope", SHOP.encode(), b"source"]
    assert events == [
        [b"op", b"optout", *common, b"mo", b"at", str(NOW_MS).encode()],
        [b"op", b"subscribe", *common, b"START", b"at", str(NOW_MS + 1).encode()],
    ]
    for key in await kit.keys():
        assert NUMBER not in key
