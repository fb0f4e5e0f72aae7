"""The states of registered documents: every step of the table, and that nobody looks with only two eyes."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.policy.approvals import (
    STEPS,
    OtherEyesNeeded,
    changed,
    drafted,
    missing_reviews,
    next_actions,
    noted,
    step_of,
    transition,
)
from smsgw.policy.entries import KINDS

ROLES = {"department", "market", "legal", "technical", "management", "compliance", "engineer"}


def walk(kind: Any, *steps: tuple[str, str], author: str = "author") -> dict[str, Any]:
    """A draft of ``author`` after steps ``(action, who)``."""
    document = drafted({"x": 1}, author, 1, "why")
    for at_ms, (action, who) in enumerate(steps, 2):
        document = transition(kind, document, action, who, at_ms, "note")
    return document


TEMPLATE = (("approve-department", "ann"), ("approve-market", "bob"), ("activate", "bob"))
CHANNEL = (
    ("review-legal", "ann"), ("review-market", "bob"), ("review-technical", "cai"), ("approve", "dan"),
    ("activate", "eva"),
)  # fmt: skip


def test_the_table_is_sound() -> None:
    for kind, steps in STEPS.items():
        assert kind in KINDS
        assert len({step.action for step in steps}) == len(steps)
        for step in steps:
            assert step.before
            assert step.after not in step.before
            assert set(step.roles) <= ROLES
            assert step.roles
            assert set(step.together) <= {each.action for each in steps}


def test_a_template_on_its_way() -> None:
    states = [walk("template", *TEMPLATE[:count])["state"] for count in range(4)]
    assert states == ["draft", "department-approved", "market-approved", "active"]
    document = walk("template", *TEMPLATE, ("suspend", "eva"), ("resume", "bob"), ("expire", "eva"))
    assert document["state"] == "expired"
    assert [(row["action"], row["who"], row["at_ms"], row["note"]) for row in document["history"][:2]] == [
        ("draft", "author", 1, "why"),
        ("approve-department", "ann", 2, "note"),
    ]
    assert document["x"] == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_a_channel_is_reviewed_in_any_order(order: tuple[int, ...]) -> None:
    document = walk("channel", *(CHANNEL[place] for place in order[:2]))
    assert document["state"] == "draft"
    assert missing_reviews("channel", document) == [CHANNEL[order[2]][0]]
    document = transition("channel", document, *CHANNEL[order[2]], 9)
    assert document["state"] == "reviewed"
    assert missing_reviews("channel", document) == []
    document = transition("channel", document, "approve", "dan", 10)
    assert document["state"] == "approved"
    assert transition("channel", document, "activate", "ann", 11)["state"] == "active"


@pytest.mark.parametrize(
    ("kind", "before", "action", "who", "why"),
    [
        ("template", (), "approve-department", "author", "author wrote it"),
        ("template", (), "approve-department", " AUTHOR ", "wrote it"),
        ("template", TEMPLATE[:1], "approve-market", "ann", "ann has done approve-department"),
        ("template", TEMPLATE[:1], "approve-market", "Ann", "has done approve-department"),
        ("template", TEMPLATE[:1], "approve-market", "author", "author wrote it"),
        ("channel", (), "review-legal", "author", "author wrote it"),
        ("channel", CHANNEL[:1], "review-market", "ann", "ann has done review-legal"),
        ("channel", CHANNEL[:3], "approve", "cai", "cai has done review-technical"),
        ("channel", CHANNEL[:3], "approve", "author", "author wrote it"),
    ],
)
def test_it_takes_other_eyes(kind: Any, before: tuple[tuple[str, str], ...], action: str, who: str, why: str) -> None:
    with pytest.raises(OtherEyesNeeded, match=why):
        transition(kind, walk(kind, *before), action, who, 9)


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_every_step_from_every_state(kind: Any) -> None:
    """A step is taken from the states of the table and from no other."""
    states = {state for step in STEPS[kind] for state in (*step.before, step.after)}
    for step in STEPS[kind]:
        for state in states:
            document = {"state": state, "author": "author", "history": []}
            if state in step.before:
                after = transition(kind, document, step.action, "ann", 5)
                assert after["state"] == (state if step.together else step.after)
                assert after["history"][-1] == {"action": step.action, "who": "ann", "at_ms": 5, "note": ""}
                assert document["history"] == [], "the old document stays as it was"
            else:
                with pytest.raises(ValueError, match=f"it is {state}; {step.action} is for"):
                    transition(kind, document, step.action, "ann", 5)


def test_what_was_reviewed_and_then_changed_is_reviewed_again() -> None:
    document = changed(walk("channel", *CHANNEL[:2]), "fay", 8, "another licence")
    assert missing_reviews("channel", document) == ["review-market", "review-legal", "review-technical"]
    with pytest.raises(OtherEyesNeeded, match="fay wrote it"):
        transition("channel", document, "review-market", "fay", 9)
    with pytest.raises(OtherEyesNeeded, match="author wrote it"):
        transition("channel", document, "review-market", "author", 9)
    for at_ms, (action, who) in enumerate(CHANNEL[:3], 9):
        document = transition("channel", document, action, who, at_ms)
    assert document["state"] == "reviewed"
    with pytest.raises(ValueError, match="only a draft can be changed"):
        changed(document, "fay", 20)


def test_a_review_is_done_once() -> None:
    with pytest.raises(ValueError, match="ann has done review-legal already"):
        transition("channel", walk("channel", CHANNEL[0]), "review-legal", "bob", 9)


def test_a_channel_that_is_applied_for_again() -> None:
    document = walk("channel", *CHANNEL, ("expire", "eva"), ("reopen", "gil"))
    assert document["state"] == "draft"
    assert len(missing_reviews("channel", document)) == 3
    with pytest.raises(OtherEyesNeeded, match="gil wrote it"):
        transition("channel", document, "review-legal", "gil", 9)
    assert transition("channel", document, "review-legal", "ann", 9)["state"] == "draft"


def test_next_actions_leave_out_what_is_done() -> None:
    assert next_actions("channel", walk("channel", *CHANNEL[:1])) == ["review-market", "review-technical", "reject"]
    assert next_actions("template", walk("template", TEMPLATE[0])) == ["approve-market", "reject", "supersede"]
    assert next_actions("pause", {}) == []


def test_a_step_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="a template has no step 'bless'; there are approve-department, "):
        step_of("template", "bless")
    with pytest.raises(ValueError, match="a pause has no step"):
        transition("pause", {}, "suspend", "ann", 1)


def test_a_note_changes_no_state() -> None:
    assert noted({"state": "active"}, "change", " ann ", 3, "n") == {
        "state": "active",
        "history": [{"action": "change", "who": "ann", "at_ms": 3, "note": "n"}],
    }


@pytest.mark.parametrize("same", ["Author", " author ", "ａｕｔｈｏｒ", "au thor", "AUTHOR\u3000"])
def test_a_name_written_another_way_is_the_same_person(same: str) -> None:
    with pytest.raises(OtherEyesNeeded, match="wrote it"):
        walk("template", ("approve-department", same))
