"""What simctl makes of words before it asks, and how what came over the wire reaches the terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from simulators.control.client import Client
from simulators.control.simctl import main, parser
from simulators.control.simctl_commands import _value
from simulators.control.simctl_show import traffic, visible


@pytest.mark.parametrize(
    ("text", "before", "value"),
    [
        ("50", "0/s", "50"),
        ("50", 20, 50),
        ("true", False, True),
        ("0x0D", "ESME_ROK", "0x0D"),
        ("DELIVRD:50%,UNDELIV:50%", "DELIVRD", "DELIVRD:50%,UNDELIV:50%"),
        ('{a = "b"}', "any", {"a": "b"}),
        ('{"a": "b"}', "any", {"a": "b"}),
        ('["0x08", "0x58"]', [], ["0x08", "0x58"]),
        ("20ms", None, "20ms"),
    ],
)
def test_values_are_what_was_meant(text: str, before: object, value: object) -> None:
    assert _value(text, before) == value


def test_control_characters_never_reach_the_terminal() -> None:
    shown = visible("a\x1b[31mred\x07\r\u202egnol\n您好👍🏽👨\u200d👩")
    assert shown == "a\\u001b[31mred\\u0007\\u000d\\u202egnol⏎您好👍🏽👨\u200d👩"


def test_a_line_of_traffic_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    event = {
        "at": "2026-11-18T13:30:00.000+00:00", "carrier": "alpha", "bind": 1, "account": "shop", "direction": "in",
        "command": "submit_sm", "status": "ESME_ROK", "source": "1", "destination": "2", "system_id": "",
        "message_id": "", "stat": "", "text": "[red]\x1b]0;title\x07[/red]", "error": "", "hex": "00",
    }  # fmt: skip
    traffic("pdu", event, raw=True)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[red]" in out


@pytest.mark.parametrize("before", [True, False])
def test_options_stand_before_or_behind_the_command(before: bool) -> None:
    options = ["--json", "--url", "http://127.0.0.1:9", "-c", "alpha"]
    words = [*options, "state"] if before else ["state", *options]
    arguments = parser().parse_args(words)
    assert (arguments.json, arguments.url, arguments.carrier) == (True, "http://127.0.0.1:9", "alpha")


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parser().parse_args(["state"]).url == "http://127.0.0.1:8780"
    monkeypatch.setenv("SIMCTL_URL", "http://sim:1234")
    assert parser().parse_args(["state"]).url == "http://sim:1234"


def test_nobody_there_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:9", "state"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("simctl: no simulator answers at http://127.0.0.1:9")
    assert "--http" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999999", "ftp://127.0.0.1"])
def test_an_address_that_is_none_is_told_in_a_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["state"], ["traffic"]):
        assert main(["--url", url, *words]) == 2
        assert capsys.readouterr().err.startswith(f"simctl: no simulator answers at {url}")


class _Stranger(BaseHTTPRequestHandler):
    """Answers everything with a page, as servers of single-page applications do."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _stranger() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_another_server_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with _stranger() as url:
        assert main(["--url", url, "state"]) == 2
    err = capsys.readouterr().err
    assert err == f"simctl: {url}/api/state answered 200, and no JSON; is that a simulator's control port?\n"


def test_what_is_no_snapshot_is_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in (b"\xff\xfe\x00", b"{"):
        (tmp_path / "file").write_bytes(content)
        assert main(["--url", "http://127.0.0.1:9", "restore", str(tmp_path / "file")]) == 2
        assert "is no snapshot" in capsys.readouterr().err


def test_an_interrupted_wait_is_not_one_that_came_true(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "ask", interrupted)
    monkeypatch.setattr(Client, "events", interrupted)
    assert main(["wait"]) == 130
    assert main(["traffic"]) == 0


@pytest.mark.parametrize("words", [["clock", "advance"], ["capture", "start"], ["set", "alpha"]])
def test_what_is_missing_is_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:9", *words]) == 2
    assert "simctl" in capsys.readouterr().err


def test_kinds_of_faults_are_listed_without_a_simulator(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:9", "malformed", "--list"]) == 0
    assert "tlv_cut" in capsys.readouterr().out


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("", "state", "set", "wait", "clock", "malformed", "capture", "received"):
        with pytest.raises(SystemExit) as ended:
            main([*([name] if name else []), "--help"])
        assert ended.value.code == 0
        out = capsys.readouterr().out
        assert "usage: simctl" in out
        assert len(out) > 200
