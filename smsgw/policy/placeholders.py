"""One template's text with its ``{placeholders}``: parsed, and compared with a text.

Owns: what a variable may hold by its kind and bounds, and whether a text is a template filled in. Never chooses among
templates, see ``templates``. A variable holds no line end and no 【】, whatever its kind, and no part of a link but
letters and digits of its path.
Time is bounded for any template and any text, for there is no backtracking: first each variable is taken as short as
its literal allows, which is right nearly always; if that fails, all places that a variable may end at are carried from
literal to literal as one sorted list, which costs (variables × characters) at most.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

from smsgw.policy.domains import HAN as HAN_DOMAINS
from smsgw.policy.entries import Variable, VariableKind
from smsgw.policy.links import link_spans
from smsgw.policy.native import IS_COMPILED, flags, scan
from smsgw.policy.text import fold_kept, normalise

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_NAME: Final = re.compile(r"\w{1,32}")
_APART: Final = re.compile("[\n\v\f\r\x1c-\x1e\x85\u2028\u2029【】]")
_MAX_CHARS: Final = 500
_WRITTEN_CHARS: Final = 24
"""No amount, date or time is longer."""
_FIXED_CHARS: Final = 4
"""So many characters of a template at least must be fixed, else it approves anything."""

_VALUES: Final[Mapping[VariableKind, re.Pattern[str] | None]] = {
    "text": None,
    "digits": re.compile(r"[0-9]*"),
    "letters": re.compile(r"[A-Za-z]*"),
    "code": re.compile(r"[A-Za-z0-9]*"),
    "amount": re.compile(r"(?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.[0-9]{1,2})?"),
    "date": re.compile(
        r"(?:(?:[0-9]{4}年)?[01]?[0-9]月[0-3]?[0-9][日号]|[0-9]{4}年[01]?[0-9]月"
        r"|(?:[0-9]{4}([-/.]))?[01]?[0-9](?(1)\1|[-/.])[0-3]?[0-9]|[0-9]{4}[01][0-9][0-3][0-9])"
    ),
    "time": re.compile(r"[0-2]?[0-9](?::[0-5][0-9]){1,2}|[0-2]?[0-9][时点](?:[0-5]?[0-9]分?|整|半)?"),
}
KINDS: Final = frozenset(_VALUES)
_IN_PATHS: Final = frozenset(("digits", "letters", "code"))
_WORDS: Final[Mapping[VariableKind, str]] = {
    "text": "text without line ends",
    "digits": "digits",
    "letters": "letters",
    "code": "letters and digits",
    "amount": "an amount such as 1,234.50",
    "date": "a date such as 2026-11-18 or 11月18日",
    "time": "a time such as 10:30 or 10点30分",
}


class Link(NamedTuple):
    """Where a link stands in a text; ``host_end`` is where its host ends and its path begins."""

    start: int
    host_end: int
    end: int


Check: TypeAlias = Callable[[str, int, int], re.Match[str] | None]


class Fit(IntEnum):
    """Whether a text is a template filled in."""

    NO = 0
    YES = 1
    UNLESS_LINKS = 2
    """Yes, but its values might have a link: look for them and ask ``fits_beside``."""


class Step(NamedTuple):
    """A variable and the literal behind it; a tuple, for one is taken apart for every variable of every message."""

    min_chars: int
    max_chars: int
    check: Check | None
    literal: str
    literal_chars: int
    kind: VariableKind


class Form:
    """A template in one spelling (as written, or folded)."""

    __slots__ = (
        "_best", "_fits_compiled", "_inner", "_last", "head", "literals", "max_chars", "min_chars", "steps", "tail",
    )  # fmt: skip

    def __init__(self, literals: Sequence[str], variables: Sequence[Variable]) -> None:
        self.literals = tuple(literals)
        self.head = literals[0]
        self.tail = literals[-1]
        self.steps = tuple(map(_step, variables, literals[1:]))
        self._inner = self.steps[:-1]
        self._last = self.steps[-1] if self.steps else None
        self._best = _UNLESS_LINKS if _is_exposed(literals) else _YES
        fixed = sum(map(len, literals))
        self.min_chars = fixed + sum(each.min_chars for each in variables)
        self.max_chars = fixed + sum(each.max_chars for each in variables)
        self._fits_compiled = _compiled(self, self._best).fits if IS_COMPILED else None

    def fits(self, text: str) -> Fit:
        """Whether the text is this template filled in. Line ends and 【】 are the caller's, see ``apart``."""
        if self._fits_compiled is None:
            return self._fits(text)
        fit = self._fits_compiled(text)
        return _FITS[fit] if fit < len(_FITS) else self._fits_exactly(text, ())

    def _fits(self, text: str) -> Fit:
        if not self.min_chars <= len(text) <= self.max_chars:
            return _NO
        if not (text.startswith(self.head) and text.endswith(self.tail)):
            return _NO
        if self._last is None:
            return _YES
        start = len(self.head)
        find = text.find
        fit = self._best
        for low, high, check, literal, literal_chars, _ in self._inner:
            stop = find(literal, start + low, start + high + literal_chars)
            if stop < 0:
                return self._fits_exactly(text, ())
            if check is None:
                if _harmless(text, start, stop) is None:
                    fit = _UNLESS_LINKS
            elif check(text, start, stop) is None:
                return self._fits_exactly(text, ())
            start = stop + literal_chars
        low, high, check, _, literal_chars, _ = self._last
        stop = len(text) - literal_chars
        if low <= stop - start <= high:
            if check is None:
                return fit if _harmless(text, start, stop) is not None else _UNLESS_LINKS
            if check(text, start, stop) is not None:
                return fit
        return self._fits_exactly(text, ()) if self._inner else _NO

    def fits_beside(self, text: str, links: Sequence[Link]) -> bool:
        """The same for a text with links, none of which may be a value or changed by one."""
        if not self.min_chars <= len(text) <= self.max_chars:
            return False
        if not (text.startswith(self.head) and text.endswith(self.tail)):
            return False
        return self._last is None or self._fits_exactly(text, links) != _NO

    def _fits_exactly(self, text: str, links: Sequence[Link]) -> Fit:
        starts = [len(self.head)]
        end = len(text) - len(self.tail)
        runs: dict[VariableKind, list[int]] = {}
        for step in self._inner:
            low, high = starts[0] + step.min_chars, starts[-1] + step.max_chars
            stops = _occurrences(text, step.literal, low, min(high, end))
            reached = _reached(text, step, starts, stops, links, runs)
            if not reached:
                return _NO
            starts = [stop + step.literal_chars for stop in reached]
        return _UNLESS_LINKS if _reached(text, self.steps[-1], starts, [end], links, runs) else _NO


