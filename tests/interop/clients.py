"""Clients made of foreign libraries, each led in the same few words, so that one set of tests is for all of them.

async with make(port) as client:      # bound as shop/secret
    answer = await client.submit("8613800000001", "您好")
"""

from __future__ import annotations

import asyncio
import queue
import select
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import smpp34
import smpplib.client
import smpplib.exceptions
from aiosmpplib import ESME, NPI, TON, DeliverSm, PhoneNumber, SubmitSm
from aiosmpplib.hook import AbstractHook
from aiosmpplib.protocol import SmppMessage
from aiosmpplib.state import OptionalParam, SmppCommand

from tests.interop.node_peer import NodePeer

SYSTEM_ID, PASSWORD, SOURCE = "shop", "secret", "10690001"
SOON_S = 10.0
_TAG_ID, _TAG_STATE = 0x001E, 0x0427


@dataclass(frozen=True)
class Answer:
    """A submit_sm_resp."""

    status: int
    message_id: str


@dataclass(frozen=True)
class Came:
    """A deliver_sm as the library read it."""

    source: str
    octets: bytes
    data_coding: int
    esm_class: int
    #: receipted_message_id and message_state.
    message_id: str = ""
    state: int | None = None


class Client(ABC):
    """Bound inside ``async with``; the bind's refusal raises Refused."""

    def __init__(self, port: int, *, password: str = PASSWORD, ca: Path | None = None) -> None:
        self.port = port
        self.password = password
        self.ca = ca
        self.came: list[Came] = []
        #: enquire_link that came from the carrier.
        self.enquiries = 0
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Client:
        async with asyncio.timeout(SOON_S):
            await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with asyncio.timeout(SOON_S):
            await self.close()

    @abstractmethod
    async def open(self) -> None:
        """Connect and bind as a transceiver."""

    @abstractmethod
    async def close(self) -> None:
        """Unbind."""

    @abstractmethod
    async def submit(self, recipient: str, octets: bytes, data_coding: int, esm_class: int = 0) -> Answer:
        """A submit_sm that asks for a receipt."""

    async def enquire(self) -> bool:
        """Send enquire_link (or have it sent); whether it was answered. True where the library sends none."""
        return True

    async def receipts(self, count: int) -> dict[str, Came]:
        """The receipts once there are ``count``, by their ids."""
        await self.until(lambda: sum(each.esm_class == 4 for each in self.came) >= count, f"{count} receipts")
        return {each.message_id: each for each in self.came if each.esm_class == 4}

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds, looked at with everything that comes."""
        try:
            async with asyncio.timeout(SOON_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what}: not within {SOON_S:g} s; {self.came[-3:]}") from None

    def take(self, came: Came | None = None) -> None:
        """Something came."""
        if came is not None:
            self.came.append(came)
        self._changed.set()


class Refused(Exception):
    """A bind was refused with this command_status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"0x{status:08X}")
        self.status = status


class Node(Client):
    """node's ``smpp``."""

    async def open(self) -> None:
        self.peer = await NodePeer().__aenter__()
        await self.peer.do("connect", port=self.port, tls=self.ca is not None, ca=str(self.ca or ""))
        answer = await self.peer.request("bind_transceiver", system_id=SYSTEM_ID, password=self.password)
        if answer["command_status"]:
            await self.peer.__aexit__(None, None, None)
            raise Refused(answer["command_status"])

    async def close(self) -> None:
        answer = await self.peer.request("unbind")
        assert answer["command_status"] == 0
        await self.peer.until(lambda: self.peer.said("close"), "the carrier closes")
        assert not self.peer.said("error")
        await self.peer.__aexit__(None, None, None)

    async def submit(self, recipient: str, octets: bytes, data_coding: int, esm_class: int = 0) -> Answer:
        answer = await self.peer.request(
            "submit_sm",
            source_addr=SOURCE,
            destination_addr=recipient,
            short_message={"hex": octets.hex()},
            data_coding=data_coding,
            esm_class=esm_class,
            registered_delivery=1,
        )
        return Answer(answer["command_status"], answer.get("message_id", ""))

    async def enquire(self) -> bool:
        return bool((await self.peer.request("enquire_link"))["command_status"] == 0)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        def look() -> object:
            self.came = [_of_node(pdu) for pdu in self.peer.pdus("deliver_sm")]
            self.enquiries = len(self.peer.pdus("enquire_link"))
            return condition()

        await self.peer.until(look, what)


