"""References of long messages: one's own where it is free, and never one of the recipient's last messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.references import RECENT, RECIPIENTS, References

_asks = st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.one_of(st.none(), st.integers(0, 9))), max_size=150)


@given(st.integers(0, 2**16), _asks)
def test_no_reference_comes_again_soon(start: int, asks: list[tuple[str, bool, int | None]]) -> None:
    references = References(start)
    given_to: dict[str, list[int]] = {"a": [], "b": []}
    for recipient, wide, own in asks:
        recent = [number & 0xFF for number in given_to[recipient][-RECENT:]]
        number = references.take(recipient, wide, own)
        assert 0 <= number <= (0xFFFF if wide else 0xFF)
        assert number & 0xFF not in recent
        assert own is None or own in recent or number == own
        given_to[recipient].append(number)


def test_memory_is_bounded() -> None:
    references = References(0)
    for n in range(RECIPIENTS + 10):
        references.take(str(n), False, 7)
    assert len(references._recent) == RECIPIENTS
    assert references.take("0", False, 7) == 7