_NO, _YES, _UNLESS_LINKS = _FITS = tuple(Fit)
_HAN: Final = "\u3400-\u70b8\u70ba-\u9ede\u9ee0-\u9fff"  # but for 点 and 點, which are read as a dot
# No part of a link if nothing of one stands beside it: there is neither a dot in any spelling nor a colon.
_HARMLESS: Final = f"[0-9A-Za-z{_HAN}，,！!、；;（）()《》“” _-]"
_harmless: Final = re.compile(_HARMLESS + "*").fullmatch
_quiet_before: Final = re.compile(f"(?:[{_HAN}，,！!、；;：:（()）《》“”￥¥ ]|[{_HAN}]。)$").search
_quiet_behind: Final = re.compile(
    f"[{_HAN}，,！!、；;（()）《》“” ]|[。.]$|。(?!{'|'.join(sorted(HAN_DOMAINS))})[{_HAN}]"
).match


_COMPILED_KINDS: Final[Mapping[VariableKind, int]] = {"text": 0, "digits": 1, "letters": 2, "code": 3}
_HARMLESS_FLAGS: Final = flags(_HARMLESS) if IS_COMPILED else b""
_APART_FLAGS: Final = flags(_APART.pattern) if IS_COMPILED else b""


def _compiled(form: Form, best: Fit) -> scan.Form:
    steps = tuple(
        (step.min_chars, step.max_chars, _COMPILED_KINDS.get(step.kind, step.check or 0), step.literal)
        for step in form.steps
    )
    return scan.Form(
        form.head, form.tail, steps, form.min_chars, form.max_chars, best is _UNLESS_LINKS, _HARMLESS_FLAGS
    )


