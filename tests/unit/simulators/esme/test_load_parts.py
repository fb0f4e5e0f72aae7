"""The parts of a load run: its template, its pace, and matching receipts."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.esme.counts import Counts
from simulators.esme.incoming import text_of
from simulators.esme.ledger import Ledger
from simulators.esme.load_settings import LoadSettings
from simulators.esme.pace import Pace
from simulators.esme.template import Template
from smsgw.errors import LocalError
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.udh import concat_of


def _sm(settings: LoadSettings, n: int, sequence_number: int = 1) -> pdu.Sm:
    octets = Template(settings).pdu(sequence_number, n, n)
    assert int.from_bytes(octets[:4], "big") == len(octets)
    return pdu.Sm(octets)


@pytest.mark.parametrize("text", ["code {n}, again {n}", "【示例】验证码 {n}，100%", "no number, 50% off", "{n}"])
@pytest.mark.parametrize("long", ["udh", "payload"])
def test_each_message_has_its_number_recipient_and_sequence(text: str, long: str) -> None:
    settings = LoadSettings(
        text=text, long=long, recipient_base=8613800000995, recipient_count=10, registered_delivery=1
    )
    for n, sequence_number in ((0, 1), (7, 0x25252525), (123_456_789, 0x7FFFFFFF)):
        sm = _sm(settings, n, sequence_number)
        assert sm.sequence_number == sequence_number
        assert sm.destination_addr == b"%d" % (8613800000995 + n % 10)
        assert decode_text(sm.payload, sm.data_coding) == text.replace("{n}", f"{n:09d}")
        assert (sm.source_addr, sm.registered_delivery) == (b"10690001", 1)


@pytest.mark.parametrize("length", range(0x25 - 20, 0x25 + 60))
def test_a_percent_sign_in_the_length_does_no_harm(length: int) -> None:
    assert _sm(LoadSettings(text="x" * length), 5).short_message == b"x" * length


def test_short_recipients_keep_their_width() -> None:
    assert _sm(LoadSettings(recipient_base=8, recipient_count=5), 0).destination_addr == b"08"


@pytest.mark.parametrize("long", ["udh", "udh16", "sar"])
@pytest.mark.parametrize("filler", ["x", "长"])
def test_a_long_body_is_sent_in_segments_wherever_its_number_is_cut(long: str, filler: str) -> None:
    for before in (0, *range(56, 70), *range(140, 155), 300):
        text = filler * before + "{n}" + filler * (310 - before)
        template = Template(LoadSettings(text=text, long=long, recipient_count=10), reference=3)
        for n, k in ((987_654_321, 10 * 0x105), (1, 2), (5, 10)):
            sms = [pdu.Sm(template.pdu(9, n, k, segment)) for segment in range(template.segments)]
            joined = "".join(text_of(sm) for sm in sms)
            assert joined == text.replace("{n}", f"{n:09d}")
            reference = (3 + k // 10) % (0x100 if long == "udh" else 0x10000)
            concats = [concat for sm in sms if (concat := concat_of(sm)) is not None]
            places = [(concat.reference, concat.total, concat.index) for concat in concats]
            assert places == [(reference, len(sms), index) for index in range(1, len(sms) + 1)]


def test_a_whole_long_body_goes_in_message_payload() -> None:
    assert len(_sm(LoadSettings(text="x" * 161, long="payload"), 0).payload) == 161


def test_a_body_that_is_too_long_is_refused() -> None:
    with pytest.raises(LocalError):
        Template(LoadSettings(text="x" * 153 * 256))


def test_the_pace_of_a_rate() -> None:
    pace = Pace(1000)
    assert pace.due_by(-1) == 0
    assert [pace.due_by(seconds) for seconds in (0, 0.0005, 0.0015, 1.0005)] == [1, 1, 2, 1001]
    assert pace.due_at(500) == pytest.approx(0.5)


def test_the_pace_of_a_ramp() -> None:
    pace = Pace(1000, 2.0)
    assert pace.due_by(2.0) == 1001
    assert pace.due_by(3.0) == 2001
    assert pace.due_at(1500) == pytest.approx(2.5)
    for k in (0, 1, 10, 999, 1000, 5000):
        assert pace.due_by(pace.due_at(k) + 1e-6) == k + 1


def test_receipts_are_matched_early_late_and_twice() -> None:
    counts = Counts()
    counts.accepted(b"a", 1.0)
    counts.receipt(b"a", 1.5)
    counts.receipt(b"a", 1.6)
    counts.receipt(b"b", 2.0)
    counts.receipt(b"b", 2.0)
    assert (counts.matched, counts.duplicates, counts.unmatched) == (1, 2, 1)
    counts.accepted(b"b", 1.0)
    counts.accepted(b"c", 3.0)
    counts.accepted(b"c", 3.0)
    assert (counts.matched, counts.before_response, counts.unmatched, counts.duplicates) == (2, 1, 0, 3)
    assert counts.receipt_latency.max_s == pytest.approx(1.0)


def test_the_result_has_the_keys_of_the_c_tool() -> None:
    assert set(Counts().to_json(0)) >= {
        "sent", "answered", "ok", "unanswered", "status", "receipts", "matched", "delivrd", "other_stat", "dup",
        "before_resp", "unmatched", "receipt_no_id", "id_tlv_differs", "mo", "disconnects", "ok_without_id", "bad_pdus",
        "send_s", "elapsed_s", "ok_per_s", "receipts_elapsed_s", "receipts_per_s", "receipts_span_s",
        "receipts_span_per_s", "resp_ms", "receipt_ms", "cpu_s",
    }  # fmt: skip


def test_the_ledger_is_on_disk_after_each_flush(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = Ledger(str(path))
    ledger.add(3, b"id-3")
    ledger.add(4, b"id-4")
    ledger.flush()
    assert path.read_text() == "3 id-3\n4 id-4\n"
    ledger.add(5, b"x")
    ledger.close()
    assert path.read_text().splitlines()[-1] == "5 x"
