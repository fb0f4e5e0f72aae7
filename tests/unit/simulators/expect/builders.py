"""Entries and expectations in few words."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from simulators.entry import Entry
from simulators.expect.evaluate import evaluate
from simulators.expect.model import Expectation
from simulators.expect.result import Result
from smsgw.clock import to_ms

_NUMBERS = itertools.count(1)


def at(text: str) -> int:
    """Business time of ``2026-11-23T21:30+08:00``; without a day, a Monday, in Shanghai."""
    return to_ms(datetime.fromisoformat(text if "T" in text else f"2026-11-23T{text}+08:00"))


def submit(real_s: float = 0.0, destination: str = "13800138000", text: str = "hello", **fields: Any) -> Entry:
    """A submitted message, accepted unless ``status`` says otherwise."""
    fields = {"status": 0, "message_id": str(next(_NUMBERS)), "registered_delivery": 1, "account": "shop"} | fields
    fields.setdefault("at_ms", at("12:00") + int(real_s * 1000))
    return Entry("submit", "alpha", real_s=real_s, source="10690001", destination=destination, text=text, **fields)


def segment(index: int, total: int, real_s: float, text: str = "", reference: int = 7, **fields: Any) -> Entry:
    """One segment of a long message."""
    return submit(real_s, text=text or f"<{index}>", concat=(reference, total, index), **fields)


def receipt(message_id: str, real_s: float = 1.0, stat: str = "DELIVRD", **fields: Any) -> Entry:
    """A receipt that the carrier sent."""
    at_ms = at("12:00") + int(real_s * 1000)
    return Entry("receipt", "alpha", at_ms, real_s, account="shop", message_id=message_id, stat=stat, **fields)


def link(kind: str, bind: int, real_s: float, account: str = "shop") -> Entry:
    """A bind, refused_bind, unbind or lost connection."""
    return Entry(kind, "alpha", at("12:00") + int(real_s * 1000), real_s, account=account, bind=bind)


def expectation(**keys: Any) -> Expectation:
    """As read from a file."""
    return Expectation.model_validate(keys)


def judged(entries: list[Entry], *, run: dict[str, Any] | None = None, **keys: Any) -> Result:
    """What becomes of one expectation; ``run`` goes to ``evaluate``."""
    return evaluate([expectation(**keys)], entries, **(run or {})).results[0]
