"""Log lines: one event a line, masked, in JSON and in text."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from smsgw.telemetry.logs import EventLog, MaskingFilter, configure, log
from smsgw.telemetry.repeats import Repeats


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where lines go; ``logging`` is put back afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("smsgw")
    before = root.handlers.copy(), root.level, ours.level
    yield io.StringIO()
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_event_with_fields_as_json(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    EventLog("smsgw.carrier").event("carrier.bind.lost", carrier="alpha", reason="连接断开", pending=3)
    (line,) = lines(stream)
    assert list(line) == ["at", "level", "log", "event", "carrier", "reason", "pending"]
    assert line["event"] == "carrier.bind.lost"
    assert line["log"] == "smsgw.carrier"
    assert line["reason"] == "连接断开"
    assert str(line["at"]).endswith("Z")


def test_levels(stream: io.StringIO) -> None:
    configure("warning", "json", stream)
    log.debug("a")
    log.event("b")
    log.warning("c")
    log.error("d")
    assert [line["event"] for line in lines(stream)] == ["c", "d"]
    configure("debug", "json", stream)
    log.debug("e")
    assert [line["event"] for line in lines(stream)] == ["c", "d", "e"]
    with pytest.raises(ValueError, match="loud"):
        configure("loud")


def test_foreign_libraries_are_masked_too_and_heard_from_warning_on(stream: io.StringIO) -> None:
    configure("debug", "json", stream)
    foreign = logging.getLogger("redis.client")
    foreign.info("hello")
    foreign.warning("lost %s at %d", "redis://u:pw@host", 13912345678, extra={"peer": "13912345678"})
    (line,) = lines(stream)
    assert line["event"] == "lost redis://***@host at 139****5678"
    assert line["peer"] == "139****5678"


def test_wrong_arguments_of_a_foreign_call_do_not_raise() -> None:
    record = logging.LogRecord("foreign", logging.WARNING, "", 1, "%d", ("x",), None)
    assert MaskingFilter().filter(record)
    assert record.getMessage().startswith("%d [TypeError")


def test_traceback_is_masked(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    try:
        raise RuntimeError("lost 13912345678")
    except RuntimeError as error:
        log.error("store.failed", error=error)
    traceback = str(lines(stream)[0]["traceback"])
    assert "RuntimeError: lost 139****5678" in traceback
    assert "13912345678" not in traceback.replace('raise RuntimeError("lost 13912345678")', "")


def test_reserved_names_are_kept_apart(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    log.event("x", at=1, level="high", name="n", event="e", args=(1,))
    (line,) = lines(stream)
    assert line["event"] == "x"
    assert (line["at_"], line["level_"], line["event_"], line["name"], line["args"]) == (1, "high", "e", "n", [1])


def test_text_format_keeps_one_line_whatever_a_peer_sends(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    log.warning("a\nb", system_id="x\ny\u2028z", plain="shop", empty="", n=3)
    (line,) = stream.getvalue().split("\n")[:-1]
    assert line.endswith(r' smsgw a\nb system_id="x\ny\u2028z" plain=shop empty="" n=3')
    assert " WARNING " in line
    assert len(stream.getvalue().splitlines()) == 1


def test_text_format_puts_a_traceback_below(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    log.error("bad", error=ValueError("why"))
    assert stream.getvalue().splitlines()[1] == "    ValueError: why"


def test_configuring_again_replaces(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    configure("info", "json", stream)
    log.event("once")
    assert len(lines(stream)) == 1


def test_repeated_events(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    repeats = Repeats(every_s=60)
    for second in range(61):
        log.repeated(repeats, ("bind", "alpha"), float(second), "carrier.bind.failed", carrier="alpha")
    first, second_line = lines(stream)
    assert "repeated" not in first
    assert second_line["repeated"] == "again 60 times in 60 s"
    assert second_line["carrier"] == "alpha"
