"""Scenario files become scenarios, and everything that is wrong is told at once, with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.carrier.ids import IdForm
from simulators.carrier.plan import Parts
from simulators.carrier.receipts import ReceiptStyle
from simulators.carrier.settings import CarrierSettings, Match, PlannedReceipt
from simulators.carrier.states import DELIVERED, ENROUTE, ReceiptState
from simulators.scenario import Scenario, load_scenario
from simulators.spread import Delay
from smsgw.documents.problems import ConfigErrors

_EXAMPLE = Path(__file__).parents[4] / "config" / "example" / "carriers"


def _load(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "s.toml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path)


def _errors(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        _load(tmp_path, text)
    return [f"{error.line}: {error.key}: {error.why}" for error in raised.value.errors]


def test_everything_a_carrier_can_be_told(tmp_path: Path) -> None:
    scenario = _load(
        tmp_path,
        """
about = "all of it"
seed = 7
[[carrier]]
name = "alpha"
port = 2776
accounts = { app = "secret" }
replies = "TD"
magic = ""
[carrier.binds]
kinds = ["transmitter", "receiver"]
most = 2
too_many = 0x0D
ghost = "1m"
[carrier.limits]
window = 10
window_status = "silence"
rate = "100/s"
rate_per = "address"
long_forms = "udh8"
[carrier.answers]
delay = "20ms-80ms"
refuse = "ESME_RTHROTTLED:2%, 0x08:1%"
never = 0.5
[carrier.ids]
response = "hex:8"
receipt = "dec"
[carrier.receipts]
states = { DELIVRD = "95%", "UNDELIV/002" = 0.05 }
styles = "text+quoted:10%, text+ucs2"
segments = "last"
zone = "-03:30"
[[carrier.receipts.plan]]
share = "10%"
receipts = [{ state = "ENROUTE", after = "1s" }, { state = "DELIVRD", early = true, style = "tlv" }]
[carrier.deliveries]
retried = ["0x08", "ESME_RTHROTTLED"]
[carrier.link]
enquire = "30s"
[[carrier.rule]]
name = "night"
match = { to = ["138*", "139*"], province = "北京", between = "22:00-08:00", share = "5%" }
answers = { refuse = "ESME_RINVDSTADR" }
""",
    )
    (carrier,) = scenario.carriers
    assert (scenario.name, scenario.about, scenario.seed) == ("s", "all of it", 7)
    assert carrier == CarrierSettings(
        name="alpha", port=2776, seed=7, accounts={"app": "secret"}, replies=("TD",), magic_prefix="",
        bind_kinds=frozenset({"transmitter", "receiver"}), max_binds=2, max_binds_status=0x0D, ghost_s=60,
        window=10, window_status=0, tps=100, tps_per="address", long_forms=frozenset({"udh8"}),
        response=Delay.parse("20ms-80ms"), refuse=((0x58, 0.02), (0x08, 0.01)), never_answer=0.5,
        response_id=IdForm("hex:8"), receipt_id=IdForm("dec"),
        states=((DELIVERED, 0.95), (ReceiptState.parse("UNDELIV/002"), 0.05)),
        styles=((ReceiptStyle.parse("text+quoted"), 0.1),), rest_style=ReceiptStyle.parse("text+ucs2"),
        parts=Parts.LAST, zone_hours=-3.5,
        plans=((0.1, (PlannedReceipt(ENROUTE, Delay.parse("1s")),
                      PlannedReceipt(DELIVERED, early=True, style=ReceiptStyle.parse("tlv")))),),
        retried_statuses=frozenset({0x08, 0x58}), enquire_s=30,
        rules=carrier.rules,
    )  # fmt: skip
    (rule,) = carrier.rules
    assert rule.match == Match(
        recipients=("138*", "139*"), provinces=frozenset({"北京"}), between=(22 * 60, 8 * 60), share=0.05
    )
    assert (rule.name, rule.changes) == ("night", {"refuse": ((0x0B, 1.0),)})


def test_a_gateways_carrier_file_is_a_scenario() -> None:
    scenario = load_scenario(_EXAMPLE / "alpha.toml", seed="x")
    (carrier,) = scenario.carriers
    assert (carrier.name, carrier.port, carrier.accounts) == ("alpha", 2776, {"smsgw": "alpha123"})
    assert (carrier.window, carrier.tps, carrier.tps_per, carrier.max_binds) == (10, 200, "account", 2)
    assert (carrier.bind_kinds, carrier.seed) == (frozenset({"transceiver"}), "x")


def test_a_profile_is_a_start(tmp_path: Path) -> None:
    (tmp_path / "beta.toml").write_text(
        'name = "beta"\nhost = "smpp.example"\nport = 2777\nsystem_id = "us"\npassword = "pw"\nretry_attempts = 3\n'
        'binds = [{ type = "transmitter", count = 2 }, { type = "receiver" }]\nrate = "600/m"\nresponse_id = "hex"\n',
        encoding="utf-8",
    )
    scenario = _load(tmp_path, '[[carrier]]\nprofile = "beta.toml"\nport = 0\nlimits = { window = 1 }\n')
    (carrier,) = scenario.carriers
    assert (carrier.name, carrier.host, carrier.port, carrier.accounts) == ("beta", "127.0.0.1", 0, {"us": "pw"})
    assert (carrier.max_binds, carrier.bind_kinds) == (3, frozenset({"transmitter", "receiver"}))
    assert (carrier.tps, carrier.window, carrier.response_id) == (10, 1, IdForm("hex"))


def test_a_wrong_profile_is_told_by_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('name = "p"\nport = "x"\nwindow = 0\nsystem_id = "us"\n', encoding="utf-8")
    with pytest.raises(ConfigErrors) as raised:
        _load(tmp_path, '[[carrier]]\nprofile = "p.toml"\n')
    assert [(error.file.name, error.line, error.key) for error in raised.value.errors] == [
        ("p.toml", 2, "port"),
        ("p.toml", 3, "window"),
    ]


def test_no_carrier_is_one_carrier(tmp_path: Path) -> None:
    assert _load(tmp_path, "").carriers == (CarrierSettings(),)


def test_time_line_and_clock(tmp_path: Path) -> None:
    scenario = _load(
        tmp_path,
        """
