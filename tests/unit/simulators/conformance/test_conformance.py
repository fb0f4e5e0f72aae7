"""The checks against an application that does everything right, and against one with a single fault each."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from simulators.conformance.bench import Bench
from simulators.conformance.check import Verdict
from simulators.conformance.checks import TABLE, chosen
from simulators.conformance.messages import message_of
from simulators.conformance.report import Report
from simulators.conformance.run import examine
from smsgw.smpp import pdu
from smsgw.smpp.constants import Tag
from smsgw.smpp.tlv import tlv
from tests.unit.simulators.conformance.application import Application
from tests.unit.simulators.conformance.quick import QUICK

PASS, FAIL, WARNING, NOT_SEEN = Verdict.PASS, Verdict.FAIL, Verdict.WARNING, Verdict.NOT_SEEN


async def examined(*faults: str, only: str = "", **options: int) -> Report:
    """A run of the named checks (all of them by default) against an application with these faults."""
    async with Bench(QUICK) as bench:
        application = Application(bench.port, faults, **options)

        def say(words: str) -> None:
            if words.startswith("Stop"):
                application.stopping.set()

        running = asyncio.ensure_future(application.run())
        try:
            return await examine(bench, chosen(frozenset(only.split())), say)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_good_application_passes_everything() -> None:
    report = await examined()
    assert report.ok
    assert {result.check.id: result.outcome.seen for result in report.results if result.verdict is not PASS} == {}
    assert len(report.results) == sum(len(checks) for _, checks in TABLE)


FAULTS = [
    ("no_nul", "bind-fields", FAIL),
    ("early", "waits-for-bind-resp", FAIL),
    ("ignores_enquiries", "enquire-link", FAIL),
    ("wrong_number", "enquire-link", FAIL),
    ("drops_unknown", "unknown-request", FAIL),
    ("reads_are_pdus", "fragments", FAIL),
    ("refuses_mo", "mo-gsm", FAIL),
    ("refuses_mo", "mo-other-coding", FAIL),
    ("rejects_binary", "mo-other-coding", WARNING),
    ("ignores_receipts", "receipt", FAIL),
    ("bare", "deliver-resp-body", WARNING),
    ("id_is_number", "long-message-id", FAIL),
    ("hammers_messages", "throttled", FAIL),
    ("no_window", "window", FAIL),
    ("loses_segments", "long-complete", FAIL),
    ("no_udhi", "long-headers", FAIL),
    ("same_reference", "long-references", FAIL),
    ("stays_away", "reconnects", FAIL),
    ("hammers_binds", "backs-off", FAIL),
    ("constant_wait", "backs-off", WARNING),
    ("hammers_password", "wrong-password", FAIL),
    ("never_enquires", "half-open", FAIL),
    ("never_enquires", "own-enquire-link", NOT_SEEN),
    ("ignores_unbind", "unbind", FAIL),
    ("just_goes", "clean-end", FAIL),
    ("same_number", "sequence-numbers", FAIL),
    ("wrong_number", "answers-match", FAIL),
    ("no_receipts", "registered-delivery", WARNING),
    ("utf8", "data-coding", FAIL),
]
#: What has to happen before a check has something to look back on.
BEFORE = {"sequence-numbers": "no-response", "registered-delivery": "response-tlvs", "data-coding": "response-tlvs",
          "answers-match": "enquire-link", }  # fmt: skip


@pytest.mark.parametrize(("fault", "check", "verdict"), FAULTS, ids=[f"{fault}-{check}" for fault, check, _ in FAULTS])
async def test_a_fault_is_found(fault: str, check: str, verdict: Verdict) -> None:
    report = await examined(fault, only=f"{check} {BEFORE.get(check, '')}")
    result = report.result(check)
    assert result.verdict is verdict, result.outcome.seen
    assert report.ok is not any(each.verdict is FAIL for each in report.results) or verdict is NOT_SEEN


async def test_what_an_application_does_not_do_is_not_seen() -> None:
    report = await examined(only="mo-gsm receipt window", bind=2)
    assert {result.check.id: result.verdict for result in report.results} == {
        "mo-gsm": NOT_SEEN,
        "receipt": NOT_SEEN,
        "window": PASS,
    }
    report = await examined(only="window out-of-order", window=1)
    assert [result.verdict for result in report.results] == [PASS, NOT_SEEN]


async def test_nobody_comes() -> None:
    async with Bench(replace(QUICK, patience_s=0.1)) as bench:
        said: list[str] = []
        report = await examine(bench, TABLE, said.append)
    assert {result.verdict for result in report.results} == {NOT_SEEN}
    assert not report.ok
    assert len(said) == 1
    assert str(bench.port) in said[0]


async def test_another_account() -> None:
    async with Bench(replace(QUICK, system_id="other", patience_s=0.3)) as bench:
        application = asyncio.ensure_future(Application(bench.port).run())
        report = await examine(bench, chosen(frozenset({"bind-fields"})))
        application.cancel()
    assert report.results[0].verdict is FAIL
    assert "ESME_RINVSYSID" in report.results[0].outcome.seen


def test_a_message_with_tlvs_that_cannot_be_read_is_none() -> None:
    whole = pdu.submit_sm(
        1, source_addr=b"1", destination_addr=b"2", short_message=b"", tlvs=tlv(Tag.MESSAGE_PAYLOAD, b"hello")
    )
    assert message_of(whole) is not None
    cut = (len(whole) - 2).to_bytes(4, "big") + whole[4:-2]
    assert message_of(cut) is None
