"""What the journeys share: settings, registers, the store's calls.

Built once by the application and handed to each journey; a reload replaces ``rules`` and ``routes``
as whole values between two loop turns, so that no message sees half of each.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from smsgw.gateway.choice import CarrierChoice
from smsgw.gateway.health import Health
from smsgw.policy.mo_words import MoWords
from smsgw.policy.model import MessageClass
from smsgw.policy.numbers import to_e164
from smsgw.policy.references import ReferenceShare
from smsgw.policy.registers import Registers

if TYPE_CHECKING:
    from smsgw.carrier.pool import Pool
    from smsgw.clock import BusinessClock
    from smsgw.esme.account import Account
    from smsgw.gateway.account_rules import AccountRules
    from smsgw.gateway.carrier_ids import CarrierIds
    from smsgw.gateway.carrier_pdus import CarrierPdus
    from smsgw.gateway.ids import MessageIds
    from smsgw.gateway.keeping import Keeping
    from smsgw.gateway.overdue import OverdueReceipts
    from smsgw.gateway.quota_desk import QuotaDesk
    from smsgw.gateway.rate_desk import RateDesk
    from smsgw.gateway.short_links import ShortLinkDesk
    from smsgw.policy.entries import PauseEntry
    from smsgw.records.log import RecordLog
    from smsgw.store.admission import Admission
    from smsgw.store.connection import Store
    from smsgw.store.correlation import Correlation
    from smsgw.store.envelope import Envelope
    from smsgw.store.facts import Facts
    from smsgw.store.held import Held
    from smsgw.store.long import Long
    from smsgw.store.looks import Looks
    from smsgw.store.marks import Marks
    from smsgw.store.outbound import Outbound
    from smsgw.store.parked import Parked
    from smsgw.store.ported import PortedNumbers
    from smsgw.store.settlement import Settlement
    from smsgw.store.state import States
    from smsgw.store.streams import StreamReader
    from smsgw.telemetry.metrics import Metrics

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the journeys need of the site's main file. ``uncertain`` has ``resend`` or ``report`` per class."""

    node: str = "node1"
    lease_s: float = 10.0
    early_answer_s: float = 0.3
    long_expire_s: float = 60.0
    uncertain: tuple[str, str, str] = ("resend", "report", "report")
    queue_limit: int = 100_000
    #: Verification codes a second that go on while the store is away; 0 refuses them too.
    away_otp_rate_per_s: float = 0.0
    receipt_ttl_s: float = 72 * 3600.0
    state_ttl_s: float = 24 * 3600.0
    #: A message that waited longer than this since its last look at the opt-outs is looked at again.
    look_again_s: float = 1.0
    #: A verification code that is not with a carrier after this has expired; 0: as all others.
    otp_limit_s: float = 30.0
    #: The longest time a message may be tried when it has no validity_period of its own.
    max_validity_s: float = 72 * 3600.0
    #: Messages a second that go on after a pause, over the whole fleet.
    resume_rate_per_s: float = 100.0
    #: False: this process wants no bind and sends nothing; what it admits is sent by others.
    sends: bool = True
    #: Only channels that are active in the register may be used; days end by this zone's clock for carriers.
    approval_required: bool = False
    zone: ZoneInfo = _UTC


@dataclass(frozen=True, slots=True)
class Dialled:
    """Whom an MO to a number belongs to; ``signature`` is empty when the number serves the whole account."""

    number: str
    account: str
    signature: str


class Numbers:
    """Finds the owner of a dialled number: the longest configured number it begins with."""

    __slots__ = ("_by_number", "_lengths")

    def __init__(self, entries: Iterable[Dialled]) -> None:
        self._by_number = {entry.number: entry for entry in entries}
        self._lengths = sorted({len(number) for number in self._by_number}, reverse=True)

    def owner(self, dialled: str) -> Dialled | None:
        """The owner, or None when nobody has the number."""
        for length in self._lengths:
            entry = self._by_number.get(dialled[:length])
            if entry is not None:
                return entry
        return None


