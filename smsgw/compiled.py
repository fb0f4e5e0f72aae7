"""Which parts of the package run compiled: for people, in ``smsgw --version``, the status and benchmarks.

Owns nothing: each part is found, with its twin in Python, beside those who use it.
"""

from __future__ import annotations

from typing import Final

from smsgw import msgpacked
from smsgw.policy import native as rules
from smsgw.smpp import native as wire

_PARTS: Final = {"rules": rules.IS_COMPILED, "wire": wire.IS_COMPILED, "packing": msgpacked.IS_COMPILED}


def _how(parts: dict[str, bool], why_not: str) -> str:
    compiled = ", ".join(name for name, is_compiled in parts.items() if is_compiled)
    python = ", ".join(name for name, is_compiled in parts.items() if not is_compiled)
    told = [f"{compiled} compiled"] if compiled else []
    if python:
        told.append(f"{python} as Python" + (f" ({why_not})" if why_not else ""))
    return "; ".join(told)


HOW: Final = _how(_PARTS, rules.WHY_NOT)
"""Such as ``rules, wire, packing compiled``."""
