"""What ``send`` puts on the wire: a text, a submit_multi, or a question about a message."""

from __future__ import annotations

import time
from argparse import Namespace

from simulators.esme.message import Build, Envelope, numbering
from simulators.esme.options import smpp_time
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.layout import SmeAddress
from smsgw.smpp.segments import split_text


def is_question(arguments: Namespace) -> bool:
    """Whether the arguments ask about a message instead of sending one."""
    return any((arguments.query, arguments.cancel, arguments.replace))


def requests(arguments: Namespace) -> list[Build]:
    """The PDUs to send, all on one bind.

    Raises ValueError when the arguments don't go together, LocalError when a field does not fit.
    """
    recipients = arguments.recipients or []
    if is_question(arguments):
        return [_question(arguments, recipients[0] if recipients else "")]
    if not recipients or arguments.text is None:
        raise ValueError("give --to and TEXT, or --query, --cancel or --replace")
    envelope = Envelope(
        arguments.source,
        recipients[0],
        registered_delivery=arguments.rd,
        data_coding=arguments.coding,
        service_type=arguments.service_type,
        priority_flag=arguments.priority,
        schedule_delivery_time=smpp_time(arguments.schedule),
        validity_period=smpp_time(arguments.validity),
    )
    if len(recipients) > 1:
        return [_multi(envelope, recipients, arguments.text)]
    # The reference only has to differ between messages to one recipient that are under way together.
    return list(envelope.parts(arguments.text, arguments.long, reference=time.time_ns() // 1_000_000))


def _multi(envelope: Envelope, recipients: list[str], text: str) -> Build:
    data_coding = envelope.coding_for(text)
    if len(split_text(text, data_coding)) > 1:
        raise ValueError("a submit_multi takes a text of one segment")
    ton, npi = numbering(envelope.source)
    fields: dict[str, object] = {
        "service_type": envelope.service_type.encode(),
        "source_addr_ton": ton,
        "source_addr_npi": npi,
        "source_addr": envelope.source.encode(),
        "dest_addresses": [SmeAddress(*numbering(recipient), recipient.encode()) for recipient in recipients],
        "schedule_delivery_time": envelope.schedule_delivery_time.encode(),
        "validity_period": envelope.validity_period.encode(),
        "registered_delivery": envelope.registered_delivery,
        "priority_flag": envelope.priority_flag,
        "data_coding": data_coding,
        "short_message": encode_text(text, data_coding),
    }
    return lambda sequence_number: encode(Pdu(int(CommandId.SUBMIT_MULTI), 0, sequence_number, fields))


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
    fields["message_id"] = message_id.encode()
    return lambda sequence_number: encode(Pdu(int(command), 0, sequence_number, fields))
