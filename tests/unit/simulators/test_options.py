"""Both command lines: from words to settings, and what a wrong word is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.carrier import options as carrier_options
from simulators.carrier.behaviour import Behaviour
from simulators.carrier.plan import Parts
from simulators.carrier.settings import CarrierSettings, Outbind, Tls
from simulators.esme import options as esme_options
from simulators.esme.load_settings import LoadSettings


def _carrier(*words: str) -> CarrierSettings:
    return carrier_options.settings_of(carrier_options.parser().parse_args(words))


def _load(*words: str) -> LoadSettings:
    return esme_options.load_settings(esme_options.parser().parse_args(["load", *words]))


def test_a_carrier_without_options_takes_anyone() -> None:
    settings = _carrier()
    assert settings.accounts is None
    assert settings.port == 2776
    assert settings.record == 10_000
    assert settings.receipts


def test_carrier_accounts() -> None:
    settings = _carrier("--system-id", "alpha", "--password", "secret", "--account", "beta:a:b")
    assert settings.accounts == {"alpha": "secret", "beta": "a:b"}


def test_carrier_behaviour() -> None:
    settings = _carrier(
        "--max-binds", "2", "--max-binds-status", "0x0D", "--refuse-binds", "--window", "10", "--tps", "100/s",
        "--tps-per", "account", "--response", "20ms-80ms", "--refuse", "0x08:2%", "--refuse", "88:1%",
        "--never-answer", "0.5%", "--response-id", "hex:8", "--receipt-id", "dec", "--states",
        "UNDELIV/001:4%,MK:0001:1%,EXPIRED", "--receipt", "exp:2s", "--receipt-style", "text+quoted:10%",
        "--receipt-parts", "last", "--resend-after", "5s", "--seed", "abc", "--log", "x.jsonl", "--no-receipts",
    )  # fmt: skip
    assert (settings.max_binds, settings.max_binds_status, settings.refuse_binds) == (2, 0x0D, 0x0D)
    assert (settings.window, settings.tps, settings.tps_per) == (10, 100.0, "account")
    assert settings.refuse == ((0x08, 0.02), (88, 0.01))
    assert settings.never_answer == pytest.approx(0.005)
    assert (settings.response_id.name, settings.receipt_id and settings.receipt_id.name) == ("hex:8", "dec")
    assert [(state.stat, share) for state, share in settings.states] == [("UNDELIV", 0.04), ("MK:0001", 0.01)]
    assert settings.rest_state.stat == "EXPIRED"
    assert settings.styles[0][0].quoted
    assert settings.rest_style.tlvs
    assert (settings.parts, settings.resend_after_s, settings.seed) == (Parts.LAST, 5.0, "abc")
    assert (settings.log_path, settings.receipts) == ("x.jsonl", False)


def test_every_behaviour_has_an_option() -> None:
    settings = _carrier(
        "--tls-certificate", "c.pem", "--tls-key", "k.pem", "--tls-client-ca", "ca.pem", "--outbind", "127.0.0.1:2775",
        "--refuse-connections", "--bind-kinds", "receiver, transmitter", "--ghost", "1m", "--bind-response", "2s",
        "--no-bind-answers", "--window-status", "0", "--tps-per", "address", "--long-forms", "udh8,sar",
        "--long-status", "0x43", "--error-body", "--out-of-order", "1%", "--half-open", "2%", "--malformed", "3%",
        "--unknown", "4%", "--answer-twice", "5%", "--response-id", "dec:20>10", "--early-by", "3s",
        "--reply", "退订", "--reply", "N",
        "--plan", "5%:<ENROUTE,DELIVRD@3s,UNDELIV/001@2d", "--long-expire", "5m", "--enquire-response", "exp:1s",
        "--no-enquire-answers", "--read-rate", "1000", "--write-pieces", "7",
        "--response", "0%:5ms,99%:1s,100%:8s", "--receipt-style", "text+zone=+08:00+cut=40:5%",
    )  # fmt: skip
    assert settings.tls == Tls(Path("c.pem"), Path("k.pem"), Path("ca.pem"))
    assert settings.outbinds == (Outbind(2775),)
    assert (settings.refuse_connections, settings.answer_binds, settings.answer_enquires) == (True, False, False)
    assert (settings.bind_kinds, settings.ghost_s) == ({"receiver", "transmitter"}, 60.0)
    assert (settings.window_status, settings.tps_per) == (0, "address")
    assert (settings.long_forms, settings.long_status, settings.long_expire_s) == ({"udh8", "sar"}, 0x43, 300.0)
    assert (settings.out_of_order, settings.half_open, settings.malformed, settings.unknown) == (0.01, 0.02, 0.03, 0.04)
    assert settings.answered_twice == pytest.approx(0.05)
    assert settings.response_id.name == "dec:20>10"
    assert settings.replies == ("退订", "N")
    ((share, receipts),) = settings.plans
    assert share == 0.05
    assert [(str(each.state), each.after.constant_s, each.early) for each in receipts] == [
        ("ENROUTE/000", 0.0, True), ("DELIVRD/000", 3.0, False), ("UNDELIV/001", 172_800.0, False),
    ]  # fmt: skip
    assert (settings.read_octets_per_s, settings.write_octets) == (1000, 7)
    assert settings.styles[0][0].octets == 40
    assert settings.response.kind == "points"
    Behaviour(settings)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--response", "soon"], "write it like 200ms"),
        (["--refuse", "0x08"], "write it like 0x08:2%"),
        (["--never-answer", "200%"], "between 0% and 100%"),
        (["--response-id", "oct"], "dec, hex, HEX"),
        (["--receipt-style", "odd"], "use full, text"),
        (["--max-binds", "-1"], "below 0"),
        (["--account", "alpha"], "ID:PASSWORD"),
        (["--plan", "5%"], "write it like 5%:ENROUTE"),
        (["--outbind", "2775"], "not HOST:PORT"),
        (["--long-forms", "udh9"], "none of payload, sar"),
        (["--receipt-style", "text+cut=999"], "from 0 to 254"),
        (["--windoww", "1"], "unrecognized"),
        (["--wind", "1"], "unrecognized"),
    ],
)
def test_a_wrong_carrier_option_is_explained(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        _carrier(*words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--password", "x"], "goes with --system-id"),
        (["--tls-key", "k.pem"], "go together"),
        (["--states", "DELIVRD,EXPIRED"], "only one value"),
        (["--states", "DELIVRD:60%,EXPIRED:60%"], "add up"),
    ],
)
def test_carrier_options_that_do_not_go_together(words: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        _carrier(*words)


def test_load_options() -> None:
    settings = _load(
        "--users", "a:x,b:y:z", "--conns", "4", "--rx", "1", "--window", "50", "--count", "100", "--rate", "1000/s",
        "--ramp", "2s", "--text", "n {n}", "--rd", "1", "--validity", "90m", "--dest-base", "861380", "--ledger", "l",
    )  # fmt: skip
    assert settings.accounts == (("a", "x"), ("b", "y:z"))
    assert (settings.connections, settings.receivers, settings.window, settings.count) == (4, 1, 50, 100)
    assert (settings.rate, settings.ramp_s, settings.registered_delivery) == (1000.0, 2.0, 1)
    assert settings.validity_period == "000000013000000R"
    assert (settings.text, settings.recipient_base, settings.ledger_path) == ("n {n}", 861380, "l")


def test_a_load_needs_an_end_and_connections() -> None:
    with pytest.raises(ValueError, match="--count or --duration"):
        _load()
    with pytest.raises(ValueError, match="at least 1"):
        _load("--count", "1", "--conns", "0")


def test_time_fields() -> None:
    assert esme_options.smpp_time("") == ""
    assert esme_options.smpp_time("26h") == "000001020000000R"
    assert esme_options.smpp_time("261118103000032+") == "261118103000032+"
    with pytest.raises(ValueError, match="99 days"):
        esme_options.smpp_time("9999h")


def test_help_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["send"], ["load"], ["listen"]):
        with pytest.raises(SystemExit) as ended:
            esme_options.parser().parse_args([*words, "--help"])
        assert ended.value.code == 0
        assert "Exit status: 0 when" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        carrier_options.parser().parse_args(["--help"])
    assert "Exit status: 0 after SIGTERM" in capsys.readouterr().out


def test_the_words_for_styles_are_listed() -> None:
    text = carrier_options.styles_text()
    assert "quoted" in text
    assert "id=HEX" in text
    assert "cut=40" in text
