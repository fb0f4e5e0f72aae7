"""Names for numbers: the ones that matter on the wire, and what happens to a number without a name."""

from __future__ import annotations

import pytest

from smsgw.smpp.constants import (
    ESM_INTERMEDIATE,
    ESM_RECEIPT,
    ESM_TYPE_MASK,
    RESPONSE_BIT,
    VENDOR_TAGS,
    CommandId,
    CommandStatus,
    MessageState,
    Tag,
    command_name,
    status_name,
    tag_name,
)


def test_every_response_has_its_request() -> None:
    responses = {command for command in CommandId if command & RESPONSE_BIT} - {CommandId.GENERIC_NACK}
    for response in responses:
        assert CommandId(response & ~RESPONSE_BIT).name == response.name.removesuffix("_RESP")


def test_only_three_commands_stand_alone() -> None:
    numbers = {int(command) for command in CommandId}
    alone = {command for command in CommandId if command ^ RESPONSE_BIT not in numbers}
    assert alone == {CommandId.GENERIC_NACK, CommandId.OUTBIND, CommandId.ALERT_NOTIFICATION}


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "ESME_ROK"),
        (0x58, "ESME_RTHROTTLED"),
        (0xC0, "ESME_RINVTLVSTREAM"),
        (0x112, "ESME_RINVBCASTCHANIND"),
        (0x402, "0x00000402"),
        (0xFFFFFFFF, "0xFFFFFFFF"),
    ],
)
def test_status_name(number: int, name: str) -> None:
    assert status_name(number) == name


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("ESME_RINVOPTPARSTREAM", 0xC0),
        ("ESME_ROPTPARNOTALLWD", 0xC1),
        ("ESME_RINVPARLEN", 0xC2),
        ("ESME_RMISSINGOPTPARAM", 0xC3),
        ("ESME_RINVOPTPARAMVAL", 0xC4),
    ],
)
def test_the_names_of_34_for_tlv_errors_are_the_same_numbers(name: str, number: int) -> None:
    assert CommandStatus[name] == number


def test_command_and_tag_names() -> None:
    assert command_name(0x80000004) == "submit_sm_resp"
    assert command_name(0x110) == "0x00000110"
    assert tag_name(Tag.MESSAGE_PAYLOAD) == "message_payload"
    assert tag_name(0x1454) == "0x1454"


def test_no_named_tag_is_in_the_vendors_range() -> None:
    assert not [tag for tag in Tag if tag in VENDOR_TAGS]
    assert 0x1400 in VENDOR_TAGS
    assert 0x3FFF in VENDOR_TAGS
    assert 0x4000 not in VENDOR_TAGS


def test_receipt_and_intermediate_notification_are_message_types() -> None:
    assert ESM_RECEIPT & ESM_TYPE_MASK == ESM_RECEIPT
    assert ESM_INTERMEDIATE & ESM_TYPE_MASK == ESM_INTERMEDIATE


def test_message_states_are_those_of_34() -> None:
    assert [state.name for state in MessageState][1:9] == [
        "ENROUTE",
        "DELIVERED",
        "EXPIRED",
        "DELETED",
        "UNDELIVERABLE",
        "ACCEPTED",
        "UNKNOWN",
        "REJECTED",
    ]