@dataclass(slots=True)
class Context:
    """Everything the journeys share."""

    settings: GatewaySettings
    clock: BusinessClock
    wall_s: Callable[[], float]
    store: Store
    ids: MessageIds
    accounts: dict[str, Account]
    rules: dict[str, AccountRules]
    metrics: Metrics
    records: RecordLog
    mt_readers: list[StreamReader] = field(default_factory=list)
    pools: dict[str, Pool] = field(default_factory=dict)
    #: By carrier, then class: ``keys.mt_suffix``.
    stream_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    registers: Registers = field(default_factory=Registers)
    dialled: Numbers = field(default_factory=lambda: Numbers(()))
    #: The words for MO to numbers that nobody has.
    mo_words: MoWords = field(default_factory=lambda: MoWords())
    log: Callable[[str, dict[str, object]], None] = lambda event, fields: None
    #: Which reference numbers of long messages are this process's to give.
    reference_share: ReferenceShare = field(default_factory=ReferenceShare)
    #: Parked messages by lot, as last counted.
    parked_counts: dict[str, int] = field(default_factory=dict)
    #: Only where the carriers' PDUs are kept.
    carrier_pdus: CarrierPdus | None = None
    #: Kept by the application: whether Redis answered when it was last asked.
    store_up: bool = True
    #: Set at shutdown: nothing new is accepted.
    closing: bool = False
    # The store's calls and the task group are made by ``Gateway``, for their answers come back to the journeys.
    spawn: Callable[[Coroutine[Any, Any, None]], None] = field(init=False)
    admission: Admission = field(init=False)
    settlement: Settlement = field(init=False)
    correlation: Correlation = field(init=False)
    outbound: Outbound = field(init=False)
    held: Held = field(init=False)
    long: Long = field(init=False)
    looks: Looks = field(init=False)
    facts: Facts = field(init=False)
    quotas: QuotaDesk = field(init=False)
    rates: RateDesk = field(init=False)
    parked: Parked = field(init=False)
    ported: PortedNumbers = field(init=False)
    states: States = field(init=False)
    marks: Marks = field(init=False)
    #: How carriers write their message ids; what is kept of what they took; receipts that don't come.
    carrier_ids: CarrierIds = field(init=False)
    keeping: Keeping = field(init=False)
    overdue: OverdueReceipts = field(init=False)
    short_links: ShortLinkDesk = field(init=False)
    choice: CarrierChoice = field(init=False)
    health: Health = field(init=False)
    #: What waits in memory is looked at again, in every carrier's queue.
    wake_queues: Callable[[], None] = field(init=False)

    def __post_init__(self) -> None:
        self.choice = CarrierChoice(self)
        self.health = Health(self)

    def number_of(self, address: bytes, account: str) -> str | None:
        """An address as E.164 digits, read as the account's country writes numbers; None when it is none."""
        rules = self.rules.get(account)
        written = address.decode("latin-1")
        return to_e164(written, rules.country) if rules is not None else to_e164(written)

    def province_of(self, number: str, account: str) -> str:
        """The province of a recipient of an account; empty for unknown."""
        rules = self.rules.get(account)
        return rules.rules.province(number) if rules is not None else ""

    def mo_words_of(self, account: str) -> MoWords:
        """The opt-out words of an account's profile."""
        rules = self.rules.get(account)
        return rules.mo_words if rules is not None else self.mo_words

    def wake_readers(self) -> None:
        """A carrier's queue has room again."""
        for reader in self.mt_readers:
            reader.wake()

    def pause_of(self, envelope: Envelope, carrier: str) -> PauseEntry | None:
        """What stops an accepted message from going out over ``carrier`` (empty: over any) just now."""
        pauses = self.registers.pauses
        if not pauses.any:
            return None
        rules = self.rules.get(envelope.account)
        return pauses.find(
            envelope.account,
            rules.rules.account.department if rules is not None else "",
            envelope.signature,
            envelope.template.rpartition("@")[0],
            envelope.campaign,
            carrier,
            self.clock.now_ms(),
        )

    def is_open(self, carrier: str) -> bool:
        """Whether a carrier is not paused."""
        pauses = self.registers.pauses
        return not pauses.any or pauses.of(f"carrier:{carrier}", self.clock.now_ms()) is None


LANE_LABELS = tuple(member.label for member in MessageClass)
