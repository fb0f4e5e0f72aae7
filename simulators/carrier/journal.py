"""The ``--log`` file: one JSON line for each submit_sm received and each receipt or MO sent.

Lines of one turn of the loop are written together at its end, so whatever was answered is in the
file unless this process is killed in between.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from simulators.carrier.message import Message
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId

if TYPE_CHECKING:
    from simulators.carrier.link import CarrierLink
    from simulators.carrier.outbox import Delivery

_DELIVER_SM = int(CommandId.DELIVER_SM)

_quoted = json.encoder.encode_basestring


class Journal:
    """Appends to one file; ``flush`` is called at the end of each turn.

    Lines are put together by hand: a dictionary for each would double what a logged message costs.
    """

    def __init__(self, path: str) -> None:
        """Raises OSError in words when the file can't be written."""
        try:
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115  # closed by close()
        except OSError as error:
            raise OSError(f"{path}: can't be written: {error.strerror}") from None
        self._lines: list[str] = []

    def submitted(self, message: Message) -> None:
        """A submit_sm came and was decided on."""
        sm = message.sm
        self._lines.append(
            f'{{"event":"submit","time":{message.wall_s:.6f},"system_id":{_quoted(message.system_id)},'
            f'"bind":{message.link.number},"sequence":{message.sequence_number},"status":{message.status},'
            f'"id":{_quoted(message.message_id.decode("latin-1"))},"source":{_quoted(message.source)},'
            f'"destination":{_quoted(message.recipient)},"data_coding":{sm.data_coding},"esm_class":{sm.esm_class},'
            f'"registered_delivery":{sm.registered_delivery},"fate":{_quoted(message.plan.fate)},'
            f'"text":{_quoted(message.text)},"hex":"{sm.payload.hex()}"}}\n'
        )

    def delivered(self, link: CarrierLink, delivery: Delivery) -> None:
        """A receipt or MO was sent."""
        body = delivery.body
        frame = pdu.HEADER.pack(len(body) + 16, delivery.command_id, 0, 1) + body
        sm = pdu.Sm(frame) if delivery.command_id == _DELIVER_SM else pdu.DataSm(frame)
        message_id = (delivery.message_id or b"").decode("latin-1")
        self._lines.append(
            f'{{"event":"{"receipt" if delivery.is_receipt else "mo"}","time":{delivery.at_ms / 1000:.6f},'
            f'"system_id":{_quoted(link.system_id)},"bind":{link.number},"try":{delivery.tries},'
            f'"id":{_quoted(message_id)},"source":{_quoted(sm.source_addr.decode("latin-1"))},'
            f'"destination":{_quoted(sm.destination_addr.decode("latin-1"))},"hex":"{body.hex()}"}}\n'
        )

    def flush(self) -> None:
        """Write the lines of this turn."""
        if self._lines:
            self._file.write("".join(self._lines))
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        """Write what is left and close."""
        self.flush()
        self._file.close()