[clock]
mode = "scaled"
start = "2026-11-18T21:00:00+08:00"
rate = 60
drives = ["127.0.0.1:8775"]
[end]
after = "1h"
messages = 3
[[phase]]
from = "10s"
until = "20s"
answers = { delay = "1s" }
[[event]]
at = "2026-11-18T22:00:00+08:00"
do = "drop"
[[expect]]
count = 3
""",
    )
    assert (scenario.clock.speed, scenario.clock.drives) == (60, ("http://127.0.0.1:8775",))
    assert (scenario.end.after, scenario.end.messages, scenario.end.decided) == (3600, 3, False)
    (phase,), (event,) = scenario.phases, scenario.events
    assert (phase.name, phase.from_, phase.until) == ("phase 1", 10, 20)
    assert phase.changes() == {"response": Delay.parse("1s")}
    assert (event.name, event.at) == ("drop", datetime(2026, 11, 18, 14, tzinfo=UTC))
    assert scenario.expectations[0].count == 3


def test_all_errors_at_once_with_lines_and_the_nearest_names(tmp_path: Path) -> None:
    assert _errors(
        tmp_path,
        """abuot = "x"
[[carrier]]
[carrier.answrs]
[[carrier]]
[carrier.answers]
delay = "fast"
refuse = { ESME_RTHROTTELD = "2%" }
never = "120%"
[carrier.receipts]
states = "DELIVRD:95%, UNDELIV:10%"
segments = "frist"
[[event]]
do = "dropp"
at = "1s"
[[expect]]
cuont = 3
""",
    ) == [
        "1: abuot: unknown key; did you mean 'about'?",
        "3: carrier[1].answrs: unknown key; did you mean 'answers'?",
        "6: carrier[2].answers.delay: 'fast' is not a duration; write it like 200ms, 3s or 5m",
        "7: carrier[2].answers.refuse: no command_status is named 'ESME_RTHROTTELD'; did you mean 'ESME_RTHROTTLED'?",
        "8: carrier[2].answers.never: '120%' is not between 0% and 100%",
        "10: carrier[2].receipts.states: shares add up to 105%, more than 100%",
        "11: carrier[2].receipts.segments: unknown word 'frist'; did you mean 'first'? valid: each, first, last",
        "12: event[1]: nobody knows how to do 'dropp'; did you mean 'drop'?",
        "16: expect[1].cuont: unknown key; did you mean 'count'?",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[[carrier]]\nname = "a"\n[[carrier]]\nname = "a"', "another carrier is named 'a', too"),
        ('[[carrier]]\nname = "alpha"\n[[phase]]\ncarrier = "alpah"', "did you mean 'alpha'?"),
        ('[[carrier]]\nname = "alpha"\n[[event]]\ndo = "drop"\nat = "1s"\ncarrier = "x"', "no carrier is named 'x'"),
        ('[[event]]\ndo = "drop"\nat = "1s"\nevery = "0s"', "every is 0"),
        ('[[event]]\ndo = "drop"', "expected at or after_messages"),
        ('[[event]]\ndo = "mo"\nat = "1s"\ntext = "x"', "needs from, to and text, or file"),
        ('[[event]]\ndo = "flood"\nat = "1s"', "needs kind"),
        ('[[event]]\ndo = "flood"\nat = "1s"\nkind = "mos"', "did you mean 'mo'?"),
        ('[[event]]\ndo = "drop"\nat = "1s"\ntext = "x"', "text means nothing with do = 'drop'"),
        ('[[event]]\ndo = "settings"\nat = "1s"', "needs something to set"),
        ('[[event]]\ndo = "clock"\nat = "1s"', "needs set, advance or rate"),
        ('[[event]]\ndo = "drop"\nat = "2026-11-18T22:00:00"', "expected a time with its zone"),
        ('[[event]]\ndo = "receipt"\nat = "1s"\nstate = "two words"', "is not a state"),
        ('[[phase]]\nfrom = "2s"\nuntil = "1s"', "until is not behind from"),
        ("[[phase]]\nfrom_message = 5\nto_message = 5", "to_message is not behind from_message"),
        (f'[[carrier]]\nanswers = {{ delay = "{"9" * 400}s" }}', "more than ten years"),
        ('[[phase]]\nfor = "2s"\nuntil = "1s"', "expected one of until, for and to_message"),
        ('[[phase]]\nanswers = { drop_before = "60%", drop_after = "60%" }', "more than 100%"),
        ("[end]\ndecided = true", "nothing is expected"),
        ('[clock]\ndrives = ["somewhere"]', "expected the address of a gateway's ops port"),
        ('[[carrier]]\ntls = "selfsigned"', 'or "self-signed"'),
        ("[[carrier]]\ntls = {}", "expected certificate and key"),
        ('[[carrier]]\nprofile = "none.toml"', "expected an existing file"),
        ('[[carrier]]\n[[carrier.rule]]\nmatch = { province = "Beijing" }', "'Beijing' is none"),
        ('[[carrier]]\n[[carrier.rule]]\nanswers = { delay = "1s" }\nlink = {}', "unknown key"),
        ('[[carrier]]\nlimits = { rate = "fast" }', "expected segments a second"),
        ('[[carrier]]\nbinds = { kinds = ["transciever"] }', "did you mean 'transceiver'?"),
        ("[[carrier]]\nbinds = { too_many = 0 }", "expected a status that refuses"),
        ('[[carrier]]\naccounts = "none"', 'or "any"'),
        ('[[carrier]]\nreceipts = { zone = "Shanghai" }', "expected a zone"),
        ("x = [", "is not TOML"),
    ],
)
def test_what_else_can_be_wrong(tmp_path: Path, text: str, why: str) -> None:
    (error,) = _errors(tmp_path, text)
    assert why in error
    assert not error.startswith("0:") or "TOML" in why


def test_what_is_wrong_within_tables_of_tables_has_its_line(tmp_path: Path) -> None:
    text = """[[carrier]]
