"""Which recorded request one that comes now is: by everything in it, by its recipient, or by its turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Final, Literal

from simulators.capture.script import Request

Match = Literal["exact", "recipient", "order"]

#: By command, recipient, source and payload; then also whatever else went to the recipient; then also any of its kind.
MATCHES: Final[tuple[Match, ...]] = ("exact", "recipient", "order")
_KEYS: Final[dict[Match, Callable[[Request], Hashable]]] = {
    "exact": lambda request: request.key,
    "recipient": lambda request: request.key[:2],
    "order": lambda request: request.pdu.command_id,
}


class Matcher:
    """Each recorded request is found once; among equal ones the account's own come first, then the oldest."""

    def __init__(self, requests: Iterable[Request], match: Match) -> None:
        self._levels = MATCHES[: MATCHES.index(match) + 1]
        self._found: set[int] = set()
        self._waiting: dict[Match, dict[Hashable, deque[Request]]] = {level: {} for level in self._levels}
        for request in requests:
            for level, waiting in self._waiting.items():
                waiting.setdefault(_KEYS[level](request), deque()).append(request)

    def find(self, now: Request) -> tuple[Request | None, bool]:
        """The recorded request, and whether everything was the same."""
        for level in self._levels:
            request = self._first(self._waiting[level].get(_KEYS[level](now)), now.account)
            if request is not None:
                self._found.add(id(request))
                return request, level == "exact"
        return None, False

    def _first(self, waiting: deque[Request] | None, account: str) -> Request | None:
        if waiting is None:
            return None
        while waiting and id(waiting[0]) in self._found:
            waiting.popleft()
        first = None
        for request in waiting:
            if id(request) not in self._found:
                if request.account == account:
                    return request
                first = first or request
        return first
