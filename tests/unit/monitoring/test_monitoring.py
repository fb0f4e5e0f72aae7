"""config/monitoring: the alarms and the dashboard name what the gateway has, and each alarm rings when it should.

Prometheus' own tool checks and evaluates them where it is installed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from smsgw.smpp.constants import status_name
from smsgw.telemetry.counters import AccountCounters, CarrierCounters
from smsgw.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "config" / "monitoring"
ALERTS = MONITORING / "alerts.yml"
DASHBOARD = json.loads((MONITORING / "grafana.json").read_text("utf-8"))
NAMES = re.findall(r"^      - alert: (\w+)$", ALERTS.read_text("utf-8"), re.MULTILINE)

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")

#: By alarm, series that make it ring: (series, its values a minute apart); and the labels that tell it from others.
Case = tuple[dict[str, str], dict[str, str]]
UP = "1x90"
CASES: dict[str, Case] = {
    "SmsgwDown": ({'up{job="smsgw",instance="a"}': "0x90"}, {"job": "smsgw", "instance": "a"}),
    "SmsgwStoreAway": ({'smsgw_store_up{instance="a"}': "0x90"}, {"instance": "a"}),
    "SmsgwStoreMemory": ({'smsgw_store_memory_used_ratio{instance="a"}': "0.85x90"}, {"instance": "a"}),
    "SmsgwRefusingForMemory": ({'smsgw_store_memory_stage{instance="a"}': UP}, {"instance": "a"}),
    "SmsgwRecordsLost": ({'smsgw_records_lost_total{instance="a"}': "0+1x90"}, {"instance": "a"}),
    "SmsgwReplicasShort": ({'smsgw_store_replicas_short_total{instance="a"}': "0+1x90"}, {"instance": "a"}),
    "SmsgwLoopLag": (
        {
            'smsgw_event_loop_lag_seconds_bucket{instance="a",le="0.25"}': "0+90x90",
            'smsgw_event_loop_lag_seconds_bucket{instance="a",le="0.5"}': "0+100x90",
            'smsgw_event_loop_lag_seconds_bucket{instance="a",le="+Inf"}': "0+100x90",
        },
        {"instance": "a"},
    ),
    "SmsgwClock": ({'smsgw_clock_ahead_seconds{instance="a"}': "-9x90"}, {"instance": "a"}),
    "SmsgwWorkerRestarts": ({'smsgw_worker_restarts_total{instance="a",worker="w1"}': "0+1x90"},
                            {"instance": "a", "worker": "w1"}),
    "SmsgwCarrierDown": (
        {'smsgw_carrier_binds_up{carrier="alpha"}': "0x90", 'smsgw_carrier_binds_wanted{carrier="alpha"}': "2x90"},
        {"carrier": "alpha"},
    ),
    "SmsgwCarrierBindsMissing": (
        {'smsgw_carrier_binds_up{carrier="alpha"}': UP, 'smsgw_carrier_binds_wanted{carrier="alpha"}': "2x90"},
        {"carrier": "alpha"},
    ),
    "SmsgwCarrierRefusesForGood": (
        {'smsgw_carrier_binds_refused_total{carrier="alpha",status="ESME_RINVPASWD"}': "0+1x90"},
        {"carrier": "alpha", "status": "ESME_RINVPASWD"},
    ),
    "SmsgwDeliveryRateLow": (
        {
            'smsgw_carrier_receipts_total{carrier="alpha",state="2"}': "0+70x90",
            'smsgw_carrier_receipts_total{carrier="alpha",state="5"}': "0+30x90",
        },
        {"carrier": "alpha"},
    ),
    "SmsgwProvinceSwitched": (
        {'smsgw_carrier_breaker_opened_total{carrier="alpha",province="广东"}': "0+1x90"},
        {"carrier": "alpha", "province": "广东"},
    ),
    "SmsgwCarrierErrors": (
        {
            'smsgw_carrier_answers_total{carrier="alpha",status="ESME_ROK"}': "0+90x90",
            'smsgw_carrier_answers_total{carrier="alpha",status="ESME_RSYSERR"}': "0+10x90",
        },
        {"carrier": "alpha"},
    ),
    "SmsgwSendingSlow": (
        {
            'smsgw_carrier_answer_seconds_bucket{carrier="alpha",le="2.0"}': "0+50x90",
            'smsgw_carrier_answer_seconds_bucket{carrier="alpha",le="5.0"}': "0+100x90",
            'smsgw_carrier_answer_seconds_bucket{carrier="alpha",le="+Inf"}': "0+100x90",
        },
        {"carrier": "alpha"},
    ),
    "SmsgwCodesLate": ({'smsgw_carrier_codes_wait_seconds{carrier="alpha"}': "12x90"}, {"carrier": "alpha"}),
    "SmsgwQueueGrowing": (
        {'smsgw_carrier_queue_waiting_messages{carrier="alpha",lane="marketing"}': "2000+10x90"},
        {"carrier": "alpha", "lane": "marketing"},
    ),
    "SmsgwReceiptsOverdue": (
        {'smsgw_carrier_receipts_never_total{carrier="alpha"}': "0+2x90"}, {"carrier": "alpha"},
    ),
    "SmsgwOutcomeUnknown": (
        {'smsgw_carrier_response_timeouts_total{carrier="alpha"}': "0+2x90"}, {"carrier": "alpha"},
    ),
    "SmsgwContentRefused": (
        {'smsgw_carrier_codes_total{carrier="alpha",class="content"}': "0+1x90"},
        {"carrier": "alpha", "class": "content"},
    ),
    "SmsgwReceiptsNotTaken": (
        {'smsgw_account_outbox_waiting_messages{account="shop"}': "2000+10x90"}, {"account": "shop"},
    ),
    "SmsgwRefusals": (
        {
            'smsgw_account_mt_refused_total{account="shop",rule="words.company"}': "0+30x90",
            'smsgw_account_mt_received_total{account="shop"}': "0+100x90",
        },
        {"account": "shop", "rule": "words.company"},
    ),
    "SmsgwQuotaNearlyUsed": (
        {
            'smsgw_account_quota_used_messages{account="shop",period="day"}': "95x90",
            'smsgw_account_quota_messages{account="shop",period="day"}': "100x90",
        },
        {"account": "shop", "period": "day"},
    ),
    # A week of nearly nothing, then a hundred a minute; these are ten minutes apart.
    "SmsgwTrafficOffBaseline": (
        {'smsgw_account_mt_accepted_total{account="shop"}': "0+10x1008 10080+1000x9"}, {"account": "shop"},
    ),
    "SmsgwReviewWaits": ({'smsgw_parked_messages{lot="review"}': UP}, {}),
}  # fmt: skip
WEEKLY = "SmsgwTrafficOffBaseline"

#: A site on an ordinary day.
CALM = {
    'up{job="smsgw",instance="a"}': UP,
    'smsgw_store_up{instance="a"}': UP,
    'smsgw_store_memory_used_ratio{instance="a"}': "0.4x90",
    'smsgw_store_memory_stage{instance="a"}': "0x90",
    'smsgw_records_lost_total{instance="a"}': "0x90",
    'smsgw_clock_ahead_seconds{instance="a"}': "0.1x90",
    'smsgw_carrier_binds_up{carrier="alpha"}': "2x90",
    'smsgw_carrier_binds_wanted{carrier="alpha"}': "2x90",
    'smsgw_carrier_receipts_total{carrier="alpha",state="2"}': "0+97x90",
    'smsgw_carrier_receipts_total{carrier="alpha",state="5"}': "0+3x90",
    'smsgw_carrier_answers_total{carrier="alpha",status="ESME_ROK"}': "0+99x90",
    'smsgw_carrier_answers_total{carrier="alpha",status="ESME_RTHROTTLED"}': "0+9x90",
    'smsgw_carrier_answers_total{carrier="alpha",status="ESME_RINVDSTADR"}': "0+1x90",
    'smsgw_carrier_codes_wait_seconds{carrier="alpha"}': "0.2x90",
    'smsgw_carrier_queue_waiting_messages{carrier="alpha",lane="marketing"}': "50000-100x90",
    'smsgw_account_outbox_waiting_messages{account="shop"}': "20x90",
    'smsgw_account_mt_received_total{account="shop"}': "0+100x90",
    'smsgw_account_mt_accepted_total{account="shop"}': "0+98x90",
    'smsgw_account_mt_refused_total{account="shop",rule="caps"}': "0+2x90",
    'smsgw_account_quota_used_messages{account="shop",period="day"}': "50x90",
    'smsgw_account_quota_messages{account="shop",period="day"}': "100x90",
    'smsgw_parked_messages{lot="review"}': "0x90",
}


def exposed() -> set[str]:
    """The names of every series that a gateway may show: those of the counters, and those registered by name."""
    metrics = Metrics("1", status_name)
    metrics.account("shop")
    metrics.carrier("alpha")
    names = {metric.name for metric in metrics.registry.collect()}
    for kind in (AccountCounters, CarrierCounters):
        names |= {family.name for family in (*kind.COUNTERS, *kind.HISTOGRAMS, *kind.GAUGES)}
    for file in (ROOT / "smsgw").rglob("*.py"):
        names |= set(re.findall(r'"(smsgw_[a-z_]+)"', file.read_text("utf-8")))
    return names | {"process_cpu_seconds"}


def test_no_metric_is_shown_twice() -> None:
    """Neither by the counters and by name, nor by name in two places: scrapers refuse a second HELP."""
    shown = [family.name for kind in (AccountCounters, CarrierCounters) for family in (*kind.COUNTERS, *kind.GAUGES)]
    for file in (ROOT / "smsgw").rglob("*.py"):
        shown += set(re.findall(r'\.(?:counter|gauge)\(\s*"(smsgw_[a-z_]+)"', file.read_text("utf-8")))
    assert "smsgw_store_calls" in shown
    assert [name for name in set(shown) if shown.count(name) > 1] == []


def named_in(text: str) -> set[str]:
    """The metrics that PromQL names, without what Prometheus puts behind counters and histograms."""
    found = re.findall(r"\b((?:smsgw|process)_[a-z_]+)", text)
    return {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in found}


def without_ends(names: set[str]) -> set[str]:
    return {re.sub(r"_total$", "", name) for name in names}


def expressions() -> list[str]:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_every_metric_that_an_alarm_names_is_there() -> None:
    named = named_in("".join(re.findall(r"expr: (\|\n(?: {10}.*\n)+|.*\n)", ALERTS.read_text("utf-8"))))
    assert len(named) > 20
    assert named <= without_ends(exposed())


def test_every_metric_of_the_dashboard_is_there() -> None:
    named = named_in("\n".join(expressions()))
    assert len(named) > 20
    assert named <= without_ends(exposed())


def test_panels_do_not_overlap_and_have_their_own_ids() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_alarm_is_told_in_both_languages_with_what_to_do() -> None:
    text = ALERTS.read_text("utf-8")
    for name in NAMES:
        rule = text.partition(f"- alert: {name}\n")[2].partition("- alert:")[0]
        for key in ("severity:", "area:", "summary:", "summary_zh:", "action:"):
            assert key in rule, (name, key)


def test_every_alarm_has_a_case() -> None:
    assert sorted(CASES) == sorted(NAMES)


def _judge(folder: Path, tests: list[dict[str, Any]], every: str = "5m") -> None:
    file = folder / "alerts.test.yml"
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": every, "tests": tests}), "utf-8")
    found = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def _rings(name: str, at: str, interval: str = "1m") -> dict[str, Any]:
    series, labels = CASES[name]
    wanted = "".join(f',{label}="{value}"' for label, value in labels.items())
    return {
        "name": f"{name} rings",
        "interval": interval,
        "input_series": _series(series),
        "promql_expr_test": [
            {
                "expr": f'count by (alertname) (ALERTS{{alertname="{name}",alertstate="firing"{wanted}}})',
                "eval_time": at,
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1}],
            }
        ],
    }


def _series(series: dict[str, str]) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series.items()]


@needs_promtool
def test_each_alarm_rings_for_its_case_and_is_quiet_on_a_calm_day(tmp_path: Path) -> None:
    calm = {
        "name": "a calm day",
        "interval": "1m",
        "input_series": _series(CALM),
        "promql_expr_test": [{"expr": "ALERTS", "eval_time": f"{minute}m", "exp_samples": []} for minute in (30, 80)],
    }
    _judge(tmp_path, [*(_rings(name, "80m") for name in NAMES if name != WEEKLY), calm])
    _judge(tmp_path, [_rings(WEEKLY, "10160m", "10m")], "20m")  # a week minute by minute takes twenty seconds


@needs_promtool
def test_promtool_reads_the_alarms_and_what_the_dashboard_asks(tmp_path: Path) -> None:
    asked = tmp_path / "dashboard.yml"
    rules = [
        {"record": f"asked:{number}", "expr": re.sub(r"\$__rate_interval", "5m", expression)}
        for number, expression in enumerate(expressions())
    ]
    asked.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
    for file in (ALERTS, asked):
        found = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout + found.stderr
