"""A message, receipt or MO as tests look at it: long ones whole, everything readable by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.entry import Entry
from simulators.expect.result import describe_entry
from simulators.expect.whole import Item, join
from smsgw.smpp.constants import tag_name


@dataclass(frozen=True, slots=True, repr=False)
class SimMessage:
    """One of them. What there is to know beyond these properties is in ``entry`` and ``parts``."""

    #: Of a long message joined.
    entry: Entry
    #: Each segment.
    parts: tuple[Entry, ...]
    #: All segments came.
    complete: bool = True

    @property
    def kind(self) -> str:
        """ "submit", "receipt" or "mo"."""
        return self.entry.kind

    @property
    def text(self) -> str:
        """The whole text."""
        return self.entry.text

    @property
    def source(self) -> str:
        """source_addr."""
        return self.entry.source

    @property
    def destination(self) -> str:
        """destination_addr."""
        return self.entry.destination

    @property
    def account(self) -> str:
        """The system_id of the application."""
        return self.entry.account

    @property
    def status(self) -> int | None:
        """command_status of the answer; None while there is none."""
        return self.entry.status

    @property
    def message_id(self) -> str:
        """The carrier's id; of a long message that of its first segment. Of a receipt the id it names."""
        return self.entry.message_id

    @property
    def stat(self) -> str:
        """Of a receipt: DELIVRD and so on."""
        return self.entry.stat

    @property
    def err(self) -> str:
        """Of a receipt."""
        return self.entry.err

    @property
    def data_coding(self) -> int:
        """data_coding."""
        return self.entry.data_coding

    @property
    def esm_class(self) -> int:
        """esm_class, of the first segment."""
        return self.entry.esm_class

    @property
    def registered_delivery(self) -> int:
        """registered_delivery, of the first segment."""
        return self.entry.registered_delivery

    @property
    def segments(self) -> int:
        """How many a handset gets."""
        return self.entry.segments

    @property
    def bind(self) -> int:
        """The number of the connection, of the first segment."""
        return self.entry.bind

    @property
    def at(self) -> datetime:
        """Business time, in UTC."""
        return datetime.fromtimestamp(self.entry.at_ms / 1000, UTC)

    @property
    def tlvs(self) -> dict[str, bytes]:
        """By name, or as 0x1400 when it has none; of the first segment."""
        return {tag_name(tag): value for tag, value in self.entry.tlvs}

    @property
    def pdu(self) -> bytes:
        """The first segment as received or sent."""
        return self.parts[0].pdu

    def __repr__(self) -> str:
        return f"<{describe_entry(self.entry)}>"


def messages_of(entries: Iterable[Entry]) -> list[SimMessage]:
    """The messages among entries in order of time."""
    in_order = sorted(entries, key=lambda entry: entry.real_s)
    return [_message(item) for item in join(in_order) if item.entry.kind in ("submit", "receipt", "mo")]


def _message(item: Item) -> SimMessage:
    return SimMessage(item.entry, item.parts, item.complete)
