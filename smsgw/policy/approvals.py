"""The states that a registered document passes through, and who may move it: the four-eyes rule.

Owns: one table of all steps, ``STEPS``. A *review* leaves the state until all reviews of the table's ``REVIEWS`` are
there. Whoever wrote a document (its ``author``, and whoever changed it since) reviews none of it, and nobody reviews
twice; names are compared without case, width and spaces. A change of a draft undoes its reviews.
Every step is a row of the document's ``history``: action, who, at_ms, note. Pure: documents go in, new ones come out.
Templates come in versions: a new version is a document of its own, and activating it supersedes the one before.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from smsgw.policy.entries import Document, Kind

DRAFT: Final = "draft"
ACTIVE: Final = "active"
SUPERSEDED: Final = "superseded"


@dataclass(frozen=True, slots=True)
class Step:
    """``action`` takes a document from one of ``before`` to ``after``, by a person with one of ``roles``.

    ``review``: it counts as a look by other eyes, so the author and earlier reviewers may not take it. Where several
    reviews lead to ``after`` together (``together``), the last of them does.
    """

    action: str
    before: tuple[str, ...]
    after: str
    roles: tuple[str, ...]
    review: bool = False
    together: tuple[str, ...] = ()


class OtherEyesNeeded(ValueError):
    """The step may be taken, but not by this person: they wrote it, or have looked at it already."""


_LIVE: Final = (ACTIVE, "suspended")
_OPEN: Final = (DRAFT, "department-approved", "market-approved")
_WRITES: Final = ("draft", "change", "reopen")
"""Rows of a history after which all reviews are done anew, by others."""
_REVIEWS: Final = ("review-market", "review-legal", "review-technical")
_SIMPLE: Final = (
    Step("suspend", (ACTIVE,), "suspended", ("market", "compliance", "engineer")),
    Step("resume", ("suspended",), ACTIVE, ("market", "compliance")),
    Step("expire", _LIVE, "expired", ("market", "compliance")),
)

STEPS: Final[dict[Kind, tuple[Step, ...]]] = {
    "template": (
        Step("approve-department", (DRAFT,), "department-approved", ("department",), review=True),
        Step("approve-market", ("department-approved",), "market-approved", ("market",), review=True),
        Step("reject", _OPEN, "rejected", ("department", "market")),
        Step("activate", ("market-approved",), ACTIVE, ("market", "engineer")),
        Step("supersede", (*_OPEN, *_LIVE), SUPERSEDED, ("department", "market", "engineer")),
        *_SIMPLE,
    ),
    "channel": (
        Step("review-market", (DRAFT,), "reviewed", ("market",), review=True, together=_REVIEWS),
        Step("review-legal", (DRAFT,), "reviewed", ("legal",), review=True, together=_REVIEWS),
        Step("review-technical", (DRAFT,), "reviewed", ("technical",), review=True, together=_REVIEWS),
        Step("approve", ("reviewed",), "approved", ("management",), review=True),
        Step("reject", (DRAFT, "reviewed", "approved"), "rejected", ("market", "legal", "technical", "management")),
        Step("activate", ("approved",), ACTIVE, ("management", "engineer")),
        Step("suspend", (ACTIVE,), "suspended", ("management", "compliance", "engineer")),
        Step("resume", ("suspended",), ACTIVE, ("management",)),
        Step("expire", _LIVE, "expired", ("management", "compliance", "engineer")),
        # Begin anew: an ended or refused approval is applied for again, with all its reviews.
        Step("reopen", ("rejected", "expired", "suspended"), DRAFT, ("department", "market", "engineer")),
    ),
    "signature": (
        Step("activate", (DRAFT,), ACTIVE, ("market", "compliance")),
        *_SIMPLE,
    ),
    "contact": _SIMPLE,
    "campaign": _SIMPLE,
}
"""Every step of every kind that has states."""


def step_of(kind: Kind, action: str) -> Step:
    """The step that an action is. Raises ValueError that names those there are."""
    steps = STEPS.get(kind, ())
    for step in steps:
        if step.action == action:
            return step
    raise ValueError(f"a {kind} has no step {action!r}; there are {', '.join(step.action for step in steps)}")


def states_of(kind: Kind) -> tuple[str, ...]:
    """Every state that a kind of document may be in."""
    steps = STEPS.get(kind, ())
    return tuple(dict.fromkeys(state for step in steps for state in (*step.before, step.after)))


def drafted(document: Document, author: str, at_ms: int, note: str = "") -> dict[str, Any]:
    """A new document as a draft of ``author``."""
    row = _row("draft", author, at_ms, note)
    return {**document, "state": DRAFT, "author": author, "history": [row]}


def changed(document: Document, who: str, at_ms: int, note: str = "") -> dict[str, Any]:
    """A draft whose content was changed by ``who``: what was reviewed is reviewed again, and not by them.

    Raises ValueError when it is no draft any more.
    """
    if document.get("state") != DRAFT:
        raise ValueError(f"it is {document.get('state')}; only a draft can be changed")
    return {**document, "history": [*document.get("history", ()), _row("change", who, at_ms, note)]}


def noted(document: Document, action: str, who: str, at_ms: int, note: str = "") -> dict[str, Any]:
    """The document with a row in its history, in the state that it is in."""
    return {**document, "history": [*document.get("history", ()), _row(action, who, at_ms, note)]}


def transition(kind: Kind, document: Document, action: str, who: str, at_ms: int, note: str = "") -> dict[str, Any]:
    """The document after a step. Raises ValueError with a sentence when it can't be taken, or not by this person."""
    step = step_of(kind, action)
    state = document.get("state", DRAFT)
    if state not in step.before:
        raise ValueError(f"it is {state}; {action} is for {' or '.join(step.before)}")
    history = list(document.get("history", ()))
    if step.review:
        _look_with_other_eyes(document, history, action, who)
    history.append(_row(action, who, at_ms, note))
    missing = [each for each in step.together if each not in _reviews(kind, history)]
    return {**document, "state": state if missing else step.after, "history": history}