def _of_node(pdu: dict[str, Any]) -> Came:
    message = pdu["short_message"]["message"]
    octets = bytes.fromhex(message["hex"]) if isinstance(message, dict) else message.encode("utf-16-be")
    coding = pdu["data_coding"]
    if not isinstance(message, dict) and coding != 8:
        octets = message.encode("ascii")
    state = pdu.get("message_state")
    message_id = pdu.get("receipted_message_id", "")
    return Came(pdu["source_addr"], octets, coding, pdu["esm_class"], message_id, state)


class Smpp34(Client):
    """smpp34, whose wire is Rust."""

    async def open(self) -> None:
        tls = self.ca is not None
        self._client = smpp34.Client("127.0.0.1", self.port, SYSTEM_ID, self.password, bind_type="trx", tls=tls)
        with pytest.MonkeyPatch.context() as patch:
            if tls:  # the one way to name an authority to it
                patch.setenv("SSL_CERT_FILE", str(self.ca))
            self._smsc = await self._client.connect()
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._smsc.unbind()
        await self._client.stop()

    async def submit(self, recipient: str, octets: bytes, data_coding: int, esm_class: int = 0) -> Answer:
        response = await self._smsc.submit_sm(
            recipient, octets, source_addr=SOURCE, data_coding=data_coding, esm_class=esm_class, registered_delivery=1
        )
        return Answer(response.command_status, response.message_id or "")

    async def _read(self) -> None:
        while True:
            event = await self._smsc.next()
            if isinstance(event, smpp34.DeliverSmEvent):
                tlvs = {each.tag: each.value for each in event.tlvs}
                state = tlvs.get(_TAG_STATE)
                self.take(
                    Came(
                        event.source_addr,
                        event.short_message,
                        event.data_coding,
                        event.esm_class,
                        tlvs.get(_TAG_ID, b"").rstrip(b"\0").decode(),
                        state[0] if state else None,
                    )
                )


class Smpplib(Client):
    """smpplib: blocking, so a thread of its own reads, and sends what it is given."""

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._alive: asyncio.Future[bool] | None = None
        context = ssl.create_default_context(cafile=self.ca) if self.ca is not None else None
        if context is not None:
            context.check_hostname = False  # it gives no name to look for
        self._client = smpplib.client.Client(
            "localhost" if context else "127.0.0.1",
            self.port,
            timeout=SOON_S,
            ssl_context=context,
            allow_unknown_opt_params=True,
        )
        self._client.set_message_sent_handler(self._answered)
        self._client.set_message_received_handler(self._received)
        self._client.set_error_pdu_handler(lambda pdu: None)  # refusals come to the sent handler as well
        self._client.set_query_resp_handler(lambda pdu: None)
        try:
            await asyncio.to_thread(self._bind)
        except smpplib.exceptions.PDUError as error:
            raise Refused(error.args[1]) from None
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    async def close(self) -> None:
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._client.unbind)
        self._client.disconnect()

    async def submit(self, recipient: str, octets: bytes, data_coding: int, esm_class: int = 0) -> Answer:
        answer: asyncio.Future[Answer] = self._loop.create_future()

        def send() -> None:
            sent = smpplib.smpp.make_pdu(
                "submit_sm",
                client=self._client,
                source_addr=SOURCE,
                destination_addr=recipient,
                short_message=octets,
                data_coding=data_coding,
                esm_class=esm_class,
                registered_delivery=True,
            )
            self._answers[sent.sequence] = answer
            self._client.send_pdu(sent)

        self._jobs.put(send)
        return await answer

    async def enquire(self) -> bool:
        self._alive = self._loop.create_future()
        self._jobs.put(lambda: self._client.send_pdu(smpplib.smpp.make_pdu("enquire_link", client=self._client)))
        return await self._alive

    def _bind(self) -> None:
        self._client.connect()
        self._client.bind_transceiver(system_id=SYSTEM_ID, password=self.password)

    def _serve(self) -> None:
        """In the thread: what is to be sent, and what comes."""
        while True:
            while not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    return
                job()
            # TLS may hold octets that the socket does not show.
            pending = getattr(self._client._socket, "pending", lambda: 0)()
            if pending or select.select([self._client._socket], [], [], 0.01)[0]:
                pdu = self._client.read_pdu()
                self._tell(pdu)

    def _tell(self, pdu: Any) -> None:
        if pdu.command == "enquire_link_resp" and self._alive is not None:
            self._loop.call_soon_threadsafe(self._alive.set_result, pdu.status == 0)
        elif pdu.command == "enquire_link":
            self._client._enquire_link_received(pdu)
            self.enquiries += 1
            self._loop.call_soon_threadsafe(self.take)
        elif pdu.command == "submit_sm_resp":
            self._answered(pdu)
        elif pdu.command == "deliver_sm":
            self._client._message_received(pdu)

    def _answered(self, pdu: Any) -> None:
        future = self._answers.pop(pdu.sequence)
        message_id = pdu.message_id.decode() if pdu.message_id else ""
        self._loop.call_soon_threadsafe(future.set_result, Answer(int(pdu.status), message_id))

    def _received(self, pdu: Any) -> int:
        message_id = (pdu.receipted_message_id or b"").rstrip(b"\0").decode()
        came = Came(
            pdu.source_addr.decode(), pdu.short_message, pdu.data_coding, pdu.esm_class, message_id, pdu.message_state
        )
        self._loop.call_soon_threadsafe(self.take, came)
        return 0


