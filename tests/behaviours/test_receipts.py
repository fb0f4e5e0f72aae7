"""Receipts: each way in which carriers write, time, double and withhold them, on the wire."""

from __future__ import annotations

import asyncio
import re

import pytest
import smpp34

from simulators.spread import NO_DELAY, Delay
from tests.behaviours.wire import SOON_S, Came, Peer, Stage, playing

#: What a receipt says when nothing is special about it: START twice, and the message's text.
USUAL = "id:{id} sub:001 dlvrd:001 submit date:2611181030 done date:2611181030 stat:DELIVRD err:000 text:x"
_DATES = "submit date:2611181030 done date:2611181030"
_FAILED = USUAL.replace("dlvrd:001", "dlvrd:000").replace("DELIVRD err:000", "UNDELIV err:005")
_ERRS = ("0", "00", "000", "0000", "OK00")
_ERRS_FAILED = ("5", "05", "005", "0005", "MK05")
_STATES = ("EXPIRED 001", "DELETED 001", "UNDELIV 001", "ACCEPTD 000", "UNKNOWN 001", "REJECTD 001", "MBBLACK 001",
           "DB:0144 001")  # fmt: skip
_UTC = "submit date:2611180230 done date:2611180230"
_NEWFOUNDLAND = "submit date:2611172300 done date:2611172300"
#: Until every form has come at the latest.
_MOST = 80

#: scenario -> every text that its receipts may have, and all of which come
TEXTS: dict[str, tuple[str, ...]] = {
    "receipt-unquoted-id": (USUAL,),
    "receipt-text-only": (USUAL,),
    "receipt-quoted-id": (USUAL.replace("id:{id}", 'id:"{id}"'),),
    "receipt-without-counts": (USUAL.replace("sub:001 dlvrd:001 ", ""),),
    "receipt-dates-10-digits": (USUAL,),
    "receipt-dates-12-digits": (USUAL.replace("2611181030", "261118103000"),),
    "receipt-other-zone": (USUAL.replace(_DATES, _UTC), USUAL.replace(_DATES, _NEWFOUNDLAND)),
    "receipt-stat-codes": (
        USUAL,
        *(_FAILED.replace("UNDELIV err:005", each.replace(" ", " err:")) for each in _STATES),
    ),
    "receipt-err-forms": (
        *(USUAL.replace("err:000", f"err:{err}") for err in _ERRS),
        *(_FAILED.replace("err:005", f"err:{err}") for err in _ERRS_FAILED),
    ),
    "receipt-text-label": (USUAL.replace("text:", "Text:"), USUAL.replace(" text:x", "")),
}


async def receipts_until(stage: Stage, peer: Peer, wanted: set[object], key: object = None) -> list[tuple[bytes, Came]]:
    """Ids and receipts of messages to one recipient after another, until there was one of each wanted key."""
    look = key if callable(key) else lambda message_id, came: came.text
    found: list[tuple[bytes, Came]] = []
    for n in range(_MOST):
        answer = await peer.ask(f"861380000{n:04}")
        assert answer.status == 0
        receipt = await peer.delivery()
        found.append((answer.message_id, receipt))
        wanted = wanted - {look(answer.message_id, receipt)}
        if not wanted:
            return found
    raise AssertionError(f"{wanted} did not come in {_MOST} messages")


@pytest.mark.parametrize("name", TEXTS)
async def test_texts(name: str) -> None:
    def form(message_id: bytes, came: Came) -> str:
        return came.text.decode("ascii").replace(message_id.decode(), "{id}")

    async with playing(name, by_hand=True) as stage, await Peer.bound(stage) as peer:
        found = await receipts_until(stage, peer, set(TEXTS[name]), form)
        assert {form(message_id, came) for message_id, came in found} == set(TEXTS[name])
        bare = name != "receipt-stat-codes"
        assert all((came.receipted is None) is bare and came.esm_class == 4 for _, came in found)


async def test_cut_anywhere() -> None:
    async with playing("receipt-cut", by_hand=True) as stage, await Peer.bound(stage) as peer:
        found = await receipts_until(stage, peer, {9, 40, 75, 88}, lambda message_id, came: len(came.text))
        for message_id, came in found:
            whole = USUAL.format(id=message_id.decode()).encode()
            assert whole.startswith(came.text)
        assert {came.text[-12:] for _, came in found if len(came.text) == 88} == {b"stat:DELIVRD"}


async def test_any_data_coding() -> None:
    async with playing("receipt-codings", by_hand=True) as stage, await Peer.bound(stage) as peer:
        found = await receipts_until(stage, peer, {1, 3, 4, 8}, lambda message_id, came: came.pdu.data_coding)
        for message_id, came in found:
            encoding = "utf-16-be" if came.pdu.data_coding == 8 else "ascii"
            assert came.text == USUAL.format(id=message_id.decode()).encode(encoding)


