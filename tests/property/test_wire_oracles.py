"""The same PDUs through two other implementations, smpp34 (Rust) and smpp.pdu3: all three must agree.

Only what the oracles themselves can carry is compared: smpp34 has values for submit_sm and deliver_sm and text for
strings; smpp.pdu3 knows no 5.0, names every number (a TON of 7 is an error to it) and reads times as dates.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsgw.errors import RecoverableError
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import CommandId, MessageState, Npi, Tag, Ton, command_name
from smsgw.smpp.layout import LAYOUTS, Kind
from smsgw.smpp.pdu import Sm, deliver_sm, submit_sm
from smsgw.smpp.tlv import Tlvs

smpp34 = pytest.importorskip("smpp34")
pdu_encoding = pytest.importorskip("smpp.pdu.pdu_encoding")

_octet = st.integers(0, 0xFF)
_printable = st.characters(codec="ascii", min_codepoint=0x21, max_codepoint=0x7E)


def _text(most: int) -> st.SearchStrategy[str]:
    return st.text(_printable, max_size=most - 1)


_message_fields = st.fixed_dictionaries(
    {
        "service_type": _text(6),
        "source_addr_ton": _octet,
        "source_addr_npi": _octet,
        "source_addr": _text(21),
        "dest_addr_ton": _octet,
        "dest_addr_npi": _octet,
        "destination_addr": _text(21),
        "esm_class": _octet,
        "protocol_id": _octet,
        "priority_flag": _octet,
        "schedule_delivery_time": _text(17),
        "validity_period": _text(17),
        "registered_delivery": _octet,
        "replace_if_present_flag": _octet,
        "data_coding": _octet,
        "sm_default_msg_id": _octet,
    }
)
_tlvs = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=30)), max_size=4)


@pytest.mark.parametrize(("build", "name"), [(submit_sm, "SubmitSm"), (deliver_sm, "DeliverSm")])
@given(fields=_message_fields, message=st.binary(max_size=254), tlvs=_tlvs, sequence=st.integers(1, 0x7FFFFFFF))
def test_smpp34(
    build: Any, name: str, fields: dict[str, Any], message: bytes, tlvs: list[tuple[int, bytes]], sequence: int
) -> None:
    ours = {key: value.encode() if isinstance(value, str) else value for key, value in fields.items()}
    raw = build(sequence, short_message=message, tlvs=Tlvs(tlvs).encode(), **ours)
    addresses = fields["source_addr"], fields["destination_addr"]
    others = {key: value for key, value in fields.items() if key not in ("source_addr", "destination_addr")}
    theirs = getattr(smpp34, name)(
        *addresses,
        message,
        tlvs=[smpp34.Tlv(tag, value) for tag, value in tlvs],
        sequence_number=sequence,
        **others,
    )
    assert raw == theirs.encode()

    read, view = smpp34.decode(raw), Sm(raw)
    assert type(read).__name__ == name
    for key, value in fields.items():
        assert getattr(read, key) == value
        assert getattr(view, key) == ours[key]
    assert read.short_message == view.short_message == message
    assert [(item.tag, item.value) for item in read.tlvs] == list(view.tlvs) == tlvs


_mostly_nulls = st.lists(st.one_of(st.just(0), st.just(0), _octet), min_size=17, max_size=60).map(bytes)


@given(raw=_mostly_nulls, command_id=st.sampled_from([CommandId.SUBMIT_SM, CommandId.DELIVER_SM]))
def test_what_smpp34_reads_of_any_octets_we_read_alike(raw: bytes, command_id: CommandId) -> None:
    frame = (16 + len(raw)).to_bytes(4) + command_id.to_bytes(4) + bytes.fromhex("0000000000000001") + raw
    try:
        view = Sm(frame)
        tlvs = list(view.tlvs)
    except RecoverableError:
        return
    read = smpp34.decode(frame)
    assert read.short_message == view.short_message
    assert [(item.tag, item.value) for item in read.tlvs] == tlvs


# What smpp.pdu3 has no names for is left out; the rest it must decode and encode to the same octets.
_VALUES: dict[str, st.SearchStrategy[int]] = {
    "source_addr_ton": st.sampled_from(Ton).map(int),
    "source_addr_npi": st.sampled_from([n for n in Npi if n != Npi.WAP_CLIENT_ID]).map(int),
    "esm_class": st.sampled_from([0x00, 0x01, 0x03, 0x04, 0x08, 0x20, 0x40, 0x43, 0x80, 0xC3]),
    "priority_flag": st.integers(0, 3),
    "registered_delivery": st.sampled_from([0x00, 0x01, 0x02, 0x04, 0x08, 0x10, 0x11]),
    "replace_if_present_flag": st.integers(0, 1),
    "data_coding": st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 0xF0, 0xF4]),
    "sm_default_msg_id": st.integers(0, 254),
    "interface_version": st.just(0x34),
    "message_state": st.sampled_from([s for s in MessageState if 1 <= s <= 8]).map(int),
}
_SAME_VALUES = {
    "dest_addr_ton": "source_addr_ton",
    "esme_addr_ton": "source_addr_ton",
    "addr_ton": "source_addr_ton",
    "dest_addr_npi": "source_addr_npi",
    "esme_addr_npi": "source_addr_npi",
    "addr_npi": "source_addr_npi",
}
_TIMES = {
    "schedule_delivery_time": st.sampled_from([b"", b"261118103000032+", b"261118103000720-"]),
    "validity_period": st.sampled_from([b"", b"000001000000000R", b"261118103000000+"]),
    "final_date": st.sampled_from([b"", b"261118103000032+"]),
}
# SMPP 3.4 §4.6.1: unused in deliver_sm; smpp.pdu3 insists, we let them through.
_NULL_IN_DELIVER_SM = {
    "schedule_delivery_time": b"",
    "validity_period": b"",
    "replace_if_present_flag": 0,
    "sm_default_msg_id": 0,
}
# In the order in which smpp.pdu3 writes them; it keeps none of its own.
_known_tlvs = st.tuples(
    st.sampled_from([[], [(int(Tag.USER_MESSAGE_REFERENCE), b"\x00\x07")]]),
    st.sampled_from([[], [(int(Tag.SAR_TOTAL_SEGMENTS), b"\x02"), (int(Tag.SAR_SEGMENT_SEQNUM), b"\x01")]]),
    st.sampled_from([[], [(int(Tag.MESSAGE_PAYLOAD), b"a long text")]]),
).map(lambda parts: [item for part in parts for item in part])
_MOST_TLVS = {CommandId.SUBMIT_SM: 4, CommandId.DELIVER_SM: 4, CommandId.DATA_SM: 1}
_COMMANDS = [
    CommandId.BIND_TRANSMITTER,
    CommandId.BIND_RECEIVER,
    CommandId.BIND_TRANSCEIVER,
    CommandId.BIND_TRANSMITTER_RESP,
    CommandId.BIND_RECEIVER_RESP,
    CommandId.BIND_TRANSCEIVER_RESP,
    CommandId.OUTBIND,
    CommandId.UNBIND,
    CommandId.UNBIND_RESP,
    CommandId.ENQUIRE_LINK,
    CommandId.ENQUIRE_LINK_RESP,
    CommandId.GENERIC_NACK,
    CommandId.SUBMIT_SM,
    CommandId.SUBMIT_SM_RESP,
    CommandId.DELIVER_SM,
    CommandId.DATA_SM,
    CommandId.DATA_SM_RESP,
    CommandId.QUERY_SM,
    CommandId.QUERY_SM_RESP,
    CommandId.CANCEL_SM,
    CommandId.CANCEL_SM_RESP,
    CommandId.REPLACE_SM_RESP,
    CommandId.ALERT_NOTIFICATION,
]


@st.composite
def _known_pdus(draw: st.DrawFn, command_id: CommandId) -> Pdu:
    fields: dict[str, object] = {}
    for field in LAYOUTS[command_id]:
        name = _SAME_VALUES.get(field.name, field.name)
        if name in _TIMES:
            fields[field.name] = draw(_TIMES[name])
        elif field.kind is Kind.INTEGER:
            fields[field.name] = draw(_VALUES.get(name, _octet))
        elif field.kind is Kind.STRING:
            most = 9 if name == "password" else min(field.most, 21)
            fields[field.name] = draw(_text(most)).encode()
        else:
            fields[field.name] = draw(st.binary(max_size=254))
    if command_id == CommandId.DELIVER_SM:
        fields |= _NULL_IN_DELIVER_SM
    tlvs = draw(_known_tlvs)[: _MOST_TLVS.get(command_id, 0)]
    return Pdu(command_id, 0, draw(st.integers(1, 0x7FFFFFFF)), fields, Tlvs(tlvs))


@pytest.mark.parametrize("command_id", _COMMANDS, ids=command_name)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_smpp_pdu3(command_id: CommandId, data: st.DataObject) -> None:
    raw = encode(data.draw(_known_pdus(command_id)))
    theirs = pdu_encoding.PDUEncoder().decode(io.BytesIO(raw))
    ours = decode(raw)
    assert theirs.commandId.name == command_name(command_id)
    assert theirs.seqNum == ours.sequence_number
    for name, value in ours.fields.items():
        if isinstance(value, bytes) and value and name not in _TIMES:
            assert theirs.params[name] == value, name
    assert pdu_encoding.PDUEncoder().encode(theirs) == raw