def _is_exposed(literals: Sequence[str]) -> bool:
    """Whether anything that could belong to a link stands beside a variable: 点, a Latin letter, a dot before more."""
    return any(literal and _quiet_before(literal) is None for literal in literals[:-1]) or any(
        literal and _quiet_behind(literal) is None for literal in literals[1:]
    )


def _step(variable: Variable, literal: str) -> Step:
    pattern = _VALUES.get(variable.kind)
    check = None if pattern is None else pattern.fullmatch
    return Step(variable.min_chars, variable.max_chars, check, literal, len(literal), variable.kind)


def _occurrences(text: str, literal: str, low: int, high: int) -> list[int]:
    """Where a literal begins, from ``low`` through ``high``."""
    found: list[int] = []
    at = text.find(literal, low, high + len(literal))
    while at >= 0:
        found.append(at)
        at = text.find(literal, at + 1, high + len(literal)) if at < high else -1
    return found


def _reached(
    text: str,
    step: Step,
    starts: Sequence[int],
    stops: Sequence[int],
    links: Sequence[Link],
    runs: dict[VariableKind, list[int]],
) -> list[int]:
    """Those of ``stops`` at which the variable may end, if it begins at any of ``starts``; all in order."""
    low, high, check, kind = step.min_chars, step.max_chars, step.check, step.kind
    if check is not None and kind not in _IN_PATHS:
        high = min(high, _WRITTEN_CHARS)
        return [
            stop
            for stop in stops
            if any(
                check(text, start, stop) is not None and not _touches(links, step, start, stop)
                for start in starts[bisect_left(starts, stop - high) : bisect_right(starts, stop - low)]
            )
        ]
    run = runs.get(kind)
    if run is None:
        run = runs[kind] = _runs(text, step, links)
    reached = []
    for stop in stops:
        # Of two beginnings the later one reaches further, whatever stands between.
        nearest = bisect_right(starts, stop - low) - 1
        if nearest >= 0 and stop <= min(starts[nearest] + high, run[starts[nearest]]):
            reached.append(stop)
    return reached


def _runs(text: str, step: Step, links: Sequence[Link]) -> list[int]:
    """For each place of a text how far a value of the step's kind may go from there."""
    check = step.check
    run = [len(text)] * (len(text) + 1)
    for place in range(len(text) - 1, -1, -1):
        is_good = (check is None or check(text, place, place + 1) is not None) and not (
            links and _touches(links, step, place, place + 1)
        )
        run[place] = run[place + 1] if is_good else place
    return run


def _touches(links: Sequence[Link], step: Step, start: int, stop: int) -> bool:
    """Whether a value that stands there is, or changes, a link: only letters and digits may vary, behind its host."""
    if start == stop:
        return False
    in_path = step.kind in _IN_PATHS
    return any(start < (link.host_end if in_path else link.end) and link.start < stop for link in links)


def apart(text: str) -> int:
    """How many line ends and 【】 a text has: as many as its template, since no variable may hold any."""
    if IS_COMPILED:
        return scan.count(text, _APART_FLAGS)
    # Nearly all texts have none, and the first two looks are quicker than any expression.
    if text.isprintable() and "【" not in text and "】" not in text:
        return 0
    return len(_APART.findall(text))


def links_of(plain: str) -> list[Link]:
    """The links of a text that ``fold_kept`` gave, with their places."""
    return [Link(*span) for span in link_spans(plain)]


def parse(text: str, variables: Sequence[Variable]) -> tuple[list[str], list[Variable]]:
    """The literals of a template (one more than variables, some may be empty) and its variables, in their order.

    A placeholder that no variable describes is text of 1–20 characters.
    """
    known = {variable.name: variable for variable in variables}
    pieces = _PLACEHOLDER.split(text)
    return pieces[::2], [known.get(name) or Variable(name) for name in pieces[1::2]]


