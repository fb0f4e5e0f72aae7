"""Word lists: the national one and the company's own; imported whole, or changed word by word.

Owns: register ``word``, id ``<list>/<word>``. Where words are found in a text is ``policy.words``. A list is read and
checked whole before anything is written; a hundred thousand words take a few seconds, and every process has them
at once, in one go, a moment after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from smsgw.errors import RequestError
from smsgw.policy.entries import WordAction
from smsgw.policy.text import fold_kept
from smsgw.services.csv_rows import Cells, Column, WrongCell, read_rows
from smsgw.services.desk import Desk, Page, Registered, checked_text, one_of, optional_text
from smsgw.store.registers import RegisterChange, Stored

KIND: Final = "word"
LISTS: Final = ("national", "company")
ACTIONS: Final[tuple[str, ...]] = get_args(WordAction)
MOST_WORD_CHARS: Final = 50
MOST_WORDS: Final = 1_000_000
_WRITERS: Final = ("compliance",)
_SHOWN_IN_AUDIT: Final = 20

_COLUMNS: Final = (
    Column("word", frozenset(("words", "词", "词语", "敏感词", "关键词", "违禁词")), True),
    Column("category", frozenset(("type", "类别", "分类", "类型"))),
    Column("action", frozenset(("动作", "处理", "处置"))),
    Column("evasion", frozenset(("规避", "变体", "抗规避"))),
)
_ACTION_WORDS: Final = {
    "": "reject", "reject": "reject", "拒绝": "reject", "拦截": "reject", "review": "review", "审核": "review",
    "人工审核": "review", "count": "count", "计数": "count", "统计": "count",
}  # fmt: skip
_YES: Final = frozenset(("1", "y", "yes", "true", "是", "有"))
_NO: Final = frozenset(("", "0", "n", "no", "false", "否", "无"))

Words = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did to a list: how many words it now has, and what became of them."""

    list: str
    total: int
    added: int
    changed: int
    removed: int
    unchanged: int
    digest: str = field(repr=False)


def key(list_name: str, word: str) -> str:
    """The id of a word."""
    return f"{list_name}/{word}"


async def list_(
    desk: Desk,
    *,
    list_name: str = "",
    category: str = "",
    action: str = "",
    search: str = "",
    offset: int = 0,
    limit: int = 50,
) -> Page[Registered]:
    """Words; ``search`` is part of one, compared folded as texts are (full-width, traditional, look-alike letters)."""
    if list_name:
        one_of("list", list_name, LISTS)
    if action:
        one_of("action", action, ACTIONS)
    folded = fold_kept(search.strip())

    def wanted(document: Mapping[str, Any]) -> bool:
        return (
            (not list_name or document.get("list") == list_name)
            and (not category or document.get("category") == category)
            and (not action or document.get("action") == action)
            and (not folded or folded in fold_kept(str(document.get("word", ""))))
        )

    return await desk.rows(KIND, wanted, offset, limit)


async def get(desk: Desk, list_name: str, word: str) -> Registered:
    """One word of a list."""
    return await desk.look(KIND, key(one_of("list", list_name, LISTS), word.strip()))


async def put(
    desk: Desk,
    list_name: str,
    word: str,
    *,
    category: str = "",
    action: str = "reject",
    evasion: bool = False,
    why: str,
) -> Registered:
    """Add a word to a list, or change what it does."""
    desk.require(*_WRITERS)
    one_of("list", list_name, LISTS)
    one_of("action", action, ACTIONS)
    word = checked_text("word", word, MOST_WORD_CHARS)
    fault = _word_fault(word)
    if fault is not None:
        raise RequestError("invalid", f"word: {fault}")
    document = {
        "list": list_name,
        "word": word,
        "category": optional_text("category", category),
        "action": action,
        "evasion": bool(evasion),
    }
    stored = await desk.registers.get(KIND, key(list_name, word))
    before = None if stored is None else Registered(key(list_name, word), stored.revision, stored.body)
    what = "word.add" if before is None else "word.change"
    return await desk.put(KIND, key(list_name, word), document, what, why, before)


