"""Rule 9: the text matches an approved template, its variables within their bounds and without links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from smsgw.policy.entries import TemplateEntry, Variable
from smsgw.policy.model import Draft, Refusal, Rule
from smsgw.policy.reasons import TEMPLATE

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts


def reference(entry: TemplateEntry) -> str:
    """How a message's record and envelope name a template: ``<id>@<version>``."""
    return f"{entry.id}@{entry.version}"


def template_fault(text: str, variables: Sequence[Variable]) -> str | None:
    """What is wrong with a template's text and variables, or None; for whoever writes or approves one."""
    return None if text.strip() else "the text is empty"


class Templates:
    """The register, compiled."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[TemplateEntry]) -> None:
        self._entries = {reference(entry): entry for entry in entries}

    def get(self, ref: str) -> TemplateEntry | None:
        """The template of a reference, in whatever state."""
        return self._entries.get(ref)

    def in_force(self, ref: str, day: str) -> bool:
        """Whether the template of a reference is active on a local day (ISO)."""
        entry = self._entries.get(ref)
        return entry is not None and entry.state == "active" and (not entry.expires or day <= entry.expires)

    def any_for(self, account: str) -> bool:
        """Whether an account has any template that may be used, or all accounts have one."""
        return False

    def match(self, account: str, body: str, day: str, plain: str | None = None) -> TemplateEntry | None:
        """The active template that the text without its signature is written by, or None.

        ``day``: the local day (ISO). ``plain``: ``fold_kept(body)`` if the caller has it already.
        """
        return None

    def nearest(self, account: str, body: str, day: str) -> tuple[TemplateEntry, str] | None:
        """The template that a text comes nearest to, and what differs; for people. None when there is none at all."""
        return None


def template_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 9; None for a class that may send what it likes."""
    if message_class not in parts.profile.template.required_for:
        return None

    def check(draft: Draft) -> Refusal | None:
        return Refusal(TEMPLATE, "no active template of this account fits") if draft.template is None else None

    return Rule(9, "template", check, lambda draft: "")
