"""Codes of Chinese networks, in receipts and as responses, on the wire."""

from __future__ import annotations

import re

import pytest

from tests.behaviours.wire import Peer, playing

#: scenario -> the codes of its class
CODES: dict[str, set[str]] = {
    "code-blacklist": {"MBBLACK", "DBBLACK", "DB:0144", "TDBLACK", "TSBLACK", "BLACK", "M2:0045"},
    "code-invalid-number": {"MK:0001", "DB:0101"},
    "code-suspended-or-off": {"MK:0005", "MK:0013", "DB:0102", "MK:0010", "MK:0023"},
    "code-cap": {"DB:0142", "MILIMIT", "LIMIT", "MK:1041"},
    "code-flow": {"IB:0008", "DB:9007"},
    "code-content": {"KEYWORD", "DB:0318", "MK:0115", "MK:1004"},
    "code-signature": {"SC:0018", "NOSEND"},
    "code-time": {"ID:0044"},
    "code-ported": {"NP:1243"},
    "code-no-route": {"NOROUTER", "MA:0003"},
}


@pytest.mark.parametrize("name", CODES)
async def test_codes_in_stat_and_err(name: str) -> None:
    async with playing(name, by_hand=True) as stage, await Peer.bound(stage) as peer:
        found = set()
        for n in range(60):
            message_id = (await peer.ask(f"86138000000{n:02}")).message_id
            receipt = await peer.delivery()
            told = re.fullmatch(
                rb"id:(\S+) sub:001 dlvrd:000 submit date:2611181030 done date:2611181030 stat:(\S+) err:(\S+) text:x",
                receipt.text,
            )
            assert told is not None
            assert (told[1], told[2]) == (message_id, told[3])
            assert (receipt.receipted, receipt.pdu.message_state) == (message_id, 5)
            found.add(told[2].decode())
        assert found == CODES[name]


async def test_a_status_in_place_of_a_receipt() -> None:
    async with playing("code-in-response") as stage, await Peer.bound(stage) as peer:
        answers = [await peer.ask(f"86138000000{n:02}", registered_delivery=0) for n in range(60)]
        assert {each.status for each in answers} == {0, 0x58, 0x0500}
