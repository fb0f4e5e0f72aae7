"""What counts as measured: nothing with a message or a receipt missing; and receipts' times out of two recordings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from simulators.capture.format import Event, LineEncoder
from smsgw.smpp.pdu import deliver_sm
from tests.bench.suite.errors import BenchError
from tests.bench.suite.load import Load
from tests.bench.suite.measure import offer
from tests.bench.suite.receipt_times import Recorded, delays_ms
from tests.bench.suite.site import BenchSite

COMPLETE = {"sent": 10, "ok": 10, "matched": 10, "dup": 0, "unmatched": 0, "unanswered": 0}


class Site:
    """A site whose load program prints this and ends."""

    def __init__(self, printed: str) -> None:
        self._printed = printed

    def command_of(self, load: Load) -> list[str]:
        return [sys.executable, "-S", "-c", f"print({self._printed!r})"]

    def last_words(self) -> str:
        return "its log"


def _offer(told: dict[str, int] | None) -> dict[str, Any]:
    site = Site("" if told is None else json.dumps(told))
    return offer(cast(BenchSite, site), Load(10))


def test_a_complete_load_counts() -> None:
    assert _offer(COMPLETE) == COMPLETE


@pytest.mark.parametrize("lacks", [{"sent": 9}, {"ok": 9}, {"matched": 9}, {"dup": 1}, {"unmatched": 1}])
def test_a_load_with_something_missing_or_doubled_does_not(lacks: dict[str, int]) -> None:
    with pytest.raises(BenchError, match=r"some are missing or too many(.|\n)*its log"):
        _offer({**COMPLETE, **lacks})


def _record(path: Path, kind: str, *receipts: tuple[bytes, int]) -> None:
    """One connection; each receipt cut into two reads."""
    encoder = LineEncoder()
    lines = [encoder.start(), encoder.encode(Event("opened", 1, 0, 0, where="w", local=("a", 1), remote=("b", 2)))]
    for number, (recipient, at_ns) in enumerate(receipts, 1):
        raw = deliver_sm(number, source_addr=recipient, destination_addr=b"1069", esm_class=4, short_message=b"x")
        lines += [encoder.encode(Event(cast(Any, kind), 1, at_ns, 0, octets=octets)) for octets in (raw[:20], raw[20:])]
    path.write_bytes(b"".join(lines))


def test_receipts_are_matched_by_their_recipients(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    _record(recorded.at_carrier, "out", (b"861", 1_000_000), (b"862", 2_000_000), (b"863", 9_000_000))
    _record(recorded.at_application, "in", (b"862", 6_000_000), (b"861", 6_000_000))
    found = delays_ms(recorded, 2)
    assert found.count == 2
    assert found.p50 == pytest.approx(4.0, rel=0.01)
    assert found.p99 == pytest.approx(5.0, rel=0.01)


def test_a_receipt_that_is_in_one_recording_only_is_told(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    _record(recorded.at_carrier, "out", (b"861", 1_000_000))
    _record(recorded.at_application, "in", (b"862", 6_000_000))
    with pytest.raises(BenchError, match="0 receipts of 1"):
        delays_ms(recorded, 1)
