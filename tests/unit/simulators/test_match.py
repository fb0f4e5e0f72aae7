"""Which messages a rule is for: each condition by itself."""

from __future__ import annotations

import pytest

from simulators.carrier.match import Matcher
from simulators.carrier.settings import Match
from simulators.draws import Draws
from smsgw.smpp import pdu
from tests.unit.simulators.builders import RECEIVED_S, submit_sm

_BEIJING = b"13800138000"


def _fits(
    match: Match, sm: pdu.Sm | None = None, *, nth: int = 0, number: int = 1, account: str = "shop",
    at_s: float = RECEIVED_S,
) -> bool:  # fmt: skip
    return Matcher(match, "rule", 8.0, Draws(1)).fits(sm or submit_sm(), account, nth, number, at_s)


@pytest.mark.parametrize("recipient", [b"13800138000", b"8613800138000", b"+8613800138000", b"008613800138000"])
def test_recipients_with_and_without_chinas_prefix(recipient: bytes) -> None:
    assert _fits(Match(recipients=("139*", "13800138*")), submit_sm(recipient))
    assert _fits(Match(recipients=("1380013800?",)), submit_sm(recipient))
    assert not _fits(Match(recipients=("139*",)), submit_sm(recipient))
    assert _fits(Match(provinces=frozenset({"北京"})), submit_sm(recipient))
    assert not _fits(Match(provinces=frozenset({"广东", "上海"})), submit_sm(recipient))


def test_a_pattern_may_name_the_prefix_and_fits_whole_numbers_only() -> None:
    assert _fits(Match(recipients=("86138*",)), submit_sm(b"8613800138000"))
    assert not _fits(Match(recipients=("86138*",)), submit_sm(b"13800138000"))
    assert not _fits(Match(recipients=("1380013",)), submit_sm(_BEIJING))


def test_sources_accounts_and_text() -> None:
    assert _fits(Match(sources=("1069*",)))
    assert not _fits(Match(sources=("1068*", "069*")))
    assert _fits(Match(accounts=frozenset({"shop", "login"})))
    assert not _fits(Match(accounts=frozenset({"login"})))
    chinese = submit_sm(text="【示例】您的验证码是482913".encode("utf-16-be"), data_coding=8)
    assert _fits(Match(text=r"验证码是\d{6}"), chinese)
    assert not _fits(Match(text="退订"), chinese)
    segment = submit_sm(text=b"\5\0\3\x07\2\1hello", esm_class=0x40)
    assert _fits(Match(text="^hello"), segment)
    assert _fits(Match(text="hello"), submit_sm(text=b"\xffhello", esm_class=0x40))


@pytest.mark.parametrize(
    ("match", "fitting"),
    [
        (Match(first=2), [0, 1]), (Match(skip=3), [3, 4, 5, 6, 7]), (Match(skip=1, first=2), [1, 2]),
        (Match(every=3), [2, 5]), (Match(skip=2, first=4, every=2), [3, 5]), (Match(), list(range(8))),
    ],
)  # fmt: skip
def test_counts_of_the_recipient(match: Match, fitting: list[int]) -> None:
    assert [nth for nth in range(8) if _fits(match, nth=nth)] == fitting


def test_counts_of_the_carrier() -> None:
    assert [number for number in range(1, 8) if _fits(Match(from_message=3, to_message=5), number=number)] == [3, 4, 5]
    assert [number for number in range(1, 4) if _fits(Match(from_message=2), number=number)] == [2, 3]


def test_times_of_day_in_the_carriers_zone() -> None:
    # 10:30 in Beijing
    assert _fits(Match(between=(10 * 60 + 30, 11 * 60)))
    assert not _fits(Match(between=(9 * 60, 10 * 60 + 30)))
    night = Match(between=(22 * 60, 8 * 60))
    hours = [hour for hour in range(24) if _fits(night, at_s=RECEIVED_S + (hour - 10.5) * 3600)]
    assert hours == [0, 1, 2, 3, 4, 5, 6, 7, 22, 23]


def test_a_share_is_drawn_for_each_message_and_rule() -> None:
    recipients = [b"138%08d" % number for number in range(2000)]
    one, other = (Matcher(Match(share=0.3), name, 8.0, Draws(1)) for name in ("one", "other"))
    first = {each for each in recipients if one.fits(submit_sm(each), "", 0, 1, 0.0)}
    second = {each for each in recipients if other.fits(submit_sm(each), "", 0, 1, 0.0)}
    assert len(first) / len(recipients) == pytest.approx(0.3, abs=0.04)
    assert len(first & second) / len(recipients) == pytest.approx(0.09, abs=0.03)
    assert not _fits(Match(share=0.0))
