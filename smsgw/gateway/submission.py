"""A message on its way through admission: what was asked, by whom, and who waits for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.policy.model import Draft, Refusal


class Sender(Protocol):
    """Who asked: a session, or one destination of a submit_multi. ``answer`` or ``refuse`` exactly once."""

    @property
    def account(self) -> Account | None:
        """The account that asks; None once its session is gone."""

    @property
    def unanswered(self) -> int:
        """Its requests without an answer, this one included."""

    @property
    def now_s(self) -> float:
        """Loop time when the request came."""

    def answer(self, raw: bytes) -> None:
        """Send the response."""

    def refuse(self, command_id: int, sequence_number: int, refusal: Refusal) -> None:
        """Send the response that a rule's refusal calls for."""


class Segment(NamedTuple):
    """What is kept of a segment beside its PDU until the whole message is there; the first segment's times hold."""

    source_addr: str
    recipient: str
    accepted_ms: int
    due_ms: int
    expires_ms: int
    tier: str
    campaign: str = ""
    audience: str = ""


class Part:
    """One PDU of an application. ``session`` is None when nobody waits: answered early, or made by us."""

    __slots__ = ("command_id", "message_id", "pdu", "registered", "sequence_number", "session")

    def __init__(
        self,
        session: Sender | None,
        command_id: int,
        sequence_number: int,
        message_id: str,
        registered: int,
        pdu: bytes,
    ) -> None:
        self.session = session
        self.command_id = command_id
        self.sequence_number = sequence_number
        self.message_id = message_id
        self.registered = registered
        self.pdu = pdu


class Submission:
    """A whole message and its parts, in the order of its segments.

    ``recipient`` is E.164 digits, ``rhash`` its keyed hash.
    ``accepted_ms`` is the business time of its arrival, ``received_s`` the loop's.
    ``due_ms`` and ``expires_ms`` are 0 for none. ``long_key`` names a reassembled message's segments in the store.
    ``quota_ms``: the business time for which it has taken one of its account's quota; 0: it has not.
    ``internal``: made by the gateway itself; no application is told what becomes of it.
    ``message_class`` is the account's until the rules have found the one that really holds; ``signature``,
    ``template``, ``campaign`` and ``review`` (the word for which a person must look) are theirs too.
    """

    __slots__ = (
        "accepted_ms",
        "account",
        "audience",
        "campaign",
        "due_ms",
        "expires_ms",
        "internal",
        "long_key",
        "message_class",
        "partition",
        "parts",
        "quota_ms",
        "received_s",
        "recipient",
        "review",
        "rhash",
        "segments",
        "signature",
        "source_addr",
        "template",
        "text",
        "tier",
    )

    def __init__(
        self,
        account: Account,
        parts: list[Part],
        source_addr: str,
        recipient: str,
        rhash: str,
        partition: int,
        accepted_ms: int,
    ) -> None:
        self.account = account
        self.message_class = account.settings.message_class
        self.parts = parts
        self.source_addr = source_addr
        self.recipient = recipient
        self.rhash = rhash
        self.partition = partition
        self.accepted_ms = accepted_ms
        self.text = ""
        self.segments = len(parts)
        self.received_s = 0.0
        self.due_ms = 0
        self.expires_ms = 0
        self.quota_ms = 0
        self.signature = ""
        self.tier = ""
        self.campaign = ""
        self.audience = ""
        self.template = ""
        self.review = ""
        self.long_key = ""
        self.internal = False

    @property
    def is_promised(self) -> bool:
        """Some of its segments were answered ESME_ROK before the whole was decided on."""
        return any(part.session is None for part in self.parts)

    def judged(self, draft: Draft) -> None:
        """Keep what the rules have found."""
        self.message_class = draft.message_class
        self.signature = draft.signature or ""
        self.campaign = draft.campaign
        self.review = draft.review
        self.template = template_name(draft)


def template_name(draft: Draft) -> str:
    """The template that a text matched, as ``<id>@<version>``; empty for none."""
    template = draft.template
    return f"{template.id}@{template.version}" if template is not None else ""