async def test_tlvs_without_text() -> None:
    async with playing("receipt-tlvs-only", by_hand=True) as stage, await Peer.bound(stage) as peer:
        found = await receipts_until(stage, peer, {2, 5}, lambda message_id, came: came.pdu.message_state)
        for message_id, came in found:
            assert (came.text, came.receipted) == (b"", message_id)
            failed = came.pdu.message_state == 5
            assert came.pdu.network_error_code == (b"\x03\x00\x05" if failed else None)


async def test_a_tlv_without_its_nul() -> None:
    async with playing("receipt-tlv-without-nul") as stage, await Peer.bound(stage) as peer:
        message_id = (await peer.ask()).message_id
        receipt = await peer.delivery(sound=False)
        assert receipt.text == b""
        assert receipt.raw[-19:] == b"\x00\x1e\x00\x0a" + message_id + b"\x04\x27\x00\x01\x02"
        assert "labeled [10] but parsed [13]" in receipt.complaint  # it reads on to the next NUL


#: scenario -> the receipt's id from that of the response, and how ids in responses look
IDS = {
    "id-hex-then-dec": (r"[0-9a-f]{8}", lambda said: str(int(said, 16))),
    "id-dec-then-hex": (r"\d{10}", lambda said: f"{int(said):x}"),
    "id-upper-case": (r"[0-9a-f]{8}", str.upper),
    "id-lower-case": (r"[0-9A-F]{8}", str.lower),
    "id-padded-8": (r"0000abe[0-9a-f]", lambda said: said.lstrip("0")),
    "id-padded-10": (r"abe[0-9a-f]", lambda said: f"{int(said, 16):010}"),
    "id-cut": (r"\d{12}", lambda said: said[-10:]),
}


@pytest.mark.parametrize("name", IDS)
async def test_forms_of_ids(name: str) -> None:
    looks, in_receipt = IDS[name]
    async with playing(name, by_hand=True) as stage, await Peer.bound(stage) as peer:
        for n in range(3):
            said = (await peer.ask(f"861380000000{n}")).message_id.decode()
            assert re.fullmatch(looks, said)
            receipt = await peer.delivery()
            assert (receipt.receipted or b"").decode() == in_receipt(said)
            assert receipt.text.decode() == USUAL.format(id=in_receipt(said))


async def test_before_the_response() -> None:
    quick = {"response": Delay.parse("150ms"), "early_by": Delay.parse("100ms")}
    async with playing("receipts-before-response", **quick) as stage, await Peer.bound(stage) as peer:
        number = peer.submit()
        receipt = await peer.delivery()
        assert not peer.kept  # and the response takes a while yet
        assert await peer.silent(0.05)
        assert (await peer.answer(number)).message_id == receipt.receipted


async def test_days_later() -> None:
    async with playing("receipts-days-later", by_hand=True) as stage, await Peer.bound(stage) as peer:
        message_id = (await peer.ask()).message_id
        stage.group.clock.advance(47 * 3600)
        assert await peer.alive()
        assert not peer.kept
        stage.group.clock.advance(26 * 3600)
        receipt = await peer.delivery()
        assert receipt.receipted == message_id
        assert re.search(rb"submit date:2611181030 done date:26112[01]\d{4} ", receipt.text)


async def test_twice() -> None:
    async with playing("receipts-twice", by_hand=True) as stage, await Peer.bound(stage) as peer:
        await peer.ask()
        first = await peer.delivery()
        stage.group.clock.advance(0.9)
        assert await peer.alive()
        assert not peer.kept
        stage.group.clock.advance(0.2)
        again = await peer.delivery()
        # The done date has minutes: it is the same PDU but for its number.
        assert (again.raw[16:], again.sequence) == (first.raw[16:], first.sequence + 1)


async def test_final_states_that_contradict() -> None:
    async with playing("receipts-contradicting", by_hand=True) as stage, await Peer.bound(stage) as peer:
        seen = set()
        for n in range(8):
            answer = await peer.ask(f"861380000000{n}")
            first = await peer.delivery()
            stage.group.clock.advance(1)
            then = await peer.delivery()
            assert first.receipted == then.receipted == answer.message_id
            seen.add((first.pdu.message_state, then.pdu.message_state))
        assert seen == {(2, 5), (5, 2)}


async def test_pending_after_delivered() -> None:
    async with playing("receipts-in-any-order", by_hand=True) as stage, await Peer.bound(stage) as peer:
        message_id = (await peer.ask()).message_id
        stage.group.clock.advance(1)
        receipts = [await peer.delivery() for _ in range(3)]
        assert [each.pdu.message_state for each in receipts] == [1, 2, 1]
        assert [re.search(rb"stat:(\S+)", each.text)[1] for each in receipts] == [b"ENROUTE", b"DELIVRD", b"ENROUTE"]
        assert {each.receipted for each in receipts} == {message_id}


