"""Serves the console's pages: files of ``static`` and the words of both languages. Nothing else of the disk is reached.

A page is a module ``static/pages/<name>.js``, its words are ``words/<name>.json``: what lies there is found by itself.
Browsers keep what they have and ask each time whether it is still the same, so a new version shows at once.
"""

from __future__ import annotations

import json
from gzip import compress
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

STATIC: Final = Path(__file__).with_name("static")
WORDS: Final = Path(__file__).with_name("words")
LANGUAGES: Final = ("zh", "en")
_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_Stamp = tuple[tuple[str, int, int], ...]


class _Kept(NamedTuple):
    """What was made of some files, and when they were last changed."""

    stamp: _Stamp
    tag: str
    plain: bytes
    packed: bytes


_kept: dict[str, _Kept] = {}


@router.get("/")
async def index(request: Request) -> Response:
    """The one page that all others appear in."""
    return static(request, "index.html")


@router.get("/static/{name:path}")
async def file(request: Request, name: str) -> Response:
    """One of its files."""
    return static(request, name)


@router.get("/pages.json")
async def pages(request: Request) -> Response:
    """The names of all pages."""
    names = sorted(path.stem for path in (STATIC / "pages").glob("*.js"))
    return _answer(request, _made("pages.json", (), json.dumps(names).encode()), ".json")


@router.get("/words/{language}.json")
async def words(request: Request, language: str) -> Response:
    """Every word of every page in a language."""
    if language not in LANGUAGES:
        raise HTTPException(404)
    paths = sorted(WORDS.glob("*.json"))
    stamp = _stamp_of(paths)
    found = _kept.get(language)
    if found is None or found.stamp != stamp:
        content = json.dumps(words_of(language), ensure_ascii=False).encode()
        found = _made(language, stamp, content)
    return _answer(request, found, ".json")


def words_of(language: str) -> dict[str, str]:
    """The words of one of ``LANGUAGES`` by their key."""
    place = LANGUAGES.index(language)
    found: dict[str, str] = {}
    for path in sorted(WORDS.glob("*.json")):
        found |= {key: both[place] for key, both in json.loads(path.read_bytes()).items()}
    return found


def static(request: Request, name: str) -> Response:
    """A file of ``static`` as an answer. Raises HTTPException 404."""
    path = STATIC / name
    try:
        is_there = path.suffix in _KINDS and path.resolve().is_relative_to(STATIC.resolve()) and path.is_file()
    except (OSError, ValueError):  # names that no file can have
        is_there = False
    if not is_there:
        raise HTTPException(404)
    stamp = _stamp_of([path])
    found = _kept.get(f"/{name}")
    if found is None or found.stamp != stamp:
        found = _made(f"/{name}", stamp, path.read_bytes())
    return _answer(request, found, path.suffix)


def _made(name: str, stamp: _Stamp, content: bytes) -> _Kept:
    known = _kept.get(name)
    if known is None or known.plain != content or known.stamp != stamp:
        known = _Kept(stamp, f'"{blake2b(content, digest_size=12).hexdigest()}"', content, compress(content, mtime=0))
        _kept[name] = known
    return known


def _answer(request: Request, found: _Kept, suffix: str) -> Response:
    headers = {"etag": found.tag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=304, headers=headers)
    content = found.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        content = found.packed
    return Response(content, headers=headers, media_type=_KINDS[suffix])


def _stamp_of(paths: list[Path]) -> _Stamp:
    found = ((path, path.stat()) for path in paths)
    return tuple((path.name, stat.st_mtime_ns, stat.st_size) for path, stat in found)
