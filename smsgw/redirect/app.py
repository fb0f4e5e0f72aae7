"""Answers who follows a short link: sends them where it leads, and counts that.

Owns: which requests are clicks, their records, and the links that were looked up lately, which lead on while Redis is
away. A click is in its file before its visitor is sent on. Sends only to what was stored, and only to the web. Knows
nothing of who came: no cookie, no address, no User-Agent is kept.
What can go wrong: Redis is away: links that nobody followed lately are answered 503. The disk is full: people are sent
on all the same, and clicks wait in memory, as a gateway's records do.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, Protocol

from smsgw.errors import StoreError
from smsgw.policy.short_links import is_target
from smsgw.records.log import RecordLog
from smsgw.records.record import Step
from smsgw.redirect.pages import PAGES, POLICY
from smsgw.redirect.visitors import Network, Rate, is_machine, visitor
from smsgw.store.links import StoredLink

MOST_KNOWN: Final = 50_000
FRESH_S: Final = 60.0
"""So long a link is not looked up again."""
AWAY_S: Final = 1.0
"""So long Redis is not asked for what is known already, once it did not answer."""
# What follows a token without a space, in Han or signs, a telephone takes for a part of the link.
_TOKEN: Final = re.compile(r"/([0-9A-Za-z]{6,16})(?![0-9A-Za-z])")
_CLICKED: Final = int(Step.CLICKED)
_HTML: Final = "text/html; charset=utf-8"
_ALWAYS: Final = (
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"content-security-policy", POLICY.encode()),
)
_RETRY: Final[Mapping[int, tuple[tuple[bytes, bytes], ...]]] = {
    405: ((b"allow", b"GET, HEAD"),),
    429: ((b"retry-after", b"60"),),
    503: ((b"retry-after", b"5"),),
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Finder(Protocol):
    """``store.links.Links``."""

    async def get(self, token: str) -> StoredLink | None:
        """The link of a token. Raises StoreError."""
        ...


class Redirects:
    """An ASGI application. ``path``: what stands before a token in the address, such as ``/s``.

    ``business_ms``: when a click is said to have been, asked for each; ``real_ms``: Unix ms, by which links end.
    """

    def __init__(
        self,
        links: Finder,
        log: RecordLog,
        business_ms: Callable[[], Awaitable[int]],
        real_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
        *,
        path: str = "",
        proxies: Sequence[Network] = (),
        per_minute: int = 120,
    ) -> None:
        self._links = links
        self._log = log
        self._business_ms = business_ms
        self._real_ms = real_ms
        self._monotonic_s = monotonic_s
        self._path = path
        self._proxies = proxies
        self._rate = Rate(per_minute)
        self._known: OrderedDict[str, tuple[StoredLink, float]] = OrderedDict()
        self._away_until_s = 0.0
        #: Since it began: people who were sent on, machines that were, and answers of no use by status.
        self.clicks = self.machines = 0
        self.refused: dict[int, int] = dict.fromkeys(PAGES, 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        status, headers, body = await self._answer(scope)
        if scope["method"] == "HEAD":
            body = b""
        head = (*headers, *_ALWAYS, (b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": list(head)})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope) -> tuple[int, tuple[tuple[bytes, bytes], ...], bytes]:
        path, method = scope["path"], scope["method"]
        if path == "/healthz":
            return await self._health()
        if method not in ("GET", "HEAD"):
            return self._no(405)
        if path == "/robots.txt":
            return 200, ((b"content-type", b"text/plain"),), b"User-agent: *\nDisallow: /\n"
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        peer = scope["client"][0] if scope.get("client") else ""
        if not self._rate.lets(visitor(peer, headers.get(b"x-forwarded-for", ""), self._proxies), self._monotonic_s()):
            return self._no(429)
        match = _TOKEN.match(path.removeprefix(self._path)) or _TOKEN.match(path)
        if match is None:
            return self._no(404)
        try:
            link = await self._find(match[1])
        except StoreError:
            return self._no(503)
        if link is None or not is_target(link.url):
            return self._no(404)
        purpose = headers.get(b"sec-purpose", "") or headers.get(b"purpose", "") or headers.get(b"x-purpose", "")
        if is_machine(headers.get(b"user-agent", ""), purpose):
            self.machines += 1
        elif method == "GET":
            await self._count(link)
        return 302, ((b"location", link.url.encode("ascii", "ignore")),), b""

    async def _health(self) -> tuple[int, tuple[tuple[bytes, bytes], ...], bytes]:
        is_up = self._monotonic_s() >= self._away_until_s
        try:
            await self._links.get("healthz0")
        except StoreError:
            is_up = False
        body = b'{"status": "ok"}\n' if is_up else b'{"status": "the store is away"}\n'
        return (200 if is_up else 503), ((b"content-type", b"application/json"),), body

    def _no(self, status: int) -> tuple[int, tuple[tuple[bytes, bytes], ...], bytes]:
        self.refused[status] += 1
        return status, ((b"content-type", _HTML.encode()), *_RETRY.get(status, ())), PAGES[status]

    async def _find(self, token: str) -> StoredLink | None:
        """As the store has it, or had it lately. Raises StoreError."""
        now_s = self._monotonic_s()
        link, until_s = self._known.get(token, (None, 0.0))
        if link is not None and link.until_ms <= self._real_ms():
            link = None
        if link is not None and (now_s < until_s or now_s < self._away_until_s):
            return link
        try:
            found = await self._links.get(token)
        except StoreError:
            self._away_until_s = self._monotonic_s() + AWAY_S
            if link is None:
                raise
            return link
        if found is None:
            self._known.pop(token, None)
            return None
        self._known[token] = found, now_s + FRESH_S
        self._known.move_to_end(token)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found

    async def _count(self, link: StoredLink) -> None:
        self.clicks += 1
        at_ms = await self._business_ms()
        self._log.append(
            (
                at_ms, _CLICKED, "", link.account, "", link.message_class, "", "", 0, 0, "", link.signature, 0,
                link.template, link.campaign, link.token,
            )
        )  # fmt: skip
        self._log.flush()
