"""What deciding costs: ``python tests/bench/bench_rules.py`` from the project's root.

First all rules without state over distinct messages of all classes, with 10,000 words, 5,000 templates and 1,000
signatures: microseconds of CPU a message in all, beside the budget of the hot path, for few texts that are sent again
and again, as campaigns are, and by part. Then small parts by themselves. Best of several runs; exits with 1 when a
budget is exceeded. Not part of the test suite: a busy machine would fail it for nothing.
"""

from __future__ import annotations

import gc
import sys
import time
import timeit
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

# At the end: this script also measures another version's package, which must be found first.
sys.path.append(str(Path(__file__).parents[2]))

from smsgw.policy.caps import content_hash
from smsgw.policy.classify import classifier
from smsgw.policy.model import CLASS_LABELS, Check, Draft
from smsgw.policy.native import IS_COMPILED, WHY_NOT
from smsgw.policy.numbers import to_e164
from smsgw.policy.pipeline import Place, Rules
from smsgw.policy.shaping import TokenBucket
from smsgw.policy.signature import SignatureFinder
from smsgw.policy.text import fold_kept, normalise
from tests.bench.rule_world import CONTACTS, MARKETING, SIGNATURES, TEMPLATES, WORDS, Message, World, ms

BUDGET_MICROS = 12.0
_MESSAGES = 10_000
_CAMPAIGNS = 10
_PASSES = 9
_AT_ONCE = 200
_ROUNDS = 4
_RUNS = 5
_CALLS = 20_000
TODAY = "2026-11-18"
_Line = tuple[str, float, float | None]


def micros(
    call: Callable[[Draft], object], drafts: Callable[[Sequence[Message]], Sequence[Draft]], messages: Sequence[Message]
) -> float:
    """CPU of a call with the draft of each message. As the gateway does it they are made some at a time, right before,
    and outside of the time. Each time all are gone through counts as the best of several: the machine is shared."""
    chunks = [messages[first : first + _AT_ONCE] for first in range(0, len(messages), _AT_ONCE)]
    best = [float("inf")] * len(chunks)
    for _ in range(_PASSES):
        gc.collect()
        gc.disable()  # the gateway freezes what it keeps, and drafts are in no cycle
        for place, chunk in enumerate(chunks):
            made = drafts(chunk)
            started = time.process_time_ns()
            for draft in made:
                call(draft)
            best[place] = min(best[place], time.process_time_ns() - started)
        gc.enable()
    return sum(best) / len(messages) / 1e3


def fresh_drafts(world: World) -> Callable[[Sequence[Message]], list[Draft]]:
    """What makes the drafts of messages; their texts are copied, so that nothing that Python keeps with a string (hash,
    UTF-8) is there yet."""

    def fresh(chosen: Sequence[Message]) -> list[Draft]:
        return [world.draft(Message(m.message_class, m.text[:1] + m.text[1:], m.recipient)) for m in chosen]

    return fresh


def _nothing(draft: Draft) -> None:
    """What calling anything costs."""


def _whole(world: World, messages: Sequence[Message]) -> Iterable[_Line]:
    """All rules, from the draft to the verdict."""
    rules = world.rules
    outcomes = Counter(str(rules(world.draft(message))) for message in messages)
    assert set(outcomes) == {"None"}, outcomes.most_common(3)

    fresh = fresh_drafts(world)

    def prepared(chosen: Sequence[Message]) -> list[Draft]:
        drafts = fresh(chosen)
        for draft in drafts:
            rules.prepare(draft)
        return drafts

    of_class = [[each for each in messages if each.message_class == number] for number in range(len(CLASS_LABELS))]
    # In turns: the machine has slow minutes, and all classes should have a good one.
    rounds = [[micros(rules, fresh, mine) for mine in of_class] for _ in range(_ROUNDS)]
    best = [min(found) for found in zip(*rounds, strict=True)]
    total = sum(each * len(mine) for each, mine in zip(best, of_class, strict=True))
    yield "all rules, distinct texts of all classes", total / len(messages), BUDGET_MICROS
    for label, each in zip(CLASS_LABELS, best, strict=True):
        yield f"  {label}", each, None
    few = [messages[place % _CAMPAIGNS] for place in range(len(messages))]
    yield f"  {_CAMPAIGNS} texts again and again", micros(rules, fresh, few), None
    yield "of it: what rules look at", micros(rules.prepare, fresh, messages), None
    idle = micros(_nothing, fresh, messages)
    for name, call in _steps(world):
        yield f"    {name}", micros(call, prepared, messages) - idle, None
    yield "of it: the rules themselves", micros(rules.judge, prepared, messages) - idle, None
    for number, rule_id in dict.fromkeys(
        (rule.number, rule.rule_id) for places in rules.places for _, _, of_place in places for rule in of_place
    ):
        checks = [_checks(places, number, rule_id) for places in rules.places]
        asked = micros(partial(_ask_own, checks), prepared, messages)
        none = micros(lambda draft: _ask((), draft), prepared, messages)
        yield f"    {number:2} {rule_id}", asked - none, None


