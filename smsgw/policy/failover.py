"""What one carrier's file says about going elsewhere: its codes and statuses, its patience, its breaker.

Owns: values only, and what they mean for one answer. Whether another carrier is there, and moving a message, is the
gateway's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from smsgw.policy.breaker import BreakerSettings
from smsgw.policy.code_classes import CodeTable
from smsgw.policy.retry import CarrierStatuses

#: A carrier is slow when fewer than half of its answers come in time; it is taken back when nine of ten do.
LATENCY_BELOW, LATENCY_RECOVERED = 0.5, 0.9
LATENCY_SAMPLE, LATENCY_WINDOW_S = 20, 60.0
LATENCY_OPEN_S, LATENCY_OPEN_MAX_S = 30.0, 600.0


@dataclass(frozen=True, slots=True)
class FailoverPolicy:
    """``on_timeout``: what may be sent twice goes to another carrier when it was not answered. ``on_receipt``: so does
    a message of which a receipt says so; it costs the whole message in the receipt map.

    ``latency_s`` 0: not watched. ``response_s``: by class, how long an answer may take; 0: as for all.
    """

    on_timeout: bool = False
    on_receipt: bool = False
    latency_s: float = 0.0
    response_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    codes: CodeTable = field(default_factory=CodeTable)
    statuses: CarrierStatuses = field(default_factory=CarrierStatuses)
    breaker: BreakerSettings | None = None
    #: Minutes of the day at which the carrier's own hours begin.
    opens_minute: int = 8 * 60
    #: How long a carrier's cap holds for a recipient; None: until its day is over.
    cap_s: float | None = None
    #: So many codes about a signature within an hour pause it, for so long; 0: never.
    signature_after: int = 0
    signature_pause_s: float = 3600.0

    def opens_ms(self, now_ms: int, zone: tzinfo) -> int:
        """When the carrier's hours begin next, strictly later than now."""
        local = datetime.fromtimestamp(now_ms / 1000, zone)
        opens = local.replace(hour=self.opens_minute // 60, minute=self.opens_minute % 60, second=0, microsecond=0)
        if opens <= local:
            opens = (opens + timedelta(days=1)).replace(fold=0)
        return int(opens.timestamp() * 1000)

    def cap_keep_ms(self, now_ms: int, zone: tzinfo) -> int:
        """How long from now a carrier's cap holds."""
        if self.cap_s is not None:
            return round(self.cap_s * 1000)
        local = datetime.fromtimestamp(now_ms / 1000, zone)
        tomorrow = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return max(1, int(tomorrow.timestamp() * 1000) - now_ms)


def latency_breaker(settings: FailoverPolicy) -> BreakerSettings | None:
    """The breaker for answers that come late; None when latency is not watched."""
    if not settings.latency_s:
        return None
    return BreakerSettings(
        below=LATENCY_BELOW,
        against_history=0.0,
        recovered=LATENCY_RECOVERED,
        sample=LATENCY_SAMPLE,
        window_s=LATENCY_WINDOW_S,
        open_s=LATENCY_OPEN_S,
        open_max_s=LATENCY_OPEN_MAX_S,
    )