class Aiosmpplib(Client, AbstractHook):
    """aiosmpplib; it encodes texts itself, so octets are given as the text they stand for."""

    async def open(self) -> None:
        self._answers: list[tuple[str, int, str]] = []
        self._alive = 0
        self._count = 0
        self._esme = ESME(
            "127.0.0.1",
            self.port,
            SYSTEM_ID,
            self.password,
            enquire_link_interval=0.2,
            hook=self,
            log_level="CRITICAL",
            client_id="aiosmpplib",
        )
        self._status: int | None = None
        self._running = asyncio.create_task(self._esme.start())
        await self.until(lambda: self._status is not None, "the bind's answer")
        if self._status:
            await self._stop()
            raise Refused(self._status)

    async def close(self) -> None:
        await self._stop()

    async def _stop(self) -> None:
        await self._esme.stop()
        await self._running

    async def submit(self, recipient: str, octets: bytes, data_coding: int, esm_class: int = 0) -> Answer:
        self._count += 1
        log_id = f"{self._count}"
        header, text = octets[: octets[0] + 1] if esm_class & 0x40 else b"", ""
        text = octets[len(header) :].decode("utf-16-be" if data_coding == 8 else "ascii")
        extra: dict[str, Any] = {}
        if header:  # it writes no header of ours: the same said by TLVs
            reference, total, index = header[-3:]
            values = ((0x020C, reference), (0x020E, total), (0x020F, index))
            extra["optional_params"] = [OptionalParam(tag, value) for tag, value in values]
        await self._esme.broker.enqueue(
            SubmitSm(
                short_message=text,
                source=PhoneNumber(SOURCE, TON.NATIONAL, NPI.UNKNOWN),
                destination=PhoneNumber(recipient, TON.INTERNATIONAL, NPI.ISDN),
                log_id=log_id,
                **extra,
            )
        )
        await self.until(lambda: [each for each in self._answers if each[0] == log_id], "the answer")
        _, status, message_id = next(each for each in self._answers if each[0] == log_id)
        return Answer(status, message_id)

    async def enquire(self) -> bool:
        before = self._alive
        await self.until(lambda: self._alive > before, "an enquire_link of its own is answered")
        return True

    async def sending(self, smpp_message: SmppMessage, pdu: bytes, client_id: str) -> None:
        pass

    async def send_error(self, smpp_message: SmppMessage, error: Exception, client_id: str) -> None:
        self._answers.append((smpp_message.log_id, getattr(smpp_message, "command_status", -1), ""))

    async def received(self, smpp_message: SmppMessage | None, pdu: bytes, client_id: str) -> None:
        header = SmppMessage.parse_header(pdu)
        if header.smpp_command == SmppCommand.BIND_TRANSCEIVER_RESP:
            self._status = int(header.command_status)
        elif header.smpp_command == SmppCommand.ENQUIRE_LINK_RESP:
            self._alive += 1
        elif header.smpp_command == SmppCommand.ENQUIRE_LINK:
            self.enquiries += 1
        elif header.smpp_command == SmppCommand.SUBMIT_SM_RESP and smpp_message is not None:
            message_id = getattr(smpp_message, "message_id", "")
            self._answers.append((smpp_message.log_id, int(header.command_status), message_id))
        elif header.smpp_command == SmppCommand.DELIVER_SM:
            self._deliver(DeliverSm.from_pdu(pdu, header, "gsm0338"))
        self.take()

    def _deliver(self, seen: DeliverSm) -> None:
        tlvs = {int(each.tag): each.value for each in seen.optional_params}
        state = tlvs.get(_TAG_STATE)
        octets = seen.short_message.encode("utf-16-be" if seen.encoding == "ucs2" else "ascii")
        self.take(
            Came(
                seen.source.number,
                octets,
                8 if seen.encoding == "ucs2" else 0,
                seen.esm_class,
                str(tlvs.get(_TAG_ID, "")).rstrip("\0"),
                None if state is None else int(state),
            )
        )