def _steps(world: World) -> Iterable[tuple[str, Callable[[Draft], object]]]:
    """Those of prepare, each by itself."""
    rules, templates = world.rules, world.registers.templates
    folded = [fold_kept(f"【{name}】") for name in world.names]
    chars = max(map(len, folded))

    def body(draft: Draft) -> object:
        plain = draft.plain[draft.plain.index("]", 0, chars) + 1 :]
        return templates.match("shop", draft.text[draft.body_start : draft.body_end], TODAY, plain)

    yield "route", lambda draft: rules.route(Draft("shop", 2, "", draft.recipient, "", 1, draft.at_ms))
    yield "signature", SignatureFinder(world.parts)
    yield "plain text", lambda draft: fold_kept(draft.text)
    yield "template", body
    yield "class", classifier(world.parts)


def _checks(places: Iterable[Place], number: int, rule_id: str) -> tuple[Check, ...]:
    return tuple(
        rule.check for _, _, rules in places for rule in rules if (rule.number, rule.rule_id) == (number, rule_id)
    )


def _ask_own(checks: Sequence[tuple[Check, ...]], draft: Draft) -> None:
    _ask(checks[draft.message_class], draft)


def _ask(checks: tuple[Check, ...], draft: Draft) -> None:
    for check in checks:
        check(draft)


def _rows(rules: Rules, draft: Draft) -> object:
    found = rules.cap_rows(draft)
    return found and found.script_rows(draft.at_ms)


def _small(world: World) -> Iterable[_Line]:
    """Parts by themselves."""
    rules = world.rules
    message = next(iter(world.messages(1)))
    draft = world.draft(message)
    rules(draft)
    at_ms, text = world.at_ms, message.text
    night = ms("2026-11-18 22:30")
    large = World(routes=10_000).rules
    bucket = TokenBucket(1e9)
    cases: tuple[tuple[str, float | None, Callable[[], object]], ...] = (
        ("a draft alone", None, lambda: world.draft(message)),
        ("find a route among 100", 1.0, lambda: rules.route(Draft("shop", 2, "", draft.recipient, "", 1, at_ms))),
        ("find a route among 10,000", 1.0, lambda: large.route(Draft("shop", 2, "", draft.recipient, "", 1, at_ms))),
        ("cap rows, remembered", 1.0, lambda: _rows(rules, draft)),
        ("hash of the content", 1.0, lambda: content_hash(draft.plain)),
        ("judge again, nothing wrong", 1.0, lambda: rules.judge_again(
            MARKETING, at_ms, draft.recipient, draft.signature, "t1@1", "", ("alpha",))),
        ("judge again, at night", None, lambda: rules.judge_again(
            MARKETING, night, draft.recipient, draft.signature, "t1@1", "", ("alpha",))),
        (f"normalise, {len(text)} characters", None, lambda: normalise(text)),
        ("E.164", 1.0, lambda: to_e164("13912345678")),
        ("take from a bucket", 0.5, lambda: bucket.take(1, 0.0)),
    )  # fmt: skip
    for name, budget, call in cases:
        yield name, min(timeit.repeat(call, number=_CALLS, repeat=_RUNS)) / _CALLS * 1e6, budget


def main() -> int:
    """Print a line for each part."""
    world = World()
    messages = list(world.messages(_MESSAGES))
    chars = sum(len(message.text) for message in messages) / len(messages)
    print(
        f"{len(messages):,} distinct messages of {chars:.0f} characters; {WORDS:,} words, {TEMPLATES:,} templates, "
        f"{SIGNATURES:,} signatures, {CONTACTS:,} contacts"
    )
    print("rules are compiled" if IS_COMPILED else f"rules run as Python: {WHY_NOT}")
    over = 0
    for name, micros, budget in (*_whole(world, messages), *_small(world)):
        verdict = "" if budget is None else f"  (budget {budget:.1f}){'  OVER' if micros > budget else ''}"
        over += bool(budget is not None and micros > budget)
        print(f"{micros:8.2f} µs  {name}{verdict}", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
