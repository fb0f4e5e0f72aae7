"""A run of both simulators, recorded in both formats, converted, shown, and played back as either side or both."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.capture import CaptureTap
from simulators.capture.application_replay import ApplicationReplay, ApplicationSettings
from simulators.capture.carrier_replay import CarrierReplay, CarrierReplaySettings
from simulators.capture.conversation import conversations
from simulators.capture.reading import read_capture
from simulators.capture.script import Script, script_of
from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.__main__ import main as carrier_command
from simulators.carrier.ids import IdForm
from simulators.carrier.settings import Tls
from simulators.clock import SimClock
from simulators.esme.settings import ClientTls, EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.smpp.constants import command_name
from tests.e2e.test_tls import Authority

pytestmark = pytest.mark.e2e

_SOON_S = 20.0
_ROOT = Path(__file__).resolve().parents[2]
_NAMES = ("application.jsonl.gz", "application.pcap", "carrier.jsonl", "carrier.pcap.gz")
_SENT = 30


def _settings(port: int, password: str = "s3cr3t99") -> EsmeSettings:
    return EsmeSettings(port, system_id="shop", password=password, binds=("trx", "tx", "rx"))


def _carrier() -> CarrierSettings:
    forms = {"response_id": IdForm("hex"), "receipt_id": IdForm("dec")}
    return CarrierSettings(accounts={"shop": "s3cr3t99"}, seed=7, **forms)


async def _talk(carrier: CarrierSim, esme: EsmeSim) -> None:
    """Messages that are delivered, refused, long; one twice; and an MO."""
    answers = [esme.submit("10690001", f"86138001380{n % 25:02}", f"您的验证码是{n % 25}") for n in range(_SENT)]
    answers += [esme.submit("10690001", "19900002088", "refused"), esme.submit("10690001", "19900001001", "UNDELIV")]
    for long in ("udh", "sar", "payload"):
        answers += esme.submit_long("10690001", "8613800138099", "长短信" * 60, long=long)
    await asyncio.gather(*answers)
    carrier.send_mo("8613800138000", "10690001", "TD")
    receipts = len(answers) - 1
    await esme.wait_for(lambda: esme.mo and len(esme.receipts) == receipts, 5, "the receipts and the MO")


@pytest.fixture
async def recorded(tmp_path: Path) -> Path:
    """A directory with the captures of one run."""
    taps = [CaptureTap(tmp_path / name, SimClock()) for name in _NAMES]
    async with CarrierSim(_carrier()) as carrier:
        esme = EsmeSim(_settings(carrier.port))
        for tap in taps[:2]:
            esme.attach(tap)
        for tap in taps[2:]:
            carrier.attach(tap)
        async with esme:
            await _talk(carrier, esme)
        await carrier.wait_for(lambda: not carrier.links, 5, "all connections gone")
    for tap in taps:
        tap.close()
        assert tap.failure == ""
    return tmp_path


def _script(path: Path) -> Script:
    return script_of(conversations(read_capture(path)))


def test_every_capture_of_the_run_says_the_same(recorded: Path) -> None:
    said = []
    for name in _NAMES:
        found = conversations(read_capture(recorded / name))
        assert [conversation.account for conversation in found] == ["shop"] * 3
        assert all(conversation.closed_ns for conversation in found)
        sides = [(each.by_application(), each.by_carrier()) for each in found]
        said.append([[[each.octets for each in side] for side in both] for both in sides])
    assert said[0] == said[1] == said[2] == said[3]
    script = _script(recorded / _NAMES[0])
    assert len(script.requests) > _SENT
    receipts = [each for request in script.requests for each in request.deliveries if each.receipt_of is request]
    assert len(receipts) == len(script.requests) - 1  # one was refused; ids are hexadecimal and decimal


@pytest.mark.parametrize("speed", [1.0, 0.0])
@pytest.mark.parametrize("name", ["application.jsonl.gz", "carrier.pcap.gz"])
async def test_both_sides_played_back_are_the_run(recorded: Path, name: str, speed: float) -> None:
    script = _script(recorded / name)
    again = recorded / "again.jsonl"
    tap = CaptureTap(again, SimClock())
    async with CarrierReplay(script, CarrierReplaySettings(speed=speed)) as carrier:
        carrier.on_link = lambda link: setattr(link, "tap", tap)
        settings = ApplicationSettings(carrier.port, password="any", speed=speed)
        report = await ApplicationReplay(script, settings).run()
        await carrier.done(5)
    tap.close()
    assert report.is_same, report.to_json()
    assert carrier.report.is_same, carrier.report.to_json()
    played = _script(again)
    assert sorted((*each.key, each.status, each.message_id) for each in played.requests) == sorted(
        (*each.key, each.status, each.message_id) for each in script.requests
    )
    assert sum(len(each.deliveries) for each in played.requests) == sum(
        len(each.deliveries) for each in script.requests
    )


async def test_the_application_is_played_back_to_a_carrier_of_the_same_seed(recorded: Path) -> None:
    async with CarrierSim(_carrier()) as carrier:
        settings = ApplicationSettings(carrier.port, password="s3cr3t99", speed=0.0, linger_s=0.3)
        report = await ApplicationReplay(_script(recorded / _NAMES[1]), settings).run()
        assert len(carrier.received) == report.requests
    assert report.same == report.requests
    assert report.deliveries == report.deliveries_recorded - 1  # the MO was the tester's


async def test_the_application_is_played_back_over_tls(recorded: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    authority.issue("server", "localhost")
    server = Tls(tmp_path / "pki" / "server.pem", tmp_path / "pki" / "server.key")
    script = _script(recorded / _NAMES[0])
    async with CarrierSim(replace(_carrier(), tls=server)) as carrier:
        settings = ApplicationSettings(
            carrier.port, password="s3cr3t99", speed=0.0, linger_s=0.1, tls=ClientTls(tmp_path / "pki" / "ca.pem")
        )
        report = await ApplicationReplay(script, settings).run()
    assert report.same == report.requests > _SENT
    with pytest.raises(ValueError, match=r"none.pem: expected certificates in PEM"):
        ApplicationReplay(script, ApplicationSettings(1, tls=ClientTls(tmp_path / "none.pem")))


async def test_the_carrier_is_played_back_over_tls(recorded: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    authority.issue("server", "localhost")
    pki = tmp_path / "pki"
    tls = Tls(pki / "server.pem", pki / "server.key")
    async with CarrierReplay(_script(recorded / _NAMES[0]), CarrierReplaySettings(speed=0.0, tls=tls)) as carrier:
        safe = replace(_settings(carrier.port, "any"), tls=ClientTls(pki / "ca.pem", server_name="localhost"))
        async with EsmeSim(safe) as esme:
            assert (await esme.submit("10690001", "19900002088", "refused")).status == 0x58
    assert carrier.report.matched == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--tls-key", "k.pem"), "--tls-certificate and --tls-key go together"),
        (("--tls-certificate", "c.pem", "--tls-key", "k.pem"), "c.pem with k.pem: expected a certificate and its key"),
    ],
)
def test_tls_of_a_replay_that_cannot_be(
    words: tuple[str, ...], why: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert carrier_command(["replay", str(recorded / _NAMES[0]), "--port", "0", *words]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), told.startswith(why)) == (1, True), told


async def test_the_carrier_is_played_back_to_an_application(recorded: Path) -> None:
    script = _script(recorded / _NAMES[3])
    async with CarrierReplay(script, CarrierReplaySettings(speed=0.0, ids="new")) as carrier:
        async with EsmeSim(_settings(carrier.port, "any")) as esme:
            texts = [("19900001001", "UNDELIV"), ("19900002088", "refused"), ("8613800138003", "您的验证码是3")]
            given, refused, other = [await esme.submit("10690001", *each) for each in texts]
            unknown = await esme.submit("10690001", "8613800138003", "never said")
            await esme.wait_for(lambda: len(esme.receipts) == 2, 5, "receipts")
        assert (given.status, refused.status, other.status, unknown.status) == (0, 88, 0, 0x45)
        by_id = {int(incoming.message_id): incoming.receipt for incoming in esme.receipts}
        receipt = by_id[int(given.message_id, 16)]
        assert receipt is not None
        assert (receipt.stat, receipt.err) == ("UNDELIV", "001")
        recorded_ids = {request.message_id.decode() for request in script.requests}
        assert given.message_id not in recorded_ids
    shown = carrier.report.to_json()
    assert (shown["matched"], shown["unmatched"], shown["never_asked"]) == (3, 1, len(script.requests) - 3)


async def _start(*words: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, stdout=PIPE, stderr=PIPE, stdin=asyncio.subprocess.DEVNULL, cwd=_ROOT
    )


def test_commands_convert_and_show(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: object) -> tuple[int, str, str]:
        status = carrier_command([str(word) for word in words])
        return (status, *capsys.readouterr())

    whole, part = recorded / "whole.jsonl", recorded / "part.pcap"
    assert run("convert", recorded / "carrier.pcap.gz", whole) == (0, "", "")
    assert run("convert", whole, part, "--connection", 2) == (0, "", "")
    assert len(conversations(read_capture(part))) == 1
    status, out, _ = run("show-capture", part)
    assert status == 0
    assert "bind_transmitter #1 shop version 0x34" in out
    assert "您的验证码是" in out
    assert "s3cr3t99" not in out
    status, out, _ = run("show-capture", part, "--json")
    assert {json.loads(line)["connection"] for line in out.splitlines()} == {1}
    for words, why in (
        (("show-capture", recorded / "none.pcap"), "none.pcap: can't be read: No such file or directory"),
        (("show-capture", __file__), "test_sim_capture.py: neither a capture of the simulators nor pcap or pcapng"),
        (("show-capture", part, "--account", "nobody"), "part.pcap: no connection in it is selected"),
        (("convert", part, part / "x.pcap"), "x.pcap: can't be written: Not a directory"),
        (("convert", part, part), "part.pcap: is the file to read; name another one to write"),
        (("replay", recorded / "none.pcap"), "none.pcap: can't be read: No such file or directory"),
    ):
        status, out, err = run(*words)
        assert (status, out) == (2, "")
        assert err.strip().endswith(why)
        assert len(err.splitlines()) == 1


async def test_commands_replay_each_other(recorded: Path) -> None:
    capture = str(recorded / "application.pcap")
    carrier = await _start("simulators.carrier", "replay", capture, "--port", "0", "--speed", "max")
    assert carrier.stderr is not None
    async with asyncio.timeout(_SOON_S):
        port = (await carrier.stderr.readline()).decode().rpartition(":")[2].strip()
    words = ("simulators.esme", "replay", capture, "--port", port, "--password", "any", "--speed", "max")
    application = await _start(*words)
    for process in (application, carrier):
        async with asyncio.timeout(_SOON_S):
            out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert json.loads(out)["same"]


async def test_a_stopped_replay_says_what_was_never_asked_for(recorded: Path) -> None:
    carrier = await _start("simulators.carrier", "replay", str(recorded / "carrier.jsonl"), "--port", "0")
    assert carrier.stderr is not None
    async with asyncio.timeout(_SOON_S):
        await carrier.stderr.readline()
        carrier.send_signal(signal.SIGTERM)
        out, _ = await carrier.communicate()
    report = json.loads(out)
    assert carrier.returncode == 1
    assert report["never_asked"] == report["requests"] > _SENT


async def test_who_reset_a_connection_is_recorded(tmp_path: Path) -> None:
    ours, theirs = (CaptureTap(tmp_path / name, SimClock()) for name in ("carrier.pcap", "application.jsonl"))
    async with CarrierSim(CarrierSettings()) as carrier:
        carrier.attach(ours)
        esme = EsmeSim(EsmeSettings(carrier.port))
        esme.attach(theirs)
        await esme.connect()
        carrier.drop_all(reset=True)
        await esme.wait_for(lambda: not esme.bound, 5, "the reset")
        await carrier.wait_for(lambda: not carrier.links, 5, "the connection gone")
        await esme.disconnect()
    for tap, by in ((ours, "out"), (theirs, "in")):
        tap.close()
        assert list(read_capture(tap.path))[-1].reset == by


_RECORDING = """
import asyncio, sys
from simulators.capture import CaptureTap
from simulators.carrier import CarrierSim
from simulators.clock import SimClock

