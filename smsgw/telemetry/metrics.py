"""Metrics: all counters of a process, and the collector that shows them to Prometheus.

Owns: which account, carrier and store kind has which counters object, and the process's own numbers.
Nothing is computed before somebody scrapes; a scrape runs in the ops port's thread and reads plain
integers while the loop goes on. Names are ``smsgw_*``, with the unit in them; counters end in
``_total`` as Prometheus has it.

What can go wrong: a registered callable raises; its sample is left out, counted in
``smsgw_scrape_errors_total`` and logged once.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from smsgw.telemetry.counters import (
    LANES,
    AccountCounters,
    CarrierCounters,
    Counts,
    Family,
    Histogram,
    Read,
)

_LAG_BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 5000)
_log = logging.getLogger("smsgw.telemetry")
T = TypeVar("T")
_Keyed = AccountCounters | CarrierCounters


def _hexadecimal(status: int) -> str:
    return f"0x{status:08X}"


class Metrics(Collector):
    """One per process. ``status_name`` turns a command_status into its label; ``registry`` is what to expose."""

    def __init__(self, version: str = "", status_name: Callable[[int], str] = _hexadecimal) -> None:
        self.connections_opened = 0
        """Connections that the listener took."""
        self.pdu_errors: Counts[int] = Counts()
        """Malformed or misplaced PDUs of any peer, by the command_status they were answered with."""
        self.words_counted: Counts[str] = Counts()
        """Texts with a word of the lists that is only counted, by its category."""
        self.loop_lag = Histogram(_LAG_BOUNDS_MS)
        """How much later than asked the loop woke its heartbeat."""
        self.scrape_errors = 0
        self._version = version
        self._status_name = status_name
        self._started_s = time.time()
        self._accounts: dict[str, AccountCounters] = {}
        self._carriers: dict[str, CarrierCounters] = {}
        self._registered: dict[str, _Registered] = {}
        self._told: set[str] = set()
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    # --- who counts where

    def account(self, name: str) -> AccountCounters:
        """The counters of an account, made when first asked for; keep them, this is a dict lookup."""
        return self._accounts.get(name) or self._accounts.setdefault(name, AccountCounters(name))

    def carrier(self, name: str) -> CarrierCounters:
        """The counters of a carrier, made when first asked for."""
        return self._carriers.get(name) or self._carriers.setdefault(name, CarrierCounters(name))

    def forget_account(self, name: str) -> None:
        """Show an account no more that is not configured any longer."""
        self._accounts.pop(name, None)

    def forget_carrier(self, name: str) -> None:
        """Show a carrier no more that is not configured any longer."""
        self._carriers.pop(name, None)

    def gauge(self, name: str, help_text: str, labels: Mapping[str, str], read: Read) -> None:
        """Show ``read()`` as a gauge with these labels; again with the same labels replaces it.

        ``name`` is ``smsgw_<what>_<unit>``; all series of a name have the same label names. ``read`` is
        called in the scraper's thread and must only read. Raises ValueError for a name or labels that differ.
        """
        self._register(name, help_text, labels, read, is_counter=False)

    def counter(self, name: str, help_text: str, labels: Mapping[str, str], read: Read) -> None:
        """Like ``gauge``, for a count that another object keeps and that only grows; without ``_total``."""
        self._register(name, help_text, labels, read, is_counter=True)

    def _register(self, name: str, help_text: str, labels: Mapping[str, str], read: Read, is_counter: bool) -> None:
        if not name.startswith("smsgw_"):
            raise ValueError(f"metric {name!r} must begin with smsgw_")
        known = self._registered.setdefault(name, _Registered(help_text, tuple(labels), is_counter))
        if set(known.label_names) != set(labels) or known.is_counter != is_counter:
            raise ValueError(f"metric {name} has labels {known.label_names} or is of another kind")
        known.reads[tuple(labels[label] for label in known.label_names)] = read

    # --- scraping

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are known when there is something to show."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Everything, as prometheus_client wants it."""
        yield from self._process()
        yield from self._keyed("account", AccountCounters, list(self._accounts.values()))
        yield from self._keyed("carrier", CarrierCounters, list(self._carriers.values()))
        for name, registered in list(self._registered.items()):
            yield self._of_registered(name, registered)
        yield CounterMetricFamily("smsgw_scrape_errors", "Gauges that failed when read.", value=self.scrape_errors)

    def _process(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("smsgw_build_info", "Always 1.", labels=["version", "python"])
        info.add_metric([self._version, platform.python_version()], 1)
        yield info
        yield GaugeMetricFamily("smsgw_start_time_seconds", "Unix time of the start.", value=self._started_s)
        yield CounterMetricFamily(
            "smsgw_connections_opened", "Connections that the listener took.", value=self.connections_opened
        )
        errors = CounterMetricFamily(
            "smsgw_pdu_errors", "PDUs answered with a protocol error, by command_status.", labels=["status"]
        )
        self._add_counts(errors, [], "status", self.pdu_errors)
        yield errors
        words = CounterMetricFamily(
            "smsgw_words_counted", "Texts with a word that the lists only count, by category.", labels=["category"]
        )
        self._add_counts(words, [], "category", self.words_counted)
        yield words
        yield HistogramMetricFamily(
            "smsgw_event_loop_lag_seconds",
            "How much later than asked the event loop woke up.",
            buckets=self.loop_lag.cumulative(),
            sum_value=self.loop_lag.total_ms / 1000,
        )

    def _keyed(
        self,
        label: str,
        kind: type[AccountCounters] | type[CarrierCounters],
        each: Sequence[_Keyed],
    ) -> Iterator[Metric]:
        for family in kind.COUNTERS:
            yield self._counter(label, family, each)
        for family in kind.HISTOGRAMS:
            shown = HistogramMetricFamily(family.name, family.help, labels=[label])
            for one in each:
                histogram: Histogram = getattr(one, family.attribute)
                shown.add_metric([one.name], histogram.cumulative(), histogram.total_ms / 1000)
            yield shown
        for family in kind.GAUGES:
            yield self._gauge(label, family, each)

    def _counter(self, label: str, family: Family, each: Sequence[_Keyed]) -> Metric:
        labels = [label, family.label] if family.label else [label]
        shown = CounterMetricFamily(family.name, family.help, labels=labels)
        for one in each:
            value = getattr(one, family.attribute)
            if family.label:
                self._add_counts(shown, [one.name], family.label, value)
            else:
                shown.add_metric([one.name], value)
        return shown

    def _add_counts(
        self, shown: CounterMetricFamily, before: list[str], label: str, counts: Counts[int] | Counts[str]
    ) -> None:
        # dict() copies in one step, so that the loop's thread may add a key meanwhile.
        for key, value in dict(counts).items():
            name = self._status_name(key) if label == "status" and isinstance(key, int) else str(key)
            shown.add_metric([*before, name], value)
        if counts.other:
            shown.add_metric([*before, "other"], counts.other)

    def _gauge(self, label: str, family: Family, each: Sequence[_Keyed]) -> Metric:
        labels = [label, family.label] if family.label else [label]
        shown = GaugeMetricFamily(family.name, family.help, labels=labels)
        for one in each:
            read = one.gauges.get(family.attribute)
            value = None if read is None else self._read(f"{family.name} of {one.name}", read)
            if isinstance(value, Sequence):
                for index, number in enumerate(value):
                    shown.add_metric([one.name, LANES[index] if index < len(LANES) else str(index)], number)
            elif value is not None:
                shown.add_metric([one.name], value)
        return shown

    def _of_registered(self, name: str, registered: _Registered) -> Metric:
        family = CounterMetricFamily if registered.is_counter else GaugeMetricFamily
        shown = family(name, registered.help, labels=registered.label_names)
        for labels, read in list(registered.reads.items()):
            value = self._read(f"{name} {labels}", read)
            if value is not None:
                shown.add_metric(labels, value)
        return shown

    def _read(self, what: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Exception as error:  # any room's code: one broken gauge must not hide the others
            self.scrape_errors += 1
            if what not in self._told:
                self._told.add(what)
                _log.error("telemetry.gauge.failed", exc_info=error, extra={"fields": {"gauge": what}})
            return None


class _Registered:
    """The series of one name."""

    __slots__ = ("help", "is_counter", "label_names", "reads")

    def __init__(self, help_text: str, label_names: tuple[str, ...], is_counter: bool) -> None:
        self.help = help_text
        self.label_names = label_names
        self.is_counter = is_counter
        self.reads: dict[tuple[str, ...], Read] = {}
