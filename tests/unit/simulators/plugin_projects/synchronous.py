"""Tests of another project that uses the fixtures without asyncio."""

import time
from datetime import timedelta

import pytest


def test_messages_there_and_receipts_back(carrier_sim, esme_sim):
    assert carrier_sim.address == (carrier_sim.host, carrier_sim.port)
    esme_sim.connect(carrier_sim)
    carrier_sim.wait_for_binds()
    answer = esme_sim.send("您好", to="13800138001", tlvs=b"\x14\x00\x00\x01\x05")
    assert answer.ok
    (receipt,) = esme_sim.wait_for_receipts(1, message_id=answer.message_id)
    assert (receipt.stat, receipt.source) == ("DELIVRD", "13800138001")
    (message,) = carrier_sim.received
    assert (message.text, message.destination, message.account) == ("您好", "13800138001", "test")
    assert message.tlvs == {"0x1400": b"\5"}
    assert message.message_id == answer.message_id
    assert [entry.kind for entry in carrier_sim.entries()] == ["bind", "submit", "receipt"]


def test_long_messages_are_whole(carrier_sim, esme_sim):
    answers = esme_sim.connect(carrier_sim).send_long("0123456789" * 40, to="139")
    assert [answer.ok for answer in answers] == [True] * 3
    (message,) = carrier_sim.wait_for_messages(destination="139")
    assert message.text == "0123456789" * 40
    assert (message.segments, len(message.parts)) == (3, 3)
    carrier_sim.expect(count=1, in_one_piece=True, text="*89")
    carrier_sim.send_mo("138", "1069", "退" * 100)
    assert esme_sim.wait_for_mo()[0].text == "退" * 100


def test_expecting_waits(carrier_sim, esme_sim):
    carrier_sim.change(receipts={"delay": "100ms"})
    esme_sim.connect(carrier_sim).send("a")
    report = carrier_sim.expect({"text": "a"}, {"kind": "receipt", "count": 1}, deadline_s=5)
    assert report.ok
    assert len(report.results) == 2
    assert not carrier_sim.report(text="b").ok
    with pytest.raises(AssertionError, match=r"with the text 'b': at least 1\n *found:    0"):
        carrier_sim.expect(text="b")
    with pytest.raises(ValueError, match="cuont: unknown key; did you mean 'count'"):
        carrier_sim.expect(cuont=2)


def test_waiting_in_vain_tells_what_came(carrier_sim, esme_sim):
    esme_sim.connect(carrier_sim).send("here")
    with pytest.raises(AssertionError) as caught:
        carrier_sim.wait_for_messages(2, deadline_s=0.05, text="h*")
    assert "2 × submit with text='h*' (there are 1)" in str(caught.value)
    assert "'here'" in str(caught.value)
    assert "_async" not in str(caught.value)
    with pytest.raises(AssertionError, match=r"a miracle did not come within 0.05 s"):
        esme_sim.wait_for(lambda: False, 0.05, "a miracle")


@pytest.mark.carrier_sim(receipts={"delay": "2h"}, clock={"mode": "manual", "start": "2026-11-23T20:00:00+08:00"})
def test_business_time(carrier_sim, esme_sim):
    esme_sim.connect(carrier_sim).send("a")
    carrier_sim.clock.advance(timedelta(minutes=119))
    assert esme_sim.receipts == []
    carrier_sim.clock.advance("1m")
    (receipt,) = esme_sim.wait_for_receipts()
    assert receipt.at.isoformat() == "2026-11-23T14:00:00+00:00"
    carrier_sim.expect(hours="08:00-21:00")
    carrier_sim.clock.set("2026-11-23T23:00:00+08:00")
    esme_sim.send("b")
    assert not carrier_sim.report(hours="08:00-21:00").ok


