"""The files of the pages: their types, what browsers may keep, what they may load, and nothing else of the disk."""

from __future__ import annotations

import os
import re
from pathlib import Path

import httpx
import pytest

from smsgw.console import pages
from tests.unit.console.conftest import problem

FILES = sorted(path.relative_to(pages.STATIC).as_posix() for path in pages.STATIC.rglob("*.*") if path.is_file())
TYPES = {
    ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
}  # fmt: skip


async def test_the_page_needs_no_session_and_may_load_only_its_own(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "style=" not in answer.text
    assert "<script>" not in answer.text


async def test_each_file_has_its_type_and_is_asked_for_once(client: httpx.AsyncClient) -> None:
    for name in (name for name in FILES if Path(name).suffix in TYPES):
        answer = await client.get(f"/static/{name}")
        assert answer.headers["content-type"].startswith(TYPES[Path(name).suffix]), name
        assert answer.content == (pages.STATIC / name).read_bytes()
        again = await client.get(f"/static/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), name


async def test_nothing_else_is_reached(client: httpx.AsyncClient) -> None:
    for name in ("README.md", "vendor/LICENSE.htm", "../app.py", "..%2fapp.py", "lib", "none.js", "%00.js", "x" * 300):
        problem(await client.get(f"/static/{name}"), 404)
        problem(await client.get(f"/static/{name}.js"), 404)


async def test_a_changed_file_shows_at_once(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "STATIC", tmp_path)
    monkeypatch.setattr(pages, "_kept", {})
    (tmp_path / "a.js").write_text("1")
    first = await client.get("/static/a.js", headers={"accept-encoding": "identity"})
    (tmp_path / "a.js").write_text("22")
    second = await client.get("/static/a.js", headers={"if-none-match": first.headers["etag"]})
    assert (first.text, second.text) == ("1", "22")
    os.symlink("/etc/hostname", tmp_path / "b.js")
    problem(await client.get("/static/b.js"), 404)


async def test_words_of_all_pages_in_a_language(client: httpx.AsyncClient) -> None:
    chinese, english = [(await client.get(f"/words/{language}.json")).json() for language in pages.LANGUAGES]
    assert chinese["sign_in"] == "登录"
    assert english["sign_in"] == "Sign in"
    problem(await client.get("/words/fr.json"), 404)
    packed = await client.get("/words/zh.json", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == chinese


async def test_pages_are_found_by_themselves(client: httpx.AsyncClient) -> None:
    assert (await client.get("/pages.json")).json() == sorted(
        path.stem for path in (pages.STATIC / "pages").glob("*.js")
    )


_CSS = (pages.STATIC / "style.css").read_text(encoding="utf-8")
_LIGHT, _DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", _CSS, re.S)[:2]
)
_GROUNDS = ("ground", "surface", "sunken")
_TEXTS = [
    *((text, ground) for text in ("text", "quiet") for ground in _GROUNDS),
    *((f"{kind}", f"{kind}-ground") for kind in ("good", "warn", "bad", "info")),
    ("accent", "surface"), ("accent", "ground"), ("accent", "chosen"), ("on-accent", "accent"), ("on-danger", "danger"),
    ("bad", "surface"), ("good", "surface"), ("warn", "surface"),
]  # fmt: skip
_MARKS = [("edge", "surface"), ("focus", "surface"), ("focus", "ground"), *((f"c{n}", "surface") for n in range(6))]


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("tokens", [_LIGHT, _DARK], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(tokens: dict[str, str]) -> None:
    for pairs, least in ((_TEXTS, 4.5), (_MARKS, 3.0)):
        for text, ground in pairs:
            low, high = sorted(_luminance(tokens[name]) for name in (text, ground))
            assert (high + 0.05) / (low + 0.05) >= least, f"{text} on {ground}: {(high + 0.05) / (low + 0.05):.2f}"
