"""The ``--log`` file: one JSON line for each submit_sm received and each receipt or MO sent.

Lines of one turn of the loop are written together at its end, so whatever was answered is in the
file unless the machine itself dies in between.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from simulators.carrier.message import Message
from smsgw.smpp import pdu

if TYPE_CHECKING:
    from simulators.carrier.link import CarrierLink
    from simulators.carrier.outbox import Delivery


class Journal:
    """Appends to one file; ``flush`` is called at the end of each turn."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115  # closed by close()
        self._lines: list[str] = []

    def submitted(self, message: Message) -> None:
        """A submit_sm came and was decided on."""
        self._lines.append(json.dumps({"event": "submit", **message.to_json()}, ensure_ascii=False))

    def delivered(self, link: CarrierLink, delivery: Delivery) -> None:
        """A receipt or MO was sent."""
        body = delivery.body
        event: dict[str, object] = {
            "event": "receipt" if delivery.is_receipt else "mo",
            "time": round(time.time(), 6),
            "system_id": link.system_id,
            "bind": link.number,
            "try": delivery.tries,
        }
        if delivery.message_id is not None:
            event["id"] = delivery.message_id.decode("latin-1")
        header = pdu.HEADER.pack(len(body) + 16, delivery.command_id, 0, 1)
        sm = pdu.Sm(header + body) if delivery.command_id == _DELIVER_SM else pdu.DataSm(header + body)
        event["source"] = sm.source_addr.decode("latin-1")
        event["destination"] = sm.destination_addr.decode("latin-1")
        event["hex"] = body.hex()
        self._lines.append(json.dumps(event, ensure_ascii=False))

    def flush(self) -> None:
        """Write the lines of this turn."""
        if self._lines:
            self._file.write("\n".join(self._lines) + "\n")
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        """Write what is left and close."""
        self.flush()
        self._file.close()


_DELIVER_SM = 0x00000005
