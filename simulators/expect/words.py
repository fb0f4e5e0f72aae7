"""Expectations and what is wrong with entries, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulators.entry import Entry
from simulators.expect.model import Expectation, WantedReceipts
from simulators.expect.patterns import tag_number, tlv_text
from simulators.expect.selection import NUMBER_FIELDS, Selection
from smsgw.smpp.constants import status_name

_NOUNS = {
    "submit": "submitted messages",
    "receipt": "receipts",
    "mo": "MO messages",
    "bind": "binds",
    "refused_bind": "refused binds",
    "unbind": "unbinds",
    "lost": "lost connections",
}
_TEXT_WORDS = {
    "where": "at",
    "account": "of account",
    "source": "from",
    "destination": "to",
    "text": "with the text",
    "message_id": "with the id",
    "stat": "with stat",
    "err": "with err",
    "fate": "with the fate",
}
_LINK_KINDS = frozenset({"bind", "refused_bind", "unbind", "lost"})


def either(values: Iterable[object]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    shown = [str(value) for value in values]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def count_of(number: int, noun: str) -> str:
    """``1 message``, ``2 messages``."""
    return f"{number:,} {noun}" if number != 1 else f"1 {noun.removesuffix('s')}"


def conditions(selection: Selection) -> str:
    """The conditions behind the noun, without the kind: ``to 138* with stat DELIVRD``."""
    return " ".join(_conditions(selection))


def subject(expectation: Expectation) -> str:
    """Which entries are meant."""
    kinds = expectation.kind
    if set(kinds) == _LINK_KINDS:
        noun = "links"
    elif kinds == ("submit",) and not expectation.whole:
        noun = "submitted PDUs"
    else:
        noun = either(_NOUNS[kind] for kind in kinds) if kinds else "entries"
    parts = [noun, conditions(expectation)]
    parts += [f"{word} {name!r}" for word, name in _places(expectation) if name]
    return " ".join(part for part in parts if part)


def counted(counts: Expectation | WantedReceipts) -> str:
    """``exactly 3``, ``at least 1``, ``2 to 5``; empty when nothing was said."""
    if counts.count is not None:
        return f"exactly {counts.count}" if counts.count else "none"
    if counts.at_least is not None and counts.at_most is not None:
        return f"{counts.at_least} to {counts.at_most}"
    if counts.at_least is not None:
        return f"at least {counts.at_least}"
    return f"at most {counts.at_most}" if counts.at_most is not None else ""


def what_is_wrong(selection: Selection, entry: Entry) -> str:
    """Which condition an entry does not satisfy, and what it has instead."""
    name = selection.mismatch(entry)
    if name == "answered":
        return "not answered" if selection.answered else "answered"
    if name == "status":
        return "not answered" if entry.status is None else f"status {status_name(entry.status)}"
    if name.startswith("tlv "):
        tag = name.removeprefix("tlv ")
        value = next((value for each, value in entry.tlvs if each == tag_number(tag)), None)
        return f"no TLV {tag}" if value is None else f"TLV {tag} is {value.hex()} ({tlv_text(value)!r})"
    if name in ("since", "until"):
        return "too early" if name == "since" else "too late"
    return f"{name} is {getattr(entry, name)!r}" if name else ""


def seconds(duration_s: float) -> str:
    """``500 ms`` or ``2.5 s``."""
    return f"{duration_s * 1000:.3g} ms" if duration_s < 1 else f"{duration_s:.6g} s"


def _places(expectation: Expectation) -> Iterator[tuple[str, str | None]]:
    yield "after", expectation.after
    yield "before", expectation.before
    yield "in phase", expectation.phase


def _conditions(selection: Selection) -> Iterator[str]:
    for name, word in _TEXT_WORDS.items():
        patterns = getattr(selection, name)
        if patterns:
            yield f"{word} {either(map(repr, patterns) if name == 'text' else patterns)}"
    if selection.text_is is not None:
        yield f"with exactly the text {selection.text_is!r}"
    if selection.answered is not None:
        yield "that are answered" if selection.answered else "that are not answered"
    if selection.status:
        yield f"with status {either(status_name(status) for status in selection.status)}"
    for name in NUMBER_FIELDS:
        numbers = getattr(selection, name)
        if numbers:
            yield f"with {name} {either(numbers)}"
    for tag, expected in selection.tlv.items():
        yield _tlv_words(tag, expected)
    if selection.since is not None:
        yield f"since {selection.since.isoformat()}"
    if selection.until is not None:
        yield f"until {selection.until.isoformat()}"


def _tlv_words(tag: str, expected: bool | int | str) -> str:
    if isinstance(expected, bool):
        return f"with{'' if expected else 'out'} TLV {tag}"
    return f"with TLV {tag} = {expected}"
