"""What the guard measures: the hot path's own functions on the same input each time, in one process, without Redis.

Each work is called again and again and does the same: so many messages. It needs no clock, no socket and no luck.
Admission runs the gateway's own journey on the site config/bench; the store's side of it only collects.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from smsgw import __version__, wiring
from smsgw.config.load import load_site
from smsgw.esme.account import Account
from smsgw.gateway.context import Context
from smsgw.gateway.gateway import Gateway
from smsgw.gateway.ids import MessageIds
from smsgw.gateway.receipts import read_report
from smsgw.gateway.reports import pack_origin, pack_report, receipt_pdu, unpack_origin, unpack_report
from smsgw.msgpacked import pack
from smsgw.policy.registers import Registers
from smsgw.records.frames import frame
from smsgw.smpp.constants import CommandId, Tag, status_name
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS, Framer
from smsgw.smpp.pdu import deliver_sm, response, submit_sm, with_header
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.tlv import tlv
from smsgw.smpp.views import Sm
from smsgw.store.admission import ACCEPTED, AdmitItem, AdmitReply
from smsgw.store.connection import Store
from smsgw.store.envelope import Envelope
from smsgw.store.secrets import Secrets
from smsgw.telemetry.metrics import Metrics
from tests.bench.rule_world import World
from tests.bench.suite.carried_work import Carried
from tests.bench.suite.load import SOURCE, TEXT

ROOT = Path(__file__).parents[3]
#: Messages of one call of a work.
MESSAGES = 32
_ZONE = ZoneInfo("Asia/Shanghai")
_RESP = int(CommandId.SUBMIT_SM_RESP)
_NOW_MS = 1_795_000_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """A part of the hot path; ``call`` does it for ``MESSAGES`` messages."""

    name: str
    meaning: str
    call: Callable[[], object]


def submits(first: int = 0) -> list[bytes]:
    """Messages with different texts to different recipients, counted from ``first``."""
    return [
        submit_sm(
            number + 1, source_addr=SOURCE.encode(), dest_addr_ton=1, dest_addr_npi=1, registered_delivery=1,
            destination_addr=f"86138{number:08d}".encode(), data_coding=8,
            short_message=TEXT.replace("{n}", f"{number:09d}").encode("utf-16-be"),
        )
        for number in range(first, first + MESSAGES)
    ]  # fmt: skip


def receipts() -> list[bytes]:
    """As carriers send them."""
    return [
        deliver_sm(
            number + 1, source_addr=f"86138{number:08d}".encode(), destination_addr=SOURCE.encode(), esm_class=4,
            short_message=(
                f"id:{number:010d} sub:001 dlvrd:001 submit date:2611181030 done date:2611181030 stat:DELIVRD err:000"
            ).encode(),
            tlvs=tlv(Tag.RECEIPTED_MESSAGE_ID, f"{number:010d}\0".encode()) + tlv(Tag.MESSAGE_STATE, b"\x02"),
        )
        for number in range(MESSAGES)
    ]  # fmt: skip


def works() -> list[Work]:
    """All of them. Needs a running event loop, for the gateway does."""
    admission, carried = Admitted(), _carried()
    return [
        Work("reading", "cut a read of the socket into PDUs and read the fields that every message needs", _reading()),
        Work("building", "answers, and PDUs with another header", _building()),
        Work("deciding", "all rules without state, with full registers, for texts of all classes", _deciding()),
        Work("admitting", "a submit_sm from its octets to what goes into admit", admission.admit),
        Work("payload", "what goes into admit, packed for the script", admission.payload),
        Work("answering", "what admit replied, to the applications and into the records", admission.answer),
        Work("envelope", "a message sealed for its stream, and opened again", _envelope()),
        Work("receipt in", "a carrier's receipt read and made into a report", _receipt_in()),
        Work("receipt out", "a report made into a receipt for the application", _receipt_out()),
        Work("carrying", "a message from its stream to the carrier and from there into settle", carried.carry),
        Work("correlating", "a carrier's receipt from its octets into correlate, and its reply", carried.correlate),
        Work("delivering", "a receipt from its stream to the application and from there into ack", carried.deliver),
        Work("recording", "rows of the record file packed and framed", admission.record),
    ]


def _reading() -> Callable[[], object]:
    octets = b"".join(submits())

    def read() -> int:
        total = 0
        for raw in Framer(AFTER_BIND_MAX_OCTETS).feed(octets):
            view = Sm(raw)
            total += len(view.source_addr) + len(view.destination_addr) + view.data_coding + len(view.short_message)
        return total

    return read


def _building() -> Callable[[], object]:
    pdus = submits()

    def build() -> int:
        total = 0
        for number, raw in enumerate(pdus, 1):
            total += len(response(_RESP, 0, number, b"0123456789abcdef")) + len(with_header(raw, number))
        return total

    return build


def _deciding() -> Callable[[], object]:
    world = World()
    messages = list(world.messages(MESSAGES))

    def decide() -> None:
        for message in messages:
            if world.rules(world.draft(message)) is not None:
                raise AssertionError("a message that all rules let pass was refused")

    return decide


def _envelope() -> Callable[[], object]:
    sealer = secrets().sealer()
    envelopes = [
        Envelope(
            [f"00{number:018x}"], [raw], "load", 2, f"86138{number:08d}", SOURCE, "示例商城", [1], _NOW_MS,
            carriers=["alpha", "beta"], route="bench",
        )
        for number, raw in enumerate(submits())
    ]  # fmt: skip

    def seal_and_open() -> None:
        for envelope in envelopes:
            Envelope.unpack(sealer.open(sealer.seal(envelope.pack())))

    return seal_and_open


def _receipt_in() -> Callable[[], object]:
    pdus = receipts()

    def read() -> None:
        for raw in pdus:
            view = Sm(raw)
            receipt = parse_receipt(view)
            assert receipt is not None
            report, _ = read_report(receipt, view, _NOW_MS)
            pack_report(report)

    return read


def _receipt_out() -> Callable[[], object]:
    view = Sm(receipts()[0])
    receipt = parse_receipt(view)
    assert receipt is not None
    packed = pack_report(read_report(receipt, view, _NOW_MS)[0])
    origins = [pack_origin(raw, _NOW_MS) for raw in submits()]

    def build() -> None:
        for number, origin in enumerate(origins):
            receipt_pdu(f"00{number:018x}", unpack_origin(origin), unpack_report(packed), number + 1, _ZONE, True)

    return build


def secrets() -> Secrets:
    """The same each time, so that the work is."""
    return Secrets({1: bytes(range(32))}, 1, bytes(range(32)))


def made(rows: list[Any]) -> tuple[Gateway, Context, wiring.SiteParts]:
    """The gateway of the site config/bench; what it records goes into ``rows``."""
    site = load_site(ROOT / "config" / "bench")
    parts = wiring.site_parts(site, Registers())
    key = secrets()
    store = Store("unix:///nowhere", sealer=key.sealer(), recipients=key.hasher(), settings=wiring.store_settings(site))
    context = Context(
        settings=parts.settings,
        clock=wiring.clock_of(site),
        wall_s=lambda: _NOW_MS / 1000,
        store=store,
        ids=MessageIds(1),
        accounts={name: Account(settings) for name, settings in parts.accounts.items()},
        rules=dict(parts.rules),
        metrics=Metrics(__version__, status_name),
        records=cast(Any, SimpleNamespace(append=rows.append)),
    )
    return Gateway(context, random.Random(1)), context, parts


def _carried() -> Carried:
    rows: list[Any] = deque(maxlen=MESSAGES)  # type: ignore[assignment]  # nobody reads them
    gateway, context, parts = made(rows)
    return Carried(gateway, context, submits(), parts.carriers["alpha"])


class Admitted:
    """The gateway's admission, with a session that counts answers and a store that only collects.

    ``pdus`` are the messages of one call; ``rows`` what the last ones left for the records.
    """

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self._gateway, context, parts = made(self.rows)
        context.stream_names = {name: tuple(f"{name}:{lane}" for lane in range(3)) for name in parts.carriers}
        context.pools = {name: cast(Any, SimpleNamespace(up=True, elsewhere=False)) for name in parts.carriers}
        self._admission = context.admission
        self._items: list[AdmitItem] = []
        context.admission = cast(Any, SimpleNamespace(submit=self._items.append))
        account = context.accounts["load"]
        account.slices = cast(Any, SimpleNamespace(take=lambda segments, now_s: True))
        self._session: Any = SimpleNamespace(account=account, unanswered=0, now_s=0.0, answer=self._answered)
        self._answers = 0
        self.pdus = submits()
        self._replies = [AdmitReply(ACCEPTED)] * MESSAGES
        self.admit()
        self.answer()
        self._recorded = self.rows[:MESSAGES]

    def admit(self) -> None:
        """From octets to items."""
        self._items.clear()
        for number, raw in enumerate(self.pdus, 1):
            self._gateway.submit(self._session, raw, number)
        if len(self._items) != MESSAGES:
            raise AssertionError(f"{len(self._items)} of {MESSAGES} messages reached admission")

    def payload(self) -> bytes:
        """The items for the script."""
        return self._admission._payload(self._items, 0)

    def answer(self) -> None:
        """The script's replies."""
        self._answers = 0
        self.rows.clear()
        self._gateway._mt.admitted(self._items, self._replies)
        if self._answers != MESSAGES:
            raise AssertionError(f"{self._answers} of {MESSAGES} messages were answered")

    def record(self) -> bytes:
        """What they leave in the records."""
        return frame(pack(self._recorded))

    def _answered(self, raw: bytes) -> None:
        self._answers += 1