async def remove(desk: Desk, list_name: str, word: str, *, why: str) -> None:
    """Take a word off a list."""
    desk.require(*_WRITERS)
    found = await desk.find(KIND, key(one_of("list", list_name, LISTS), word.strip()))
    await desk.remove(KIND, found, "word.remove", why)


async def import_(
    desk: Desk, data: bytes, *, list_name: str, replace: bool = False, name: str = "", why: str
) -> Imported:
    """Bring a list in: CSV with the columns word, category, action, evasion; a first line that names them may be left
    out. Words that are there already take the new values; with ``replace`` those that it lacks are removed.

    ``name``: what the file was called, for the audit. Raises WrongLines (a RequestError) with every wrong line.
    """
    desk.require(*_WRITERS)
    one_of("list", list_name, LISTS)
    name = optional_text("name", name, 200)
    desk.entry("word.import", "", why)  # a missing reason is told before the work
    rows = await asyncio.to_thread(read_rows, data, _COLUMNS, _made, header=False)
    if not rows.items:
        raise RequestError("invalid", "the list has no words; nothing was written")
    if len(rows.items) > MOST_WORDS:
        raise RequestError("invalid", f"the list has {len(rows.items)} words, at most {MOST_WORDS} are allowed")
    there = {each: stored for each, stored in (await desk.registers.read(KIND)).items() if _is_of(list_name, each)}
    wanted: Words = {key(list_name, row["word"]): {"list": list_name, **row} for row in rows.items}
    changes, imported = await asyncio.to_thread(_compare, list_name, there, wanted, replace, rows.digest)
    if changes:
        shown = [change.id for change in changes[:_SHOWN_IN_AUDIT]]
        entry = desk.entry(
            "word.import", f"words {list_name}", why, file=name, digest=rows.digest, replace=replace,
            total=imported.total, added=imported.added, changed=imported.changed, removed=imported.removed,
            first_changes=shown,
        )  # fmt: skip
        await desk.registers.write(KIND, changes, entry)
    return imported


def _compare(
    list_name: str, there: dict[str, Stored], wanted: Words, replace: bool, digest: str
) -> tuple[list[RegisterChange], Imported]:
    added = [each for each in wanted if each not in there]
    changed = [each for each, document in wanted.items() if each in there and there[each].body != document]
    gone = [each for each in there if each not in wanted] if replace else []
    changes = [RegisterChange(each, wanted[each]) for each in (*added, *changed)]
    changes += [RegisterChange(each, None) for each in gone]
    total = len(there) + len(added) - len(gone)
    unchanged = len(wanted) - len(added) - len(changed)
    return changes, Imported(list_name, total, len(added), len(changed), len(gone), unchanged, digest)


def _made(cells: Cells) -> dict[str, Any]:
    """The fields of one line; of a word that comes twice the last line counts."""
    word = cells.get("word", "")
    fault = _word_fault(word)
    if fault is not None:
        raise WrongCell("word", fault)
    category = cells.get("category", "")
    if len(category) > 100 or not category.isprintable():
        raise WrongCell("category", "must be printable and have at most 100 characters")
    action = _ACTION_WORDS.get(cells.get("action", "").casefold())
    if action is None:
        raise WrongCell("action", f"{cells['action']!r:.40} is not one of {', '.join(ACTIONS)}")
    evasion = cells.get("evasion", "").casefold()
    if evasion not in _YES and evasion not in _NO:
        raise WrongCell("evasion", f"{cells['evasion']!r:.40} is neither yes nor no")
    return {"word": word, "category": category, "action": action, "evasion": evasion in _YES}


def _word_fault(word: str) -> str | None:
    if not word:
        return "is missing"
    if len(word) > MOST_WORD_CHARS:
        return f"has {len(word)} characters, at most {MOST_WORD_CHARS} are allowed"
    if not word.isprintable():
        return "has a character that can't be printed"
    if not any(character.isalnum() for character in fold_kept(word)):
        return "has no letter or digit that could be found in a text"
    return None


def _is_of(list_name: str, name: str) -> bool:
    return name.startswith(f"{list_name}/")
