"""What the word lists cost: ``python tests/bench/bench_words.py`` from the project's root.

Prints microseconds a message, best of several runs, with lists of 10,000 and 100,000 words; then how long 100,000 take
to compile, in a thread and in steps, while an asyncio loop goes on judging messages, and the longest time that this
loop stood still. Exits with 1 when a budget is exceeded. Not part of the test suite: a busy machine would fail it.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
import timeit
from collections.abc import Callable, Coroutine

from smsgw.policy.entries import WordEntry
from smsgw.policy.text import fold_kept, squeezed
from smsgw.policy.words import PIECE_WORDS, Words

_RUNS = 9
_CALLS = 20_000
_LARGE = 100_000
_BUILD_BUDGET_S = 1.0
_GAP_BUDGET_MS = 50.0

TEXT = (
    "【示例商城】双十一狂欢节来了，全场五折起，会员再享九折，满三百减五十，活动仅限今日，点击商城首页立即抢购，"
    "数量有限，先到先得哦！拒收请回复R"
)


def entries(count: int) -> list[WordEntry]:
    """Random words of two to six Han, each once; a fifth against evasion, a tenth national."""
    chance = random.Random(7)
    words: dict[str, None] = {}
    while len(words) < count:
        words["".join(chr(0x4E00 + chance.randrange(3000)) for _ in range(chance.choice((2, 3, 4, 4, 5, 6))))] = None
    return [
        WordEntry("company" if place % 10 else "national", word, "类别", "reject", place % 5 == 0)
        for place, word in enumerate(words)
    ]


async def _in_a_thread(rows: list[WordEntry]) -> None:
    await asyncio.to_thread(Words, rows)


async def _in_steps(rows: list[WordEntry]) -> None:
    for _ in Words.in_steps(rows):
        await asyncio.sleep(0)


async def _beside(compiling: Coroutine[None, None, None], words: Words) -> tuple[float, float, int]:
    """Seconds to compile, the longest gap of the loop in ms, and the messages a second that were judged meanwhile."""
    plain = fold_kept(TEXT)
    started = last = time.perf_counter()
    task = asyncio.create_task(compiling)
    longest, judged = 0.0, 0
    while not task.done():
        for _ in range(100):  # what a busy loop brings at a time
            words.find(plain + str(judged % 10))
            judged += 1
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    await task
    return last - started, longest * 1000, round(judged / (last - started))


def _cases() -> list[tuple[str, float | None, Callable[[], object]]]:
    usual, large = Words(entries(10_000)), Words(entries(_LARGE))
    plain = fold_kept(TEXT)
    other = plain + " "
    bad = Words([*entries(10_000), WordEntry("national", "立即抢购", "", "reject", True)])
    assert usual.find(plain) is None
    assert bad.find(plain) is not None

    def two(words: Words) -> Callable[[], object]:
        # Two texts by turns, else the memory of the last one would answer.
        return lambda: (words.find(plain), words.find(other))

    return [
        ("fold_kept", 3.0, lambda: fold_kept(TEXT)),
        ("squeezed, two texts", None, lambda: (squeezed(plain), squeezed(other))),
        ("two messages, 10,000 words", 6.0, two(usual)),
        ("two messages, 10,000 words, one hit each", None, two(bad)),
        ("two messages, 100,000 words", None, two(large)),
        ("the same message again", 0.5, lambda: usual.find(plain)),
    ]


def main() -> int:
    """Print a line for each case."""
    over = 0
    for name, budget, call in _cases():
        micros = min(timeit.repeat(call, number=_CALLS, repeat=_RUNS)) / _CALLS * 1e6
        over += budget is not None and micros > budget
        print(f"{micros:8.2f} µs  {name}{'' if budget is None else f'  (budget {budget:.1f})'}")
    rows = entries(_LARGE)
    words = Words(rows[:10_000])
    started = time.perf_counter()
    Words(rows)
    print(f"{_LARGE} words compiled, {PIECE_WORDS} a piece: {time.perf_counter() - started:.2f} s alone")
    for name, way in (("in a thread", _in_a_thread), ("in steps", _in_steps)):
        seconds, gap_ms, rate = min(asyncio.run(_beside(way(rows), words)) for _ in range(3))
        print(f"  {name}: {seconds:.2f} s, beside {rate} messages/s; the loop stood still for {gap_ms:.0f} ms at most")
    over += seconds > _BUILD_BUDGET_S or gap_ms > _GAP_BUDGET_MS
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
