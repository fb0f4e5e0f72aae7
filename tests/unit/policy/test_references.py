"""References of long messages: one's own where it is free, and never one of the recipient's last messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.references import MOST_SHARES, RECENT, RECIPIENTS, References, ReferenceShare

_asks = st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.one_of(st.none(), st.integers(0, 9))), max_size=150)


@given(st.integers(0, 2**16), _asks)
def test_no_reference_comes_again_soon(start: int, asks: list[tuple[str, bool, int | None]]) -> None:
    references = References(start, ReferenceShare())
    given_to: dict[str, list[int]] = {"a": [], "b": []}
    for recipient, wide, own in asks:
        recent = [number & 0xFF for number in given_to[recipient][-RECENT:]]
        number = references.take(recipient, wide, own)
        assert 0 <= number <= (0xFFFF if wide else 0xFF)
        assert number & 0xFF not in recent
        assert own is None or own in recent or number == own
        given_to[recipient].append(number)


def test_memory_is_bounded() -> None:
    references = References(0, ReferenceShare())
    for n in range(RECIPIENTS + 10):
        references.take(str(n), False, 7)
    assert len(references._recent) == RECIPIENTS
    assert references.take("0", False, 7) == 7


_shared_asks = st.lists(
    st.tuples(st.integers(0, MOST_SHARES - 1), st.booleans(), st.none() | st.integers(0, 20)), max_size=100
)


@given(st.integers(1, MOST_SHARES), st.lists(st.integers(0, 2**16), min_size=MOST_SHARES, max_size=MOST_SHARES),
       _shared_asks)  # fmt: skip
def test_no_two_processes_give_one_number(
    ranks: int, starts: list[int], asks: list[tuple[int, bool, int | None]]
) -> None:
    processes = []
    for rank in range(ranks):
        share = ReferenceShare()
        share.put(rank, ranks)
        processes.append(References(starts[rank], share))
    given_by: dict[int, int] = {}
    last: dict[int, list[int]] = {}
    for process, wide, own in asks:
        process %= ranks
        number = processes[process].take("somebody", wide, own) & 0xFF
        assert given_by.setdefault(number, process) == process
        recent = last.setdefault(process, [])
        assert number not in recent[-(0x100 // MOST_SHARES - 1) :]
        recent.append(number)


def test_a_process_alone_has_all_numbers_and_of_more_than_there_are_shares_some_share_one() -> None:
    share = ReferenceShare()
    share.put(0, 1)
    assert all(share.has(number) for number in range(256))
    share.put(MOST_SHARES + 3, MOST_SHARES + 4)
    assert (share.first, share.step) == (3, MOST_SHARES)
