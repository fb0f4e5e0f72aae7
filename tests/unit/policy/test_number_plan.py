"""Networks and provinces of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.number_plan import NETWORKS, PROVINCES, NumberPlan, Ported, Provinces, planned_network


@pytest.mark.parametrize(
    ("recipient", "network"),
    [
        ("8613400000000", "mobile"),
        ("8613480000000", "mobile"),
        ("8613490000000", ""),
        ("8613912345678", "mobile"),
        ("8617030000000", "mobile"),
        ("8617060000000", "mobile"),
        ("8617040000000", "unicom"),
        ("8617070000000", "unicom"),
        ("8617090000000", "unicom"),
        ("8617000000000", "telecom"),
        ("8617405000000", "telecom"),
        ("8617406000000", ""),
        ("8613312345678", "telecom"),
        ("8614912345678", "telecom"),
        ("8619212345678", "broadnet"),
        ("861440000000000", "iot"),
        ("861450000000000", ""),
        ("85291234567", ""),
        ("12125550123", ""),
        ("4915112345678", ""),  # as long as a Chinese number
    ],
)
def test_the_plan(recipient: str, network: str) -> None:
    assert planned_network(recipient) == network


def test_sources_count_in_order() -> None:
    plan = NumberPlan(Ported([("8613912345678", "telecom"), ("8613912345679", "")]))
    assert plan.network("8613912345678") == "telecom"
    assert plan.network("8613912345679") == ""
    assert plan.network("8613912345677") == "mobile"
    assert plan.network("8613912345678", {"8613912345678": "unicom"}) == "unicom"


@given(st.dictionaries(st.integers(8613000000000, 8613000000050).map(str), st.sampled_from(NETWORKS)))
def test_ported_numbers_are_found_as_in_a_dict(rows: dict[str, str]) -> None:
    ported = Ported(rows.items())
    assert len(ported) == len(rows)
    for number in map(str, range(8613000000000, 8613000000052)):
        assert ported.get(number) == rows.get(number)


def test_provinces() -> None:
    provinces = Provinces(("", "广东", "北京"), b"\1\2\0")
    found = [provinces.find(f"86{digits}1234") for digits in (1300000, 1300001, 1300002, 1300003, 1999999)]
    assert found == ["广东", "北京", "", "", ""]
    assert provinces.find("85291234567") == ""
    assert NumberPlan().province("8613000001234") == ""
    assert len(PROVINCES) == len(set(PROVINCES.values())) == 31
