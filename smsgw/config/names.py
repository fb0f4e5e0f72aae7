"""Helps with a name that does not exist: the nearest that does."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 8


def suggest(name: str, valid: Iterable[str]) -> str:
    """A clause for an error message: the nearest valid name, and all of them when they are few.

    ``did you mean 'alpha'? valid: alpha, beta``; empty when there is no valid name at all.
    """
    names = sorted(set(valid))
    near = difflib.get_close_matches(name.casefold(), [each.casefold() for each in names], n=1, cutoff=0.5)
    parts = []
    if near:
        nearest = next(each for each in names if each.casefold() == near[0])
        parts.append(f"did you mean {nearest!r}?")
    if names and (not near or len(names) <= _SHOWN):
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        parts.append(f"valid: {shown}")
    return " ".join(parts)
