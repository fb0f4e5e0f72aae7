"""A carrier made of the package smpp34, whose wire, sessions and timers are Rust and share nothing with ours.

It takes any password, answers by itself what is protocol (enquire_link, unbind), and leaves messages to us: each
gets the next number as its id, written in one form in the response and in another in the receipt.

Its shortcomings (1.5.0): on a session bound as receiver it nacks a deliver_sm_resp, so it can't be a carrier with
receivers; it hands over messages of one connection in any order; stopping it leaves its sessions open.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

import smpp34

from tests.ports import free_port

#: What a receipt is made of: (id as receipts write it) → short_message and TLVs.
Receipt = Callable[[str], tuple[bytes, list[smpp34.Tlv]]]


def by_text(carrier_id: str) -> tuple[bytes, list[smpp34.Tlv]]:
    """Appendix B only."""
    dates = "submit date:2611181030 done date:2611181030"
    return f"id:{carrier_id} sub:001 dlvrd:001 {dates} stat:DELIVRD err:000 text:".encode(), []


def by_tlvs(carrier_id: str) -> tuple[bytes, list[smpp34.Tlv]]:
    """TLVs only."""
    carrier_id_tlv = smpp34.Tlv(smpp34.TLV_RECEIPTED_MESSAGE_ID, carrier_id.encode() + b"\0")
    return b"", [carrier_id_tlv, smpp34.Tlv(smpp34.TLV_MESSAGE_STATE, b"\x02")]


class ForeignCarrier:
    """Running inside ``async with``; ``stop`` and ``start`` in between are an outage of the carrier."""

    def __init__(self, name: str, response_form: str, receipt_form: str) -> None:
        self.port = free_port()
        #: Bound sessions of the gateway.
        self.binds: dict[str, smpp34.Esme] = {}
        self.received: list[smpp34.SubmitSmEvent] = []
        self.receipt: Receipt = by_text
        #: Send the receipt, and have it answered, before the response.
        self.early = False
        #: Refuse the next messages with these statuses.
        self.refuse: list[int] = []
        #: command_status of everything that the gateway answered to receipts and MO.
        self.answers: list[int] = []
        self._name = name
        self._forms = response_form, receipt_form
        # Digits alone are a decimal and a hexadecimal number; ids with letters in hex show a mistake.
        self._numbers = itertools.count(0xABCDE0)
        self._server: smpp34.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ForeignCarrier:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen."""
        self._server = smpp34.Server("127.0.0.1", self.port, system_id=self._name)
        await self._server.start()
        self._run(self._serve(self._server))

    async def stop(self) -> None:
        """Listen no more and unbind everything."""
        if self._server is None:
            return
        await self._server.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.unbind()
        self._server = None
        self.binds.clear()

    async def unbind(self) -> None:
        """Send unbind on every bind."""
        for bind in tuple(self.binds.values()):
            with contextlib.suppress(smpp34.SmppError):  # the gateway may have unbound it before
                await bind.unbind()

    async def deliver(self, source: str, destination: str, text: bytes, **fields: Any) -> None:
        """A deliver_sm on any bind that can receive."""
        bind = next(bind for bind in self.binds.values() if bind.can_receive)
        response = await bind.deliver_sm(destination, text, source_addr=source, **fields)
        self.answers.append(response.command_status)

    async def _serve(self, server: smpp34.Server) -> None:
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                self.binds[event.session_id] = event
            elif isinstance(event, smpp34.Unbound):
                self.binds.pop(event.session_id, None)
            else:
                self.received.append(event)
                await self._take(event)

    async def _take(self, event: smpp34.SubmitSmEvent) -> None:
        if self.refuse:
            event.reject(self.refuse.pop(0))
            return
        number = next(self._numbers)
        response_id, receipt_id = (form.format(number) for form in self._forms)
        short_message, tlvs = self.receipt(receipt_id)
        receipt = self.deliver(event.destination_addr, event.source_addr, short_message, esm_class=0x04, tlvs=tlvs)
        if self.early:
            await receipt
            event.accept(response_id)
        else:
            event.accept(response_id)
            self._run(receipt)

    def _run(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
