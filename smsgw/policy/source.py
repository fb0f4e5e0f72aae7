"""Rule 3, its part about numbers: a source number keeps its account and its class.

A number belongs to whom it is registered for, and so does what extends it, unless a longer number is registered for
somebody. An empty source address is not looked at: the carrier then puts its own. Never looks at content, see
``classify`` for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from smsgw.policy.model import ALL_CLASSES, CLASS_LABELS, Draft, Outcome, Refusal, Rule
from smsgw.policy.reasons import CLASS_SOURCE

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts


def registered(source_addr: str, numbers: Mapping[str, object]) -> str | None:
    """The longest of ``numbers`` that the source address is or extends, or None."""
    if source_addr in numbers:
        return source_addr
    for length in range(len(source_addr) - 1, 0, -1):
        if source_addr[:length] in numbers:
            return source_addr[:length]
    return None


def source_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 3 for one class; None where no number is registered and none has to be."""
    rule, own = parts.profile.source, parts.account.numbers
    owners = rule.owners
    if not owners and not own and not rule.registered_only:
        return None
    label = CLASS_LABELS[message_class]
    name = parts.account.name
    # The usual case by one look: this account's own number, for this class.
    fits = frozenset(number for number, classes in own.items() if message_class in (classes or ALL_CLASSES))
    known = {**owners, **dict.fromkeys(own, name)}

    def check(draft: Draft) -> Outcome:
        source = draft.source_addr.removeprefix("+")
        if source in fits or not source:
            return None
        number = registered(source, known)
        if number is None:
            if rule.registered_only:
                return Refusal(CLASS_SOURCE, f"{source} is not registered for account {name}")
            return None
        if known[number] != name:
            return Refusal(CLASS_SOURCE, f"{number} is registered for another account")
        if number not in fits:
            return Refusal(CLASS_SOURCE, f"{number} is not registered for {label}")
        return None

    def looked_at(draft: Draft) -> str:
        mine = ", ".join(sorted(fits)) or "none"
        return f"source {draft.source_addr or '(none)'}; registered for this account and {label}: {mine}"

    return Rule(3, "class", check, looked_at)
