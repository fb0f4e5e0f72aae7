"""What a tap writes, what is left when its process dies, and how it fails: without a trace in the simulator."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.capture.format import CaptureError
from simulators.capture.reading import read_capture
from simulators.capture.tap import CaptureTap
from simulators.clock import SimClock
from smsgw.smpp import pdu
from tests.unit.simulators.capture.streams import LOCAL, PASSWORD, REMOTE, Line, bind, bind_answer, submit

NAMES = ["run.jsonl", "run.jsonl.gz", "run.pcap", "run.pcap.gz"]


def _talk(tap: CaptureTap) -> Line:
    line = Line()
    tap.opened(line)
    tap.received(line, bind()[:30])
    tap.received(line, bind()[30:])
    line.system_id = "shop"
    tap.sent(line, bind_answer())
    tap.received(line, submit(2))
    return line


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_read_back_and_the_password_is_not(tmp_path: Path, name: str) -> None:
    tap = CaptureTap(tmp_path / name, SimClock())
    line = _talk(tap)
    tap.closed(line)
    tap.close()
    tap.close()
    assert tap.failure == ""
    found = list(read_capture(tmp_path / name))
    assert [event.kind for event in found][:1] == ["opened"]
    assert found[-1].kind == "closed"
    assert b"".join(event.octets for event in found if event.kind == "in") == bind().replace(
        PASSWORD, b"********"
    ) + submit(2)
    assert b"".join(event.octets for event in found if event.kind == "out") == bind_answer()
    assert {(event.local, event.remote) for event in found} == {(LOCAL, REMOTE)}
    octets = (tmp_path / name).read_bytes()
    plain = gzip.decompress(octets) if name.endswith(".gz") else octets
    assert PASSWORD not in plain
    assert PASSWORD.hex().encode() not in plain


def test_the_own_format_keeps_names_accounts_and_both_times(tmp_path: Path) -> None:
    clock = SimClock(datetime(2026, 11, 18, 22, 0, tzinfo=UTC), rate=0)
    tap = CaptureTap(tmp_path / "run.jsonl", clock)
    _talk(tap)
    tap.close()
    found = list(read_capture(tmp_path / "run.jsonl"))
    assert {(event.where, event.number) for event in found} == {("alpha", 1)}
    assert [event.account for event in found] == ["", "", "", "shop", "shop"][-len(found) :]
    assert {event.business_ms for event in found} == {clock.now_ms()}
    assert [event.at_ns for event in found] == sorted(event.at_ns for event in found)
    header = json.loads((tmp_path / "run.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert header["version"] == 1
    assert {"e", "c", "t", "b", "x"} <= header["fields"].keys()


@pytest.mark.parametrize("name", NAMES)
async def test_a_killed_process_leaves_what_was_said_before_the_turn(tmp_path: Path, name: str) -> None:
    tap = CaptureTap(tmp_path / name, SimClock())
    size = tap.octets
    _talk(tap)
    async with asyncio.timeout(5):
        while tap.octets == size:  # the tap wakes up by itself
            await asyncio.sleep(0)
    left = tmp_path / f"left-{name}"
    left.write_bytes((tmp_path / name).read_bytes())
    tap.close()
    found = list(read_capture(left))
    assert b"".join(event.octets for event in found if event.kind == "in").endswith(submit(2))


@pytest.mark.parametrize("cut", [1, 7, 40])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_ends_anywhere_is_read_up_to_there(tmp_path: Path, name: str, cut: int) -> None:
    tap = CaptureTap(tmp_path / name, SimClock())
    _talk(tap)
    tap.flush()
    octets = (tmp_path / name).read_bytes()
    tap.close()
    (tmp_path / name).write_bytes(octets[:-cut])
    found = list(read_capture(tmp_path / name))
    assert [event.kind for event in found][:2] == ["opened", "in"]


def test_a_path_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"missing/run\.jsonl: can't be written: No such file or directory"):
        CaptureTap(tmp_path / "missing" / "run.jsonl", SimClock())
    with pytest.raises(CaptureError, match="pcapng is read, not written"):
        CaptureTap(tmp_path / "run.pcapng", SimClock())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_stops_the_capture_and_nothing_else(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    tap = CaptureTap(path, SimClock())
    line = _talk(tap)
    full = os.open("/dev/full", os.O_WRONLY)
    for descriptor in Path("/proc/self/fd").iterdir():
        if descriptor.is_symlink() and os.readlink(descriptor) == str(path):
            os.dup2(full, int(descriptor.name))
    os.close(full)
    for number in range(5):
        tap.sent(line, pdu.enquire_link(number + 1))
    tap.closed(line)
    tap.close()
    assert tap.failure == f"{path}: the capture stopped: No space left on device"
    assert capsys.readouterr().err.splitlines() == [tap.failure]


def test_a_connection_that_is_not_as_it_should_be_stops_only_the_capture(tmp_path: Path) -> None:
    tap = CaptureTap(tmp_path / "run.jsonl", SimClock())
    tap.opened(object())  # type: ignore[arg-type]
    assert "the capture stopped" in tap.failure
    tap.received(Line(), submit(2))
    tap.close()


@pytest.mark.parametrize("name", ["run.jsonl", "run.pcap"])
def test_a_limit_ends_the_file_and_says_so(tmp_path: Path, name: str) -> None:
    tap = CaptureTap(tmp_path / name, SimClock(), max_octets=4000)
    line = _talk(tap)
    for number in range(100):
        tap.sent(line, submit(number + 1))
    assert "the limit of 4000 octets is reached" in tap.failure
    tap.close()
    assert 3000 < (tmp_path / name).stat().st_size < 4300
    assert len(list(read_capture(tmp_path / name))) > 5


def test_lines_that_are_wrong_are_named(tmp_path: Path) -> None:
    tap = CaptureTap(tmp_path / "run.jsonl", SimClock())
    _talk(tap)
    tap.close()
    lines = (tmp_path / "run.jsonl").read_text(encoding="utf-8").splitlines()
    for number, wrong, why in (
        (1, '{"capture": "smsgw-simulators", "version": 9}', "version 9"),
        (2, '{"e": "opened", "c": 1}', "lacks 't'"),
        (3, '{"e": "inn", "c": 1, "t": 1, "b": 1}', "e is 'inn'; expected one of"),
        (3, "rubbish", "not a line of a capture"),
        (3, "[" * 100_000, "not a line of a capture"),
        (3, '{"e": "in", "c": 1, "t": 1e400, "b": 1, "x": ""}', "not a line of a capture"),
        (3, '{"e": "in", "c": 1, "t": -1, "b": 1, "x": ""}', "before 1970"),
        (3, '{"e": "in", "c": 1, "t": 1, "b": 999999999999999, "x": ""}', "beyond the year 9999"),
    ):
        damaged = [*lines[: number - 1], wrong, *lines[number:]]
        (tmp_path / "wrong.jsonl").write_text("\n".join(damaged) + "\n", encoding="utf-8")
        with pytest.raises(CaptureError, match=f"wrong.jsonl:{number}: .*{why}"):
            list(read_capture(tmp_path / "wrong.jsonl"))