def test_change_drop_and_refuse(carrier_sim, esme_sim):
    esme_sim.connect(carrier_sim, binds=("transmitter", "receiver"))
    assert carrier_sim.bound == esme_sim.bound == 2
    carrier_sim.change(answers={"refuse": "0x0B"})
    assert esme_sim.send("x").status == 0x0B
    with pytest.raises(ValueError, match=r"answers.refuze: unknown key; did you mean 'refuse'"):
        carrier_sim.change(answers={"refuze": "0x0B"})
    assert carrier_sim.drop() == 2
    esme_sim.wait_for(lambda: esme_sim.bound == 0, 5)
    carrier_sim.refuse_binds(0x0D)
    with pytest.raises(Exception, match="ESME_RBINDFAIL"):
        esme_sim.connect(carrier_sim)
    carrier_sim.refuse_binds(0)
    esme_sim.connect(carrier_sim)
    carrier_sim.expect({"kind": "lost", "count": 2}, {"kind": "refused_bind", "count": 1})


def test_receipts_by_hand(carrier_sim, esme_sim):
    carrier_sim.change(receipts={"send": False})
    answer = esme_sim.connect(carrier_sim).send("x")
    carrier_sim.send_receipt(answer.message_id, "UNDELIV/005")
    (receipt,) = esme_sim.wait_for_receipts()
    assert (receipt.stat, receipt.err) == ("UNDELIV", "005")
    with pytest.raises(LookupError):
        carrier_sim.send_receipt("nobody's")


def test_a_receipt_that_is_never_answered(carrier_sim, esme_sim):
    esme_sim.connect(carrier_sim).answer_deliveries(None)
    esme_sim.send("x")
    esme_sim.wait_for_receipts()
    assert not carrier_sim.report(kind="receipt", each={"answered": True}).ok


def test_several(carrier_sim_factory, esme_sim_factory):
    first, second = carrier_sim_factory(), carrier_sim_factory(answers={"refuse": "0x58"})
    one, two = esme_sim_factory(), esme_sim_factory()
    assert one.connect(first).send("x").ok
    assert not two.connect(second.port).send("x").ok
    assert (len(first.received), len(second.received)) == (1, 1)


@pytest.mark.carrier_sim(record=2)
def test_what_was_not_kept_can_not_be_judged(carrier_sim, esme_sim):
    esme_sim.connect(carrier_sim)
    for _ in range(2):
        esme_sim.send("x")
    carrier_sim.expect(at_most=3)
    for _ in range(3):
        esme_sim.send("x")
    with pytest.raises(AssertionError, match="were forgotten; set record higher"):
        carrier_sim.expect(at_most=3)


@pytest.mark.carrier_sim(scenario="two.toml")
def test_a_scenario_with_two_carriers(carrier_sim, esme_sim_factory):
    assert carrier_sim.name == "alpha"
    assert esme_sim_factory().connect(carrier_sim).send("x").ok
    assert esme_sim_factory().connect(carrier_sim.carrier("beta")).send("x").status == 0x58
    with pytest.raises(LookupError, match="no carrier 'gamma', only alpha, beta"):
        carrier_sim.carrier("gamma")


@pytest.fixture(scope="module")
def shared():
    from simulators.testing import running_carrier, running_esme

    with running_carrier(name="shared") as carrier, running_esme(carrier) as esme:
        yield carrier, esme


@pytest.mark.parametrize("nth", [1, 2])
def test_wider_scopes(shared, nth):
    carrier, esme = shared
    assert esme.send("x").ok
    assert len(carrier.received) == nth


def test_nothing_is_left(carrier_sim):
    import threading

    names = [thread.name for thread in threading.enumerate()]
    assert names.count("smsgw simulators") == 3  # its own, and two of ``shared``


def test_within_counts_from_a_reset(carrier_sim, esme_sim):
    time.sleep(0.2)
    carrier_sim.reset()
    esme_sim.connect(carrier_sim).send("hello")
    carrier_sim.expect(count=1, within="150ms")
