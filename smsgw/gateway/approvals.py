"""Which carriers may be used: only those whose channel is active in the register, where the site asks for approval.

Owns: telling the pools, at once when the register changes and every second besides, for approvals and licences end by
themselves. A carrier that staff drained is not used either, once it has nothing left to send. Accounts need nothing
here: rule 1 is asked for each bind and each message.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smsgw.gateway.context import Context


class Approvals:
    """``look`` as often as something may have changed."""

    def __init__(self, context: Context, drained: Set[str] = frozenset()) -> None:
        self._context = context
        self._drained = drained
        self._told: dict[str, bool] = {}

    def look(self) -> None:
        """Let each carrier's pool have its binds, or not."""
        context = self._context
        settings = context.settings
        if not settings.approval_required:
            self._told.clear()
            for name, pool in context.pools.items():
                pool.allow(name not in self._drained)
            return
        at_ms = context.clock.now_ms()
        for name, pool in context.pools.items():
            refusal = context.registers.channels.refusal(f"carrier:{name}", at_ms, settings.zone)
            pool.allow(refusal is None and name not in self._drained)
            if self._told.get(name) != (refusal is None):
                self._told[name] = refusal is None
                if refusal is None:
                    context.log("carrier.approved", {"carrier": name})
                else:
                    context.log("carrier.not_approved", {"carrier": name, "why": refusal.detail})
