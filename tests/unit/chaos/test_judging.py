"""Each broken promise is found in the account of a run, and what is no broken promise is not."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos import wording
from tests.chaos.__main__ import main
from tests.chaos.judge import Outcome, complaints, promises_broken
from tests.chaos.ledger import Copies, Reconciled, Request, read_carriers, read_ledger, read_receipts, reconcile
from tests.chaos.report import COLUMNS, cells_of, line, page, totals
from tests.chaos.scenario import Scenario, Skipped, WorldSettings, all_scenarios
from tests.doc_tables import CHAOS_PAGE, marked, scenarios

OTP, NOTICE, MARKETING = (wording.number_of(each, 7) for each in wording.CLASSES)


async def _nothing(*_: object) -> None: ...


SCENARIO = Scenario("none", "nothing happens", _nothing)
STRICT = Scenario("strict", "nothing happens", _nothing, doubles=frozenset(), least_accepted=0.3)


class Run:
    """A run made by hand: what was sent and answered, what arrived, what was reported."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.copies = Copies()
        self.receipts: dict[str, list[str]] = {}

    def sent(self, number: int, status: str = "0x0", part: int = 1, at_s: float = 0.0) -> Run:
        answered_s = None if status == "lost" else at_s
        message_id = f"{number}-{part}" if status == "0x0" else "-"
        self.requests.append(Request((number, part), wording.hashed("1"), at_s, answered_s, status, message_id))
        return self

    def arrived(self, number: int, recipient: str = "8613800000001", part: int = 1, times: int = 1) -> Run:
        self.copies.count[number, part] += times
        self.copies.recipients[number] = recipient
        return self

    def told(self, number: int, *states: str, part: int = 1) -> Run:
        self.receipts[f"{number}-{part}"] = list(states)
        return self

    def counts(self, cap: int = 1) -> Reconciled:
        return reconcile(self.requests, self.copies, self.receipts, cap)

    def broken(self, scenario: Scenario = SCENARIO, most_doubles: int = 1) -> list[str]:
        return promises_broken(scenario, self.counts(), most_doubles)


def _good() -> Run:
    return Run().sent(OTP).arrived(OTP).told(OTP, "DELIVRD")


def test_a_run_without_faults_breaks_nothing() -> None:
    run = _good().sent(NOTICE, "0x453").sent(MARKETING, "lost")
    assert run.broken(STRICT) == []
    counts = run.counts()
    assert (counts.sent, counts.accepted, counts.at_carrier, counts.unanswered) == (3, 1, 1, 1)
    assert counts.refused == {"0x453": 1}


def test_a_promised_message_that_is_nowhere_is_lost() -> None:
    run = _good().sent(NOTICE)
    assert run.counts().lost == ((NOTICE, 1),)
    assert run.broken() == [f"1 lost: {NOTICE}/1", f"1 without receipt: {NOTICE}/1"]


def test_one_segment_of_two_can_be_lost() -> None:
    run = _good().sent(NOTICE).sent(NOTICE, part=2).arrived(NOTICE).told(NOTICE, "DELIVRD").told(NOTICE, part=2)
    assert run.counts().lost == ((NOTICE, 2),)


def test_what_is_reported_as_failed_is_not_lost() -> None:
    run = _good().sent(NOTICE).told(NOTICE, "UNKNOWN")
    assert run.broken(STRICT) == []
    assert (run.counts().reported, run.counts().unknown) == (1, 0)


def test_a_receipt_of_success_alone_does_not_prove_a_message() -> None:
    assert _good().sent(NOTICE).told(NOTICE, "DELIVRD").broken() == [f"1 lost: {NOTICE}/1"]


def test_an_intermediate_receipt_is_no_end() -> None:
    assert _good().sent(NOTICE).arrived(NOTICE).told(NOTICE, "ENROUTE").broken() == [f"1 without receipt: {NOTICE}/1"]


def test_codes_may_come_twice_within_what_was_in_flight() -> None:
    run = _good().arrived(OTP, times=2)
    assert run.broken(most_doubles=2) == []
    assert run.broken(most_doubles=1) == ["2 doubles, and 1 were in flight"]
    assert run.broken(STRICT) == ["2 doubles of otp, of which none may come twice"]


def test_marketing_never_comes_twice() -> None:
    run = _good().sent(MARKETING).arrived(MARKETING, times=2).told(MARKETING, "DELIVRD")
    assert run.broken() == ["1 doubles of marketing, of which none may come twice"]


def test_a_cap_counts_messages_and_no_copies() -> None:
    first, second = wording.number_of("marketing", 1), wording.number_of("marketing", 2)
    run = _good().sent(first).told(first, "DELIVRD").sent(second, "lost").arrived(first, wording.capped(3), times=1)
    assert run.counts().over_cap == 0
    run.arrived(second, wording.capped(3))
    assert run.broken() == ["1 over the cap"]
    assert run.counts(cap=2).over_cap == 0


def test_who_opted_out_is_not_reached() -> None:
    run = _good().sent(MARKETING, "lost").arrived(MARKETING, wording.opting_out(3))
    assert run.broken() == ["1 reached one who had opted out"]


