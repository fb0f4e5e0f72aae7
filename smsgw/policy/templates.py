"""Rule 9: the text matches an approved template, its variables within their bounds and without links.

Owns: the register of templates, compiled: finding the one that a text is written by, and for people the nearest one.
Never changes a state; only active and unexpired templates count. A text is compared as written and, if that fails, as
``fold_kept`` reads both. ``placeholders`` says what fits.
Thousands of templates are no loop: they are told apart by how their text begins and ends. Where many begin and end
alike each is filed under that of its literals which the fewest others have, and below it the next rarest; one automaton
finds all of these literals in a text at once, and only templates of which every filed literal is there are compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import ahocorasick_rs

from smsgw.policy.approvals import SUPERSEDED
from smsgw.policy.entries import TemplateEntry
from smsgw.policy.localtime import LocalDay
from smsgw.policy.model import Draft, Refusal, Rule
from smsgw.policy.placeholders import Fit, Form, apart, difference, links_of, parse, template_fault
from smsgw.policy.reasons import TEMPLATE
from smsgw.policy.text import fold_kept

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts

__all__ = ["Templates", "reference", "template_fault", "template_rule"]

ACTIVE: Final = "active"
_STILL_APPROVED: Final = frozenset((ACTIVE, SUPERSEDED))
_EDGE: Final = 2
_FEW: Final = 8
_NO: Final = Fit.NO
_YES: Final = Fit.YES


def reference(entry: TemplateEntry) -> str:
    """How a message's record and envelope name a template: ``<id>@<version>``."""
    return f"{entry.id}@{entry.version}"


class _Template:
    """One template, ready to be compared."""

    __slots__ = ("apart", "entry", "expires", "folded", "order", "written")

    def __init__(self, order: int, entry: TemplateEntry) -> None:
        self.order = order
        self.entry = entry
        self.expires = entry.expires
        text = _one_line_end(entry.text)
        literals, variables = parse(text, entry.variables)
        self.written = Form(literals, variables)
        self.folded = Form([fold_kept(literal) for literal in literals], variables)
        self.apart = sum(map(apart, literals))

    def fits(self, body: str, plain: str) -> bool:
        """Whether the text is this template filled in, in either spelling."""
        folded = self.folded
        if not folded.steps:
            return plain == folded.head
        fit = self.written.fits(body)
        if fit is _YES:
            return True  # nothing in the values of such a text is apart
        fit = fit or folded.fits(plain)
        if fit is _NO or apart(body) != self.apart:
            return False
        if fit is _YES:
            return True
        links = links_of(plain)
        return not links or folded.fits_beside(plain, links)


@dataclass(slots=True)
class _Node:
    """Templates that are filed here, and those filed below another literal."""

    filed: Sequence[_Template] = ()
    below: dict[str, _Node] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()


class _Bucket:
    """Templates with the same edges, or none."""

    __slots__ = ("_automaton", "_root", "few")

    def __init__(self, templates: Sequence[_Template]) -> None:
        self.few: Sequence[_Template] | None = templates
        if len(templates) <= _FEW:
            return
        own = {template: [*dict.fromkeys(filter(None, template.folded.literals))] for template in templates}
        having = Counter(key for keys in own.values() for key in keys)
        for keys in own.values():
            keys.sort(key=lambda key: (having[key], -len(key), key))
        used: set[str] = set()
        self._root = _file(templates, own, 0, used)
        if not used:
            return
        self.few = None
        self._automaton = ahocorasick_rs.AhoCorasick(sorted(used), store_patterns=True)

    def candidates(self, plain: str) -> Sequence[_Template]:
        """The templates of which all filed literals are in the text."""
        if self.few is not None:
            return self.few
        found = frozenset(self._automaton.find_matches_as_strings(plain, overlapping=True))
        root = self._root
        out = [*root.filed]
        nodes = [root.below[key] for key in found & root.keys]
        while nodes:
            node = nodes.pop()
            out += node.filed
            if node.keys:
                nodes += [node.below[key] for key in found & node.keys]
        return out


def _file(templates: Sequence[_Template], own: dict[_Template, list[str]], depth: int, used: set[str]) -> _Node:
    """A node for templates that share what they are filed under up to ``depth``."""
    if depth and len(templates) <= _FEW:
        return _Node(templates)
    filed: list[_Template] = []
    groups: dict[str, list[_Template]] = {}
    for template in templates:
        keys = own[template]
        if depth < len(keys):
            groups.setdefault(keys[depth], []).append(template)
        else:
            filed.append(template)
    used.update(groups)
    below = {key: _file(group, own, depth + 1, used) for key, group in groups.items()}
    return _Node(filed, below, frozenset(below))


