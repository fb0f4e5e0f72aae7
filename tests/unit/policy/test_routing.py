from __future__ import annotations

import pytest

from smsgw.policy.model import Draft, MessageClass
from smsgw.policy.routing import Route, RouteTable

MARKETING = frozenset((MessageClass.MARKETING,))
TABLE = RouteTable(
    [
        Route("vip", frozenset(("bank",)), None, ("86139",), ("gold",)),
        Route("promo-139", None, MARKETING, ("86139", "86138"), ("alpha", "beta")),
        Route("promo-13912", None, MARKETING, ("8613912",), ("never",)),  # the one before answers it already
        Route("province", None, None, ("8613800",), ("beta",)),
        Route("china", None, None, ("86",), ("beta", "alpha")),
        Route("bank-abroad", frozenset(("bank",)), None, (), ("gamma",)),
    ]
)


@pytest.mark.parametrize(
    ("account", "message_class", "recipient", "name"),
    [
        ("shop", MessageClass.MARKETING, "8613912345678", "promo-139"),
        ("shop", MessageClass.MARKETING, "8613800138000", "promo-139"),
        ("shop", MessageClass.OTP, "8613912345678", "china"),
        ("shop", MessageClass.OTP, "8613800138000", "province"),
        ("shop", MessageClass.OTP, "85291234567", None),
        ("bank", MessageClass.MARKETING, "8613912345678", "vip"),
        ("bank", MessageClass.MARKETING, "8613800138000", "promo-139"),
        ("bank", MessageClass.NOTICE, "85291234567", "bank-abroad"),
        ("bank", MessageClass.NOTICE, "8", "bank-abroad"),
    ],
)
def test_first_that_fits(account: str, message_class: MessageClass, recipient: str, name: str | None) -> None:
    found = TABLE.find(Draft(account, message_class, "", recipient, "", 1, 0))
    assert (found and found.name) == name


def test_accounts_that_no_route_names_share_one_compilation() -> None:
    assert TABLE.finders("shop")[0] is TABLE.finders("another")[0]
    assert TABLE.finders("bank")[0] is not TABLE.finders("shop")[0]


def test_an_empty_table_leads_nowhere() -> None:
    assert RouteTable([]).find(Draft("shop", 0, "", "8613800138000", "", 1, 0)) is None


def test_a_route_must_lead_somewhere() -> None:
    with pytest.raises(ValueError, match="carrier"):
        Route("r", None, None, (), ())
    with pytest.raises(ValueError, match="86139"):
        Route("r", None, None, ("+86139",), ("alpha",))
