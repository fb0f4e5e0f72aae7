"""smpplib (a client in pure Python, blocking) against the gateway."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
import smpplib.smpp

from tests.e2e.gateway import PASSWORDS
from tests.interop.expect import (
    CHINESE_TEXT,
    DELIVERED,
    GSM_TEXT,
    LONG_TEXT,
    UNDELIVERABLE,
    Seen,
    check_receipt,
    receipts_by_id,
)
from tests.interop.world import NUMBER, PLAIN_NUMBER, World

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

UCS2 = smpplib.consts.SMPP_ENCODING_ISO10646
_DEADLINE_S = 10.0


class Esme(smpplib.client.Client):
    """smpplib's client, keeping what it read. Everything blocks, so each test runs it in a thread."""

    def __init__(self, port: int, bind: str = "transceiver", system_id: str = "orders", password: str = "") -> None:
        super().__init__("127.0.0.1", port, timeout=0.1, allow_unknown_opt_params=True)
        self.read: list[Any] = []
        self.delivered: list[Seen] = []
        self.set_message_sent_handler(lambda pdu: None)
        self.set_error_pdu_handler(lambda pdu: None)
        self.set_message_received_handler(self._came)
        self._bind_as = bind
        self._credentials = system_id, password or PASSWORDS["orders"]

    def __enter__(self) -> Esme:
        self.connect()
        self._socket.settimeout(_DEADLINE_S)  # smpplib reads the bind's answer only once
        system_id, password = self._credentials
        try:
            self.bind_response = getattr(self, f"bind_{self._bind_as}")(system_id=system_id, password=password)
        except smpplib.exceptions.PDUError:
            self._socket.close()
            self._socket = None
            raise
        self._socket.settimeout(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self.send_pdu(smpplib.smpp.make_pdu("unbind", client=self))
        self.until(lambda: self.read[-1].command == "unbind_resp")
        with pytest.raises(smpplib.exceptions.ConnectionError):  # the gateway closes after its unbind_resp
            self.until(lambda: False)
        self.state = smpplib.consts.SMPP_CLIENT_STATE_OPEN
        self.disconnect()

    def read_pdu(self) -> Any:
        self.read.append(super().read_pdu())
        return self.read[-1]

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline
            try:
                self.read_once(auto_send_enquire_link=False)
            except socket.timeout:  # noqa: UP041  # TimeoutError since 3.10, but smpplib's own word for it
                continue

    def request(self, command: str, **fields: Any) -> tuple[Any, Any]:
        """Send a request; the request and the response to it."""
        pdu = smpplib.smpp.make_pdu(command, client=self, **fields)
        self.send_pdu(pdu)
        return pdu, self.answer_to(pdu)

    def submit(self, recipient: str, short_message: bytes, **fields: Any) -> tuple[Any, str]:
        """Send a submit_sm and wait for its message id."""
        pdu = self.send(recipient, short_message, **fields)
        answer = self.answer_to(pdu)
        assert answer.status == smpplib.consts.SMPP_ESME_ROK
        return pdu, answer.message_id.decode()

    def send(self, recipient: str, short_message: bytes, **fields: Any) -> Any:
        fields.setdefault("source_addr", NUMBER)
        return self.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_NWSPEC,
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
            dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr=recipient,
            short_message=short_message,
            registered_delivery=1,
            **fields,
        )

    def answer_to(self, request: Any) -> Any:
        def found() -> list[Any]:
            return [pdu for pdu in self.read if pdu.sequence == request.sequence and pdu.command.endswith("_resp")]

        self.until(found)
        return found()[0]

    def receipts(self, count: int) -> dict[str, Seen]:
        """Wait for this many receipts; they are given by message id."""
        self.until(lambda: sum(seen.is_receipt for seen in self.delivered) >= count)
        return receipts_by_id(self.delivered)

    def _came(self, pdu: Any) -> None:
        assert pdu.command == "deliver_sm"
        text = pdu.short_message.decode("utf-16-be" if pdu.data_coding == UCS2 else "ascii")
        tlv_id = pdu.receipted_message_id.decode() if pdu.receipted_message_id else None
        source, destination = pdu.source_addr.decode(), pdu.destination_addr.decode()
        self.delivered.append(Seen(source, destination, pdu.esm_class, text, tlv_id, pdu.message_state))


def _body(pdu: Any) -> bytes:
    """The octets behind the header, as smpplib wrote them."""
    written: bytes = pdu.generate()
    return written[16:]


@pytest.mark.parametrize("bind", ["transmitter", "receiver", "transceiver"])
async def test_every_kind_of_bind(world: World, bind: str) -> None:
    def session() -> Any:
        with Esme(world.gateway.port, bind) as esme:
            assert world.gateway.status()["accounts"]["orders"]["binds"] == 1
            return esme.bind_response

    response = await asyncio.to_thread(session)
    assert (response.system_id, response.sc_interface_version) == (b"smsgw", 0x34)
    await world.until(lambda: world.gateway.status()["accounts"]["orders"]["binds"] == 0)


