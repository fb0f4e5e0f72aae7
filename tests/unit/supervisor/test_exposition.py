"""Metrics of several processes in one page."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from smsgw.supervisor.exposition import joined

_ONE = """\
# HELP up_total How often.
# TYPE up_total counter
up_total 3.0
# HELP took_ms Time.
# TYPE took_ms histogram
took_ms_bucket{le="1.0"} 2.0
took_ms_bucket{le="+Inf"} 3.0
took_ms_count 3.0
took_ms_sum 4.5
"""
_TWO = """\
# HELP only Here.
# TYPE only gauge
only{name="a b\\"{}"} 1.0
# HELP up_total How often.
# TYPE up_total counter
up_total 4.0
"""


def test_every_sample_says_whose_it_is() -> None:
    text = joined({"n-1": _ONE, 'n"2': _TWO}, ["# TYPE own gauge", "own 1.0"])
    families = {each.name: each for each in text_string_to_metric_families(text)}
    found = {(s.name, s.labels["worker"]): s.value for s in families["up"].samples}
    assert found == {("up_total", "n-1"): 3.0, ("up_total", 'n"2'): 4.0}
    assert families["took_ms"].samples[0].labels == {"worker": "n-1", "le": "1.0"}
    assert families["only"].samples[0].labels == {"worker": 'n"2', "name": 'a b"{}'}
    assert families["own"].samples[0].value == 1.0
    assert text.count("# TYPE up_total") == text.count("# HELP up_total") == 1
    lines = [line.partition("{")[0] for line in text.splitlines()]
    first = lines.index("up_total")
    assert lines[first + 1] == "up_total", "a family stays together"


def test_nobody_tells_anything() -> None:
    assert joined({}) == ""
    assert joined({"n-1": ""}, ["own 1"]) == "own 1\n"
