"""What a check is, and what it finds. The table of all of them is in ``checks``.

A check is a coroutine over an ``Exam``, made by ``@check``. Its docstring says what it does, and is shown to people.
It returns an ``Outcome``; ``NotSeen`` raised by the exam becomes one.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.conformance.exam import Exam


class Verdict(StrEnum):
    """Of one check. A warning is not wrong, but a carrier or an operator may come to regret it."""

    PASS = "pass"
    WARNING = "warning"
    FAIL = "fail"
    NOT_SEEN = "not seen"


class NotSeen(Exception):
    """The application did not do what had to be looked at; the text says what was missing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict and what was seen, in words."""

    verdict: Verdict
    seen: str


Run = Callable[["Exam"], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that an application must do right."""

    id: str
    title: str
    #: Where it is written, or who asks for it.
    why: str
    #: What to change in an application that does not pass.
    mend: str
    #: What is done and looked at.
    about: str
    run: Run


def check(id: str, title: str, why: str, mend: str) -> Callable[[Run], Check]:
    """Make a coroutine a check."""

    def made(run: Run) -> Check:
        return Check(id, title, why, mend, " ".join((inspect.getdoc(run) or "").split()), run)

    return made


def passed(seen: str) -> Outcome:
    """It did right."""
    return Outcome(Verdict.PASS, seen)


def warned(seen: str) -> Outcome:
    """It may be regretted."""
    return Outcome(Verdict.WARNING, seen)


def failed(seen: str) -> Outcome:
    """It did wrong."""
    return Outcome(Verdict.FAIL, seen)


def not_seen(seen: str) -> Outcome:
    """There was nothing to judge."""
    return Outcome(Verdict.NOT_SEEN, seen)
