"""One accepted message with all its segments, as it lies in a stream or in the held set.

Owns the form in Redis: a msgpack array with its version first, sealed by the caller. New fields go
at the end and get a default here, so that a newer smsgw reads what an older one left.
Never looks into the PDUs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from smsgw.errors import StoreError
from smsgw.store.packing import pack, unpack

VERSION = 1
FIELDS = 27
"""Of this version of smsgw; what stands behind them is a later one's."""
REPORT_ALWAYS = 1
"""Failures are reported by receipt whatever registered_delivery says."""
INTERNAL = 2
"""Made by the gateway itself: no receipts to an account."""
REVIEWED = 4
"""A person looked at it and let it go; ``note`` says who."""
REVIEW_REJECTED = 8
"""A person looked at it and rejected it; ``note`` says who and why."""
HAS_TURN = 16
"""It waited for its turn at its account's rate with a carrier."""
ONE_RECEIPT = 32
"""Its account wants one receipt for a long message, with the id of its first segment."""
ENDING = 64
"""Held, and claimed by one process, which reports it and takes it out."""


class Envelope:
    """An accepted message.

    ``message_ids``, ``pdus`` (submit_sm octets as received) and ``registered`` (registered_delivery)
    have one entry per segment. Times are business time in ms; 0 means none. ``segments`` counts
    the billing segments of the whole message. ``carriers`` is the route's order, ``tried`` those
    that have had it. ``recipient`` is E.164 digits. ``message_class`` is the one that really holds.
    ``template`` (``<id>@<version>``) and ``campaign`` are what the text matched when it was accepted; empty for none.
    ``lot`` is where it was parked last: ``review``, ``pause:<scope>`` or empty. ``note`` is for people.
    ``lane`` is -1 where it is that of the class. ``route``, ``network`` and ``province`` are what the recipient's
    number and the route table said when it was accepted; empty for unknown. ``links``: what stands instead of links of
    the whole text, as (start, end, short link). ``later``: what a later smsgw wrote behind them, which stays.
    """

    __slots__ = (
        "accepted_at_ms",
        "account",
        "attempts",
        "campaign",
        "carriers",
        "due_ms",
        "expires_at_ms",
        "flags",
        "lane",
        "later",
        "links",
        "looked_at_ms",
        "lot",
        "message_class",
        "message_ids",
        "network",
        "note",
        "pdus",
        "province",
        "recipient",
        "registered",
        "route",
        "segments",
        "signature",
        "source_addr",
        "template",
        "tried",
    )

    def __init__(
        self,
        message_ids: list[str],
        pdus: list[bytes],
        account: str,
        message_class: int,
        recipient: str,
        source_addr: str,
        signature: str,
        registered: list[int],
        accepted_at_ms: int,
        looked_at_ms: int = 0,
        expires_at_ms: int = 0,
        due_ms: int = 0,
        segments: int = 1,
        carriers: list[str] | None = None,
        tried: list[str] | None = None,
        attempts: int = 0,
        flags: int = 0,
        template: str = "", campaign: str = "", lot: str = "", note: str = "",
        lane: int = -1, route: str = "", network: str = "", province: str = "",
        links: Sequence[Sequence[Any]] = (),
    ) -> None:  # fmt: skip
        self.message_ids = message_ids
        self.pdus = pdus
        self.account = account
        self.message_class = message_class
        self.recipient = recipient
        self.source_addr = source_addr
        self.signature = signature
        self.registered = registered
        self.accepted_at_ms = accepted_at_ms
        self.looked_at_ms = looked_at_ms or accepted_at_ms
        self.expires_at_ms = expires_at_ms
        self.due_ms = due_ms
        self.segments = segments
        self.carriers = carriers or []
        self.tried = tried or []
        self.attempts = attempts
        self.flags = flags
        self.template = template
        self.campaign = campaign
        self.lot = lot
        self.note = note
        self.lane = lane
        self.route = route
        self.network = network
        self.province = province
        self.links = links
        self.later: list[Any] = []

    @property
    def lane_or_class(self) -> int:
        """The lane that it waits in."""
        return self.lane if self.lane >= 0 else self.message_class

    def pack(self) -> bytes:
        """The octets to seal."""
        return pack(
            (
                VERSION,
                self.message_ids,
                self.pdus,
                self.account,
                self.message_class,
                self.recipient,
                self.source_addr,
                self.signature,
                self.registered,
                self.accepted_at_ms,
                self.looked_at_ms,
                self.expires_at_ms,
                self.due_ms,
                self.segments,
                self.carriers,
                self.tried,
                self.attempts,
                self.flags,
                self.template,
                self.campaign,
                self.lot,
                self.note,
                self.lane,
                self.route,
                self.network,
                self.province,
                *((self.links, *self.later) if self.links or self.later else ()),
            )
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Envelope:
        """Reverse of ``pack``. Raises StoreError for anything else, also for a newer version."""
        try:
            fields: list[Any] = unpack(packed)
            version = fields[0]
        except (ValueError, TypeError, LookupError) as error:
            raise StoreError(f"not an envelope: {error}") from error
        if version != VERSION:
            raise StoreError(f"envelope of version {version}, this smsgw reads {VERSION}")
        try:
            found = cls(*fields[1:FIELDS])
            found.later = fields[FIELDS:]
            return found
        except TypeError as error:
            raise StoreError(f"envelope with {len(fields)} fields") from error


def packed(
    message_ids: list[str], pdus: list[bytes], account: str, message_class: int, recipient: str, source_addr: str,
    signature: str, registered: list[int], accepted_at_ms: int, looked_at_ms: int, expires_at_ms: int, due_ms: int,
    segments: int, carriers: Sequence[str], flags: int, template: str, campaign: str, lot: str, note: str, lane: int,
    route: str, network: str, province: str, links: Sequence[Sequence[Any]] = (),
) -> bytes:  # fmt: skip
    """``Envelope(…).pack()`` of a message that nobody has tried yet, which is made for each that is accepted."""
    fields = (
        VERSION, message_ids, pdus, account, message_class, recipient, source_addr, signature, registered,
        accepted_at_ms, looked_at_ms, expires_at_ms, due_ms, segments, carriers, _NOT_TRIED, 0, flags, template,
        campaign, lot, note, lane, route, network, province,
    )  # fmt: skip
    return pack((*fields, links) if links else fields)


_NOT_TRIED: Final[tuple[str, ...]] = ()