def test_what_was_refused_is_not_sent() -> None:
    run = _good().sent(NOTICE, "0x453").arrived(NOTICE)
    assert run.broken() == [f"1 refused and sent all the same: {NOTICE}/1"]


def test_a_load_of_which_nothing_is_taken_proves_nothing() -> None:
    run = _good().sent(NOTICE, "0x453").sent(MARKETING, "lost")
    assert run.broken(Scenario("busy", "", _nothing, least_accepted=0.5)) == [
        "only 1 of 3 were accepted: that was no load"
    ]


def test_how_long_nothing_was_accepted() -> None:
    run = (
        _good()
        .sent(NOTICE, at_s=1)
        .sent(NOTICE + 1, at_s=1.5)
        .sent(NOTICE + 2, "lost", at_s=2)
        .sent(NOTICE + 3, at_s=4)
    )
    assert run.counts().away_s == {"otp": 0, "notice": 2.5, "marketing": 0}


def test_files_are_read_as_they_are_written(tmp_path: Path) -> None:
    long = wording.payloads(wording.LONG_TEXT.format(n=NOTICE), 7)
    assert len(long) == 2
    events: list[dict[str, Any]] = [
        {"event": "submit", "status": 0, "text": wording.TEXTS["otp"].format(n=OTP), "hex": "", "esm_class": 0},
        {"event": "submit", "status": 0x58, "text": wording.TEXTS["otp"].format(n=OTP), "hex": "", "esm_class": 0},
        *({"event": "submit", "status": 0, "text": part[6:].decode("utf-16-be"), "hex": part.hex(), "esm_class": 64}
          for part in long),
        {"event": "receipt", "hex": ""},
    ]  # fmt: skip
    log, ledger, receipts = tmp_path / "carrier.jsonl", tmp_path / "ledger.txt", tmp_path / "receipts.txt"
    log.write_text("".join(json.dumps({"destination": "8613800000001", **event}) + "\n" for event in events))
    copies = read_carriers([log])
    assert copies.count == {(OTP, 1): 1, (NOTICE, 1): 1, (NOTICE, 2): 1}
    ledger.write_text(f"{OTP} 1 otp abc 1.000 1.500 0x0 id-1\n{NOTICE} 2 notice abc 2.000 - lost -\n")
    assert [each.answered_s for each in read_ledger(ledger)] == [1.5, None]
    ledger.write_text(f"{OTP} 1 otp abc 1.000 1.500 0x0 id-1\n{OTP} 1 otp abc 1.000 1.500 0x0 id-2\n")
    with pytest.raises(ValueError, match="has two lines"):
        read_ledger(ledger)
    receipts.write_text("id-1 ENROUTE\nid-1 DELIVRD\n")
    assert read_receipts(receipts) == {"id-1": ["ENROUTE", "DELIVRD"]}


def test_errors_and_tracebacks_are_complaints(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    events = [
        {"level": "info", "event": "fine"},
        {"level": "error", "event": "records.write.failed", "why": "full"},
        {"level": "warning", "event": "odd", "traceback": "KeyError"},
        {"level": "info", "event": "store.settle_refused", "why": "no"},
    ]
    log.write_text("smsgw: warning: a port\n" + "".join(json.dumps(event) + "\n" for event in events) + "Traceback\n")
    gateway: Any = SimpleNamespace(log_path=log)
    found = complaints(gateway, frozenset({"records.write.failed"}))
    assert [each.partition(":")[0] for each in found] == ["odd", "store.settle_refused", "Traceback"]
    assert len(complaints(gateway)) == 4


def test_the_report_has_a_cell_for_each_column_and_escapes() -> None:
    good = Outcome(SCENARIO, 1, _good().counts())
    bad = Outcome(SCENARIO, 2, _good().sent(NOTICE).counts(), broken=("1 lost: <x>",), notes=((1.5, "kill <it>"),))
    skipped = Outcome(SCENARIO, 3, skipped="no tmpfs")
    assert {len(cells_of(each)) for each in (good, bad, skipped)} == {len(COLUMNS)}
    assert line(good).endswith("good")
    assert line(bad).endswith("BAD: 1 lost: <x>")
    assert totals([good, bad, skipped]).startswith("3 runs: 1 good, 1 bad, 1 skipped\n")
    html = page([good, bad, skipped], "bin/chaos --seed '<1>'")
    assert "kill &lt;it&gt;" in html
    assert "<x>" not in html
    assert "<it>" not in html


def test_every_scenario_has_a_name_of_its_own_a_line_and_a_world() -> None:
    found = all_scenarios()
    assert {"kill-gateway", "kill-shared-redis", "kill-esme-worker", "rolling-restart"} <= found.keys()
    for name, scenario in found.items():
        assert scenario.what, name
        assert scenario.doubles <= {"otp"}, name
        with contextlib.suppress(Skipped):
            assert scenario.world(WorldSettings()).gateways in (1, 2), name


def test_the_page_lists_every_scenario() -> None:
    """``python -m tests.doc_tables`` writes the table anew."""
    assert marked(CHAOS_PAGE) == {"scenarios": scenarios()}


def test_the_command_names_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert "kill-gateway" in capsys.readouterr().out
    assert main(["--scenario", "kill-nobody"]) == 2
    assert "no scenario is called kill-nobody; bin/chaos --list names them all" in capsys.readouterr().err