class _Edges:
    """Templates told apart by how they begin, and those whose beginning is a variable or no other's by how they end.

    A tree: at each node by the two characters behind what all beginnings (or before what all ends) have in common.
    """

    __slots__ = ("_by_head", "_by_tail", "_head", "_rest", "_tail", "few")

    def __init__(self, templates: Sequence[_Template], is_by_tail: bool = False) -> None:
        self.few: Sequence[_Template] | None = templates
        if len(templates) <= _FEW:
            return
        self.few = None
        self._head = self._tail = 0
        self._by_head: dict[str, _Edges] = {}
        self._by_tail: dict[str, _Edges] = {}
        if not is_by_tail:
            heads = [template.folded.head for template in templates]
            self._head = _common(heads)
            groups, templates = _grouped(templates, heads, self._head)
            self._by_head = {key: _Edges(group) for key, group in groups.items()}
        tails = [template.folded.tail[::-1] for template in templates]
        self._tail = _common(tails)
        groups, templates = _grouped(templates, tails, self._tail)
        self._by_tail = {key[::-1]: _Edges(group, True) for key, group in groups.items()}
        self._rest = _Bucket(templates) if templates else None

    def gather(self, plain: str, out: list[_Template]) -> None:
        """Put all templates into ``out`` whose edges may be the text's."""
        if self.few is not None:
            out += self.few
            return
        if self._by_head:
            below = self._by_head.get(plain[self._head : self._head + _EDGE])
            if below is not None:
                below.gather(plain, out)
        if self._by_tail:
            end = len(plain) - self._tail
            below = self._by_tail.get(plain[end - _EDGE : end])
            if below is not None:
                below.gather(plain, out)
        if self._rest is not None:
            out += self._rest.candidates(plain)


def _common(edges: Sequence[str]) -> int:
    """How many characters all begin with; the first and the last in order decide it for those between."""
    first, last = min(edges, default=""), max(edges, default="")
    return next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))


def _grouped(
    templates: Sequence[_Template], edges: Sequence[str], common: int
) -> tuple[dict[str, list[_Template]], list[_Template]]:
    """By what stands behind the common part of their edges, and those of which the edge is too short for that."""
    groups: dict[str, list[_Template]] = {}
    rest: list[_Template] = []
    for template, edge in zip(templates, edges, strict=True):
        key = edge[common : common + _EDGE]
        if len(key) == _EDGE:
            groups.setdefault(key, []).append(template)
        else:
            rest.append(template)
    return groups, rest


class _Index:
    """The templates of one account, or those that all accounts share."""

    __slots__ = ("_edges", "_fixed")

    def __init__(self, templates: Iterable[_Template]) -> None:
        self._fixed: dict[str, list[_Template]] = {}
        varied: list[_Template] = []
        for template in templates:
            if template.folded.steps:
                varied.append(template)
            else:
                self._fixed.setdefault(template.folded.head, []).append(template)
        self._edges = _Edges(varied)

    def match(self, body: str, plain: str, day: str) -> _Template | None:
        """The first template, in their order, that fits on that day."""
        candidates: list[_Template] = []
        self._edges.gather(plain, candidates)
        if self._fixed and plain in self._fixed:
            candidates += self._fixed[plain]
        if len(candidates) > 1:
            candidates.sort(key=_order)
        for template in candidates:
            if (not template.expires or day <= template.expires) and template.fits(body, plain):
                return template
        return None


def _order(template: _Template) -> int:
    return template.order


