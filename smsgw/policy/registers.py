"""What staff have registered, compiled, as the rules of a running process read it.

Owns: one slot for each register, replaced as a whole value between two messages, never changed in place; so a rule that
was compiled once reads ``registers.words`` anew for each message and needs no compiling again. ``compile_register`` is
pure and may run in a thread; ``Registers.put`` is the swap. Knows neither Redis nor when to do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smsgw.policy.campaigns import Campaigns
from smsgw.policy.channels import Channels
from smsgw.policy.contacts import Contacts
from smsgw.policy.entries import (
    KINDS,
    CampaignEntry,
    ChannelEntry,
    ContactEntry,
    Document,
    Kind,
    OrderEntry,
    PauseEntry,
    SignatureEntry,
    TemplateEntry,
    WordEntry,
)
from smsgw.policy.orders import Orders
from smsgw.policy.pauses import Pauses
from smsgw.policy.signature import Signatures
from smsgw.policy.templates import Templates
from smsgw.policy.words import Words


class Registers:
    """All registers of a process; empty ones when made. ``ported``: number → network, as carriers have said."""

    __slots__ = ("campaigns", "channels", "contacts", "orders", "pauses", "ported", "signatures", "templates", "words")

    def __init__(self) -> None:
        self.signatures = Signatures(())
        self.templates = Templates(())
        self.words = Words(())
        self.contacts = Contacts(())
        self.campaigns = Campaigns(())
        self.pauses = Pauses(())
        self.channels = Channels(())
        self.orders = Orders(())
        self.ported: dict[str, str] = {}

    def put(self, kind: Kind, compiled: Any) -> None:
        """Put what ``compile_register`` made for ``kind`` in force, at once for every rule of this process."""
        setattr(self, kind + "s", compiled)


_COMPILERS: Mapping[Kind, tuple[Any, Any]] = {
    "signature": (SignatureEntry, Signatures),
    "template": (TemplateEntry, Templates),
    "word": (WordEntry, Words),
    "contact": (ContactEntry, Contacts),
    "campaign": (CampaignEntry, Campaigns),
    "pause": (PauseEntry, Pauses),
    "channel": (ChannelEntry, Channels),
    "order": (OrderEntry, Orders),
}
assert tuple(_COMPILERS) == KINDS


def compile_register(kind: Kind, documents: Mapping[str, Document]) -> Any:
    """The compiled form of a register's documents by id. A document that can't be read is left out."""
    entry, compiled = _COMPILERS[kind]
    entries = []
    for document in documents.values():
        try:
            entries.append(entry.from_document(document))
        except (TypeError, ValueError, KeyError):
            continue
    return compiled(entries)