@pytest.mark.parametrize(
    ("name", "told"),
    [("receipts-each-segment", (0, 1, 2)), ("receipts-first-segment", (0,)), ("receipts-last-segment", (2,))],
)
async def test_receipts_of_segments(name: str, told: tuple[int, ...]) -> None:
    async with playing(name, by_hand=True) as stage, await Peer.bound(stage) as peer:
        ids = [
            (await peer.ask(text=bytes((5, 0, 3, 7, 3, index)) + b"part", esm_class=0x40)).message_id
            for index in (1, 2, 3)
        ]
        receipts = [await peer.delivery() for _ in told]
        assert [each.receipted for each in receipts] == [ids[index] for index in told]
        assert await peer.alive()
        assert not peer.kept


async def test_unanswered_receipts_come_again_for_a_day() -> None:
    async with playing("receipts-resent", resend_after_s=0.05, receipt_tries=3) as stage:
        (told,) = stage.scenario.carriers
        assert (told.resend_after_s, told.resend_after_s * told.receipt_tries) == (30.0, 86_400)
        async with await Peer.bound(stage) as peer:
            await peer.ask()
            tries = [await peer.delivery(None) for _ in range(3)]
            assert len({each.raw[16:] for each in tries}) == 1
            await stage.group.wait_for(lambda: stage.sim.deliveries[0].given_up, SOON_S)
            assert not stage.report().ok  # nobody answered
            await peer.ask("8613800000002")
            await peer.delivery(None)
            await peer.delivery()  # this one is answered at the second try
            assert await peer.alive()
            assert await peer.silent()


@pytest.mark.parametrize("status", [0x08, 0x14, 0x45, 0x58, 0x64, 0x67, 0xFE, 0xFF])
async def test_refusals_after_which_receipts_come_again(status: int) -> None:
    async with playing("receipts-retried", retry_after_s=0.02) as stage, await Peer.bound(stage) as peer:
        await peer.ask()
        refused = await peer.delivery(status)
        again = await peer.delivery()
        assert (again.raw[16:], again.sequence > refused.sequence) == (refused.raw[16:], True)


@pytest.mark.parametrize("status", [0x01, 0x0B, 0x65, 0x66, 0x0400])
async def test_refusals_that_lose_a_receipt(status: int) -> None:
    async with playing("receipts-retried", retry_after_s=0.02) as stage, await Peer.bound(stage) as peer:
        await peer.ask()
        await peer.delivery(status)
        await stage.group.wait_for(lambda: stage.sim.deliveries[0].given_up, SOON_S)
        assert await peer.silent(0.1)


async def test_esm_class_of_receipts() -> None:
    async with playing("receipt-esm-class") as stage, await Peer.bound(stage) as peer:
        await peer.ask()
        assert (await peer.delivery()).esm_class & 0x3C == 0x04


async def test_receipts_that_look_like_mo() -> None:
    async with playing("receipt-esm-class-0") as stage, await Peer.bound(stage) as peer:
        message_id = (await peer.ask()).message_id
        receipt = await peer.delivery()
        assert (receipt.command, receipt.esm_class, receipt.receipted) == ("deliver_sm", 0, message_id)
        assert receipt.text.startswith(b"id:" + message_id)


async def test_intermediate_notifications() -> None:
    async with playing("receipts-intermediate", by_hand=True) as stage, await Peer.bound(stage) as peer:
        await peer.ask()
        stage.group.clock.advance(2)
        receipts = [await peer.delivery() for _ in range(2)]
        assert [(each.esm_class, each.pdu.message_state) for each in receipts] == [(0x20, 1), (0x04, 2)]


async def test_receipts_by_data_sm() -> None:
    async with playing("receipt-data-sm", by_hand=True) as stage, await Peer.bound(stage) as peer:
        message_id = (await peer.ask()).message_id
        receipt = await peer.delivery()
        assert (receipt.command, receipt.esm_class, receipt.receipted) == ("data_sm", 4, message_id)
        assert receipt.text.decode() == USUAL.format(id=message_id.decode())


@pytest.mark.parametrize("name", ["receipt-esm-class", "receipts-twice", "receipts-before-response"])
async def test_a_whole_library_takes_them(name: str) -> None:
    """What smpp34 tells its user of the usual receipt, of one twice, and of an early one."""
    quick = {"response": Delay.parse("50ms"), "early_by": Delay.parse("30ms"), "duplicate_after": NO_DELAY}
    async with playing(name, **quick) as stage:
        client = smpp34.Client("127.0.0.1", stage.sim.port, "shop", "secret", bind_type="trx")
        smsc = await client.connect()
        answer = asyncio.ensure_future(smsc.submit_sm("8613800000001", b"x", registered_delivery=1))
        for _ in range(2 if name == "receipts-twice" else 1):
            async with asyncio.timeout(SOON_S):
                event = await smsc.next()
            if name == "receipts-before-response":
                assert not answer.done()
            message_id = (await answer).message_id
            tlvs = {each.tag: each.value for each in event.tlvs}
            assert tlvs[smpp34.TLV_RECEIPTED_MESSAGE_ID].rstrip(b"\0").decode() == message_id
            assert event.short_message.startswith(b"id:" + message_id.encode())
        await smsc.unbind()
        await client.stop()
