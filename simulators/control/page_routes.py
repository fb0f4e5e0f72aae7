"""Serves the page's files; nothing else of the disk can be reached."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from simulators.control.control import ControlError

router = APIRouter(include_in_schema=False)

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FILES = {
    each.name: (each.read_bytes(), _KINDS[each.name[each.name.rindex(".") :]])
    for each in files("simulators.control.page").iterdir()
    if each.is_file() and each.name.endswith(tuple(_KINDS))
}


@router.get("/")
async def index() -> Response:
    """The page."""
    return await file("index.html")


@router.get("/page/{name}")
async def file(name: str) -> Response:
    """One of its files."""
    if name not in _FILES:
        raise ControlError(404, f"the page has no file {name!r}", "path")
    content, kind = _FILES[name]
    return Response(content, media_type=kind)
