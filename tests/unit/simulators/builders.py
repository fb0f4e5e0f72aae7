"""What the simulators' unit tests build their messages with."""

from __future__ import annotations

from typing import cast

from simulators.carrier.account import Account
from simulators.carrier.link import CarrierLink
from simulators.carrier.message import Message
from simulators.carrier.plan import Plan
from smsgw.smpp import pdu

#: 2026-11-18 02:30:00 UTC
RECEIVED_S = 1_794_969_000.0


def received_message(text: bytes = b"hello there, this is a text", *, data_coding: int = 0) -> Message:
    """One accepted message, number 48879, as the carrier keeps it, without a connection."""
    sm = pdu.Sm(
        pdu.submit_sm(
            9,
            source_addr=b"10690001",
            source_addr_npi=1,
            destination_addr=b"8613800000001",
            dest_addr_ton=1,
            dest_addr_npi=1,
            short_message=text,
            registered_delivery=1,
            data_coding=data_coding,
        )
    )
    # A message only hands its link on; nothing here sends.
    message = Message(cast(CarrierLink, None), Account("shop"), sm, 9, 0x80000004, Plan(), RECEIVED_S)
    message.number = 48879
    return message