async def main():
    async with CarrierSim() as carrier:
        for path in sys.argv[1:]:
            carrier.attach(CaptureTap(path, SimClock()))
        print(carrier.port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_carrier_that_serves_records_until_its_connections_ended(tmp_path: Path) -> None:
    process = await _start("simulators.carrier", "--port", "0", "--capture", str(tmp_path / "run.jsonl"))
    assert process.stderr is not None
    async with asyncio.timeout(_SOON_S):
        port = int((await process.stderr.readline()).rsplit(b":", 1)[1])
        async with EsmeSim(_settings(port)) as esme:
            await esme.submit("10690001", "8613800138000", "hello")
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    events = list(read_capture(tmp_path / "run.jsonl"))
    opened, closed = ({each.connection for each in events if each.kind == kind} for kind in ("opened", "closed"))
    assert opened == closed != set()
    assert len(_script(tmp_path / "run.jsonl").requests) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("send", "--from", "10690001", "--to", "138", "--rd", "0", "hello"), "bind_transceiver submit_sm unbind"),
        (("load", "--count", "2", "--conns", "2", "--rd", "0", "--window", "1", "--progress", "0"),
         "bind_transceiver bind_transceiver submit_sm submit_sm unbind unbind"),
        (("listen", "--duration", "100ms"), "bind_transceiver unbind"),
    ],
)  # fmt: skip
async def test_commands_of_applications_record(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    async with CarrierSim(CarrierSettings()) as carrier, asyncio.timeout(_SOON_S):
        process = await _start("simulators.esme", *words, "--port", str(carrier.port), "--capture", str(path))
        out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    found = conversations(read_capture(path))
    requests = [each.command_id for talk in found for each in talk.by_application()]
    assert " ".join(sorted(map(command_name, requests))) == said
    assert all(talk.closed_ns is not None for talk in found)
    assert sorted(talk.number for talk in found) == list(range(1, len(found) + 1))


@pytest.mark.parametrize("words", [(), ("run", "night")])
def test_a_capture_that_cannot_be_written_is_told_in_a_line(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert carrier_command([*words, "--port", "0", "--capture", str(tmp_path / "no" / "run.pcap")]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), "can't be written: No such file" in told) == (1, True)


async def test_captures_of_a_killed_process_hold_what_was_answered(tmp_path: Path) -> None:
    paths = [tmp_path / "run.jsonl", tmp_path / "run.pcap", tmp_path / "run.jsonl.gz"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RECORDING, *map(str, paths), stdout=PIPE, cwd=_ROOT
    )
    assert process.stdout is not None
    async with asyncio.timeout(_SOON_S):
        port = int(await process.stdout.readline())
        async with EsmeSim(_settings(port)) as esme:
            await asyncio.gather(*(esme.submit("10690001", f"86138001380{n:02}", "您好") for n in range(20)))
            await esme.wait_for(lambda: len(esme.receipts) == 20, 5, "receipts")
            await esme.submit("10690001", "8613800138000", "only the last turn may be lost")
            process.kill()
            await process.wait()
    for path in paths[:2]:
        script = _script(path)
        assert [request.status for request in script.requests[:20]] == [0] * 20
        assert sum(len(request.deliveries) for request in script.requests) >= 20
    # compressed batches are written ten times a second; what there is can be read
    assert len(list(read_capture(paths[2]))) <= len(list(read_capture(paths[0])))
