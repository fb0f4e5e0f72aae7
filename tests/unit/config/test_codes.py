"""Files of codes, a carrier's own on top, and what a carrier says of going elsewhere."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from smsgw.config.carrier import CarrierSettings
from smsgw.config.codes import CodesFile, code_table
from smsgw.policy.code_classes import CodeClass
from smsgw.policy.retry import Action

EXAMPLE = Path(__file__).parents[3] / "config" / "example"
CN = CodesFile.model_validate(
    {"name": "cn", "blacklist": ["MBBLACK"], "cap": ["MK:1041"], "ported": ["NP:1243"], "no_route": ["MA:0003", "0x0B"]}
)


def carrier(**given: Any) -> CarrierSettings:
    return CarrierSettings.model_validate(
        {"name": "alpha", "host": "h", "port": 1, "system_id": "s", **given}, by_alias=True, by_name=False
    )


def test_a_carrier_without_codes_knows_none() -> None:
    policy = carrier().failover_policy({"cn": CN})
    assert not policy.codes
    assert policy.statuses.action(0x0B) is Action.REJECT


def test_a_file_by_its_name() -> None:
    policy = carrier(codes="cn").failover_policy({"cn": CN})
    assert policy.codes.classify(["000", "mbblack"]) is CodeClass.BLACKLIST
    assert policy.codes.classify(["000"]) is None
    assert policy.statuses.action(0x0B) is Action.REROUTE


def test_the_example_knows_every_code_that_is_known_of_chinese_networks() -> None:
    """As carriers.md lists them."""
    known = {
        CodeClass.BLACKLIST: "MBBLACK DBBLACK DB:0144 TDBLACK TSBLACK BLACK M2:0045",
        CodeClass.INVALID_NUMBER: "MK:0001 DB:0101",
        CodeClass.SUSPENDED: "MK:0005 MK:0013 DB:0102 MK:0010 MK:0023",
        CodeClass.CAP: "DB:0142 MILIMIT LIMIT MK:1041",
        CodeClass.FLOW: "IB:0008 DB:9007",
        CodeClass.CONTENT: "KEYWORD DB:0318 MK:0115 MK:1004",
        CodeClass.SIGNATURE: "SC:0018 NOSEND",
        CodeClass.TIME: "ID:0044",
        CodeClass.PORTED: "NP:1243",
        CodeClass.NO_ROUTE: "NOROUTER MA:0003",
    }
    assert set(known) == set(CodeClass)
    shipped = CodesFile.model_validate(tomllib.loads((EXAMPLE / "codes" / "cn.toml").read_text("utf-8")))
    table = carrier(codes="cn").failover_policy({"cn": shipped}).codes
    for code_class, codes in known.items():
        assert {code: table.classify([code]) for code in codes.split()} == dict.fromkeys(codes.split(), code_class)


def test_its_own_on_top() -> None:
    given = {
        "base": "cn", "content": ["mk:1041"], "none": ["MBBLACK"], "flow": ["0x0B"], "ported": ["NP:1243"],
        "ported_to": {"NP:1243": "unicom"}, "opens": "09:30", "cap_for": "24h", "signature_after": 3,
    }  # fmt: skip
    policy = carrier(codes=given, statuses={"0x14": "reject"}).failover_policy({"cn": CN})
    codes = policy.codes
    assert codes.classify(["MK:1041"]) is CodeClass.CONTENT
    assert codes.classify(["MBBLACK"]) is None
    assert codes.classify(["MA:0003"]) is CodeClass.NO_ROUTE
    assert codes.ported_to(["x", "np:1243"]) == "unicom"
    assert policy.statuses.action(0x0B) is Action.RETRY_LINK
    assert policy.statuses.action(0x14) is Action.REJECT
    assert (policy.opens_minute, policy.cap_s, policy.signature_after) == (570, 86400.0, 3)


def test_a_code_in_an_answer_knows_more_than_its_status_unless_that_is_the_carriers_own() -> None:
    statuses = carrier(codes="cn", statuses={"0x45": "reject"}).failover_policy({"cn": CN}).statuses
    assert statuses.action(0x08, CodeClass.NO_ROUTE) is Action.REROUTE
    assert statuses.action(0x08, CodeClass.CONTENT) is Action.REJECT
    assert statuses.action(0x45, CodeClass.NO_ROUTE) is Action.REJECT


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"codes": {"blacklist": ["A"], "cap": ["a"]}}, "'a' is listed twice"),
        ({"codes": {"cap": ["X" * 21]}}, "longer than the 20 characters"),
        ({"codes": {"cap": ["0xyz"]}}, "'0xyz' is no command_status"),
        ({"codes": {"ported": ["NP:1"], "ported_to": {"NP:2": "unicom"}}}, "'NP:2' is not listed under ported"),
        ({"codes": {"opens": "8"}}, 'expected a time of day such as "08:00"'),
        ({"breaker": {"recovered": 0.7}}, "recovered must be above against_history"),
        ({"breaker": {"open_max": "10s"}}, "the longest open time"),
        ({"failover": {"response": {"otp": "fast"}}}, "duration"),
    ],
)
def test_mistakes(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=r".") as caught:
        carrier(**given)
    assert why in str(caught.value)


def test_the_breaker_of_the_file() -> None:
    settings = carrier(breaker={"open": "10s", "probe": 0.1}).failover_policy({}).breaker
    assert settings is not None
    assert (settings.open_s, settings.probe_share, settings.sample) == (10.0, 0.1, 50)
    assert code_table(None, {}).classify(["x"]) is None
