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

from rule_world import CONTACTS, MARKETING, SIGNATURES, TEMPLATES, WORDS, Message, World, ms

from smsgw.policy.caps import content_hash
from smsgw.policy.classify import classifier
from smsgw.policy.model import CLASS_LABELS, Draft, Rule
from smsgw.policy.numbers import to_e164
from smsgw.policy.pipeline import Rules
from smsgw.policy.shaping import TokenBucket
from smsgw.policy.signature import SignatureFinder
from smsgw.policy.text import fold_kept, normalise

BUDGET_MICROS = 12.0
_MESSAGES = 10_000
_CAMPAIGNS = 10
_PASSES = 9
_RUNS = 5
_CALLS = 20_000
TODAY = "2026-11-18"
_Line = tuple[str, float, float | None]


def _micros(call: Callable[[Draft], object], drafts: Callable[[], Sequence[Draft]], passes: int = _PASSES) -> float:
    """CPU of a call with each draft, best of several passes; the drafts are made anew for each, outside of the time."""
    best = float("inf")
    for _ in range(passes):
        made = drafts()
        gc.collect()
        gc.disable()  # the gateway freezes what it keeps, and drafts are in no cycle
        started = time.process_time()
        for draft in made:
            call(draft)
        best = min(best, (time.process_time() - started) / len(made))
        gc.enable()
    return best * 1e6


def _whole(world: World, messages: Sequence[Message]) -> Iterable[_Line]:
    """All rules, from the draft to the verdict."""
    rules = world.rules
    outcomes = Counter(str(rules(world.draft(message))) for message in messages)
    assert set(outcomes) == {"None"}, outcomes.most_common(3)

    def fresh(chosen: Sequence[Message]) -> Callable[[], list[Draft]]:
        # Texts are copied, so that nothing that Python keeps with a string (hash, UTF-8) is there yet.
        return lambda: [world.draft(Message(m.message_class, m.text[:1] + m.text[1:], m.recipient)) for m in chosen]

    yield "all rules, distinct texts of all classes", _micros(rules, fresh(messages)), BUDGET_MICROS
    for message_class, label in enumerate(CLASS_LABELS):
        mine = [message for message in messages if message.message_class == message_class]
        yield f"  {label}", _micros(rules, fresh(mine)), None
    few = [messages[place % _CAMPAIGNS] for place in range(len(messages))]
    yield f"  {_CAMPAIGNS} texts again and again", _micros(rules, fresh(few)), None
    yield "of it: what rules look at", _micros(rules.prepare, fresh(messages)), None
    for name, micros in _found(world, fresh(messages)):
        yield f"    {name}", micros, None
    prepared = fresh(messages)()
    for draft in prepared:
        rules.prepare(draft)
    idle = _micros(lambda draft: None, lambda: prepared)
    yield "of it: the rules themselves", _micros(rules.judge, lambda: prepared) - idle, None
    for number, place in enumerate(rules.places[MARKETING]):
        for rule in place[2]:
            yield f"    {rule.number:2} {rule.rule_id}", _one(world, rule, number, prepared) - idle, None


def _found(world: World, fresh: Callable[[], list[Draft]]) -> Iterable[tuple[str, float]]:
    """The steps of prepare, each by itself."""
    rules, templates = world.rules, world.registers.templates
    prepared = fresh()
    bodies: dict[int, tuple[str, str]] = {}
    for draft in prepared:
        rules.prepare(draft)
        body = draft.text[draft.body_start : draft.body_end]
        bodies[id(draft)] = body, fold_kept(body)

    steps: tuple[tuple[str, Callable[[Draft], object], Callable[[], Sequence[Draft]]], ...] = (
        ("route", rules.route, fresh),
        ("signature", SignatureFinder(world.parts), lambda: prepared),
        ("plain text", lambda draft: fold_kept(draft.text), fresh),
        (
            "template",
            lambda draft: templates.match("shop", bodies[id(draft)][0], TODAY, bodies[id(draft)][1]),
            lambda: prepared,
        ),
        ("class", classifier(world.parts), lambda: prepared),
    )
    for name, call, drafts in steps:
        yield name, _micros(call, drafts) - _micros(lambda draft: None, drafts)


def _one(world: World, rule: Rule, place: int, prepared: Sequence[Draft]) -> float:
    """One rule, asked of the messages of its class."""
    checks: list[dict[str, Callable[[Draft], object]]] = [
        {each.rule_id + str(each.number): each.check for each in places[place][2]} for places in world.rules.places
    ]
    key = rule.rule_id + str(rule.number)
    asked = [(checks[draft.message_class].get(key), draft) for draft in prepared]
    best = float("inf")
    for _ in range(_PASSES):
        started = time.process_time()
        for check, draft in asked:
            if check is not None:
                check(draft)
        best = min(best, (time.process_time() - started) / len(asked))
    return best * 1e6


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
    over = 0
    for name, micros, budget in (*_whole(world, messages), *_small(world)):
        verdict = "" if budget is None else f"  (budget {budget:.1f}){'  OVER' if micros > budget else ''}"
        over += bool(budget is not None and micros > budget)
        print(f"{micros:8.2f} µs  {name}{verdict}", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
