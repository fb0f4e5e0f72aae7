"""Who may talk to the control port: pages of this machine's own names, and programs.

There is no password, so a foreign web page must not reach it through a tester's browser: neither by a
name that it makes point here (the Host header is checked), nor by a form (changes must be JSON), nor by
a script (no CORS, and an Origin of another site is refused). Adds the headers that keep the page strict.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_ALL_INTERFACES = frozenset({"0.0.0.0", "::"})
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Guard:
    """ASGI middleware; ``hosts`` are names and addresses taken besides those of this machine's loopback.

    An address of all interfaces (0.0.0.0, ::) among them takes every address written as numbers, which no
    name server can turn to somewhere else, and this machine's own name.
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
        problem = self._problem(scope["method"], Headers(scope=scope))
        if problem is not None:
            await _refuse(send, *problem)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)

    def _problem(self, method: str, headers: Headers) -> tuple[int, str, str] | None:
        host = headers.get("host", "")
        if not self._is_known(host):
            return (
                403,
                f"this control port does not go by the name {host!r}; start it with --http-host to allow it",
                "Host",
            )
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return 403, f"requests from pages of {origin!r} are refused", "Origin"
        if method in _CHANGING and not _is_json(headers):
            return 415, "send JSON, with the header Content-Type: application/json", "Content-Type"
        return None

    def _is_known(self, host: str) -> bool:
        if "*" in self._hosts:
            return True
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


def _is_json(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


async def _refuse(send: Send, status: int, error: str, where: str) -> None:
    body = json.dumps({"error": error, "where": where}, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
