"""The compiled route table against a scan of the file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.model import MessageClass
from smsgw.policy.routing import Route, RouteTable

# Few digits, so that prefixes contain each other.
digits = st.text("689", min_size=1, max_size=5)
routes = st.lists(
    st.builds(
        lambda account, classes, prefixes: (account, classes, tuple(prefixes)),
        st.sampled_from([None, None, "shop", "bank"]),
        st.none() | st.frozensets(st.sampled_from(MessageClass), min_size=1),
        st.lists(digits, max_size=3),
    ),
    max_size=12,
)


@given(routes, st.lists(st.tuples(st.sampled_from(["shop", "bank", "else"]), st.sampled_from(MessageClass), digits)))
def test_first_match_in_file_order(
    drawn: list[tuple[str | None, frozenset[int] | None, tuple[str, ...]]],
    messages: list[tuple[str, MessageClass, str]],
) -> None:
    made = [Route(f"r{number}", *fields, carriers=("c",)) for number, fields in enumerate(drawn)]
    table = RouteTable(made)
    for account, message_class, recipient in messages:
        scan = next((route for route in made if route.fits(account, message_class, recipient)), None)
        assert table.find(account, message_class, recipient) is scan
