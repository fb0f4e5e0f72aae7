"""What staff register, as the rules know it: one frozen value for each document of a register.

Owns: the fields of each kind, their form as a document (a plain mapping of text, numbers, booleans, lists and mappings,
as it lies in the store and goes over HTTP), and reading one back. Never decides; the states that a document may pass
through are ``approvals``. A document of a later version may have keys that nobody here knows: they are ignored.
Days are ISO text (``2027-06-30``, the last day it holds, in the profile's zone), empty for none. Instants are ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Self, TypeAlias, cast

Document: TypeAlias = Mapping[str, Any]
Kind: TypeAlias = Literal["signature", "template", "word", "contact", "campaign", "pause", "channel", "order"]
KINDS: Final[tuple[Kind, ...]] = ("signature", "template", "word", "contact", "campaign", "pause", "channel", "order")

WordAction: TypeAlias = Literal["reject", "review", "count"]
VariableKind: TypeAlias = Literal["text", "digits", "letters", "code", "amount", "date", "time"]


@dataclass(frozen=True, slots=True)
class _Entry:
    @classmethod
    def from_document(cls, document: Document) -> Self:
        """Reads a document; unknown keys are ignored. Raises TypeError when a field that has no default is missing."""
        # The slots are the fields, without the cost of ``fields``: word lists have a hundred thousand documents.
        names = cast(tuple[str, ...], cls.__slots__)
        return cls(**{name: document[name] for name in names if name in document})


@dataclass(frozen=True, slots=True)
class SignatureEntry(_Entry):
    """Register ``signature``, id ``<account>/<name>``: 【name】 may be used by this account while it is ``active``."""

    account: str
    name: str
    owner: str = ""
    """The company or brand that the signature stands for."""
    proof: str = ""
    """What proves it: number of a trademark, licence or letter of authority."""
    expires: str = ""
    state: str = "draft"


@dataclass(frozen=True, slots=True)
class Variable:
    """A placeholder of a template: ``{name}`` in its text. ``max_chars`` and ``min_chars`` bound what is filled in."""

    name: str
    kind: VariableKind = "text"
    min_chars: int = 1
    max_chars: int = 20


@dataclass(frozen=True, slots=True)
class TemplateEntry(_Entry):
    """Register ``template``, id ``<id>@<version>``; ``text`` is the message without its signature.

    ``account`` empty: any account of the company may use it. ``message_class`` is a word (otp, notice, marketing).
    """

    id: str
    version: int
    message_class: str
    text: str
    account: str = ""
    campaign: str = ""
    variables: tuple[Variable, ...] = ()
    expires: str = ""
    state: str = "draft"

    @classmethod
    def from_document(cls, document: Document) -> Self:
        """Reads a document, with its variables."""
        known = {each.name: document[each.name] for each in fields(cls) if each.name in document}
        known["variables"] = tuple(
            Variable(**{each.name: row[each.name] for each in fields(Variable) if each.name in row})
            for row in document.get("variables", ())
        )
        return cls(**known)


@dataclass(frozen=True, slots=True)
class WordEntry(_Entry):
    """Register ``word``, id ``<list>/<word>``; ``list`` is ``national`` or ``company``, national first.

    ``word`` is what people wrote into the list; it is compared folded. ``evasion``: also found where spaces,
    punctuation and invisible characters stand between its letters.
    """

    list: str
    word: str
    category: str = ""
    action: WordAction = "reject"
    evasion: bool = False

    @classmethod
    def from_document(cls, document: Document) -> Self:
        """The same in half the time, for there may be a hundred thousand. KeyError when the list or word is missing."""
        get = document.get
        return cls(
            document["list"], document["word"], get("category", ""), get("action", "reject"), get("evasion", False)
        )


@dataclass(frozen=True, slots=True)
class ContactEntry(_Entry):
    """Register ``contact``, id ``<account>/<kind>/<value>``; account ``*``: of the whole company.

    ``kind`` ``link``: a host (with all below it), optionally with a path that must begin a link's path. ``kind``
    ``phone``: digits as they stand in a text, such as 4008001234.
    """

    account: str
    kind: str
    value: str
    owner: str = ""
    expires: str = ""
    state: str = "active"


@dataclass(frozen=True, slots=True)
class CampaignEntry(_Entry):
    """Register ``campaign``, id ``<name>``: when its messages may be sent, beside the class's windows.

    ``slots`` are times such as ``11:00-12:30``, none for all day; ``starts`` and ``ends`` its first and last day.
    """

    name: str
    account: str = ""
    slots: tuple[str, ...] = ()
    starts: str = ""
    ends: str = ""
    state: str = "active"


@dataclass(frozen=True, slots=True)
class PauseEntry(_Entry):
    """Register ``pause``, id = ``scope``: ``global`` or ``<what>:<name>`` with what department, account, signature,
    template, campaign or carrier. In force until it is deleted (resumed) or ``expires_ms`` (0: no end)."""

    scope: str
    reason: str
    who: str
    at_ms: int
    expires_ms: int = 0


@dataclass(frozen=True, slots=True)
class ChannelEntry(_Entry):
    """Register ``channel``, id ``account:<name>`` or ``carrier:<name>``: approved for use while it is ``active``.

    ``licence`` is the number of the qualification, ``licence_expires`` its last day; the approval ends on ``expires``.
    """

    channel: str
    licence: str = ""
    licence_expires: str = ""
    expires: str = ""
    state: str = "draft"


@dataclass(frozen=True, slots=True)
class OrderEntry(_Entry):
    """Register ``order``, id = ``scope``: ``carrier:alpha``, ``account:shop``, ``sessions:shop``, ``bind:alpha#0`` or
    ``queue:alpha/marketing/shop``, with ``*`` for any.

    What staff ordered of it: ``suspend``, ``drain``, ``close``, ``purge`` or ``move``; ``orders`` says which of what.
    In force until it is deleted (resumed) or ``expires_ms`` (0: no end). ``at_ms`` tells one order from the next; one
    about a queue is about messages accepted before it. ``target``: the carrier that it moves them to.
    """

    scope: str
    action: str
    reason: str
    who: str
    at_ms: int
    expires_ms: int = 0
    target: str = ""
