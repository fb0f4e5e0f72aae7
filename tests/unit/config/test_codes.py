"""Files of codes, a carrier's own on top, and what a carrier says of going elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from smsgw.config.carrier import CarrierSettings
from smsgw.config.codes import CodesFile, code_table
from smsgw.policy.code_classes import CodeClass
from smsgw.policy.retry import Action

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
