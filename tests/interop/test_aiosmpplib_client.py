"""aiosmpplib (an asyncio client with queue, correlation and reconnecting of its own) against the gateway.

It reads fewer things than smpplib: a status that SMPP 3.4 does not name makes it reconnect, so it uses the account
``plain`` (``vendor_codes = false``); a bind response without a body, which §4.1.2 asks for in case of an error, is a
ValueError to it, so the status is read from what it passed to its hook.
"""

from __future__ import annotations

import asyncio
import itertools
from types import TracebackType

import pytest
from aiosmpplib import ESME, NPI, TON, DeliverSm, PhoneNumber, SubmitSm, SubmitSmResp
from aiosmpplib.hook import AbstractHook
from aiosmpplib.protocol import SmppMessage
from aiosmpplib.state import (
    MESSAGE_STATE,
    RECEIPTED_MESSAGE_ID,
    SAR_MSG_REF_NUM,
    SAR_SEGMENT_SEQNUM,
    SAR_TOTAL_SEGMENTS,
    BindMode,
    OptionalParam,
    SmppCommand,
    SmppCommandStatus,
    SmppSessionState,
)

from tests.e2e.gateway import PASSWORDS
from tests.interop.expect import CHINESE_TEXT, GSM_TEXT, LONG_TEXT, Seen, check_receipt, receipts_by_id
from tests.interop.world import PLAIN_NUMBER, World

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

_UDHI = 0x40
_ALPHABET = "gsm0338"


