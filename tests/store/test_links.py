"""Where short links lead: durable, sealed, one link a token, until their time is over."""

from __future__ import annotations

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.links import Links, NewLink, StoredLink
from tests.store.kit import Kit, until

NOW_MS = 1_790_000_000_000
LINK = StoredLink(
    "aB3dE6gH", "shop", 2, "示例商城", "sale@1", "may", "https://example.com/a?phone=13800138000", NOW_MS + 100
)


class _Links:
    """Links on a kit, with what was told."""

    def __init__(self, kit: Kit) -> None:
        self.now_ms = NOW_MS
        self.told: list[tuple[object, bool | StoreError]] = []
        self.links = Links(kit.store, lambda: self.now_ms, self._done)
        kit.run(self.links.commit.run())

    def _done(self, items: list[NewLink], taken: list[bool] | StoreError) -> None:
        for number, item in enumerate(items):
            self.told.append((item.context, taken if isinstance(taken, StoreError) else taken[number]))

    async def put(self, link: StoredLink, mark: bytes = b"m" * 16) -> bool | StoreError:
        many = len(self.told)
        self.links.put(NewLink(many, mark, link))
        await until(lambda: len(self.told) > many)
        context, taken = self.told[-1]
        assert context == many
        return taken


async def test_a_link_is_there_until_its_time_is_over_and_longer_when_it_is_used_again(kit: Kit) -> None:
    each = _Links(kit)
    assert await each.links.get(LINK.token) is None
    assert await each.put(LINK) is True
    assert await each.links.get(LINK.token) == LINK
    assert await each.put(LINK._replace(until_ms=NOW_MS + 50)) is True
    assert await each.links.get(LINK.token) == LINK
    assert await each.put(LINK._replace(until_ms=NOW_MS + 200)) is True
    each.now_ms = NOW_MS + 150
    assert await each.links.get(LINK.token) == LINK._replace(until_ms=NOW_MS + 200)
    each.now_ms = NOW_MS + 200
    assert await each.links.get(LINK.token) is None


async def test_of_two_links_the_first_has_the_token_while_it_lives(kit: Kit) -> None:
    each = _Links(kit)
    other = LINK._replace(url="https://example.com/b", until_ms=NOW_MS + 500)
    assert await each.put(LINK) is True
    assert await each.put(other, b"o" * 16) is False
    assert await each.links.get(LINK.token) == LINK
    each.now_ms = NOW_MS + 101
    assert await each.put(other, b"o" * 16) is True
    assert await each.links.get(LINK.token) == other


async def test_many_at_once_are_few_calls_and_all_are_listed(kit: Kit) -> None:
    each = _Links(kit)
    many = [LINK._replace(token=f"t{number:07}", url=f"https://example.com/{number}") for number in range(700)]
    for link in many:
        each.links.put(NewLink(link.token, link.token.encode().ljust(16), link))
    await until(lambda: len(each.told) == len(many))
    assert each.links.commit.calls <= 6
    assert {taken for _, taken in each.told} == {True}
    assert {link async for link in each.links.all()} == set(many)


async def test_only_links_whose_time_is_over_are_forgotten(kit: Kit) -> None:
    each = _Links(kit)
    kept = LINK._replace(token="kept0000", until_ms=NOW_MS + 1000)
    assert await each.put(LINK) is True
    assert await each.put(kept, b"k" * 16) is True
    assert await each.links.forget_old() == 0
    each.now_ms = NOW_MS + 100
    assert [link async for link in each.links.all()] == [kept]
    assert await each.links.forget_old() == 1
    assert await kit.store.command(0, "HKEYS", keys.links()) == [b"kept0000"]


async def test_links_are_put_back_where_they_are_not_or_end_sooner(kit: Kit) -> None:
    each = _Links(kit)
    other = LINK._replace(token="other000", until_ms=NOW_MS + 900)
    await each.put(LINK)
    await each.put(other, b"o" * 16)
    copies = [copy async for copy in each.links.copies()]
    assert await each.links.put_back(copies) == 0
    await kit.store.command(0, "HDEL", keys.links(), LINK.token)
    assert await each.links.put_back(copies, looks=True) == 1
    assert await each.links.get(LINK.token) is None
    assert await each.links.put_back(copies) == 1
    assert await each.links.get(LINK.token) == LINK
    later = [[token, mark, until_ms + 1, opened] for token, mark, until_ms, opened in copies]
    assert await each.links.put_back(later) == 2
    assert await each.links.put_back([[LINK.token, b"x" * 16, NOW_MS + 999, b""]]) == 0
    each.now_ms = NOW_MS + 901
    assert await each.links.put_back(copies) == 0
    assert await each.links.put_back([]) == 0


async def test_nobody_who_reads_redis_learns_an_address(kit: Kit) -> None:
    each = _Links(kit)
    await each.put(LINK)
    value = await kit.store.command(0, "HGET", keys.links(), LINK.token)
    for secret in (b"example", b"13800138000", b"shop", b"may"):
        assert secret not in value
