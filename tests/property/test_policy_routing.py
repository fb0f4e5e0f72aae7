"""The compiled route table against a scan of the file."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.entries import TemplateEntry
from smsgw.policy.model import Draft, MessageClass
from smsgw.policy.route import ANY_DAY, ANY_MINUTE, ANY_SEGMENTS, day_bit
from smsgw.policy.routing import Route, RouteTable

# Few digits and names, so that routes get into each other's way.
digits = st.text("689", min_size=1, max_size=5)
names = st.sampled_from(["", "a", "b"])
DEPARTMENTS = {"shop": "retail", "bank": "", "else": "retail"}


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[frozenset[str] | None]:
    return st.none() | st.none() | st.frozensets(values, min_size=1)


classes = st.none() | st.frozensets(st.sampled_from(MessageClass), min_size=1)
routes = st.builds(
    Route,
    name=st.just("r"),
    accounts=some(st.sampled_from(list(DEPARTMENTS))),
    classes=classes,
    prefixes=st.lists(digits, max_size=3).map(tuple),
    carriers=st.just(("c",)),
    departments=some(st.just("retail")),
    lanes=classes,
    signatures=some(names),
    templates=some(names),
    networks=some(names),
    provinces=some(names),
    segments=st.sampled_from([ANY_SEGMENTS, ANY_SEGMENTS, 0b0010, ANY_SEGMENTS & ~0b0110]),
    texts=st.sampled_from([(), (), ("x",), ("x", "y")]),
    pattern=st.sampled_from(["", "", "[yz]"]),
    days=st.sampled_from([ANY_DAY, ANY_DAY, day_bit(3, True)]),
    minutes=st.sampled_from([ANY_MINUTE, ANY_MINUTE, (1 << 600) - 1]),
)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    # 1970-01-01 was a Thursday, and a workday in this calendar; the next day too.
    at_ms = draw(st.sampled_from([0, 599 * 60_000, 600 * 60_000, 86_400_000]))
    draft = Draft(
        draw(st.sampled_from(list(DEPARTMENTS))), draw(st.sampled_from(MessageClass)), "", draw(digits),
        draw(st.sampled_from(["", "x", "zz", "y"])), draw(st.sampled_from([1, 2, 3, 300])), at_ms,
    )  # fmt: skip
    draft.signature = draw(names) or None
    template = draw(names)
    draft.template = TemplateEntry(template, 1, "otp", "") if template else None
    draft.network, draft.province = draw(names), draw(names)
    return draft


@given(st.lists(routes, max_size=12), st.lists(drafts(), min_size=1, max_size=8), st.integers(0, 2))
def test_first_match_in_file_order(made: list[Route], messages: list[Draft], own_lane: int) -> None:
    table = RouteTable(made, zone=ZoneInfo("UTC"))
    for draft in messages:
        draft.lane = max(own_lane, draft.message_class)
        department = DEPARTMENTS[draft.account]
        fitting = (route for route in made if route.fits(draft, department, table.clock(draft.at_ms)))
        assert table.find(draft, department, own_lane) is next(fitting, None)