class Hook(AbstractHook):
    """Keeps what was sent and received, as aiosmpplib shows it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.commands: list[tuple[SmppCommand, SmppCommandStatus]] = []
        self.answers: list[SubmitSmResp] = []
        self.delivered: list[DeliverSm] = []
        #: Every deliver_sm, also those of segments, which aiosmpplib keeps to itself.
        self.seen: list[Seen] = []
        self.errors: list[Exception] = []

    async def sending(self, smpp_message: SmppMessage, pdu: bytes, client_id: str) -> None:
        if isinstance(smpp_message, SubmitSm):
            self.sent.append(pdu)

    async def received(self, smpp_message: SmppMessage | None, pdu: bytes, client_id: str) -> None:
        header = SmppMessage.parse_header(pdu)
        self.commands.append((header.smpp_command, header.command_status))
        if header.smpp_command == SmppCommand.DELIVER_SM:
            self.seen.append(_seen(DeliverSm.from_pdu(pdu, header, _ALPHABET)))
        if isinstance(smpp_message, DeliverSm):
            self.delivered.append(smpp_message)
        elif isinstance(smpp_message, SubmitSmResp):
            self.answers.append(smpp_message)

    async def send_error(self, smpp_message: SmppMessage, error: Exception, client_id: str) -> None:
        self.errors.append(error)


class Esme:
    """An ESME of aiosmpplib that is bound inside ``async with``."""

    def __init__(self, world: World, mode: BindMode = BindMode.TRANSCEIVER, enquire_s: float = 55.0) -> None:
        self.hook = Hook()
        self._world = world
        self._esme = _esme(world, self.hook, PASSWORDS["orders"], mode, enquire_s)
        self._mode = mode
        self._log_ids = itertools.count(1)

    async def __aenter__(self) -> Esme:
        self._running = asyncio.create_task(self._esme.start())
        await self._world.until(lambda: self._esme.session_state == self._mode.session_state, "the bind")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with asyncio.timeout(10):
            await self._esme.stop()
            await self._running
        assert self._esme.session_state == SmppSessionState.CLOSED
        assert not self.hook.errors

    async def send(self, recipient: str, text: str = "", **fields: object) -> str:
        """Queue a message; returns the log_id under which its answer and receipt come back."""
        log_id = f"{recipient}-{next(self._log_ids)}"
        await self._esme.broker.enqueue(
            SubmitSm(
                short_message=text,
                source=PhoneNumber(PLAIN_NUMBER, TON.NETWORK_SPECIFIC, NPI.UNKNOWN),
                destination=PhoneNumber(recipient, TON.INTERNATIONAL, NPI.ISDN),
                log_id=log_id,
                **fields,  # type: ignore[arg-type]
            )
        )
        return log_id

    async def answered(self, log_id: str) -> SubmitSmResp:
        """The answer to a message, as aiosmpplib correlated it."""

        def found() -> list[SubmitSmResp]:
            return [answer for answer in self.hook.answers if answer.log_id == log_id]

        await self._world.until(found, "an answer")
        return found()[0]

    async def receipts(self, count: int) -> dict[str, Seen]:
        """This many receipts, by message id."""
        await self._world.until(lambda: len(self.hook.seen) >= count, f"{count} receipts")
        return receipts_by_id(self.hook.seen)


def _esme(world: World, hook: Hook, password: str, mode: BindMode, enquire_s: float) -> ESME:
    return ESME(
        "127.0.0.1",
        world.gateway.port,
        "plain",
        password,
        bind_mode=mode,
        hook=hook,
        enquire_link_interval=enquire_s,
        default_encoding=_ALPHABET,
        log_level="CRITICAL",
    )


def _seen(message: DeliverSm) -> Seen:
    tlvs = {param.tag: param.value for param in message.optional_params or []}
    tlv_id, state = tlvs.get(RECEIPTED_MESSAGE_ID), tlvs.get(MESSAGE_STATE)
    assert tlv_id is None or isinstance(tlv_id, str)
    assert state is None or isinstance(state, int)
    return Seen(
        message.source.number, message.destination.number, message.esm_class, message.short_message, tlv_id, state
    )


@pytest.mark.parametrize("mode", [BindMode.TRANSMITTER, BindMode.RECEIVER, BindMode.TRANSCEIVER])
async def test_every_kind_of_bind(world: World, mode: BindMode) -> None:
    async with Esme(world, mode) as esme:
        assert esme.hook.commands[0] == (SmppCommand(mode.smpp_command | 0x80000000), SmppCommandStatus.ESME_ROK)
        assert world.gateway.status()["accounts"]["plain"]["binds"] == 1
    await world.until(lambda: world.gateway.status()["accounts"]["plain"]["binds"] == 0)


async def test_a_wrong_password(world: World) -> None:
    hook = Hook()
    with pytest.raises(ValueError, match="not found"):
        await _esme(world, hook, "wrong", BindMode.TRANSCEIVER, 55.0).connect()
    assert hook.commands == [(SmppCommand.BIND_TRANSCEIVER_RESP, SmppCommandStatus.ESME_RINVPASWD)]


@pytest.mark.parametrize(("text", "data_coding"), [(GSM_TEXT, 0), (CHINESE_TEXT, 8)])
async def test_a_text_of_one_segment(world: World, text: str, data_coding: int) -> None:
    recipient = world.recipient()
    async with Esme(world) as esme:
        log_id = await esme.send(recipient, text)
        message_id = (await esme.answered(log_id)).message_id
        receipts = await esme.receipts(1)
        check_receipt(receipts[message_id], message_id, recipient, PLAIN_NUMBER)
        (delivered,) = esme.hook.delivered
        assert delivered.log_id == log_id
        receipt = delivered.parse_receipt()
        assert (receipt["id"], receipt["stat"], receipt["err"]) == (message_id, "DELIVRD", 0)
    (message,) = await world.arrived(recipient)
    assert (message.text, message.sm.data_coding) == (text, data_coding)
    assert message.sm.raw[16:] == esme.hook.sent[0][16:]


async def test_a_text_of_three_segments_by_udh(world: World) -> None:
    recipient = world.recipient()
    async with Esme(world) as esme:
        log_id = await esme.send(recipient, LONG_TEXT, esm_class=_UDHI, auto_message_payload=False)
        await esme.answered(log_id)
        receipts = await esme.receipts(3)
        for message_id, seen in receipts.items():
            check_receipt(seen, message_id, recipient, PLAIN_NUMBER)
        # aiosmpplib shows one receipt for the whole message, once it has matched those of all segments.
        assert [delivered.log_id for delivered in esme.hook.delivered] == [log_id]
    messages = await world.arrived(recipient, 3)
    assert [message.sm.raw[16:] for message in messages] == [sent[16:] for sent in esme.hook.sent]
    assert b"".join(message.user_data for message in messages).decode("utf-16-be") == LONG_TEXT


async def test_a_text_of_three_segments_by_sar(world: World) -> None:
    recipient = world.recipient()
    pieces = [LONG_TEXT[start : start + 66] for start in range(0, len(LONG_TEXT), 66)]
    async with Esme(world) as esme:
        for index, piece in enumerate(pieces, 1):
            sar = {SAR_MSG_REF_NUM: 4711, SAR_SEGMENT_SEQNUM: index, SAR_TOTAL_SEGMENTS: len(pieces)}
            await esme.send(recipient, piece, optional_params=[OptionalParam(*each) for each in sar.items()])
        receipts = await esme.receipts(len(pieces))
        for message_id, seen in receipts.items():
            check_receipt(seen, message_id, recipient, PLAIN_NUMBER)
    messages = await world.arrived(recipient, len(pieces))
    assert [message.sm.raw[16:] for message in messages] == [sent[16:] for sent in esme.hook.sent]
    assert "".join(message.text for message in messages) == LONG_TEXT


async def test_message_payload(world: World) -> None:
    recipient = world.recipient()
    async with Esme(world) as esme:
        log_id = await esme.send(recipient, message_payload=LONG_TEXT)
        message_id = (await esme.answered(log_id)).message_id
        receipts = await esme.receipts(1)
        check_receipt(receipts[message_id], message_id, recipient, PLAIN_NUMBER)
    (message,) = await world.arrived(recipient)
    assert message.text == LONG_TEXT
    assert message.sm.raw[16:] == esme.hook.sent[0][16:]


async def test_refusals_are_statuses_that_it_knows(world: World) -> None:
    async with Esme(world) as esme:
        phrase = await esme.answered(await esme.send(world.recipient(), "【示例物流】满百减十，回T退订"))
        number = await esme.answered(await esme.send("12", CHINESE_TEXT))
        assert phrase.command_status == SmppCommandStatus.ESME_RSUBMITFAIL
        assert number.command_status == SmppCommandStatus.ESME_RINVDSTADR
        assert not esme.hook.seen


async def test_enquire_link_both_ways(world: World) -> None:
    async with Esme(world, enquire_s=0.2) as asking, Esme(world) as asked:
        await world.until(lambda: (SmppCommand.ENQUIRE_LINK_RESP, 0) in asking.hook.commands, "our answer")
        await world.until(lambda: asked.hook.commands.count((SmppCommand.ENQUIRE_LINK, 0)) == 2, "our question")
        assert (SmppCommand.ENQUIRE_LINK_RESP, 0) not in asked.hook.commands


async def test_an_mo_arrives(world: World) -> None:
    texts = ["你好，请问几点开门？", "Where is my parcel [3€]?", LONG_TEXT]
    async with Esme(world, BindMode.RECEIVER) as esme:
        for count, text in enumerate(texts, 1):
            world.alpha.send_mo("8613912345678", PLAIN_NUMBER, text)
            await world.until(lambda count=count: len(esme.hook.delivered) == count, text)
        assert [delivered.short_message for delivered in esme.hook.delivered] == texts
        assert not any(delivered.is_receipt() for delivered in esme.hook.delivered)
