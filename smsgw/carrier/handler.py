"""What a bind hands over: the carrier's pool takes it, and passes it on to the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind


class Handler(Protocol):
    """Told by each bind of a carrier."""

    def answered(self, bind: Bind, flight: object, command_status: int, raw: bytes) -> None:
        """A request of ours was answered; ``flight`` is what ``submit`` was given."""

    def unknown(self, bind: Bind, flights: list[object], why: str) -> None:
        """Requests of ours have no answer and won't get one; oldest first."""

    def inbound(self, bind: Bind, command_id: int, raw: bytes, sequence_number: int) -> None:
        """deliver_sm or data_sm from the carrier."""

    def changed(self, bind: Bind) -> None:
        """The bind came up, went down, or can be written to again."""

    def told(self, event: str, fields: dict[str, object]) -> None:
        """Something for the log."""
