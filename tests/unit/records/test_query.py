"""Reading a site: time, nodes, filters, following, and the JSON form."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgpack  # type: ignore[import-untyped, unused-ignore]
import pytest

from smsgw.records.frames import frame
from smsgw.records.log import Fsync, RecordLog, file_path
from smsgw.records.query import Follower, iter_site, query, read_records
from smsgw.records.record import DETAIL, HOUR_MS, Record, Row, Step, record_of, to_json, to_ms

START = datetime(2026, 11, 18, 2, tzinfo=UTC)
HOUR = to_ms(START)


def row(at_ms: int, message_id: str, step: int = Step.SENT, account: str = "shop", carrier: str = "alpha") -> Row:
    return (at_ms, step, message_id, account, carrier, 2, f"hash-{message_id}", "139****5678", 1, 0, "", "", 0)


def write(directory: Path, node: str, *rows: Row) -> None:
    log = RecordLog(directory, node, lambda: HOUR, fsync=Fsync.NEVER)
    for each in rows:
        log.append(each)
    log.close()


def ids(records: object) -> list[str]:
    return [record.message_id for record in records]  # type: ignore[attr-defined]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write(tmp_path, "n1", row(HOUR, "a", Step.ACCEPTED), row(HOUR + 20, "a"), row(HOUR + HOUR_MS, "c", account="bank"))
    write(tmp_path, "n.2", row(HOUR + 10, "b"), row(HOUR + 30, "a", Step.RECEIPT, carrier="beta"))
    (tmp_path / "notes.rec").write_text("not ours")
    (tmp_path / "2026-11-18T25.n1.rec").write_text("no such hour")
    return tmp_path


def test_nodes_are_merged_by_time(site: Path) -> None:
    assert ids(iter_site(site)) == ["a", "b", "a", "a", "c"]


def test_time_is_since_and_before_until(site: Path) -> None:
    later = START + timedelta(milliseconds=20)
    assert ids(iter_site(site, later)) == ["a", "a", "c"]
    assert ids(iter_site(site, START, later)) == ["a", "b"]
    assert ids(iter_site(site, later.astimezone(), START + timedelta(hours=1))) == ["a", "a"]
    assert ids(iter_site(site, START + timedelta(hours=2))) == []


def test_a_naive_time_is_refused(site: Path) -> None:
    with pytest.raises(TypeError):
        list(iter_site(site, datetime(2026, 11, 18)))


def test_one_messages_timeline(site: Path) -> None:
    timeline = query(site, "a")
    assert [record.step for record in timeline] == [Step.ACCEPTED, Step.SENT, Step.RECEIPT]
    assert [record.carrier for record in timeline] == ["alpha", "alpha", "beta"]


def test_conditions_hold_together(site: Path) -> None:
    assert ids(query(site, account="bank")) == ["c"]
    assert ids(query(site, step=Step.SENT)) == ["b", "a", "c"]
    assert ids(query(site, step=Step.SENT, account="shop", since=START + timedelta(milliseconds=15))) == ["a"]
    assert ids(query(site, carrier="beta")) == ["a"]
    assert ids(query(site, recipient_hash="hash-b")) == ["b"]
    assert ids(query(site, until=START + timedelta(milliseconds=15))) == ["a", "b"]
    assert ids(query(site, last=2)) == ["a", "c"]
    assert query(site, "nothing") == []
    assert query(site / "missing") == []


def test_following_gives_each_record_once(site: Path) -> None:
    follower = Follower(site, START + timedelta(milliseconds=15))
    assert ids(follower.poll()) == ["a", "a", "c"]
    assert follower.poll() == []
    write(site, "n1", row(HOUR + 40, "d"))
    write(site, "n3", row(HOUR + 35, "e"))
    assert ids(follower.poll()) == ["e", "d"]
    assert follower.poll() == []


def test_following_waits_for_a_frame_that_is_being_written(tmp_path: Path) -> None:
    path = file_path(tmp_path, HOUR, "n1")
    octets = frame(msgpack.packb([row(HOUR, "a")]))
    follower = Follower(tmp_path, START)
    with path.open("wb", buffering=0) as file:
        file.write(octets[:30])
        assert follower.poll() == []
        file.write(octets[30:])
        assert ids(follower.poll()) == ["a"]


def test_rows_of_other_versions(tmp_path: Path) -> None:
    path = file_path(tmp_path, HOUR, "n1")
    bodies = [[[HOUR, 99, "old"]], [[HOUR, *row(HOUR, "new")[1:], "x", "y"]], [7, [], ["text"]], 5, {"a": 1}]
    path.write_bytes(b"".join(frame(msgpack.packb(body)) for body in bodies) + frame(b"\xc1 no msgpack"))
    old, new = read_records(path)
    assert (old.message_id, old.account, old.latency_ms, old.detail) == ("old", "", 0, ())
    assert old.step_name == "step 99"
    assert new.detail == ("x", "y")
    assert ids(query(tmp_path, account="")) == ["old"]


def test_json_names_what_is_there_and_leaves_out_what_is_empty() -> None:
    record = record_of(
        (HOUR + 5, Step.ANSWERED, "0193", "shop", "alpha", 0, "hash", "139****5678", 1, 0x58, "", "示例商城", 12,
         "7f3a", "throttled", 99)
    )  # fmt: skip
    assert to_json(record) == (
        '{"at":"2026-11-18T02:00:00.005Z","step":"answered","message_id":"0193","account":"shop","carrier":"alpha",'
        '"class":"otp","recipient_hash":"hash","recipient":"139****5678","segments":1,"status":"0x00000058",'
        '"signature":"示例商城","latency_ms":12,"carrier_message_id":"7f3a","reason":"throttled","detail":[99]}'
    )


def test_json_of_an_almost_empty_record() -> None:
    shown = json.loads(to_json(Record(HOUR, Step.MO, "", "", "", 9, "", "", 0, 0, "", "", 0)))
    assert shown == {"at": "2026-11-18T02:00:00.000Z", "step": "mo", "class": "9", "status": "0x00000000"}


def test_detail_names_do_not_hide_fields() -> None:
    for names in DETAIL.values():
        assert not set(names) & {*Record._fields, "at", "class", "recipient", "rule"}
