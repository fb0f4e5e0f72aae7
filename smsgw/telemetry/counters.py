"""Counters: plain integers in slotted objects, which the hot path increments itself.

Owns: what is counted, with the name, unit and help text of each. An object belongs to one account,
carrier or kind of store call; its owner keeps it and writes ``counters.mt_accepted += 1`` or
``counters.refused["optout"] += 1``. What is a state and no count is registered once as a callable
(``watch``) and read when somebody scrapes, in the scraper's thread: it must only read.

Never locks: one writer (the event loop) and readers that tolerate numbers a moment apart. What can go
wrong: a peer that invents statuses; ``Counts`` folds the rarest into "other".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple, TypeVar

K = TypeVar("K", int, str)
#: Reads one gauge.
Read = Callable[[], float]

#: Lane index → label; a lane is a message class.
LANES = ("otp", "notice", "marketing")
_ANSWER_BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000)


class Family(NamedTuple):
    """One metric of a counters class: the attribute it is read from, its full name, its help text."""

    attribute: str
    name: str
    help: str
    label: str = ""
    """What the keys of a ``Counts`` are, or the index of a sequence ("lane")."""


class Counts(dict[K, int]):
    """Integers by key, 0 to begin with: ``counts[status] += 1``. Holds at most ``LIMIT`` keys."""

    LIMIT: ClassVar[int] = 64
    __slots__ = ("other",)

    def __init__(self) -> None:
        super().__init__()
        self.other = 0
        """What was counted under keys that had to go."""

    def __missing__(self, key: K) -> int:
        if len(self) >= self.LIMIT:
            self.other += self.pop(min(self, key=self.__getitem__))
        return 0


class Histogram:
    """How long things took, in fixed buckets; 0.2 µs an observation."""

    __slots__ = ("bounds_ms", "counts", "total_ms")

    def __init__(self, bounds_ms: tuple[int, ...] = _ANSWER_BOUNDS_MS) -> None:
        self.bounds_ms = bounds_ms
        self.counts = [0] * (len(bounds_ms) + 1)
        self.total_ms = 0.0

    def observe(self, took_ms: float) -> None:
        """Count one that took ``took_ms`` milliseconds."""
        self.counts[bisect_left(self.bounds_ms, took_ms)] += 1
        self.total_ms += took_ms

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound in seconds, how many took no longer) as Prometheus wants it."""
        buckets: list[tuple[str, float]] = []
        so_far = 0
        bounds = [str(bound / 1000) for bound in self.bounds_ms]
        for bound, count in zip([*bounds, "+Inf"], self.counts.copy(), strict=True):
            so_far += count
            buckets.append((bound, so_far))
        return buckets


