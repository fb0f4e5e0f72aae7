"""The words of the pages: every key that is used exists in both languages, none is left that nobody uses."""

from __future__ import annotations

import json
import re

import pytest

from smsgw.console.pages import STATIC, WORDS

FILES = sorted(WORDS.glob("*.json"))
SOURCES = {
    path.relative_to(STATIC).as_posix(): path.read_text(encoding="utf-8")
    for path in STATIC.rglob("*.js")
    if "vendor" not in path.parts
}
ALL = {key: both for path in FILES for key, both in json.loads(path.read_bytes()).items()}
# t("key"), t(`state.${…}`), and what is asked for by a name: title: "pauses.title".
_CALLED = re.compile(r"\b(?:t|tOr|has)\(\s*(?:\"([^\"]+)\"|`([^`$]*)\$\{)")
_NAMED = re.compile(r"[\"'`]([a-z_]+(?:\.[A-Za-z0-9_-]+)+)[\"'`]")
_FILES = (".js", ".css", ".json", ".csv", ".ndjson", ".html", ".xlsx")
_STEM = re.compile(r"`([a-z_]+(?:\.[a-z_]+)*\.)\$\{")


def test_each_key_is_used() -> None:
    whole = "\n".join(SOURCES.values())
    texts = set(re.findall(r"[\"'`]([A-Za-z0-9_.-]+)[\"'`]", whole))
    stems = tuple(set(_STEM.findall(whole)))
    assert [key for key in ALL if key not in texts and not key.startswith(stems)] == []


@pytest.mark.parametrize("name", SOURCES)
def test_each_key_that_is_used_exists(name: str) -> None:
    for key, stem in _CALLED.findall(SOURCES[name]):
        if key:
            assert key in ALL, f"{name}: {key}"
        else:
            assert any(each.startswith(stem) for each in ALL), f"{name}: {stem}"
    first = {key.partition(".")[0] for key in ALL if "." in key}
    for key in _NAMED.findall(SOURCES[name]):
        if key.partition(".")[0] in first and not key.endswith(_FILES):
            assert key in ALL, f"{name}: {key}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_languages_say_something(path: object) -> None:
    seen: dict[str, object] = {}
    for key, both in json.loads(path.read_bytes(), object_pairs_hook=_pairs).items():  # type: ignore[attr-defined]
        chinese, english = both
        assert chinese.strip(), key
        assert english.strip(), key
        assert set(re.findall(r"\{\w+\}", chinese)) == set(re.findall(r"\{\w+\}", english)), key
        seen[key] = both
    others = [key for other in FILES if other != path for key in json.loads(other.read_bytes())]
    assert sorted(seen.keys() & others) == []


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})
    return dict(pairs)


def test_chinese_is_chinese() -> None:
    same = {"OpenID Connect"}
    plain = [key for key, (chinese, _) in ALL.items() if not re.search(r"[\u3000-\u9fff\uff00-\uffef]", chinese)]
    assert [
        key for key in plain if ALL[key][0] not in same and not re.fullmatch(r"[A-Z0-9 ./{}%:~–—-]*|\W*", ALL[key][0])
    ] == []


@pytest.mark.parametrize("name", SOURCES)
def test_modules_fit_into_one_sitting(name: str) -> None:
    assert SOURCES[name].count("\n") <= 400
