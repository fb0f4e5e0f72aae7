"""One alarm, from look to look: when it begins to ring and ends, who is told, and that neither is forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.alarms.judging import judge
from smsgw.policy.alarms.kinds import KINDS, OF_RECORDS
from smsgw.policy.alarms.rules import Rule, Rules
from smsgw.policy.alarms.standing import (
    FIRING,
    PENDING,
    RESOLVED,
    Reading,
    Standing,
    is_covered,
    step,
)
from smsgw.policy.alarms.telling import Listener, Silence, heard, news_for, silence_of, without_strangers
from smsgw.policy.profile import TimeRange

LABELS = (("carrier", "alpha"),)
#: Bad above 10, over at 5 or below; for a minute, over after two.
RULE = replace(Rule.of(KINDS["receipts_overdue"]), threshold=10.0, clear=5.0, for_s=60.0, clear_for_s=120.0)
WIRE = Listener("wire")
NOON = 720


def run(rule: Rule, values: list[tuple[int, float | None]], before: Standing | None = None) -> list[Standing | None]:
    """The alarm after each (seconds, value); None: nothing was seen."""
    found = []
    for at_s, value in values:
        reading = None if value is None else Reading(LABELS, value)
        before = step(before, reading, rule, at_s * 1000, LABELS)
        found.append(before)
    return found


def states(found: list[Standing | None]) -> list[str]:
    return [each.state if each is not None else "" for each in found]


def test_it_rings_after_its_time_and_ends_after_its_other_time() -> None:
    found = run(RULE, [(0, 11), (59, 12), (60, 13), (61, 7), (62, 5), (181, 4), (182, 5)])
    assert states(found) == [PENDING, PENDING, FIRING, FIRING, FIRING, FIRING, RESOLVED]
    fired = found[2]
    assert fired is not None
    assert (fired.bad_ms, fired.fired_ms, fired.value, fired.threshold) == (0, 60_000, 13, 10)


def test_a_short_time_of_bad_is_nothing() -> None:
    assert states(run(RULE, [(0, 11), (59, 10), (60, 11), (119, 11), (120, 11)])) == [
        PENDING,
        "",
        PENDING,
        PENDING,
        FIRING,
    ]


def test_between_threshold_and_clear_it_neither_begins_nor_ends() -> None:
    assert states(run(RULE, [(0, 7)])) == [""]
    found = run(RULE, [(0, 11), (60, 11), (61, 5), (120, 7), (121, 5), (240, 5), (241, 5)])
    assert states(found)[-3:] == [FIRING, FIRING, RESOLVED]


def test_nothing_seen_is_good() -> None:
    assert states(run(RULE, [(0, 11), (60, 11), (61, None), (181, None)])) == [PENDING, FIRING, FIRING, RESOLVED]


def test_what_does_not_count_keeps_but_never_begins() -> None:
    still = Reading(LABELS, 50, counts=False)
    assert step(None, still, RULE, 0, LABELS) is None
    (_, fired) = run(RULE, [(0, 11), (60, 11)])
    kept = step(fired, still, RULE, 61_000, LABELS)
    assert kept is not None
    assert kept.state == FIRING


def test_a_rule_without_time_rings_at_once() -> None:
    assert states(run(replace(RULE, for_s=0.0, clear_for_s=0.0), [(0, 11), (1, 5)])) == [FIRING, RESOLVED]


def test_a_rule_that_is_switched_off_ends_its_alarm() -> None:
    (_, fired) = run(RULE, [(0, 11), (60, 11)])
    off = replace(RULE, enabled=False, clear_for_s=0.0)
    ended = step(fired, Reading(LABELS, 99), off, 61_000, LABELS)
    assert ended is not None
    assert ended.state == RESOLVED


@given(
    st.lists(st.tuples(st.integers(0, 90), st.one_of(st.none(), st.integers(0, 20))), max_size=60),
    st.integers(0, 200), st.integers(0, 200),
)  # fmt: skip
def test_a_change_of_state_always_has_its_reason(looks: list[tuple[int, int | None]], for_s: int, clear_s: int) -> None:
    """Against what was seen: firing begins only after for_s of bad without a break, ends after clear_s of good."""
    rule = replace(RULE, for_s=float(for_s), clear_for_s=float(clear_s))
    at_s, before = 0, None
    history: list[tuple[int, int | None]] = []
    for passed_s, value in looks:
        at_s += passed_s
        history.append((at_s, value))
        now = step(before, None if value is None else Reading(LABELS, value), rule, at_s * 1000, LABELS)
        was, new = before.state if before else "", now.state if now else ""
        bad = [each is not None and each > 10 for _, each in history]
        good = [each is None or each <= 5 for _, each in history]
        if new == FIRING and was != FIRING:
            assert at_s - since(history, bad) >= for_s
        if was == FIRING and new != FIRING:
            assert new == RESOLVED
            assert at_s - since(history, good) >= clear_s
        if new in (PENDING, FIRING) and was in ("", RESOLVED):
            assert bad[-1]
        if was == FIRING and new == FIRING and clear_s:
            # Had it been good for so long it were over.
            assert not good[-1] or at_s - since(history, good, after=first(history, bad)) < clear_s
        before = now


def since(history: list[tuple[int, int | None]], holds: list[bool], after: int = 0) -> int:
    """Since when it has held without a break."""
    index = len(holds)
    while index > after and holds[index - 1]:
        index -= 1
    return history[index][0] if index < len(history) else history[-1][0]


def first(history: list[tuple[int, int | None]], bad: list[bool]) -> int:
    return len(bad) - 1 - bad[::-1].index(True) if True in bad else 0


# --- telling


def fired(**changes: object) -> Standing:
    made = Standing("receipts_overdue", LABELS, FIRING, 0, 11, 10, fired_ms=60_000)
    return replace(made, **changes)  # type: ignore[arg-type]


def told(standing: Standing, now_s: int, rule: Rule = RULE, listener: Listener = WIRE, minute: int = NOON) -> str:
    return news_for(listener, standing, rule, now_s * 1000, minute, is_silent=False)


def test_it_is_told_once_repeated_and_ended() -> None:
    rule = replace(RULE, repeat_s=3600.0)
    assert told(fired(), 60, rule) == "firing"
    after = heard(fired(), "wire", "firing", 60_000)
    assert told(after, 61, rule) == ""
    assert told(after, 3659, rule) == ""
    assert told(after, 3660, rule) == "again"
    assert told(replace(after, acked_by="amy"), 3660, rule) == ""
    over = replace(after, state=RESOLVED)
    assert told(over, 3661, rule) == "resolved"
    assert heard(over, "wire", "resolved", 3_661_000).told == {}


def test_an_end_is_told_only_to_whoever_knew() -> None:
    assert told(fired(state=RESOLVED), 61) == ""
    assert told(fired(state=RESOLVED, told={"mail": 1}), 61) == ""


def test_who_does_not_hear_of_it_is_not_told() -> None:
    assert told(fired(), 60, listener=Listener("wire", floor="page")) == ""
    assert told(fired(), 60, replace(RULE, severity="page"), Listener("wire", floor="page")) == "firing"
    assert told(fired(), 60, replace(RULE, channels=frozenset(("mail",)))) == ""
    assert told(fired(), 60, replace(RULE, channels=frozenset(("wire",)))) == "firing"


def test_in_quiet_hours_only_what_wakes_people_is_told() -> None:
    night = Listener("wire", quiet=(TimeRange.parse("22:00-07:00"),))
    assert [told(fired(), 60, listener=night, minute=minute) for minute in (0, 419, 420, 1319, 1320)] == [
        "", "", "firing", "firing", ""
    ]  # fmt: skip
    assert told(fired(), 60, replace(RULE, severity="page"), night, minute=0) == "firing"
    over = fired(state=RESOLVED, told={"wire": 1})
    assert told(over, 60, listener=night, minute=0) == ""
    assert told(over, 60, listener=night, minute=420) == "resolved"


def test_a_silence_covers_what_it_names_until_its_end() -> None:
    silence = Silence("1", "", (("carrier", "al*"),), 100_000, "works", "amy", 0)
    assert silence_of(fired(), [silence], 99_999) is silence
    assert silence_of(fired(), [silence], 100_000) is None
    assert silence_of(fired(), [replace(silence, kind="complaints")], 1) is None
    assert silence_of(fired(labels=(("carrier", "beta"),)), [silence], 1) is None
    assert silence_of(fired(labels=()), [silence], 1) is None
    longer = replace(silence, id="2", until_ms=200_000)
    assert silence_of(fired(), [silence, longer], 1) is longer
    assert news_for(WIRE, fired(), RULE, 60_000, NOON, is_silent=True) == ""


def test_a_channel_that_is_gone_is_forgotten() -> None:
    both = fired(told={"wire": 1, "mail": 2})
    assert without_strangers(both, {"wire": WIRE}).told == {"wire": 1}


def test_a_wider_alarm_covers_a_narrower_one_of_its_kind() -> None:
    whole = fired(kind="delivery_low")
    part = fired(kind="delivery_low", labels=(*LABELS, ("province", "广东")))
    firing = {(whole.kind, whole.labels): whole, (part.kind, part.labels): part}
    assert is_covered(part, firing)
    assert not is_covered(whole, firing)
    assert not is_covered(replace(part, kind="complaints"), firing)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 20), st.booleans()), max_size=60))
def test_a_channel_hears_of_beginnings_and_ends_in_turn(looks: list[tuple[int, int, bool]]) -> None:
    """Whatever fails in between (False: it could not be told), and whoever decides: the state is all there is."""
    at_s, before, heard_of = 0, None, []
    for passed_s, value, arrives in looks:
        at_s += passed_s
        before = step(before, Reading(LABELS, value), replace(RULE, repeat_s=0.0), at_s * 1000, LABELS)
        if before is None:
            continue
        news = news_for(WIRE, before, replace(RULE, repeat_s=0.0), at_s * 1000, NOON, is_silent=False)
        if news and arrives:
            heard_of.append(news)
            before = heard(before, "wire", news, at_s * 1000)
    assert heard_of == ["firing", "resolved"] * (len(heard_of) // 2) + ["firing"] * (len(heard_of) % 2)


# --- all of them


def test_what_nobody_could_read_stays_as_it_was() -> None:
    before = {"receipts_overdue carrier=alpha": fired()}
    assert judge(Rules(), {}, before, 10_000_000) == before
    assert judge(Rules(), {("receipts_overdue", 0.0): None}, before, 10_000_000) == before
    after = judge(Rules(), {("receipts_overdue", 0.0): []}, before, 10_000_000)
    assert [each.good_ms for each in after.values()] == [10_000_000]


def test_each_reading_meets_the_rule_of_its_labels_and_window() -> None:
    kind = KINDS["unsubscribe_rate"]
    one = replace(Rule.of(kind), only=(("template", "t1"),), threshold=0.5, window_s=60.0, minimum=10)
    rules = Rules([one])
    t1, t2 = ((("account", "shop"), ("template", name)) for name in ("t1", "t2"))
    day = [Reading(t1, 0.9, 1000), Reading(t2, 0.9, 1000)]
    found = judge(rules, {(kind.name, kind.window_s): day, (kind.name, 60.0): [Reading(t1, 0.4, 10)]}, {}, 0)
    assert [each.labels for each in found.values()] == [t2]
    found = judge(rules, {(kind.name, kind.window_s): day, (kind.name, 60.0): [Reading(t1, 0.6, 10)]}, {}, 0)
    assert {each.labels: each.threshold for each in found.values()} == {t1: 0.5, t2: 0.03}
    too_few = judge(rules, {(kind.name, kind.window_s): [], (kind.name, 60.0): [Reading(t1, 0.6, 9)]}, {}, 0)
    assert too_few == {}


def test_the_first_of_the_file_that_fits_counts() -> None:
    kind = KINDS["complaints"]
    wide = replace(Rule.of(kind), only=(("account", "*"),), threshold=1.0)
    narrow = replace(Rule.of(kind), only=(("account", "shop"),), threshold=2.0)
    base = replace(Rule.of(kind), threshold=3.0)
    shop = (("account", "shop"),)
    assert Rules([base, narrow, wide]).find("complaints", shop).threshold == 2
    assert Rules([base, wide, narrow]).find("complaints", shop).threshold == 1
    assert Rules([narrow, base]).find("complaints", (("account", "else"),)).threshold == 3


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_defaults_make_sense(kind: object) -> None:
    found = KINDS[kind.name]  # type: ignore[attr-defined]
    rule = Rule.of(found)
    assert not rule.is_bad(rule.clear)
    assert rule.is_good(rule.clear)
    assert not rule.is_bad(rule.threshold)
    assert (found.window_s > 0) == (found.name in OF_RECORDS | {"sending_slow", "queue_growing"})