class Templates:
    """The register. Of several templates that fit the account's own come first, then by id, then the newest version."""

    __slots__ = ("_by_account", "_by_reference", "_shared")

    def __init__(self, entries: Iterable[TemplateEntry]) -> None:
        listed = sorted(entries, key=lambda entry: (entry.id, -entry.version))
        self._by_reference = {reference(entry): entry for entry in listed}
        by_account: dict[str, list[_Template]] = {}
        for order, entry in enumerate(listed):
            if entry.state == ACTIVE:
                by_account.setdefault(entry.account, []).append(_Template(order, entry))
        self._by_account = {account: _Index(templates) for account, templates in by_account.items()}
        self._shared = self._by_account.pop("", None)

    def get(self, ref: str) -> TemplateEntry | None:
        """The template of a reference, in whatever state."""
        return self._by_reference.get(ref)

    def in_force(self, ref: str, day: str) -> bool:
        """Whether a message that was accepted by the template of a reference may still go on a local day (ISO).

        A newer version doesn't take back what was approved; a suspension does.
        """
        entry = self._by_reference.get(ref)
        return entry is not None and entry.state in _STILL_APPROVED and (not entry.expires or day <= entry.expires)

    def any_for(self, account: str) -> bool:
        """Whether an account has any template that may be used, its own or a shared one."""
        return self._shared is not None or account in self._by_account

    def match(self, account: str, body: str, day: str, plain: str | None = None) -> TemplateEntry | None:
        """The active template that the text without its signature is written by, or None.

        ``day``: the local day (ISO). ``plain``: ``fold_kept(body)`` if the caller has it already.
        """
        if "\r" in body:
            body = _one_line_end(body)
            plain = None
        if plain is None:
            plain = fold_kept(body)
        own = self._by_account.get(account)
        found = own.match(body, plain, day) if own is not None else None
        if found is None and self._shared is not None:
            found = self._shared.match(body, plain, day)
        return None if found is None else found.entry

    def nearest(self, account: str, body: str, day: str) -> tuple[TemplateEntry, str] | None:
        """The template that a text comes nearest to, and what differs; None when there is none at all.

        Looks at every template of the account in any state: for people, not for every message.
        """
        body = _one_line_end(body)
        plain = fold_kept(body)
        best: tuple[float, int, _Template] | None = None
        for order, entry in enumerate(self._by_reference.values()):
            if entry.account not in ("", account):
                continue
            template = _Template(order, entry)
            score = 2.0 if template.fits(body, plain) else _likeness(template.folded.literals, plain)
            if best is None or (score, entry.state == ACTIVE) > (best[0], best[2].entry.state == ACTIVE):
                best = (score, order, template)
        if best is None:
            return None
        entry = best[2].entry
        if entry.state != ACTIVE:
            why = f"it is {entry.state}, not {ACTIVE}"
        elif entry.expires and day > entry.expires:
            why = f"it expired on {entry.expires}"
        elif best[0] > 1:
            return entry, "it fits"
        else:
            return entry, _difference(best[2], body, plain)
        return entry, why if best[0] > 1 else f"{why}; and {_difference(best[2], body, plain)}"


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _likeness(literals: Sequence[str], plain: str) -> float:
    """The share of a template's fixed characters that the text has, literal for literal and in order."""
    wanted = sum(map(len, literals))
    found = after = 0
    for literal in literals:
        at = plain.find(literal, after)
        if at >= 0:
            found += len(literal)
            after = at + len(literal)
        else:  # as much of its beginning as there is, so that one changed character does not count for all
            for length in range(len(literal) - 1, 0, -1):
                if literal[:length] in plain:
                    found += length
                    break
    return found / wanted if wanted else 0.0


def _difference(template: _Template, body: str, plain: str) -> str:
    """In the spelling that people know, if the text has the template's beginning in it."""
    literals, variables = parse(_one_line_end(template.entry.text), template.entry.variables)
    if body.startswith(literals[0]) or not plain.startswith(template.folded.head):
        return difference(literals, variables, body)
    return difference(template.folded.literals, variables, plain)


def template_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 9, after the pipeline has looked for a template; None for a class that may send what it likes."""
    if message_class not in parts.profile.template.required_for:
        return None
    registers, account = parts.registers, parts.account.name
    local_day = LocalDay.of(parts.profile.zone)
    refused = Refusal(TEMPLATE, "no active template of this account fits")

    def check(draft: Draft) -> Refusal | None:
        return None if draft.template is not None else refused

    def looked_at(draft: Draft) -> str:
        if draft.template is not None:
            return f"template {reference(draft.template)} ({draft.template.message_class})"
        body = draft.text[draft.body_start : draft.body_end]
        nearest = registers.templates.nearest(account, body, local_day(draft.at_ms))
        if nearest is None:
            return "the account has no template"
        return f"no template fits; the nearest is {reference(nearest[0])}: {nearest[1]}"

    return Rule(9, "template", check, looked_at)