async def test_a_transmitter_submits_and_a_receiver_gets_the_receipt(world: World) -> None:
    recipient = world.recipient()

    def session() -> None:
        with Esme(world.gateway.port, "transmitter") as tx, Esme(world.gateway.port, "receiver") as rx:
            _, message_id = tx.submit(recipient, CHINESE_TEXT.encode("utf-16-be"), data_coding=UCS2)
            check_receipt(rx.receipts(1)[message_id], message_id, recipient, NUMBER)
            refused = smpplib.smpp.make_pdu("submit_sm", client=rx, source_addr=NUMBER, destination_addr=recipient)
            rx.state = smpplib.consts.SMPP_CLIENT_STATE_BOUND_TRX  # else smpplib itself refuses to send it
            rx.send_pdu(refused)
            assert rx.answer_to(refused).status == smpplib.consts.SMPP_ESME_RINVBNDSTS
            assert not tx.delivered

    await asyncio.to_thread(session)


@pytest.mark.parametrize(
    ("system_id", "password", "status"),
    [("orders", "wrong", smpplib.consts.SMPP_ESME_RINVPASWD), ("nobody", "wrong", smpplib.consts.SMPP_ESME_RINVSYSID)],
)
async def test_a_wrong_password_and_a_wrong_name(world: World, system_id: str, password: str, status: int) -> None:
    def session() -> None:
        with Esme(world.gateway.port, "transceiver", system_id, password):
            pass

    with pytest.raises(smpplib.exceptions.PDUError) as refused:
        await asyncio.to_thread(session)
    assert refused.value.args[1] == status


@pytest.mark.parametrize(
    ("text", "data_coding"), [(GSM_TEXT, smpplib.consts.SMPP_ENCODING_DEFAULT), (CHINESE_TEXT, UCS2)]
)
async def test_a_text_of_one_segment(world: World, text: str, data_coding: int) -> None:
    recipient = world.recipient()
    (part,), encoding, esm_class = smpplib.gsm.make_parts(text)
    assert encoding == data_coding

    def session() -> bytes:
        with Esme(world.gateway.port) as esme:
            pdu, message_id = esme.submit(recipient, part, data_coding=encoding, esm_class=esm_class)
            check_receipt(esme.receipts(1)[message_id], message_id, recipient, NUMBER)
            return _body(pdu)

    sent = await asyncio.to_thread(session)
    (message,) = await world.arrived(recipient)
    assert message.text == text
    assert message.sm.raw[16:] == sent


@pytest.mark.parametrize("one_at_a_time", [False, True], ids=["all at once", "one at a time"])
@pytest.mark.parametrize("kind", ["udh", "sar"])
async def test_a_text_of_three_segments(world: World, kind: str, one_at_a_time: bool) -> None:
    recipient = world.recipient()
    parts, encoding, esm_class = smpplib.gsm.make_parts(LONG_TEXT, use_udhi=kind == "udh")
    assert (len(parts), encoding) == (3, UCS2)

    def tlvs(index: int) -> dict[str, int]:
        if kind == "udh":
            return {}
        return {"sar_msg_ref_num": 777, "sar_total_segments": len(parts), "sar_segment_seqnum": index}

    def session() -> list[bytes]:
        with Esme(world.gateway.port) as esme:
            sent, ids = [], []
            for index, part in enumerate(parts, 1):
                sent.append(esme.send(recipient, part, data_coding=encoding, esm_class=esm_class, **tlvs(index)))
                if one_at_a_time:
                    ids.append(esme.answer_to(sent[-1]).message_id.decode())
            ids = ids or [esme.answer_to(pdu).message_id.decode() for pdu in sent]
            assert len(set(ids)) == len(parts)
            receipts = esme.receipts(len(parts))
            for message_id in ids:
                check_receipt(receipts[message_id], message_id, recipient, NUMBER)
            return [_body(pdu) for pdu in sent]

    sent = await asyncio.to_thread(session)
    messages = await world.arrived(recipient, len(parts))
    assert [message.sm.raw[16:] for message in messages] == sent
    assert len({message.link for message in messages}) == 1
    assert b"".join(message.user_data for message in messages).decode("utf-16-be") == LONG_TEXT


async def test_message_payload(world: World) -> None:
    recipient = world.recipient()
    text = LONG_TEXT * 2

    def session() -> None:
        with Esme(world.gateway.port) as esme:
            payload = text.encode("utf-16-be")
            _, message_id = esme.submit(recipient, b"", message_payload=payload, data_coding=UCS2)
            check_receipt(esme.receipts(1)[message_id], message_id, recipient, NUMBER)

    await asyncio.to_thread(session)
    (message,) = await world.arrived(recipient)
    assert (message.text, message.sm.sm_length) == (text, 0)


