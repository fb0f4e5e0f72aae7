"""Responses to submit_sm in all their forms, on the wire."""

from __future__ import annotations

import pytest

from tests.behaviours.wire import Peer, playing


@pytest.mark.parametrize(("name", "octets"), [("error-without-body", 16), ("error-with-body", 17)])
async def test_bodies_of_errors(name: str, octets: int) -> None:
    async with playing(name) as stage, await Peer.bound(stage) as peer:
        answers = [await peer.ask(f"861380000000{n}", registered_delivery=0) for n in range(10)]
        refused = [each for each in answers if each.status]
        assert 1 <= len(refused) <= 9
        assert {(each.status, len(each.raw), each.message_id) for each in refused} == {(0x08, octets, b"")}


async def test_the_longest_ids() -> None:
    async with playing("id-long") as stage, await Peer.bound(stage) as peer:
        answer = await peer.ask()
        receipt = await peer.delivery()
        assert (len(answer.message_id), answer.raw[-1]) == (64, 0)
        assert receipt.receipted == answer.message_id
        assert receipt.text.startswith(b"id:" + answer.message_id + b" ")


async def test_ids_of_any_characters() -> None:
    async with playing("id-odd") as stage, await Peer.bound(stage) as peer:
        message_id = (await peer.ask()).message_id
        assert {b" ", b'"', b"\\"} <= {bytes([octet]) for octet in message_id}
        assert max(message_id) > 0x7F
        assert (await peer.delivery()).receipted == message_id


async def test_taken_without_an_id() -> None:
    async with playing("id-empty") as stage, await Peer.bound(stage) as peer:
        answer = await peer.ask()
        assert (answer.status, answer.message_id, answer.raw[16:]) == (0, b"", b"\0")
        assert (await peer.delivery()).receipted


async def test_temporary_errors() -> None:
    async with playing("temporary-errors") as stage, await Peer.bound(stage) as peer:
        recipients = [f"86138000000{n:02}" for n in range(60)]
        first = [(await peer.ask(each, registered_delivery=0)).status for each in recipients]
        assert set(first) == {0x08, 0x14, 0x58, 0x64, 0x65, 0x66, 0x67}
        assert {(await peer.ask(each, registered_delivery=0)).status for each in recipients} == {0}


async def test_final_errors() -> None:
    final = {0x01, 0x0A, 0x0B, 0x43, 0x45, 0x61, 0x62, 0x0401}
    async with playing("final-errors") as stage, await Peer.bound(stage) as peer:
        statuses = {(await peer.ask(f"86138000000{n:02}")).status for n in range(80)}
        assert statuses == final
