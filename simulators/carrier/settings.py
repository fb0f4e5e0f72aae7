"""Everything a simulated carrier can be told before it starts.

Shares are 0..1, times are seconds, a limit of 0 is no limit. ``simulators.carrier.options`` reads
them from a command line; tests construct them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.carrier.ids import IdForm
from simulators.carrier.plan import Parts
from simulators.carrier.receipts import FULL, ReceiptStyle
from simulators.carrier.states import DELIVERED, ReceiptState
from simulators.spread import NO_DELAY, Delay

#: Refusals of a receipt after which carriers send it again; anything else loses it for good.
RETRIED_RECEIPT_STATUSES = frozenset({0x08, 0x14, 0x45, 0x58, 0x64, 0x67, 0xFE, 0xFF})


@dataclass(frozen=True, slots=True)
class CarrierSettings:
    """One simulated carrier."""

    host: str = "127.0.0.1"
    #: 0 takes a free port.
    port: int = 0
    smsc_id: str = "carrier-sim"
    #: system_id -> password; None takes any credentials.
    accounts: Mapping[str, str] | None = None

    max_binds: int = 0
    max_binds_status: int = 0x05
    #: Refuse every bind with this status; 0 takes them.
    refuse_binds: int = 0
    #: Unanswered submit_sm of one bind.
    window: int = 0
    window_status: int = 0x58
    #: Segments a second.
    tps: float = 0.0
    tps_burst: float = 0.0
    tps_status: int = 0x58
    tps_per_account: bool = False

    response: Delay = NO_DELAY
    #: (command_status, share)
    refuse: tuple[tuple[int, float], ...] = ()
    never_answer: float = 0.0
    drop_before: float = 0.0
    drop_after: float = 0.0
    response_id: IdForm = field(default_factory=lambda: IdForm("dec"))
    receipt_id: IdForm | None = None
    id_base: int = 1_000_000_000

    receipts: bool = True
    #: Send them also for messages that did not ask.
    receipts_unasked: bool = False
    #: (state, share); the rest is DELIVRD.
    states: tuple[tuple[ReceiptState, float], ...] = ()
    rest_state: ReceiptState = DELIVERED
    receipt: Delay = NO_DELAY
    #: (style, share); the rest is ``rest_style``.
    styles: tuple[tuple[ReceiptStyle, float], ...] = ()
    rest_style: ReceiptStyle = FULL
    early: float = 0.0
    duplicate: float = 0.0
    duplicate_after: Delay = NO_DELAY
    contradict: float = 0.0
    intermediate: float = 0.0
    other_bind: float = 0.0
    parts: Parts = Parts.EACH
    #: Unanswered deliver_sm of one bind.
    receipt_window: int = 1000
    #: An unanswered receipt is sent again after this; 0 never.
    resend_after_s: float = 30.0
    #: A refused receipt is sent again after this.
    retry_after_s: float = 1.0
    receipt_tries: int = 5
    retried_statuses: frozenset[int] = RETRIED_RECEIPT_STATUSES
    #: Offset of the dates in receipts from UTC.
    zone_hours: float = 8.0

    #: First digits of the numbers that pick a behaviour by themselves; empty for none.
    magic_prefix: str = "1990000"
    seed: int | str = 0
    #: Seconds of silence after which enquire_link is sent, or the bind dropped.
    enquire_s: float = 0.0
    idle_drop_s: float = 0.0
    #: How many received messages are kept for ``received``.
    record: int = 100_000
    #: JSON lines of messages and receipts.
    log_path: str = ""
