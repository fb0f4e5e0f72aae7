"""A message on its way through admission: what was asked, by whom, and who waits for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from smsgw.store.envelope import Envelope

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.policy.caps import CapRows
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

    ``draft`` is what the rules see of it, and what they have found once they were asked. ``rhash`` is the recipient's
    keyed hash. ``accepted_ms`` is the business time of its arrival, ``received_s`` the loop's.
    ``due_ms`` and ``expires_ms`` are 0 for none. ``long_key`` names a reassembled message's segments in the store.
    ``quota_ms``: the business time for which it has taken one of its account's quota; 0: it has not.
    ``internal``: made by the gateway itself; no application is told what becomes of it.
    ``hold_reason`` is the id of the rule that holds it until ``due_ms``, ``caps`` what it counts for.
    """

    __slots__ = (
        "accepted_ms", "account", "caps", "draft", "due_ms", "expires_ms", "hold_reason", "internal", "long_key",
        "partition", "parts", "quota_ms", "received_s", "rhash", "tier",
    )  # fmt: skip

    def __init__(
        self, account: Account, parts: list[Part], draft: Draft, rhash: str, partition: int, accepted_ms: int
    ) -> None:
        self.account = account
        self.parts = parts
        self.draft = draft
        self.rhash = rhash
        self.partition = partition
        self.accepted_ms = accepted_ms
        self.received_s = 0.0
        self.due_ms = self.expires_ms = self.quota_ms = 0
        self.tier = self.long_key = self.hold_reason = ""
        self.internal = False
        self.caps: CapRows | None = None

    @property
    def is_promised(self) -> bool:
        """Some of its segments were answered ESME_ROK before the whole was decided on."""
        parts = self.parts
        return parts[0].session is None or (len(parts) > 1 and None in [part.session for part in parts])

    @property
    def message_ids(self) -> list[str]:
        """Those of its parts."""
        parts = self.parts
        return [parts[0].message_id] if len(parts) == 1 else [part.message_id for part in parts]


def template_name(draft: Draft) -> str:
    """The template that a text matched, as ``<id>@<version>``; empty for none."""
    template = draft.template
    return f"{template.id}@{template.version}" if template is not None else ""


def envelope_of(submission: Submission) -> Envelope:
    """What is to be kept of a message that goes no usual way: one that was refused, or went out past the store."""
    parts, draft = submission.parts, submission.draft
    return Envelope(
        submission.message_ids, [part.pdu for part in parts], draft.account, draft.message_class, draft.recipient,
        draft.source_addr, draft.signature or "", [part.registered for part in parts], submission.accepted_ms,
        segments=draft.segments, template=template_name(draft), campaign=draft.campaign,
        route=draft.route.name if draft.route is not None else "", network=draft.network, province=draft.province,
    )  # fmt: skip
