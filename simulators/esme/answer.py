"""A response to one of our requests, read generously: carriers and gateways differ in error bodies."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.esme.explain import Explanation, meaning, status_text
from smsgw.errors import RecoverableError
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import HEADER_OCTETS, status_name
from smsgw.smpp.pdu import HEADER
from smsgw.smpp.tlv import NO_TLVS, Tlvs


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to one of our requests."""

    command_id: int
    status: int
    sequence_number: int
    #: Empty when the response has none.
    message_id: str
    tlvs: Tlvs
    pdu: Pdu

    @classmethod
    def of(cls, frame: bytes) -> Answer:
        """From a received response; an unreadable body counts as none."""
        response = _decode(frame)
        message_id = response.fields.get("message_id", b"")
        text = message_id.decode("latin-1") if isinstance(message_id, bytes) else ""
        return cls(
            response.command_id, response.command_status, response.sequence_number, text, response.tlvs, response
        )

    @property
    def ok(self) -> bool:
        """Whether it is ESME_ROK."""
        return self.status == 0

    @property
    def explanation(self) -> Explanation:
        """The gateway's reason; all of it None when none was given."""
        return Explanation.of(self.tlvs)

    def to_json(self) -> dict[str, object]:
        """For the command line."""
        explanation = self.explanation
        shown: dict[str, object] = {
            "status": self.status,
            "status_name": status_name(self.status),
            "meaning": meaning(self.status),
            "message_id": self.message_id,
        }
        if explanation.rule_id is not None:
            shown["rule"] = explanation.rule_id
        if explanation.retry_after_s is not None:
            shown["retry_after_s"] = explanation.retry_after_s
        if explanation.reason is not None:
            shown["reason"] = explanation.reason
        return shown

    def __str__(self) -> str:
        explanation = self.explanation
        parts = [status_text(self.status)]
        if self.message_id:
            parts.append(f"id {self.message_id}")
        if explanation.rule_id is not None:
            parts.append(f"rule {explanation.rule_id}")
        if explanation.reason is not None:
            parts.append(explanation.reason)
        if explanation.retry_after_s is not None:
            parts.append(f"try again after {explanation.retry_after_s} s")
        return " · ".join(parts)


def _decode(frame: bytes) -> Pdu:
    _length, command_id, status, sequence_number = HEADER.unpack_from(frame)
    try:
        return decode(frame)
    except RecoverableError:
        pass  # an unknown response, or an error with TLVs where its body should be
    try:
        tlvs = Tlvs.parse(frame, HEADER_OCTETS)
    except RecoverableError:
        tlvs = NO_TLVS
    return Pdu(command_id, status, sequence_number, {}, tlvs)
