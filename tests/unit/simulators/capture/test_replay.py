"""Both replays against each other, on a recording of a few PDUs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simulators.capture.application_replay import ApplicationReplay, ApplicationSettings
from simulators.capture.application_report import ApplicationReport
from simulators.capture.carrier_replay import CarrierReplay, CarrierReplaySettings
from simulators.capture.conversation import conversations
from simulators.capture.format import Event
from simulators.capture.script import Script, script_of
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from tests.unit.simulators.capture.streams import (
    answer,
    bind,
    bind_answer,
    delivered,
    events,
    mo,
    receipt,
    submit,
    whole_run,
)


def _script(made: list[Event]) -> Script:
    return script_of(conversations(made))


def _question(number: int) -> bytes:
    return encode(Pdu(int(CommandId.QUERY_SM), 0, number, {"message_id": b"100", "source_addr": b"10690001"}))


def _known(number: int) -> bytes:
    return encode(Pdu(int(CommandId.QUERY_SM_RESP), 0, number, {"message_id": b"100", "message_state": 2}))


async def _both(
    recorded: list[Event], played: list[Event] | None = None, speed: float = 0.0, **settings: Any
) -> tuple[CarrierReplay, ApplicationReport]:
    async with CarrierReplay(_script(recorded), CarrierReplaySettings(speed=speed, **settings)) as carrier:
        application = ApplicationReplay(
            _script(played or recorded), ApplicationSettings(carrier.port, password="x", speed=speed, linger_s=0.2)
        )
        report = await application.run()
        return carrier, report


@pytest.mark.parametrize("speed", [0.0, 1.0, 10.0])
async def test_a_recording_against_itself_is_the_same(speed: float) -> None:
    carrier, report = await _both(whole_run(), speed=speed)
    assert carrier.report.to_json()["same"]
    assert report.to_json()["same"]
    assert report.to_json()["statuses"] == {"ESME_ROK": 1, "ESME_RTHROTTLED": 1}


async def test_recorded_time_is_kept_or_divided() -> None:
    slow = events(("in", bind()), ("out", bind_answer()), ("in", submit(2)), ("out", answer(2)), step_ns=100_000_000)
    _, as_recorded = await _both(slow, speed=1.0)
    _, faster = await _both(slow, speed=10.0)
    assert as_recorded.elapsed_s >= 0.35
    assert 0.035 <= faster.elapsed_s < as_recorded.elapsed_s


async def test_what_was_not_recorded_gets_the_stated_status() -> None:
    other = events(("in", bind()), ("out", bind_answer()), ("in", submit(2, b"8613800000000")), ("out", answer(2)))
    carrier, report = await _both(whole_run(), other)
    shown = carrier.report.to_json()
    assert (shown["matched"], shown["unmatched"], shown["never_asked"]) == (0, 1, 2)
    assert shown["unmatched_answer"] == "ESME_RSUBMITFAIL"
    assert shown["unmatched_requests"][0]["destination"] == "8613800000000"
    assert {each["destination"] for each in shown["never_asked_requests"]} == {"8613800138000", "8613800138001"}
    assert report.to_json()["differences"] == [
        {
            "connection": 1, "account": "shop", "pdu": "submit_sm", "source": "10690001",
            "destination": "8613800000000", "text": "hello", "recorded": "ESME_ROK", "now": "ESME_RSUBMITFAIL",
        }
    ]  # fmt: skip
    _, report = await _both(whole_run(), other, unmatched_status=0)
    assert report.same == 1


async def test_new_ids_are_the_same_in_answers_receipts_and_questions() -> None:
    recorded = events(
        ("in", bind()), ("out", bind_answer()), ("in", submit(2)), ("out", answer(2, b"100")),
        ("in", _question(3)), ("out", _known(3)), ("out", receipt(1, b"100")), ("in", delivered(1)),
    )  # fmt: skip
    carrier, report = await _both(recorded, ids="new")
    assert carrier.report.is_same
    assert report.is_same


async def test_an_early_receipt_comes_early_again() -> None:
    recorded = events(
        ("in", bind()), ("out", bind_answer()), ("in", submit(2)), ("out", receipt(1, b"7")), ("in", delivered(1)),
        ("out", answer(2, b"7")),
    )  # fmt: skip
    seen: list[int] = []

    class Tap:
        def opened(self, connection: object) -> None: ...
        def received(self, connection: object, octets: bytes) -> None: ...
        def sent(self, connection: object, octets: bytes) -> None:
            seen.append(pdu.HEADER.unpack_from(octets)[1])

        def closed(self, connection: object) -> None: ...

    for speed in (0.0, 1.0):
        seen.clear()
        async with CarrierReplay(_script(recorded), CarrierReplaySettings(speed=speed)) as carrier:
            carrier.on_link = lambda link: setattr(link, "tap", Tap())
            await ApplicationReplay(
                _script(recorded), ApplicationSettings(carrier.port, speed=speed, linger_s=0.2)
            ).run()
        assert [each for each in seen if each in (5, 0x80000004)] == [5, 0x80000004]


async def test_what_was_never_answered_is_not_answered() -> None:
    recorded = events(("in", bind()), ("out", bind_answer()), ("in", submit(2)), ("in", submit(3)), ("out", answer(3)))
    async with CarrierReplay(_script(recorded), CarrierReplaySettings(speed=0.0)) as carrier:
        settings = ApplicationSettings(carrier.port, speed=0.0, answer_timeout_s=0.2, linger_s=0.1)
        report = await ApplicationReplay(_script(recorded), settings).run()
    assert report.is_same
    assert report.to_json()["statuses"] == {"ESME_ROK": 1, "none": 1}


async def test_a_question_does_not_wait_for_what_was_never_answered() -> None:
    recorded = events(
        ("in", bind()), ("out", bind_answer()), ("in", submit(2, b"8613800138002")), ("in", submit(3)),
        ("out", answer(3, b"100")), ("in", _question(4)), ("out", _known(4)),
    )  # fmt: skip
    async with CarrierReplay(_script(recorded), CarrierReplaySettings(speed=0.0, ids="new")) as carrier:
        settings = ApplicationSettings(carrier.port, password="x", speed=0.0, linger_s=0.1, answer_timeout_s=0.3)
        report = await ApplicationReplay(_script(recorded), settings).run()
    assert (report.sent, report.same, report.troubles) == (3, 3, {})


async def test_an_mo_from_before_any_message_comes_with_the_bind_whatever_the_account_is_called() -> None:
    recorded = events(("in", bind()), ("out", bind_answer()), ("out", mo(1)), ("in", delivered(1)))
    async with CarrierReplay(_script(recorded), CarrierReplaySettings(speed=0.0)) as carrier:
        settings = ApplicationSettings(carrier.port, system_id="other", speed=0.0, linger_s=2)
        report = await ApplicationReplay(_script(recorded), settings).run()
        await carrier.done(2)
    assert report.deliveries == 1
    assert carrier.report.is_same


async def test_credentials_and_a_refused_bind() -> None:
    carrier, report = await _both(whole_run(), accounts={"shop": "right"})
    assert carrier.report.binds == 0
    assert report.binds_different == [
        {"connection": 1, "account": "shop", "recorded": "ESME_ROK", "now": "ESME_RINVPASWD"}
    ]
    assert report.to_json()["unsent"] == 2
    assert "refused: ESME_RINVPASWD" in report.troubles[1]


async def test_nobody_there() -> None:
    report = await ApplicationReplay(_script(whole_run()), ApplicationSettings(1, linger_s=0)).run()
    assert report.sent == 0
    assert report.troubles[1].startswith("127.0.0.1:1: no bind: ")


async def test_connections_that_followed_each_other_do_so_again() -> None:
    first = whole_run()
    second = [
        Event(each.kind, 2, each.at_ns + 10**9, 0, octets=each.octets, account=each.account) for each in whole_run()
    ]
    most = 0
    async with CarrierReplay(_script([*first, *second]), CarrierReplaySettings(speed=0.0)) as carrier:

        def count(_link: object) -> None:
            nonlocal most
            most = max(most, len(carrier.links))

        carrier.on_link = count
        settings = ApplicationSettings(carrier.port, speed=0.0, linger_s=0.2)
        report = await ApplicationReplay(_script([*first, *second]), settings).run()
    assert report.is_same
    assert most == 1


async def test_a_replay_that_is_stopped_leaves_nothing_behind() -> None:
    slow = events(("in", bind()), ("out", bind_answer()), ("in", submit(2)), ("out", answer(2)), step_ns=60_000_000_000)
    async with CarrierReplay(_script(slow), CarrierReplaySettings(speed=1.0)) as carrier:
        running = asyncio.ensure_future(
            ApplicationReplay(_script(slow), ApplicationSettings(carrier.port, speed=0.0, answer_timeout_s=60)).run()
        )
        async with asyncio.timeout(5):
            while not carrier.report.matched:
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        carrier.end()
        await carrier.done(1)
    assert not carrier.links
