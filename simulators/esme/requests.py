"""What ``send`` puts on the wire: a text, a submit_multi, or a question about a message."""

from __future__ import annotations

import time
from argparse import Namespace

from simulators.esme.message import Build, Envelope, numbering
from simulators.esme.message_options import envelope, smpp_time
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import HEADER_OCTETS, CommandId
from smsgw.smpp.layout import SmeAddress
from smsgw.smpp.segments import split_text
from smsgw.smpp.tlv import Tlvs


def is_question(arguments: Namespace) -> bool:
    """Whether the arguments ask about a message instead of sending one."""
    return any((arguments.query, arguments.cancel, arguments.replace))


def requests(arguments: Namespace) -> list[Build]:
    """The PDUs to send, all on one bind.

    Raises ValueError when the arguments don't go together, LocalError when a field does not fit.
    """
    recipients = arguments.recipients or []
    if arguments.pdu is not None:
        return [_raw(arguments.pdu)]
    if is_question(arguments):
        return [_question(arguments, recipients[0] if recipients else "")]
    if arguments.text is not None and arguments.payload is not None:
        raise ValueError("give TEXT or --hex, not both")
    if not recipients or (arguments.text is None and arguments.payload is None):
        raise ValueError("give --to and TEXT (or --hex), or --query, --cancel, --replace or --pdu")
    if len(recipients) > 1 and not arguments.each:
        return [_multi(envelope(arguments, recipients[0]), recipients, arguments)]
    return [build for recipient in recipients for build in _messages(envelope(arguments, recipient), arguments)]


def _messages(envelope: Envelope, arguments: Namespace) -> list[Build]:
    if arguments.payload is not None:
        data_coding = arguments.coding or 0
        if arguments.data_sm:
            return [envelope.data_sm(arguments.payload, data_coding)]
        return [envelope.build(arguments.payload, data_coding)]
    if arguments.data_sm:
        data_coding = envelope.coding_for(arguments.text)
        return [envelope.data_sm(encode_text(arguments.text, data_coding), data_coding)]
    # The reference only has to differ between messages to one recipient that are under way together.
    reference = time.time_ns() // 1_000_000 if arguments.reference is None else arguments.reference
    return envelope.parts(arguments.text, arguments.long, reference)


def _multi(envelope: Envelope, recipients: list[str], arguments: Namespace) -> Build:
    if arguments.data_sm:
        raise ValueError("data_sm goes to one recipient; use --each")
    data_coding = (arguments.coding or 0) if arguments.text is None else envelope.coding_for(arguments.text)
    if arguments.text is not None and len(split_text(arguments.text, data_coding)) > 1:
        raise ValueError("a submit_multi takes a text of one segment; use --each")
    ton, npi = envelope.source_numbering or numbering(envelope.source)
    fields: dict[str, object] = {
        "service_type": envelope.service_type.encode(),
        "source_addr_ton": ton,
        "source_addr_npi": npi,
        "source_addr": envelope.source.encode(),
        "dest_addresses": [
            SmeAddress(*(envelope.destination_numbering or numbering(recipient)), recipient.encode())
            for recipient in recipients
        ],
        "esm_class": envelope.esm_class,
        "protocol_id": envelope.protocol_id,
        "priority_flag": envelope.priority_flag,
        "schedule_delivery_time": envelope.schedule_delivery_time.encode(),
        "validity_period": envelope.validity_period.encode(),
        "registered_delivery": envelope.registered_delivery,
        "replace_if_present_flag": envelope.replace_if_present_flag,
        "data_coding": data_coding,
        "short_message": arguments.payload if arguments.text is None else encode_text(arguments.text, data_coding),
    }
    tlvs = Tlvs.parse(envelope.tlvs, 0)
    return lambda sequence_number: encode(Pdu(int(CommandId.SUBMIT_MULTI), 0, sequence_number, fields, tlvs))


def _raw(octets: bytes) -> Build:
    """A PDU as it is but for its sequence number, which has to be ours to know its answer."""
    if len(octets) < HEADER_OCTETS:
        raise ValueError("a PDU has at least 16 octets")
    return lambda sequence_number: octets[:12] + sequence_number.to_bytes(4, "big") + octets[16:]


def _question(arguments: Namespace, recipient: str) -> Build:
    ton, npi = numbering(arguments.source)
    fields: dict[str, object] = {
        "source_addr_ton": ton,
        "source_addr_npi": npi,
        "source_addr": arguments.source.encode(),
    }
    if arguments.query:
        command, message_id = CommandId.QUERY_SM, arguments.query
    elif arguments.cancel:
        command, message_id = CommandId.CANCEL_SM, arguments.cancel
        fields["destination_addr"] = recipient.encode()
    else:
        if arguments.text is None:
            raise ValueError("--replace needs the new TEXT")
        command, message_id = CommandId.REPLACE_SM, arguments.replace
        # replace_sm has no data_coding: the message keeps the one it was sent with (SMPP 3.4 §4.10).
        coding = arguments.coding or Envelope(arguments.source, "").coding_for(arguments.text)
        fields["short_message"] = encode_text(arguments.text, coding)
        fields["registered_delivery"] = arguments.rd
        fields["schedule_delivery_time"] = smpp_time(arguments.schedule).encode()
        fields["validity_period"] = smpp_time(arguments.validity).encode()
    fields["message_id"] = message_id.encode()
    return lambda sequence_number: encode(Pdu(int(command), 0, sequence_number, fields))
