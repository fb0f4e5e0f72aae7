"""What stands before every route: where a request may come from, how large it may be, what the log says of it.

A foreign web page must not reach the console through a member's browser: the Host must be a name that the console goes
by, an Origin must be its own, there is no CORS. A body that is too large or comes too slowly is given up on the way.
The log names the route's pattern, never the path, a query or a body.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from collections.abc import Iterable
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smsgw.console.refusals import refusals
from smsgw.services.csv_rows import MOST_OCTETS
from smsgw.telemetry.logs import EventLog

MOST_JSON_OCTETS: Final = 2**20
BODY_TIMEOUT_S: Final = 30.0
"""For a whole body, of which a list gets ``LIST_TIMEOUT_S`` more."""
LIST_TIMEOUT_S: Final = 300.0
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_PAGE_HEADERS: Final = {
    **_HEADERS,
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Kept, but asked for each time: a new version shows at once.
    "cache-control": "no-cache",
}
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LIST_ROUTES: Final = "/import"
"""How the paths end that take a list; the body of every other one is read before anybody knows who asks."""
_LIST_TYPES: Final = frozenset({"text/csv", "application/octet-stream", "application/vnd.ms-excel"})
_JSON_TYPES: Final = frozenset({"application/json"})
_SHOWN_CHARS: Final = 100
_SEND_JSON: Final = "send JSON with the header Content-Type: application/json"
_SEND_LIST: Final = "send the list as the body, with the header Content-Type: text/csv"
_ALL_INTERFACES: Final = frozenset({"0.0.0.0", "::"})
_log = EventLog("smsgw.console")


class Guard:
    """ASGI middleware; ``hosts`` are names and addresses taken besides localhost and the loopback's addresses.

    An address of all interfaces among them takes every address written as numbers, which no name server can turn to
    somewhere else, and this machine's own name.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = {host.lower().strip("[]") for host in hosts}
        self._any_address = not self._hosts.isdisjoint(_ALL_INTERFACES)
        if self._any_address:
            self._hosts.add(socket.gethostname().lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = monotonic()
        headers = Headers(scope=scope)
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                found = MutableHeaders(scope=message)
                for name, value in (_PAGE_HEADERS if _is_page(scope["path"]) else _HEADERS).items():
                    found[name] = value
            await send(message)

        takes_list = scope["path"].endswith(LIST_ROUTES)
        problem = self._problem(scope["method"], headers, takes_list)
        if problem is not None:
            await _refuse(sent, *problem)
        else:
            await self._app(scope, _bounded(receive, _limit(takes_list)), sent)
        _tell(scope, status, monotonic() - began_s)

    def _problem(self, method: str, headers: Headers, takes_list: bool) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._is_known(host):
            shown = host[:_SHOWN_CHARS]
            return 403, f"the console does not go by the name {shown!r}; [console] hosts in smsgw.toml adds names"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return 403, f"requests from pages of {origin[:_SHOWN_CHARS]!r} are refused"
        length = headers.get("content-length", "0")
        has_body = length != "0" or "transfer-encoding" in headers
        kind = _kind(headers)
        wanted = _LIST_TYPES if takes_list else _JSON_TYPES
        if method in _CHANGING and has_body and kind not in wanted:
            return 415, _SEND_LIST if takes_list else _SEND_JSON
        if length.isdecimal() and int(length) > _limit(takes_list):
            return 413, f"the body has more than {_limit(takes_list) >> 10} KiB"
        return None

    def _is_known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name == "localhost" or name.endswith(".localhost") or name in self._hosts:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback or self._any_address
        except ValueError:
            return False


def _is_page(path: str) -> bool:
    return path in ("/", "/pages.json") or path.startswith(("/static/", "/words/"))


def _kind(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _limit(takes_list: bool) -> int:
    return MOST_OCTETS if takes_list else MOST_JSON_OCTETS


def _bounded(receive: Receive, limit: int) -> Receive:
    """``receive`` until the body has more octets than it may, or takes longer than it may: also one octet at a time."""
    until_s = monotonic() + BODY_TIMEOUT_S + (LIST_TIMEOUT_S if limit > MOST_JSON_OCTETS else 0)
    taken = 0
    is_whole = False

    async def bounded() -> Message:
        nonlocal taken, is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout(until_s - monotonic()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "the body did not come in time") from None
        taken += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if taken > limit:
            raise HTTPException(413, f"the body has more than {limit >> 10} KiB")
        return message

    return bounded


def _tell(scope: Scope, status: int, took_s: float) -> None:
    route = getattr(scope.get("route"), "path", "unknown")
    who = scope.get("state", {}).get("who", "")
    level = _log.event if status < 500 else _log.warning
    if scope["method"] == "GET" and status < 400:
        level = _log.debug
    level("console.request", method=scope["method"], route=route, status=status, who=who, took_ms=round(took_s * 1e3))


async def _refuse(send: Send, status: int, error: str) -> None:
    said = {"error": error, "error_zh": refusals().chinese(error)}
    body = json.dumps(said, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
