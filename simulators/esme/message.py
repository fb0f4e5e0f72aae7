"""Building what an application sends: one submit_sm, or the parts of a long text.

Builders return functions of the sequence number, since that is known only when a PDU leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from smsgw.smpp import pdu
from smsgw.smpp.alphabet import choose_coding, encode_text
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import ESM_UDHI, CommandId, Tag
from smsgw.smpp.segments import split_text, split_udh
from smsgw.smpp.tlv import Tlvs, tlv

#: From a sequence number to a PDU.
Build = Callable[[int], bytes]

#: How a long text may be sent.
LONG_FORMS = ("udh", "udh16", "sar", "payload")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything of a submit_sm but its text; addresses are given a TON and NPI by their look."""

    source: str
    destination: str
    registered_delivery: int = 1
    #: None chooses GSM 03.38 or UCS2 by the text.
    data_coding: int | None = None
    service_type: str = ""
    priority_flag: int = 0
    protocol_id: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    replace_if_present_flag: int = 0
    esm_class: int = 0
    #: Further TLVs as octets.
    tlvs: bytes = b""
    #: TON and NPI; None goes by the look of the address.
    source_numbering: tuple[int, int] | None = None
    destination_numbering: tuple[int, int] | None = None

    def coding_for(self, text: str) -> int:
        """The data_coding of a text."""
        return choose_coding(text) if self.data_coding is None else self.data_coding

    def build(self, payload: bytes, data_coding: int, esm_class: int = 0, tlvs: bytes = b"") -> Build:
        """A submit_sm with this short_message. Raises LocalError when the result is called and a field is too long."""

        def build(sequence_number: int) -> bytes:
            source_ton, source_npi = self.source_numbering or numbering(self.source)
            ton, npi = self.destination_numbering or numbering(self.destination)
            return pdu.submit_sm(
                sequence_number,
                service_type=self.service_type.encode(),
                source_addr_ton=source_ton,
                source_addr_npi=source_npi,
                source_addr=self.source.encode(),
                dest_addr_ton=ton,
                dest_addr_npi=npi,
                destination_addr=self.destination.encode(),
                esm_class=self.esm_class | esm_class,
                protocol_id=self.protocol_id,
                priority_flag=self.priority_flag,
                schedule_delivery_time=self.schedule_delivery_time.encode(),
                validity_period=self.validity_period.encode(),
                registered_delivery=self.registered_delivery,
                replace_if_present_flag=self.replace_if_present_flag,
                data_coding=data_coding,
                short_message=payload,
                tlvs=self.tlvs + tlvs,
            )

        return build

    def parts(self, text: str, long: str = "udh", reference: int = 0) -> list[Build]:
        """A text as one submit_sm, or as several when it is too long for one.

        ``long`` is one of ``LONG_FORMS``; ``reference`` joins the parts (taken modulo its width).
        Raises LocalError for a text that the coding can't write, ValueError for another form.
        """
        data_coding = self.coding_for(text)
        if long == "payload":
            whole = tlv(Tag.MESSAGE_PAYLOAD, encode_text(text, data_coding))
            return [self.build(b"", data_coding, tlvs=whole)]
        if long == "sar":
            return self._sar_parts(split_text(text, data_coding), data_coding, reference)
        if long not in LONG_FORMS:
            raise ValueError(f"{long!r} is no form of long messages; use {', '.join(LONG_FORMS)}")
        wide = long == "udh16"
        payloads = split_udh(text, data_coding, reference & (0xFFFF if wide else 0xFF), wide)
        return [self.build(payload, data_coding, ESM_UDHI if len(payloads) > 1 else 0) for payload in payloads]

    def data_sm(self, payload: bytes, data_coding: int) -> Build:
        """A data_sm with the payload in message_payload; raises as ``build``."""
        source_ton, source_npi = self.source_numbering or numbering(self.source)
        ton, npi = self.destination_numbering or numbering(self.destination)
        fields: dict[str, object] = {
            "service_type": self.service_type.encode(),
            "source_addr_ton": source_ton,
            "source_addr_npi": source_npi,
            "source_addr": self.source.encode(),
            "dest_addr_ton": ton,
            "dest_addr_npi": npi,
            "destination_addr": self.destination.encode(),
            "esm_class": self.esm_class,
            "registered_delivery": self.registered_delivery,
            "data_coding": data_coding,
        }
        tlvs = Tlvs.parse(self.tlvs + tlv(Tag.MESSAGE_PAYLOAD, payload), 0)
        return lambda sequence_number: encode(Pdu(int(CommandId.DATA_SM), 0, sequence_number, fields, tlvs))

    def _sar_parts(self, payloads: list[bytes], data_coding: int, reference: int) -> list[Build]:
        if len(payloads) == 1:
            return [self.build(payloads[0], data_coding)]
        joint = tlv(Tag.SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big"))
        joint += tlv(Tag.SAR_TOTAL_SEGMENTS, bytes([len(payloads)]))
        return [
            self.build(payload, data_coding, tlvs=joint + tlv(Tag.SAR_SEGMENT_SEQNUM, bytes([index])))
            for index, payload in enumerate(payloads, 1)
        ]


def numbering(address: str) -> tuple[int, int]:
    """TON and NPI by the look of an address: letters, a short or service number, an international number."""
    digits = address.removeprefix("+")
    if not digits.isdigit():
        return 5, 0
    return (1, 1) if len(digits) >= 11 and not digits.startswith("106") else (0, 1)
