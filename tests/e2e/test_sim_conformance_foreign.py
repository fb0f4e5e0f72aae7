"""Conformance runs on applications made with foreign libraries, as their documentation shows, and what they do wrong.

The expected findings are facts about these libraries: a change of them is a change of the library or of a check.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
import warnings
from dataclasses import replace

import aiosmpplib
import pytest
import smpplib.client
import smpplib.consts
import smpplib.gsm
from aiosmpplib.retrytimer import SimpleExponentialBackoff

from simulators.conformance.bench import Bench
from simulators.conformance.check import Verdict
from simulators.conformance.checks import chosen
from simulators.conformance.report import Report
from simulators.conformance.run import examine
from tests.unit.simulators.conformance.quick import QUICK

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

PASS, FAIL, WARNING, NOT_SEEN = Verdict.PASS, Verdict.FAIL, Verdict.WARNING, Verdict.NOT_SEEN
#: aiosmpplib sends nothing for minutes once it was throttled.
AFTER_IT_IS_MUTE = frozenset({"queue-full", "window", "out-of-order", "no-response", "long messages", "half-open"})
#: Rates are compared over seconds, so that a machine that stands still for a moment is not taken for good manners.
SETTINGS = replace(QUICK, half_open_s=2.5, patience_s=3.0, answer_s=1.0, throttle_s=2.0)


class SmpplibApplication(threading.Thread):
    """Polls, sends, and begins anew after a while when anything goes wrong."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.stopping = threading.Event()

    def run(self) -> None:
        waits_s = 0.05
        while not self.stopping.is_set():
            began_s = time.monotonic()
            with contextlib.suppress(Exception), warnings.catch_warnings():  # whatever a library raises
                warnings.simplefilter("ignore")
                self.session()
            waits_s = 0.05 if time.monotonic() - began_s > 0.3 else min(0.4, waits_s * 2)
            self.stopping.wait(waits_s)

    def session(self) -> None:
        client = smpplib.client.Client("127.0.0.1", self.port, timeout=0.5, allow_unknown_opt_params=True)
        client.set_message_sent_handler(lambda pdu: None)
        client.set_message_received_handler(lambda pdu: None)
        client.set_error_pdu_handler(lambda pdu: None)
        client.connect()
        with client:
            client.bind_transceiver(system_id="shop", password="secret")
            for number in itertools.count(1):
                if self.stopping.is_set():
                    return
                client.poll()
                parts, coding, esm_class = smpplib.gsm.make_parts(f"Nr. {number} " * (1 if number % 4 else 40))
                for part in parts:
                    client.send_message(
                        source_addr_ton=smpplib.consts.SMPP_TON_UNK,
                        source_addr="10690001",
                        dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                        dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
                        destination_addr="8613800138000",
                        short_message=part,
                        data_coding=coding,
                        esm_class=esm_class,
                        registered_delivery=True,
                    )
                time.sleep(0.01)


async def aiosmpplib_application(port: int, stopping: asyncio.Event) -> None:
    """Its ESME reconnects and paces by itself; messages are put into its queue."""
    esme = aiosmpplib.ESME(
        "127.0.0.1", port, "shop", "secret", enquire_link_interval=1.0, socket_timeout=1.0, default_encoding="gsm0338",
        retry_timer=SimpleExponentialBackoff(min_delay=50, max_increases=3),
        log_level="CRITICAL",
    )  # fmt: skip
    running = asyncio.ensure_future(esme.start())
    source = aiosmpplib.PhoneNumber("10690001", aiosmpplib.TON.NETWORK_SPECIFIC, aiosmpplib.NPI.UNKNOWN)
    recipient = aiosmpplib.PhoneNumber("8613800138000", aiosmpplib.TON.INTERNATIONAL, aiosmpplib.NPI.ISDN)
    for number in itertools.count(1):
        if stopping.is_set():
            break
        text = f"Nr. {number} " * (1 if number % 4 else 40)
        await esme.broker.enqueue(
            aiosmpplib.SubmitSm(short_message=text, source=source, destination=recipient, log_id=str(number))
        )
        await asyncio.sleep(0.02)
    await esme.stop()
    await asyncio.gather(running, return_exceptions=True)


def findings(report: Report) -> dict[str, Verdict]:
    return {each.check.id: each.verdict for each in report.results if each.verdict is not PASS}


async def test_smpplib() -> None:
    async with Bench(SETTINGS) as bench:
        application = SmpplibApplication(bench.port)
        application.start()
        try:
            report = await examine(
                bench, chosen(), lambda words: application.stopping.set() if words.startswith("Stop") else None
            )
        finally:
            application.stopping.set()
            await asyncio.to_thread(application.join)
    found = findings(report)
    # It draws references of eight bits, so that sometimes two that follow each other are equal.
    assert found.pop("long-references", FAIL) is FAIL
    assert found == {
        # Its parser raises for both, and for a response to nothing too; the application can only begin anew.
        "unknown-request": FAIL,
        "unexpected-responses": FAIL,
        # It has no data_sm, and logs it.
        "receipt-data-sm": FAIL,
        # A slice in Python ends where the octets end.
        "malformed-deliver": WARNING,
        # The loop above sends as fast as it can: windows and throttling are the application's own business.
        "throttled": FAIL,
        "queue-full": FAIL,
        "window": FAIL,
        # It reads an unbind and does nothing.
        "unbind": FAIL,
        # enquire_link is sent when a read times out; poll() never waits, and writing to nobody works for long.
        "half-open": FAIL,
        "own-enquire-link": NOT_SEEN,
        # A response takes a number of the same counter.
        "sequence-numbers": WARNING,
    }


async def test_aiosmpplib() -> None:
    stopping = asyncio.Event()
    async with Bench(SETTINGS) as bench:
        running = asyncio.ensure_future(aiosmpplib_application(bench.port, stopping))
        try:
            report = await examine(
                bench, chosen(skip=AFTER_IT_IS_MUTE), lambda words: stopping.set() if words.startswith("Stop") else None
            )
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert findings(report) == {
        "unknown-request": FAIL,
        "unexpected-responses": FAIL,
        # Codings that it does not know, empty texts, receipts without a text, and data_sm get a generic_nack.
        "mo-other-coding": FAIL,
        "mo-empty": FAIL,
        "receipt-tlvs": FAIL,
        "receipt-data-sm": FAIL,
        "malformed-deliver": WARNING,
        # A status that SMPP 3.4 does not name is an error in its reader.
        "refused-unknown-status": FAIL,
        # It stops sending at once, as its throttle handler has it for three minutes, and gives the message up.
        "throttled": WARNING,
    }
