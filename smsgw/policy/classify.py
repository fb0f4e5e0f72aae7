"""Rule 3, content: the class that really holds, and what a verification code looks like.

Skeleton.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from smsgw.policy.model import Draft, Rule

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts


def classifier(parts: Parts) -> Callable[[Draft], int]:
    """The class that holds for a draft."""
    return lambda draft: draft.declared_class


def class_rule(parts: Parts, message_class: int) -> Rule | None:
    """Compiles the rule for one class."""
    return None