[[carrier.rule]]
match = { to = "138*" }
[[carrier.rule]]
match = { province = "Beijing" }
[[carrier.rule]]
[carrier.rule.answers]
drop_before = "60%"
drop_after = "60%"
[[phase]]
rule = [{ match = { text = "[" } }]
"""
    assert [tuple(error.split(": ")[:2]) for error in _errors(tmp_path, text)] == [
        ("4", "carrier[1].rule[2]"),
        ("6", "carrier[1].rule[3]"),
        ("10", "phase[1]"),
    ]
    text = """[[carrier]]
[[carrier.receipts.plan]]
receipts = [
    { state = "DELIVRD" },
    { state = "UNDELIV/1 2", afer = "1s" },
]
[[carrier.rule]]
[carrier.rule.receipts]
early_bye = "1s"
"""
    assert _errors(tmp_path, text) == [
        "5: carrier[1].receipts.plan[1].receipts[2].state: 'UNDELIV/1 2' is not a state; "
        "write it like DELIVRD, UNDELIV/001 or MK:0001",
        "5: carrier[1].receipts.plan[1].receipts[2].afer: unknown key; did you mean 'after'? "
        "valid: after, early, other_bind, state, style",
        "9: carrier[1].rule[1].receipts.early_bye: unknown key; did you mean 'early_by'?",
    ]


def test_mo_come_from_csv(tmp_path: Path) -> None:
    event = '[[event]]\ndo = "mo"\nat = "1s"\nfile = "mo.csv"\n'
    rows = tmp_path / "mo.csv"
    rows.write_text('from,to,text,after\n138,1069,"one, two",\n139,1069,TD,5s\n', encoding="utf-8")
    (found,) = _load(tmp_path, event).mo_files.values()
    assert [(mo.source, mo.destination, mo.text, mo.after_s) for mo in found] == [
        ("138", "1069", "one, two", None),
        ("139", "1069", "TD", 5.0),
    ]
    rows.write_text("from,to,text,afer\n", encoding="utf-8")
    assert "1: afer: unknown column; did you mean 'after'?" in _errors(tmp_path, event)[0]
    rows.write_text("from,to,text,after\n138,1069,x,soon\n,1069,x,\n138,1069,a,b,c\n", encoding="utf-8")
    assert [error.partition(" ")[0] for error in _errors(tmp_path, event)] == ["2:", "3:", "4:"]
    rows.write_text("from,to\n", encoding="utf-8")
    assert "text: is missing" in _errors(tmp_path, event)[0]


def test_where_the_gateway_speaks_tls_the_carrier_does(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(
        'name = "t"\nhost = "smpp.example"\nport = 2777\nsystem_id = "us"\n[tls]\nserver_name = "x"\n', encoding="utf-8"
    )
    (carrier,) = load_scenario(tmp_path / "t.toml").carriers
    assert carrier.tls is not None


def test_self_signed_tls_has_files(tmp_path: Path) -> None:
    tls = _load(tmp_path, '[[carrier]]\ntls = "self-signed"\n').carriers[0].tls
    assert tls is not None
    assert tls.certificate.read_text().startswith("-----BEGIN CERTIFICATE")