async def test_data_sm(world: World) -> None:
    recipient = world.recipient()

    def session() -> None:
        with Esme(world.gateway.port) as esme:
            _, answer = esme.request(
                "data_sm",
                source_addr=NUMBER,
                destination_addr=recipient,
                data_coding=UCS2,
                registered_delivery=1,
                message_payload=CHINESE_TEXT.encode("utf-16-be"),
            )
            message_id = answer.message_id.decode()
            check_receipt(esme.receipts(1)[message_id], message_id, recipient, NUMBER)

    await asyncio.to_thread(session)
    (message,) = await world.arrived(recipient)
    assert message.text == CHINESE_TEXT


async def test_an_undelivered_message_and_its_state(world: World) -> None:
    recipient = "19900001013"  # the simulator's receipt: UNDELIV, err:013

    def session() -> None:
        with Esme(world.gateway.port) as esme:
            _, message_id = esme.submit(recipient, CHINESE_TEXT.encode("utf-16-be"), data_coding=UCS2)
            seen = esme.receipts(1)[message_id]
            check_receipt(seen, message_id, recipient, NUMBER, UNDELIVERABLE, "UNDELIV")
            assert "err:013" in seen.text
            _, state = esme.request("query_sm", message_id=message_id, source_addr=NUMBER)
            assert (state.status, state.message_id.decode()) == (0, message_id)
            assert (state.message_state, state.error_code) == (UNDELIVERABLE, 13)
            assert state.final_date

    await asyncio.to_thread(session)


async def test_registered_delivery_asks_for_what_comes(world: World) -> None:
    recipients = {asked: world.recipient() for asked in (0, 1)}

    def session() -> None:
        with Esme(world.gateway.port) as esme:
            ids = {}
            for asked, recipient in recipients.items():
                fields = {"source_addr": NUMBER, "destination_addr": recipient, "data_coding": UCS2}
                text = CHINESE_TEXT.encode("utf-16-be")
                _, answer = esme.request("submit_sm", short_message=text, registered_delivery=asked, **fields)
                ids[asked] = answer.message_id.decode()
            assert set(esme.receipts(1)) == {ids[1]}
            # The carrier's receipt came for both: the state is known although no receipt was wanted.
            _, state = esme.request("query_sm", message_id=ids[0], source_addr=NUMBER)
            assert state.message_state == DELIVERED

    await asyncio.to_thread(session)


async def test_a_refusal_is_explained_or_plain(world: World) -> None:
    """``orders`` gets a vendor status and TLVs, which smpplib skips; ``plain`` a status of the specification."""
    text = "【示例物流】满百减十，回T退订".encode("utf-16-be")  # a notice must not say how to unsubscribe

    def session(system_id: str, number: str) -> Any:
        with Esme(world.gateway.port, "transceiver", system_id) as esme:
            answers = []
            for recipient in ("8613800000000", "12"):
                pdu = esme.send(recipient, text, source_addr=number, data_coding=UCS2)
                answers.append(esme.answer_to(pdu))
            assert not esme.delivered
            return answers

    explained = await asyncio.to_thread(session, "orders", NUMBER)
    plain = await asyncio.to_thread(session, "plain", PLAIN_NUMBER)
    assert [answer.status for answer in explained + plain] == [0x406, 0x0B, 0x45, 0x0B]
    assert explained[0].length > 16
    assert plain[0].length == 16


async def test_enquire_link_both_ways(world: World) -> None:
    def session() -> None:
        with Esme(world.gateway.port) as esme:
            _, answer = esme.request("enquire_link")
            assert answer.command == "enquire_link_resp"
            esme.until(lambda: sum(pdu.command == "enquire_link" for pdu in esme.read) == 2)

    await asyncio.to_thread(session)


async def test_an_mo_arrives(world: World) -> None:
    texts = ["你好，请问几点开门？", "Where is my parcel"]

    def session() -> list[Seen]:
        with Esme(world.gateway.port) as esme:
            esme.until(lambda: len(esme.delivered) == len(texts))
            return esme.delivered

    for text in texts:
        world.alpha.send_mo("8613912345678", NUMBER, text)
    seen = await asyncio.to_thread(session)
    assert [each.text for each in seen] == texts
    assert {(each.source, each.destination, each.is_receipt) for each in seen} == {("8613912345678", NUMBER, False)}


async def test_a_receipt_waits_for_the_next_bind(world: World) -> None:
    recipient = world.recipient()

    def send() -> str:
        with Esme(world.gateway.port, "transmitter") as esme:
            return esme.submit(recipient, CHINESE_TEXT.encode("utf-16-be"), data_coding=UCS2)[1]

    def fetch(message_id: str) -> None:
        with Esme(world.gateway.port, "receiver") as esme:
            check_receipt(esme.receipts(1)[message_id], message_id, recipient, NUMBER)

    message_id = await asyncio.to_thread(send)
    await world.alpha.wait_for(lambda: world.alpha.receipts_waiting == 0, 10, "the receipt at the gateway")
    await asyncio.to_thread(fetch, message_id)
