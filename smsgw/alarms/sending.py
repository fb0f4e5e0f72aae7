"""Telling a channel, by apprise: in a thread, with a time limit, and later and later again while it fails.

Owns: what of a failure is shown. A URL holds secrets, so what apprise says is looked through for every part of it
before anybody reads it, and its own log goes nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote

from smsgw.config.alarms import ChannelSettings

if TYPE_CHECKING:
    from apprise import NotifyBase

PATIENCE_S: Final = 20.0
FIRST_WAIT_S: Final = 15.0
LONGEST_WAIT_S: Final = 900.0
_MOST_WHY_CHARS: Final = 200
_SHORTEST_SECRET: Final = 4
_APPRISE: Final = "apprise"
_URL: Final = re.compile(r"\S+://\S+")
_PARTS: Final = re.compile(r"[^\w.-]+")
#: Say nothing of anybody.
_COMMON: Final = frozenset(("http", "https", "json", "jsons", "mailto", "mailtos", "localhost", "127.0.0.1"))


class Sends(Protocol):
    """Whoever can tell a channel something."""

    async def send(self, channel: ChannelSettings, title: str, body: str) -> str:
        """Empty when it arrived, else why it did not."""
        ...


class Sender:
    """``send``; one message a channel at a time, also when the last one took too long and is not given up yet."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._busy: dict[str, asyncio.Future[str]] = {}

    async def send(self, channel: ChannelSettings, title: str, body: str) -> str:
        """As ``Sends.send``. Never raises."""
        busy = self._busy.get(channel.name)
        if busy is not None and not busy.done():
            return "the message before is still on its way"
        task = asyncio.ensure_future(asyncio.to_thread(notify, channel, title, body))
        self._busy[channel.name] = task
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._patience_s)
        except TimeoutError:
            return f"did not answer within {self._patience_s:g} s"


def wait_s(failures: int) -> float:
    """How long to wait after so many failures one after the other."""
    return min(FIRST_WAIT_S * 2.0 ** (failures - 1), LONGEST_WAIT_S) if failures > 0 else 0.0


def notify(channel: ChannelSettings, title: str, body: str) -> str:
    """Tell a channel; for threads. Empty, or why it could not be told, without any part of its URL."""
    try:
        url = channel.secret_url()
    except ValueError as error:
        return str(error)
    said: list[str] = []
    try:
        with _listening(said):
            plugin = _plugin(url)
            if plugin is None:
                return "apprise does not understand its URL"
            if plugin.notify(body=body, title=title):
                return ""
    except Exception as error:  # a plugin of somebody else's: whatever it does must not end the watch
        said.append(f"{type(error).__name__}: {error}")
    return scrubbed(said[-1], url) if said else "was not taken"


def understood(url: str) -> bool:
    """Whether apprise knows what such a URL means. Asks nobody."""
    with _listening([]):
        return _plugin(url) is not None


def _plugin(url: str) -> NotifyBase | None:
    # Here and not above: it takes a quarter of a second, and only who sends needs it.
    import apprise

    # Not a whole Apprise of it, which would send in a thread of its own, where nobody hears why it failed.
    found: NotifyBase | None = apprise.Apprise.instantiate(url)
    return found


def scrubbed(text: str, url: str) -> str:
    """A text without URLs and without any part of this one."""
    text = _URL.sub("…", " ".join(text.split()))
    parts = {part for whole in (url, unquote(url)) for part in _PARTS.split(whole)} - _COMMON
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = text.replace(part, "…")
    return text[:_MOST_WHY_CHARS]


class _Listener(logging.Handler):
    """Takes what one thread says."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._said.append(record.getMessage())


@contextmanager
def _listening(said: list[str]) -> Iterator[None]:
    logger = logging.getLogger(_APPRISE)
    logger.propagate = False
    listener = _Listener(said)
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
