"""Helps with a name that does not exist: the nearest that does."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 8


def with_hint(message: str, name: object, valid: Iterable[str], *, list_valid: bool = True) -> str:
    """``message``, and behind it the nearest of the ``valid`` names to ``name``, and which names there are.

    ``no carrier is named 'beat'; did you mean 'beta'? valid: alpha, beta``. ``list_valid`` False where the
    message lists them itself. Without any valid name, or for a ``name`` that is no text, just the message.
    """
    names = sorted(set(valid))
    nearest = _nearest(name, names) if isinstance(name, str) else None
    hints = [f"did you mean {nearest!r}?"] if nearest is not None else []
    if list_valid and names and (nearest is None or len(names) <= _SHOWN):
        hints.append(f"valid: {', '.join(names[:_SHOWN])}" + (", …" if len(names) > _SHOWN else ""))
    return f"{message}; {' '.join(hints)}" if hints else message


def _nearest(name: str, names: list[str]) -> str | None:
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return folded[near[0]] if near else None
