"""The page's files: nothing from elsewhere, nothing that makes text HTML, every word in both languages."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

_PAGE = files("simulators.control.page")
_SCRIPTS = sorted(each.name for each in _PAGE.iterdir() if each.name.endswith(".js"))


def _text(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*_SCRIPTS, "index.html", "style.css"])
def test_nothing_comes_from_elsewhere(name: str) -> None:
    assert not re.search(
        r"(https?:)?//[a-z0-9-]+\.[a-z]|@import|url\(\s*['\"]?(https?:|//)",
        _text(name).replace("http://www.w3.org", ""),
    )


@pytest.mark.parametrize("name", _SCRIPTS)
def test_text_never_becomes_html_or_code(name: str) -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", _text(name)
    )


def test_the_document_has_no_inline_script_or_style() -> None:
    html = _text("index.html")
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=|\bstyle=|<style|javascript:", html)


def test_every_word_is_in_both_languages() -> None:
    words = _text("words.js")
    english, chinese = words.split("\n  zh: {")
    keys = re.compile(r"(?<![\w{\"])([a-z][a-z_0-9]*): \"")
    assert sorted(keys.findall(english)) == sorted(keys.findall(chinese.split("\n};")[0]))
    used = set(re.findall(r"""\bt\("([a-z_0-9]+)\"""", "".join(map(_text, _SCRIPTS))))
    used |= set(re.findall(r'data-t(?:-label)?="([a-z_0-9]+)"', _text("index.html")))
    assert used
    assert used <= set(keys.findall(english))
