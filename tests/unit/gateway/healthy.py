"""A stand-in for ``gateway.health`` where all carriers do well."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

HEALTHY: Any = SimpleNamespace(
    troubled=False,
    lets=lambda name, province: True,
    why_not=lambda name, province: "",
    is_open=lambda name, province: False,
    answered=lambda name, policy, latency_s: None,
    taken=lambda name, policy, envelope, index: None,
)
