"""Much work in small slices, so that the simulation goes on meanwhile.

A run of load keeps a hundred thousand messages, and reading one costs some microseconds: looked through at
once they would hold up every answer for a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_SLICE_S = 0.002
_AT_ONCE = 8


async def pieces(items: Iterable[T]) -> AsyncIterator[list[T]]:
    """``items`` a few at a time; in between everybody else has a turn now and then."""
    rest = iter(items)
    began_s = time.monotonic()
    while some := list(islice(rest, _AT_ONCE)):
        yield some
        if time.monotonic() - began_s > _SLICE_S:
            await asyncio.sleep(0)
            began_s = time.monotonic()


async def mapped(make: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """``make`` of each."""
    made: list[R] = []
    async for some in pieces(items):
        made += map(make, some)
    return made
