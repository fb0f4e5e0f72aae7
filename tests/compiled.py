"""The rules as Python, though they are compiled: so that the same tests and comparisons cover both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from smsgw.policy import links, phones, pipeline, placeholders, text, words
from smsgw.policy.native import IS_COMPILED

WAYS = ("compiled", "python") if IS_COMPILED else ("python",)
_WHO_ASK = (links, phones, pipeline, placeholders, text, words)


@contextmanager
def as_python() -> Iterator[None]:
    """Until it ends everything that looks at texts runs as Python; what was compiled from registers before stays."""
    patches = [patch.object(module, "IS_COMPILED", False) for module in _WHO_ASK]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
