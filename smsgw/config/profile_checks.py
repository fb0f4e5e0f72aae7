"""What the tables of one profile must have in common: what the company has decided, and words that don't clash."""

from __future__ import annotations

from typing import Final

from smsgw.config.profile_tables import ClassTable, MoTable, ProfileFile
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.policy.model import MessageClass
from smsgw.policy.profile import PERIOD_MS, Cap
from smsgw.policy.text import normalise

REQUIRED_PERIODS: Final = ("day", "week")
"""Periods for which every profile must say how much marketing one recipient may get."""
# The strongest first, as MoWords ranks them.
_MO_LISTS: Final = ("stop_words", "complaint_words", "start_words", "help_words")


def check_profile(file: ProfileFile, caps: tuple[Cap, ...], document: Document, problems: Problems) -> None:
    """Errors for what can't hold together or is undecided, warnings for what is probably not meant."""
    if file.unsubscribe.required_for and not file.unsubscribe.phrases:
        document.error(problems, ("unsubscribe", "phrases"), "must not be empty: required_for asks for one of them")
    _check_mo(file.mo, document, problems)
    _check_class(file.message_class, document, problems)
    if file.signature.min > file.signature.max:
        document.error(problems, ("signature", "min"), f"is more than max ({file.signature.max})")
    _check_stated(caps, file, document, problems)
    if MessageClass.MARKETING not in file.window.hard.classes or not file.window.hard.closed:
        document.warn(problems, ("window", "hard"), "nothing keeps marketing from being sent at night")


def _check_stated(caps: tuple[Cap, ...], file: ProfileFile, document: Document, problems: Problems) -> None:
    """The company, not a default, says how much marketing one recipient gets."""
    stated = {cap.period_ms for cap in caps if MessageClass.MARKETING in cap.classes}
    broken = len(caps) < len(file.cap)
    for period in REQUIRED_PERIODS:
        if PERIOD_MS[period] not in stated and not broken:
            why = f'no cap for class "marketing" per {period}: the company has to decide it, there is no default'
            document.error(problems, ("cap",), why)


def _check_mo(table: MoTable, document: Document, problems: Problems) -> None:
    taken: dict[str, str] = {}
    for name in _MO_LISTS:
        words: tuple[str, ...] = getattr(table, name)
        for index, word in enumerate(words):
            form = normalise(word)
            if not form:
                document.error(problems, ("mo", name, index), f"{word!r} has nothing that could be compared")
            elif taken.setdefault(form, name) != name:
                document.error(problems, ("mo", name, index), f"{word!r} is in {taken[form]} too")


def _check_class(table: ClassTable | None, document: Document, problems: Problems) -> None:
    if table is None:
        return
    for name, words in (("code_words", table.code_words), ("promotional_words", table.promotional_words)):
        for index, word in enumerate(words):
            if not word.strip():
                document.error(problems, ("class", name, index), f"{word!r} has nothing that could be compared")
    if table.promotional_words and table.promotional_hits > len(table.promotional_words):
        why = f"is more than there are promotional_words ({len(table.promotional_words)}): nothing would ever be found"
        document.error(problems, ("class", "promotional_hits"), why)