def missing_reviews(kind: Kind, document: Document) -> list[str]:
    """The reviews that a draft still waits for, for people to see."""
    if document.get("state", DRAFT) != DRAFT:
        return []
    wanted = [step.action for step in STEPS.get(kind, ()) if step.review and DRAFT in step.before]
    return [action for action in wanted if action not in _reviews(kind, list(document.get("history", ())))]


def next_actions(kind: Kind, document: Document) -> list[str]:
    """The steps that may be taken from the document's state, by somebody."""
    state = document.get("state", DRAFT)
    return [
        step.action
        for step in STEPS.get(kind, ())
        if state in step.before
        and not (step.together and step.action in _reviews(kind, list(document.get("history", ()))))
    ]


def _look_with_other_eyes(document: Document, history: list[Document], action: str, who: str) -> None:
    me = _same(who)
    writers = {_same(row["who"]) for row in history if row["action"] in _WRITES}
    if me in writers | {_same(str(document.get("author", "")))}:
        raise OtherEyesNeeded(f"{who} wrote it; {action} needs somebody else")
    for row in _since_last_change(history):
        if row["action"] == action:
            raise ValueError(f"{row['who']} has done {action} already")
        if _same(row["who"]) == me and row["action"] not in _WRITES:
            raise OtherEyesNeeded(f"{who} has done {row['action']}; {action} needs somebody else")


def _reviews(kind: Kind, history: list[Document]) -> set[str]:
    names = {step.action for step in STEPS.get(kind, ()) if step.review}
    return {row["action"] for row in _since_last_change(history) if row["action"] in names}


def _since_last_change(history: list[Document]) -> list[Document]:
    """The rows behind the last change of content: only these reviews saw what there is now."""
    for place in range(len(history) - 1, -1, -1):
        if history[place]["action"] in _WRITES:
            return history[place:]
    return history


def _same(who: str) -> str:
    return "".join(unicodedata.normalize("NFKC", who).casefold().split())


def _row(action: str, who: str, at_ms: int, note: str) -> dict[str, Any]:
    return {"action": action, "who": who.strip(), "at_ms": at_ms, "note": note}
