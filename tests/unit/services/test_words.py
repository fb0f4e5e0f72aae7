"""Word lists: word by word, and whole, from files as people have them."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest

from smsgw.errors import RequestError
from smsgw.policy.entries import WordEntry
from smsgw.services import words
from smsgw.services.csv_rows import WrongLines
from smsgw.services.desk import Desk
from tests.unit.services.conftest import MakeDesk, fault

LIST = "word,category,action,evasion\n赌博,gambling,reject,yes\n高收益理财,finance,review,\n优惠,promotion,count,no\n"


async def found(desk: Desk, **filters: Any) -> list[str]:
    return [each.id for each in (await words.list_(desk, **filters)).items]


async def test_a_word_is_added_changed_and_removed(desk: Desk) -> None:
    added = await words.put(desk, "company", " 赌博 ", category="gambling", evasion=True, why="complaint")
    assert added.id == "company/赌博"
    assert WordEntry.from_document(added.document) == WordEntry("company", "赌博", "gambling", "reject", True)
    changed = await words.put(desk, "company", "赌博", action="review", why="too strict")
    assert changed.revision == 2
    assert (await words.get(desk, "company", "赌博")) == changed
    await words.remove(desk, "company", "赌博", why="national now")
    assert await found(desk) == []
    assert [(entry.action, entry.why) for entry in await desk.log.read()] == [
        ("word.add", "complaint"), ("word.change", "too strict"), ("word.remove", "national now"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"list_name": "ours"}, "list: 'ours' is not known; valid: company, national"),
        ({"word": ""}, "word: must not be empty"),
        ({"word": "！？"}, "word: has no letter or digit"),
        ({"word": "x" * 51}, "word: has 51 characters"),
        ({"action": "deny"}, "action: 'deny' is not known"),
        ({"why": ""}, "why: "),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, change: dict[str, Any], why: str) -> None:
    with pytest.raises(RequestError) as caught:
        await words.put(desk, **{"list_name": "company", "word": "赌博", "why": "x", **change})
    assert fault(caught)[1].startswith(why)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        LIST,
        LIST.partition("\n")[2],
        LIST.replace(",", "\t"),
        "动作,词语,变体,类别\n拒绝,赌博,是,gambling\n审核,高收益理财,,finance\n计数,优惠,否,promotion\n",
    ],
    ids=["named", "bare", "tabs", "chinese"],
)
async def test_lists_as_people_have_them(desk: Desk, text: str, encoding: str) -> None:
    done = await words.import_(desk, text.encode(encoding), list_name="national", name="w.csv", why="monthly")
    assert (done.total, done.added, done.changed, done.removed, done.unchanged) == (3, 3, 0, 0, 0)
    documents = [each.document for each in (await words.list_(desk)).items]
    assert sorted((each["word"], each["category"], each["action"], each["evasion"]) for each in documents) == sorted(
        [("赌博", "gambling", "reject", True), ("高收益理财", "finance", "review", False),
         ("优惠", "promotion", "count", False)]
    )  # fmt: skip


async def test_every_wrong_line_is_told_and_nothing_written(desk: Desk) -> None:
    wrong = LIST + "，,x,reject,\n赌场,x,deny,\n赌资,x,reject,perhaps\n" + "长" * 51 + "\n,x,,\n好词,c,,\n"
    with pytest.raises(WrongLines) as caught:
        await words.import_(desk, wrong.encode(), list_name="national", why="monthly")
    assert [(each.line, each.column) for each in caught.value.faults] == [
        (5, "word"), (6, "action"), (7, "evasion"), (8, "word"), (9, "word"),
    ]  # fmt: skip
    assert "5 lines are wrong, nothing was written: line 5: word: has no letter or digit" in str(caught.value)
    assert await found(desk) == []
    assert await desk.log.read() == []


@pytest.mark.parametrize("data", [b"", b"\n\n", b"word,category\n"])
async def test_an_empty_list_replaces_nothing(desk: Desk, data: bytes) -> None:
    await words.put(desk, "national", "赌博", why="x")
    with pytest.raises(RequestError, match=r"the list is empty|the list has no words"):
        await words.import_(desk, data, list_name="national", replace=True, why="cleaning")
    assert await found(desk) == ["national/赌博"]


async def test_an_import_adds_or_replaces_one_list_only(desk: Desk) -> None:
    await words.put(desk, "company", "赌博", why="ours")
    await words.import_(desk, LIST.encode(), list_name="national", why="first")
    more = "赌博,gambling,review,\n彩票,gambling,,\n优惠,promotion,count,no\n".encode()
    added = await words.import_(desk, more, list_name="national", why="second")
    assert (added.total, added.added, added.changed, added.removed, added.unchanged) == (4, 1, 1, 0, 1)
    replaced = await words.import_(desk, more, list_name="national", replace=True, name="new.csv", why="third")
    assert (replaced.total, replaced.added, replaced.changed, replaced.removed, replaced.unchanged) == (3, 0, 0, 1, 3)
    assert await found(desk) == ["company/赌博", "national/优惠", "national/彩票", "national/赌博"]
    assert await words.import_(desk, more, list_name="national", why="again") == words.Imported(
        "national", 3, 0, 0, 0, 3, replaced.digest
    )
    entries = [entry for entry in await desk.log.read() if entry.action == "word.import"]
    assert [(entry.why, entry.detail["added"], entry.detail["removed"]) for entry in entries] == [
        ("first", 3, 0), ("second", 1, 0), ("third", 0, 1),
    ]  # fmt: skip
    assert entries[-1].detail["file"] == "new.csv"
    assert entries[-1].detail["digest"] == replaced.digest
    assert entries[-1].detail["first_changes"] == ["national/高收益理财"]


async def test_who_may(desk_of: MakeDesk) -> None:
    market = desk_of("ann", "market")
    for work in (
        words.put(market, "company", "赌博", why="x"),
        words.remove(market, "company", "赌博", why="x"),
        words.import_(market, LIST.encode(), list_name="national", why="x"),
    ):
        with pytest.raises(RequestError, match="ann needs the role compliance"):
            await work
    with pytest.raises(RequestError, match="why: "):
        await words.import_(desk_of("bob", "compliance"), LIST.encode(), list_name="national", why=" ")


async def test_search_reads_as_texts_are_read(desk: Desk) -> None:
    await words.import_(desk, LIST.encode(), list_name="national", why="x")
    await words.put(desk, "company", "VIP会员", why="x")
    assert await found(desk, search="賭") == ["national/赌博"]
    assert await found(desk, search="ｖｉｐ") == ["company/VIP会员"]
    assert await found(desk, list_name="company") == ["company/VIP会员"]
    assert await found(desk, action="review") == ["national/高收益理财"]
    assert await found(desk, category="promotion") == ["national/优惠"]
    with pytest.raises(RequestError, match="list: 'x' is not known"):
        await words.list_(desk, list_name="x")


async def test_a_hundred_thousand_words(desk: Desk) -> None:
    lines = "".join(f"词{number:05d}语,category{number % 7},reject,yes\n" for number in range(100_000))
    began_s = monotonic()
    done = await words.import_(desk, lines.encode(), list_name="national", replace=True, why="the whole list")
    assert done.added == 100_000
    assert monotonic() - began_s < 30
    assert await desk.registers.count("word") == 100_000
    assert (await desk.log.verify()).faults == []
