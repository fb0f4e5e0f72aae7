"""What a scrape shows of the counters."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from smsgw.telemetry.counters import AccountCounters, CarrierCounters, Counts, Histogram
from smsgw.telemetry.metrics import Metrics

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(metrics: Metrics) -> Samples:
    """Every sample by name and labels, through Prometheus' own parser."""
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return scrape(metrics).get((name, frozenset(labels.items())))


@pytest.fixture
def metrics() -> Metrics:
    names = {0: "ESME_ROK", 0x58: "ESME_RTHROTTLED"}
    return Metrics("1.2.3", lambda status: names.get(status, hex(status)))


def test_account(metrics: Metrics) -> None:
    account = metrics.account("shop")
    assert metrics.account("shop") is account
    account.mt_received += 3
    account.mt_accepted += 2
    account.answered[0] += 2
    account.refuse("optout", 0x58)
    account.watch(binds=lambda: 2, outbox_waiting=lambda: 17)
    assert value(metrics, "smsgw_account_mt_received_total", account="shop") == 3
    assert value(metrics, "smsgw_account_mt_accepted_total", account="shop") == 2
    assert value(metrics, "smsgw_account_mt_refused_total", account="shop", rule="optout") == 1
    assert value(metrics, "smsgw_account_answers_total", account="shop", status="ESME_RTHROTTLED") == 1
    assert value(metrics, "smsgw_account_binds", account="shop") == 2
    assert value(metrics, "smsgw_account_outbox_waiting_messages", account="shop") == 17
    assert value(metrics, "smsgw_account_window_used_requests", account="shop") is None
    metrics.forget_account("shop")
    assert value(metrics, "smsgw_account_mt_received_total", account="shop") is None


def test_carrier(metrics: Metrics) -> None:
    carrier = metrics.carrier("alpha")
    carrier.receipts["DELIVRD"] += 5
    carrier.receipts_orphan += 1
    carrier.answer_latency.observe(3)
    carrier.answer_latency.observe(40_000)
    carrier.watch(binds_up=lambda: 1, queue_waiting=lambda: (1, 2, 3))
    assert value(metrics, "smsgw_carrier_receipts_total", carrier="alpha", state="DELIVRD") == 5
    assert value(metrics, "smsgw_carrier_receipts_orphan_total", carrier="alpha") == 1
    assert value(metrics, "smsgw_carrier_answer_seconds_bucket", carrier="alpha", le="0.005") == 1
    assert value(metrics, "smsgw_carrier_answer_seconds_bucket", carrier="alpha", le="+Inf") == 2
    assert value(metrics, "smsgw_carrier_answer_seconds_sum", carrier="alpha") == pytest.approx(40.003)
    assert value(metrics, "smsgw_carrier_queue_waiting_messages", carrier="alpha", lane="marketing") == 3
    metrics.forget_carrier("alpha")
    assert value(metrics, "smsgw_carrier_binds_up", carrier="alpha") is None


def test_process(metrics: Metrics) -> None:
    metrics.loop_lag.observe(0.5)
    metrics.pdu_errors[2] += 1
    assert value(metrics, "smsgw_event_loop_lag_seconds_count") == 1
    assert value(metrics, "smsgw_pdu_errors_total", status="0x2") == 1
    names = {name for name, _ in scrape(metrics)}
    assert {
        "smsgw_build_info",
        "smsgw_start_time_seconds",
        "process_cpu_seconds_total",
        "python_gc_collections_total",
    } <= names


def test_statuses_are_hexadecimal_unless_named() -> None:
    metrics = Metrics()
    metrics.account("shop").answered[0x402] += 1
    assert value(metrics, "smsgw_account_answers_total", account="shop", status="0x00000402") == 1


def test_registered_gauges_and_counters(metrics: Metrics) -> None:
    metrics.gauge("smsgw_store_up", "1 while Redis answers.", {}, lambda: 1)
    metrics.counter("smsgw_records_written", "Records written.", {"node": "n1"}, lambda: 7)
    metrics.counter("smsgw_records_written", "Records written.", {"node": "n2"}, lambda: 8)
    assert value(metrics, "smsgw_store_up") == 1
    assert value(metrics, "smsgw_records_written_total", node="n2") == 8
    metrics.counter("smsgw_records_written", "Records written.", {"node": "n2"}, lambda: 9)
    assert value(metrics, "smsgw_records_written_total", node="n2") == 9


def test_wrong_registration_is_refused(metrics: Metrics) -> None:
    metrics.gauge("smsgw_x", "X.", {"a": "1"}, lambda: 1)
    with pytest.raises(ValueError, match="labels"):
        metrics.gauge("smsgw_x", "X.", {"b": "1"}, lambda: 1)
    with pytest.raises(ValueError, match="kind"):
        metrics.counter("smsgw_x", "X.", {"a": "1"}, lambda: 1)
    with pytest.raises(ValueError, match="smsgw_"):
        metrics.gauge("x", "X.", {}, lambda: 1)


def test_a_gauge_that_fails_hides_only_itself(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    metrics.gauge("smsgw_bad", "Bad.", {}, lambda: 1 // 0)
    metrics.account("shop").watch(binds=lambda: [][0], window_used=lambda: 1)
    assert value(metrics, "smsgw_account_window_used_requests", account="shop") == 1
    assert value(metrics, "smsgw_scrape_errors_total") == 4
    assert len(caplog.records) == 2


def test_every_metric_has_a_help_text_and_an_attribute() -> None:
    for kind in (AccountCounters, CarrierCounters):
        one = kind("x")
        for family in (*kind.COUNTERS, *kind.HISTOGRAMS):
            assert hasattr(one, family.attribute), family
            assert family.help.endswith("."), family
            assert not family.name.endswith("_total"), family
        counted = {family.attribute for family in (*kind.COUNTERS, *kind.HISTOGRAMS)}
        assert counted == set(kind.__slots__) - {"name", "gauges"}


def test_labels_of_any_text_are_escaped(metrics: Metrics) -> None:
    name = 'a"b\\c\n{}'
    metrics.account(name).mt_received += 1
    assert value(metrics, "smsgw_account_mt_received_total", account=name) == 1


def test_counts_fold_the_rarest_and_lose_nothing() -> None:
    counts: Counts[int] = Counts()
    for _ in range(100):
        counts[0] += 1
    for status in range(1, 10_000):
        counts[status] += 1
    assert len(counts) <= Counts.LIMIT
    assert counts[0] == 100
    assert sum(counts.values()) + counts.other == 100 + 9_999


@given(st.lists(st.floats(min_value=0, max_value=1e6)))
def test_histogram_buckets_are_what_a_naive_count_says(observed: list[float]) -> None:
    histogram = Histogram((10, 100, 1000))
    for took_ms in observed:
        histogram.observe(took_ms)
    expected = [("0.01", 10), ("0.1", 100), ("1.0", 1000), ("+Inf", float("inf"))]
    assert histogram.cumulative() == [(label, sum(ms <= bound for ms in observed)) for label, bound in expected]


def test_scraping_while_the_loop_adds_keys(metrics: Metrics) -> None:
    account = metrics.account("shop")
    stop = threading.Event()

    def count() -> None:
        i = 0
        while not stop.is_set():
            i += 1
            account.refused[f"rule{i % 1000}"] += 1
            metrics.carrier(f"c{i % 50}").answered[i % 1000] += 1

    thread = threading.Thread(target=count)
    thread.start()
    try:
        for _ in range(20):
            assert b"smsgw_account_mt_refused_total{" in generate_latest(metrics.registry)
    finally:
        stop.set()
        thread.join()
