"""Durations, shares, delays and weighted choices as operators write them."""

from __future__ import annotations

from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.draws import WORD_RANGE, Draws
from simulators.spread import Choice, Delay, parse_duration, parse_share, parse_weighted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("200ms", 0.2), ("3s", 3.0), ("1.5", 1.5), ("5m", 300.0), ("1h", 3600.0), ("50us", 5e-5), ("2d", 172_800.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "3 parsecs", "-1s", "1w", "ms"])
def test_a_wrong_duration_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 200ms"):
        parse_duration(text)


def test_shares() -> None:
    assert parse_share("2%") == pytest.approx(0.02)
    assert parse_share("0.5") == 0.5
    with pytest.raises(ValueError, match="not between"):
        parse_share("101%")
    with pytest.raises(ValueError, match="not a share"):
        parse_share("many")


def test_delays_stay_within_what_was_asked_for() -> None:
    assert Delay.parse("50ms").at(WORD_RANGE - 1) == 0.05
    uniform = Delay.parse("20ms-80ms")
    assert uniform.at(0) == pytest.approx(0.02)
    assert uniform.at(WORD_RANGE // 2) == pytest.approx(0.05)
    assert uniform.at(WORD_RANGE - 1) < 0.08
    assert uniform.constant_s is None
    assert Delay.parse("3s").constant_s == 3.0
    with pytest.raises(ValueError, match="below the first"):
        Delay.parse("80ms-20ms")


def test_an_exponential_delay_has_its_mean() -> None:
    delay = Delay.parse("exp:100ms")
    step = WORD_RANGE // 10_000
    values = [delay.at(word) for word in range(step // 2, WORD_RANGE, step)]
    assert sum(values) / len(values) == pytest.approx(0.1, rel=0.01)
    assert min(values) >= 0


def test_a_normal_delay_has_its_mean_and_deviation_and_is_never_below_nothing() -> None:
    delay = Delay.parse("normal:100ms/20ms")
    values = [delay.at(word) for word in range(0, WORD_RANGE, WORD_RANGE // 10_000)]
    assert fmean(values) == pytest.approx(0.1, rel=0.01)
    assert pstdev(values) == pytest.approx(0.02, rel=0.01)
    assert min(Delay.parse("normal:10ms/50ms").at(word) for word in (0, WORD_RANGE // 9)) == 0
    assert Delay.parse("normal:10ms/0ms").constant_s == 0.01


def test_a_lognormal_delay_has_its_median_and_its_99th_percentile() -> None:
    delay = Delay.parse("lognormal:50ms/1s")
    assert delay.at(WORD_RANGE // 2) == pytest.approx(0.05)
    assert delay.at(round(WORD_RANGE * 0.99)) == pytest.approx(1.0)
    assert 0 < delay.at(0) < delay.at(WORD_RANGE - 1)
    assert delay.times(2).at(WORD_RANGE // 2) == pytest.approx(0.1)
    assert Delay.parse("lognormal:50ms/50ms").constant_s == 0.05


@pytest.mark.parametrize("text", ["normal:50ms", "lognormal:0s/1s", "lognormal:1s/50ms", "normal:/1s", "gamma:1s/2s"])
def test_a_wrong_bell_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match=r"50ms|the median|is not a"):
        Delay.parse(text)


def test_a_choice_keeps_its_shares() -> None:
    choice = Choice([("a", 0.25), ("b", 0.25)], "rest")
    assert [choice.at(round(part * WORD_RANGE)) for part in (0, 0.24, 0.26, 0.49, 0.51, 0.99)] == [
        "a", "a", "b", "b", "rest", "rest",
    ]  # fmt: skip
    assert choice.only is None


def test_a_choice_without_a_choice() -> None:
    assert Choice([], 7).only == 7
    assert Choice([(5, 1.0)], 7).only == 5
    assert Choice([(5, 1.0)], 7).at(WORD_RANGE - 1) == 5
    with pytest.raises(ValueError, match="more than 100%"):
        Choice([(1, 0.6), (2, 0.6)], 0)


def test_weighted_names_may_hold_colons() -> None:
    assert parse_weighted("DELIVRD:95%, MK:0001:3%,UNDELIV/001") == [
        ("DELIVRD", 0.95),
        ("MK:0001", 0.03),
        ("UNDELIV/001", None),
    ]
    with pytest.raises(ValueError, match="nothing"):
        parse_weighted(" ,")


def test_draws_depend_on_seed_recipient_and_count_only() -> None:
    draws = Draws(7)
    first = draws.words(b"8613800000001", 0)
    draws.words(b"8613800000002", 0)
    assert draws.words(b"8613800000001", 0) == first == Draws(7).words(b"8613800000001", 0)
    assert len({first, draws.words(b"8613800000001", 1), Draws(8).words(b"8613800000001", 0)}) == 3
    assert all(0 <= word < WORD_RANGE for word in first)


def test_any_distribution_by_its_quantiles() -> None:
    delay = Delay.parse("0%:10ms, 50%:20ms, 99%:1s, 100%:8s")
    at = [round(delay.at(round(share * WORD_RANGE)), 3) for share in (0, 0.25, 0.5, 0.745, 0.99)]
    assert at == [0.01, 0.015, 0.02, 0.51, 1.0]
    assert 7.99 < delay.at(WORD_RANGE - 1) < 8
    assert delay.constant_s is None
    assert Delay.parse("0%:1s,100%:1s").constant_s == 1.0


@pytest.mark.parametrize("text", ["50%:1s", "0%:1s,50%:2s", "0%:2s,100%:1s", "0%:1s,0%:1s,100%:2s", "0%,100%", "1%:x"])
def test_a_wrong_distribution_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match=r"distribution|duration"):
        Delay.parse(text)


_seconds = st.integers(0, 10_000_000).map(lambda thousandths: thousandths / 1000)
_some_seconds = _seconds.filter(bool)


@given(
    st.one_of(
        st.builds(lambda s: Delay("fixed", s), _seconds),
        st.builds(lambda a, b: Delay("uniform", min(a, b), max(a, b)), _seconds, _seconds),
        st.builds(lambda s: Delay("exponential", s), _seconds),
        st.builds(lambda a, b: Delay("normal", a, b), _seconds, _seconds),
        st.builds(lambda a, b: Delay("lognormal", min(a, b), max(a, b)), _some_seconds, _some_seconds),
        st.lists(_seconds, min_size=2, max_size=2).map(
            lambda ends: Delay("points", points=((0.0, min(ends)), (0.75, max(ends)), (1.0, max(ends))))
        ),
    ),
    st.integers(0, WORD_RANGE - 1),
)
def test_a_delay_is_read_back_from_its_text_and_scales(delay: Delay, word: int) -> None:
    assert Delay.parse(str(delay)) == delay
    assert delay.times(0.5).at(word) == pytest.approx(delay.at(word) / 2)
    assert delay.at(word) >= 0


def test_more_words_of_a_message() -> None:
    draws = Draws("x")
    assert (
        len({draws.words(b"1", 0), draws.more(b"1", 0, b"a"), draws.more(b"1", 0, b"b"), draws.more(b"1", 1, b"a")})
        == 4
    )
    assert draws.more(b"1", 0, b"a") == Draws("x").more(b"1", 0, b"a")