def template_fault(text: str, variables: Sequence[Variable]) -> str | None:
    """What is wrong with a template's text and variables, or None; for whoever writes or approves one."""
    literals, placed = parse(text, variables)
    for fault in map(_variable_fault, variables):
        if fault is not None:
            return fault
    names = [variable.name for variable in placed]
    described = [variable.name for variable in variables]
    for name in (*names, *described):
        if names.count(name) > 1 or described.count(name) > 1:
            return f"{{{name}}} is there twice; every variable needs a name of its own"
        if name not in names:
            return f"variable {name} does not stand in the text"
        if name not in described:
            return f"{{{name}}} is not described among the variables"
    return _text_fault(text, literals, placed)


def _variable_fault(variable: Variable) -> str | None:
    name = variable.name
    if _NAME.fullmatch(name) is None:
        return f"{name!r} is not a name of 1–32 letters, digits or _"
    if variable.kind not in KINDS:
        return f"variable {name}: kind {variable.kind!r} is not one of {', '.join(sorted(KINDS))}"
    if not 0 <= variable.min_chars <= variable.max_chars or not 1 <= variable.max_chars <= _MAX_CHARS:
        return f"variable {name}: 0 ≤ min_chars ≤ max_chars ≤ {_MAX_CHARS} must hold"
    return None


def _text_fault(text: str, literals: Sequence[str], placed: Sequence[Variable]) -> str | None:
    if not text.strip():
        return "the text is empty"
    if any("{" in literal or "}" in literal for literal in literals):
        return "a brace stands alone; placeholders are written {name}"
    if any(not literal for literal in literals[1:-1]):
        return "two variables stand side by side; put text between them"
    if text.startswith("【"):
        return "the text begins with 【; a template is written without its signature"
    if sum(len(normalise(literal)) for literal in literals) < _FIXED_CHARS:
        return f"fewer than {_FIXED_CHARS} characters are fixed: it would approve nearly anything"
    for value in ("8", "a", "com"):
        fault = _link_fault(literals, placed, value)
        if fault is not None:
            return fault
    return None


def _link_fault(literals: Sequence[str], placed: Sequence[Variable], value: str) -> str | None:
    """Whether a variable stands in a link when all hold this value."""
    filled, spans = "", []
    for literal, variable in zip(literals, placed, strict=False):
        filled += fold_kept(literal)
        spans.append((variable, len(filled), len(filled) + len(value)))
        filled += value
    links = links_of(filled + fold_kept(literals[-1]))
    for variable, start, stop in spans:
        if _touches(links, _step(variable, ""), start, stop):
            return f"{{{variable.name}}} stands in a link; only digits, letters or a code may, and behind its host"
    return None


def difference(literals: Sequence[str], variables: Sequence[Variable], text: str) -> str:
    """What keeps a text from being this template filled in, as far as one look from the front can tell; for people."""
    if not text.startswith(literals[0]):
        return f"it begins with {_quoted(literals[0])}"
    start = len(literals[0])
    for variable, (_, literal) in zip(variables, pairwise(literals), strict=True):
        is_last = variable is variables[-1]
        stop = len(text) - len(literal) if is_last else text.find(literal, start)
        if stop < start or not text.startswith(literal, stop):
            return (
                f"behind {{{variable.name}}} stands {_quoted(literal)}" if literal else f"{{{variable.name}}} is empty"
            )
        chars = stop - start
        if not variable.min_chars <= chars <= variable.max_chars:
            return f"{{{variable.name}}} has {chars} characters, {variable.min_chars}–{variable.max_chars} are allowed"
        step = _step(variable, literal)
        if step.check is not None and step.check(text, start, stop) is None:
            return f"{{{variable.name}}} is not {_WORDS[variable.kind]}"
        if apart(text[start:stop]):
            return f"{{{variable.name}}} has a line end or 【】"
        plain = fold_kept(text)
        if len(plain) == len(text) and _touches(links_of(plain), step, start, stop):
            return f"{{{variable.name}}} has a link, or part of one"
        start = stop + len(literal)
    return f"the text ends with {_quoted(literals[-1])}" if start != len(text) else "it fits in no other way"


def _quoted(literal: str) -> str:
    return f"“{literal if len(literal) <= 24 else literal[:24] + '…'}”"