class AccountCounters:
    """What one application did and got. MT counts are submit_sm requests, that is segments."""

    __slots__ = (
        "answer_latency", "answered", "binds_accepted", "binds_refused", "deliver_refused", "deliver_timeouts",
        "gauges", "mo_delivered", "mt_accepted", "mt_held", "mt_received", "name", "receipts_delivered", "refused",
    )  # fmt: skip

    COUNTERS: ClassVar[tuple[Family, ...]] = (
        Family("mt_received", "smsgw_account_mt_received", "Requests to send received from the application."),
        Family("mt_accepted", "smsgw_account_mt_accepted", "Requests to send answered ESME_ROK and stored."),
        Family("mt_held", "smsgw_account_mt_held", "Accepted requests that wait for their window or schedule."),
        Family("refused", "smsgw_account_mt_refused", "Requests to send refused, by the rule that did.", "rule"),
        Family("answered", "smsgw_account_answers", "Answers to requests to send, by command_status.", "status"),
        Family("receipts_delivered", "smsgw_account_receipts_delivered", "Receipts that the application took."),
        Family("mo_delivered", "smsgw_account_mo_delivered", "MO messages that the application took."),
        Family("deliver_refused", "smsgw_account_deliver_refused", "deliver_sm it answered with an error.", "status"),
        Family("deliver_timeouts", "smsgw_account_deliver_timeouts", "deliver_sm it did not answer in time."),
        Family("binds_accepted", "smsgw_account_binds_accepted", "Binds accepted."),
        Family("binds_refused", "smsgw_account_binds_refused", "Binds refused, by command_status.", "status"),
    )
    HISTOGRAMS: ClassVar[tuple[Family, ...]] = (
        Family("answer_latency", "smsgw_account_answer_seconds", "From a request to send to our answer."),
    )
    GAUGES: ClassVar[tuple[Family, ...]] = (
        Family("binds", "smsgw_account_binds", "Sessions bound now."),
        Family("window_used", "smsgw_account_window_used_requests", "Requests to send that we have not answered yet."),
        Family("window_limit", "smsgw_account_window_limit_requests", "Unanswered requests allowed, over all binds."),
        Family("outbox_waiting", "smsgw_account_outbox_waiting_messages", "Receipts and MO waiting to be delivered."),
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.mt_received = self.mt_accepted = self.mt_held = 0
        self.receipts_delivered = self.mo_delivered = self.deliver_timeouts = self.binds_accepted = 0
        self.refused: Counts[str] = Counts()
        self.answered: Counts[int] = Counts()
        self.deliver_refused: Counts[int] = Counts()
        self.binds_refused: Counts[int] = Counts()
        self.answer_latency = Histogram()
        self.gauges: dict[str, Callable[[], float | Sequence[float]]] = {}

    def refuse(self, rule_id: str, status: int) -> None:
        """Count a request that a rule refused and that was answered with ``status``."""
        self.refused[rule_id] += 1
        self.answered[status] += 1

    def watch(
        self,
        *,
        binds: Read | None = None,
        window_used: Read | None = None,
        window_limit: Read | None = None,
        outbox_waiting: Read | None = None,
    ) -> None:
        """Register what is read at scrape time; None leaves what is registered as it is."""
        _register(
            self.gauges, binds=binds, window_used=window_used, window_limit=window_limit, outbox_waiting=outbox_waiting
        )


class CarrierCounters:
    """What one carrier was given and gave back."""

    __slots__ = (
        "answer_latency", "answered", "binds_lost", "binds_opened", "binds_refused", "breaker_opened", "codes",
        "gauges", "mo_received", "mt_rerouted", "mt_retried", "mt_submitted", "name", "receipts", "receipts_duplicate",
        "receipts_early", "receipts_never", "receipts_orphan", "receipts_parked", "response_timeouts", "switched",
        "throttled", "uncertain",
    )  # fmt: skip

    COUNTERS: ClassVar[tuple[Family, ...]] = (
        Family("mt_submitted", "smsgw_carrier_mt_submitted", "submit_sm written to the carrier, retries included."),
        Family("answered", "smsgw_carrier_answers", "Answers of the carrier, by command_status.", "status"),
        Family("throttled", "smsgw_carrier_throttled", "Answers that slowed the whole link down."),
        Family("response_timeouts", "smsgw_carrier_response_timeouts", "submit_sm never answered: outcome unknown."),
        Family(
            "uncertain",
            "smsgw_carrier_mt_uncertain",
            "Messages that the carrier may have: resent or reported.",
            "outcome",
        ),
        Family("mt_retried", "smsgw_carrier_mt_retried", "Messages put back for another try at this carrier."),
        Family("mt_rerouted", "smsgw_carrier_mt_rerouted", "Messages taken from this carrier to the next one."),
        Family("switched", "smsgw_carrier_mt_switched", "The same, by what caused it.", "cause"),
        Family("codes", "smsgw_carrier_codes", "Codes in answers and receipts, by what they mean.", "class"),
        Family("breaker_opened", "smsgw_carrier_breaker_opened", "Provinces taken off this carrier.", "province"),
        Family("receipts", "smsgw_carrier_receipts", "Receipts of the carrier, by message state.", "state"),
        Family("receipts_orphan", "smsgw_carrier_receipts_orphan", "Receipts of which no message was ever found."),
        Family("receipts_never", "smsgw_carrier_receipts_never", "Messages taken whose last receipt never came."),
        Family(
            "receipts_parked", "smsgw_carrier_receipts_parked", "Receipts kept until the answer that they overtook."
        ),
        Family("receipts_early", "smsgw_carrier_receipts_early", "Parked receipts whose answer came after all."),
        Family("receipts_duplicate", "smsgw_carrier_receipts_duplicate", "Receipts that had come before."),
        Family("mo_received", "smsgw_carrier_mo_received", "MO messages received."),
        Family("binds_opened", "smsgw_carrier_binds_opened", "Binds that succeeded."),
        Family("binds_lost", "smsgw_carrier_binds_lost", "Binds that ended without our wish."),
        Family("binds_refused", "smsgw_carrier_binds_refused", "Binds refused, by command_status.", "status"),
    )
    HISTOGRAMS: ClassVar[tuple[Family, ...]] = (
        Family("answer_latency", "smsgw_carrier_answer_seconds", "From submit_sm to the carrier's answer."),
    )
    GAUGES: ClassVar[tuple[Family, ...]] = (
        Family("binds_up", "smsgw_carrier_binds_up", "Binds that are up."),
        Family("binds_wanted", "smsgw_carrier_binds_wanted", "Binds of which this process has the lease."),
        Family("in_flight", "smsgw_carrier_in_flight_requests", "submit_sm written and not answered yet."),
        Family("window_limit", "smsgw_carrier_window_limit_requests", "Unanswered submit_sm allowed, over all binds."),
        Family("rate_tps", "smsgw_carrier_rate_segments_per_second", "Rate that the shaping allows at present."),
        Family("queue_waiting", "smsgw_carrier_queue_waiting_messages", "Messages waiting in the store.", "lane"),
        Family("codes_wait", "smsgw_carrier_codes_wait_seconds", "Time that a new verification code would wait."),
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.mt_submitted = self.throttled = self.response_timeouts = self.mt_retried = self.mt_rerouted = 0
        self.receipts_never = 0
        self.receipts_parked = self.receipts_orphan = self.receipts_early = self.receipts_duplicate = (
            self.mo_received
        ) = 0
        self.binds_opened = self.binds_lost = 0
        self.answered: Counts[int] = Counts()
        self.breaker_opened: Counts[str] = Counts()
        self.switched: Counts[str] = Counts()
        self.uncertain: Counts[str] = Counts()
        self.codes: Counts[str] = Counts()
        self.receipts: Counts[str] = Counts()
        self.binds_refused: Counts[int] = Counts()
        self.answer_latency = Histogram()
        self.gauges: dict[str, Callable[[], float | Sequence[float]]] = {}

    def watch(
        self,
        *,
        binds_up: Read | None = None,
        binds_wanted: Read | None = None,
        in_flight: Read | None = None,
        window_limit: Read | None = None,
        rate_tps: Read | None = None,
        queue_waiting: Callable[[], Sequence[float]] | None = None,
        codes_wait: Read | None = None,
    ) -> None:
        """Register what is read at scrape time; ``queue_waiting`` gives one number for each lane."""
        _register(
            self.gauges, binds_up=binds_up, binds_wanted=binds_wanted, in_flight=in_flight,
            window_limit=window_limit, rate_tps=rate_tps, queue_waiting=queue_waiting, codes_wait=codes_wait,
        )  # fmt: skip


def _register(
    gauges: dict[str, Callable[[], float | Sequence[float]]], **reads: Callable[[], float | Sequence[float]] | None
) -> None:
    gauges.update({name: read for name, read in reads.items() if read is not None})
