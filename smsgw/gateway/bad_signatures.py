"""Signatures that carriers refuse: after so many codes within an hour the signature is paused, with an end.

Owns: counting them in this process, and the pause, which is a document like those that staff write: audited, in force
on every process, ended by ``smsgw resume`` or by its end. Off unless the carrier's file says ``signature_after``.
What can go wrong: the store is away; the next such code tries again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from smsgw.errors import RequestError, StoreError
from smsgw.store.audit import AuditEntry
from smsgw.store.registers import RegisterChange, RegisterStore

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.policy.failover import FailoverPolicy

WITHIN_MS = 3_600_000
WHO = "smsgw"
_KIND = "pause"
_MOST_SIGNATURES = 1000


class BadSignatures:
    """One for all carriers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        #: When each signature was refused lately, business ms.
        self._refused: dict[str, deque[int]] = {}

    def refused(self, carrier: str, policy: FailoverPolicy, signature: str, code: str) -> None:
        """A carrier says that a signature is not registered with it."""
        wanted = policy.signature_after
        if not wanted or not signature:
            return
        now_ms = self._context.clock.now_ms()
        if len(self._refused) >= _MOST_SIGNATURES and signature not in self._refused:
            del self._refused[next(iter(self._refused))]
        times = self._refused.setdefault(signature, deque(maxlen=wanted))
        times.append(now_ms)
        if len(times) < wanted or times[0] < now_ms - WITHIN_MS:
            return
        del self._refused[signature]
        if self._context.registers.pauses.of(f"signature:{signature}", now_ms) is None:
            reason = f"carrier {carrier} refused it {wanted} times within an hour: {code}"
            self._context.spawn(self._pause(signature, reason, now_ms, round(policy.signature_pause_s * 1000)))

    async def _pause(self, signature: str, reason: str, now_ms: int, for_ms: int) -> None:
        scope = f"signature:{signature}"
        document = {
            "scope": scope, "reason": reason, "who": WHO, "at_ms": now_ms, "expires_ms": now_ms + for_ms,
        }  # fmt: skip
        registers = RegisterStore(self._context.store)
        try:
            there = await registers.get(_KIND, scope)  # one whose end has come may lie there
            revision = there.revision if there is not None else 0
            entry = AuditEntry(now_ms, WHO, "pause.add", scope, reason, {"expires_ms": now_ms + for_ms})
            await registers.write(_KIND, [RegisterChange(scope, document, revision)], entry)
        except (StoreError, RequestError) as error:
            self._context.log("signature.pause_failed", {"signature": signature, "why": str(error)})
            return
        self._context.log("signature.paused", {"signature": signature, "reason": reason, "for_s": for_ms // 1000})
