"""What the journeys share, and the compiled rules of every account.

Built once by the application and handed to each journey; a reload replaces ``rules`` and ``routes``
as whole values between two loop turns, so that no message sees half of each.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from smsgw.policy.mo_words import MoWords
from smsgw.policy.model import MessageClass, Refusal
from smsgw.policy.pipeline import account_refusal
from smsgw.store.recipients import optout_facts

if TYPE_CHECKING:
    from smsgw.carrier.pool import Pool
    from smsgw.clock import BusinessClock
    from smsgw.esme.account import Account
    from smsgw.gateway.ids import MessageIds
    from smsgw.policy.pipeline import Rules
    from smsgw.records.log import RecordLog
    from smsgw.store.admission import Admission
    from smsgw.store.connection import Store
    from smsgw.store.correlation import Correlation
    from smsgw.store.held import Held
    from smsgw.store.long import Long
    from smsgw.store.looks import Looks
    from smsgw.store.marks import Marks
    from smsgw.store.optouts import OptOuts
    from smsgw.store.outbound import Outbound
    from smsgw.store.settlement import Settlement
    from smsgw.store.state import States
    from smsgw.store.streams import StreamReader
    from smsgw.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the journeys need of the site's main file. ``uncertain`` has ``resend`` or ``report`` per class."""

    node: str = "node1"
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
    #: The longest time a message may be tried when it has no validity_period of its own.
    max_validity_s: float = 72 * 3600.0


class AccountRules:
    """One account's rules, compiled, and the opt-out scopes that hold for its messages."""

    __slots__ = ("_account_refusal", "_facts", "message_class", "mo_words", "name", "rules", "zone")

    def __init__(self, name: str, message_class: int, rules: Rules, mo_words: MoWords) -> None:
        self.mo_words = mo_words
        self.name = name
        self.message_class = message_class
        self.rules = rules
        self.zone: tzinfo = rules.profile.zone
        self._account_refusal = account_refusal(rules.account, rules.profile.zone)
        self._facts: dict[str, tuple[str, ...]] = {}

    def refusal_now(self, at_ms: int) -> Refusal | None:
        """Rule 1 alone: None when the account is in force at that business time."""
        return self._account_refusal(at_ms) if self._account_refusal is not None else None

    def facts(self, signature: str) -> tuple[str, ...]:
        """The opt-out scopes that hold for a message with this signature; none when the class is exempt."""
        facts = self._facts.get(signature)
        if facts is None:
            facts = optout_facts(self.name, signature) if self.rules.is_optout_checked(self.message_class) else ()
            self._facts[signature] = facts
        return facts


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
    dialled: Numbers = field(default_factory=lambda: Numbers(()))
    #: The words for MO to numbers that nobody has.
    mo_words: MoWords = field(default_factory=lambda: MoWords(()))
    log: Callable[[str, dict[str, object]], None] = lambda event, fields: None
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
    optouts: OptOuts = field(init=False)
    states: States = field(init=False)
    marks: Marks = field(init=False)

    def mo_words_of(self, account: str) -> MoWords:
        """The opt-out words of an account's profile."""
        rules = self.rules.get(account)
        return rules.mo_words if rules is not None else self.mo_words

    def wake_readers(self) -> None:
        """A carrier's queue has room again."""
        for reader in self.mt_readers:
            reader.wake()

    def next_carrier(self, carriers: Sequence[str], tried: Sequence[str], only_up: bool = False) -> str | None:
        """The first untried carrier of a route that is up; else, unless ``only_up``, the first untried; else None.

        A message may have waited since before a carrier of its route was taken out of the site's files.
        """
        untried = [name for name in carriers if name not in tried and name in self.pools]
        for name in untried:
            if self.pools[name].up:
                return name
        return untried[0] if untried and not only_up else None

    def stream_for(self, carriers: Sequence[str], message_class: int) -> str:
        """How admission names the stream where a new message goes."""
        first = carriers[0]
        return self.stream_names[first if self.pools[first].up else self.first_carrier(carriers)][message_class]

    def first_carrier(self, carriers: Sequence[str]) -> str:
        """Where a message goes: the first carrier of its route that is up, or the first of all."""
        for name in carriers:
            if self.pools[name].up:
                return name
        return carriers[0]


LANE_LABELS = tuple(member.label for member in MessageClass)
