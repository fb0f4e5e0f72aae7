"""The edge to applications: who may bind, what a session may do, its limits, receipts over several binds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio

from simulators.carrier.settings import CarrierSettings
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from simulators.spread import Delay
from smsgw.errors import BindRejected, LinkLost
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer
from tests.e2e.gateway import WORKDAY
from tests.e2e.stage import NOTICE, OTHER_SOURCE, Stage, open_stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SOURCE = OTHER_SOURCE


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    accounts = {
        "elsewhere": ("orders", {"allow_ips": ["192.0.2.0/24"]}),
        "two-binds": ("orders", {"max_binds": 2}),
        "no-rx": ("orders", {"bind_types": ["transmitter"]}),
        "disabled": ("orders", {"enabled": False}),
        "expired": ("orders", {"licence_expires": date(2026, 11, 17)}),
        "expired-plain": ("orders", {"licence_expires": date(2026, 11, 17), "vendor_codes": False}),
        "last-day": ("orders", {"licence_expires": date(2026, 11, 18)}),
        "certified": ("orders", {"tls_client_cn": "orders.example"}),
        "narrow": ("orders", {"window": 2}),
        "slow": ("orders", {"rate": "3/s"}),
        "many": ("orders", {"max_binds": 4, "deliver_window": 1}),
        "away": ("orders", {}),
        "old": ("orders", {"explain": True}),
    }
    carriers = {"alpha": CarrierSettings(), "beta": CarrierSettings()}
    async with open_stage(tmp_path_factory.mktemp("site"), carriers, accounts=accounts) as stage:
        yield stage


async def bind_status(stage: Stage, account: str, **changes: object) -> int:
    """The command_status of the bind's answer."""
    esme = EsmeSim(stage.settings(account, **changes))
    try:
        await esme.connect()
    except BindRejected as error:
        return error.command_status
    await esme.disconnect()
    return 0


class RawClient:
    """Octets over a socket, for what no proper application sends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._framer = Framer(70_000)
        self._frames: list[bytes] = []
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> RawClient:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def bound(self, settings: EsmeSettings, version: int = 0x34) -> Pdu:
        """Bind as a transceiver; the answer."""
        self.writer.write(
            pdu.bind(
                int(CommandId.BIND_TRANSCEIVER), 1, system_id=settings.system_id.encode(),
                password=settings.password.encode(), interface_version=version,
            )
        )  # fmt: skip
        return await self.next()

    async def ask(self, octets: bytes) -> Pdu:
        self.writer.write(octets)
        return await self.next()

    async def next(self, deadline_s: float = 5) -> Pdu:
        """The next PDU; ConnectionError at the end of the stream."""
        async with asyncio.timeout(deadline_s):
            while not self._frames:
                data = await self._reader.read(65536)
                if not data:
                    raise ConnectionError("closed")
                self._frames += self._framer.feed(data)
        return decode(self._frames.pop(0))

    async def closed(self, deadline_s: float = 5) -> None:
        """Wait for the end of the stream."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self.next(deadline_s)
        self.writer.close()


# -- binding


@pytest.mark.parametrize(
    ("account", "changes", "status"),
    [
        ("orders", {"password": "wrong"}, 0x0E),
        ("orders", {"password": ""}, 0x0E),
        ("orders", {"system_id": "nobody"}, 0x0F),
        ("orders", {"system_id": ""}, 0x0F),
        ("elsewhere", {}, 0x0D),
        ("no-rx", {"binds": ("transceiver",)}, 0x0D),
        ("no-rx", {"binds": ("receiver",)}, 0x0D),
        ("no-rx", {"binds": ("transmitter",)}, 0),
        ("disabled", {}, 0x401),
        ("expired", {}, 0x401),
        ("expired-plain", {}, 0x45),
        ("last-day", {}, 0),
        ("certified", {}, 0x0D),
    ],
)
async def test_who_may_bind(stage: Stage, account: str, changes: dict[str, object], status: int) -> None:
    stage.gateway.set_clock(WORKDAY)
    assert await bind_status(stage, account, **changes) == status


async def test_one_bind_more_than_allowed(stage: Stage) -> None:
    async with EsmeSim(stage.settings("two-binds", binds=("trx", "rx"))) as esme:
        assert esme.bound == 2
        assert await bind_status(stage, "two-binds") == 0x0D
    await stage.gateway.wait_for(lambda: stage.gateway.status()["accounts"]["two-binds"]["binds"] == 0)
    assert await bind_status(stage, "two-binds") == 0


async def test_a_second_bind_on_a_bound_session(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    settings = stage.settings("orders")
    assert (await client.bound(settings)).command_status == 0
    answer = await client.bound(settings)
    assert (answer.command_id, answer.command_status) == (CommandId.BIND_TRANSCEIVER_RESP, 0x05)
    assert (await client.ask(pdu.enquire_link(7))).command_id == CommandId.ENQUIRE_LINK_RESP
    client.writer.close()


async def test_after_a_refused_bind_the_connection_is_closed(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    answer = await client.bound(stage.settings("orders", password="wrong"))
    assert answer.command_status == 0x0E
    await client.closed()


@pytest.mark.parametrize(("version", "spoken"), [(0x33, None), (0x34, 0x34), (0x50, 0x50), (0x00, None)])
async def test_the_version_that_is_spoken(stage: Stage, version: int, spoken: int | None) -> None:
    """SMPP 3.4 §4.1.2: sc_interface_version; a client of 3.3 knows no TLVs, neither in refusals nor receipts."""
    client = await RawClient.connect(stage.gateway.port)
    answer = await client.bound(stage.settings("old"), version)
    assert (answer.command_status, answer.fields["system_id"]) == (0, b"smsgw")
    assert answer.tlvs.first(0x0210) == (bytes((spoken,)) if spoken else None)
    recipient = stage.recipient()
    refused = await client.ask(pdu.submit_sm(2, source_addr=SOURCE.encode(), destination_addr=recipient.encode(),
                                             short_message=b"no signature"))  # fmt: skip
    assert refused.command_status == 0x402
    assert (len(refused.tlvs) > 0) == (spoken is not None)
    text = NOTICE.encode("utf-16-be")
    accepted = await client.ask(
        pdu.submit_sm(3, source_addr=SOURCE.encode(), destination_addr=recipient.encode(), data_coding=8,
                      short_message=text, registered_delivery=1)
    )  # fmt: skip
    assert accepted.command_status == 0
    receipt = await client.next()
    assert receipt.command_id == CommandId.DELIVER_SM
    assert (len(receipt.tlvs) > 0) == (spoken is not None)
    await client.ask(pdu.response(int(CommandId.DELIVER_SM_RESP), 0, receipt.sequence_number, b"") + pdu.unbind(9))
    await client.closed()


# -- what a session may do


async def test_nothing_but_a_bind_before_it_is_bound(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    answer = await client.ask(pdu.submit_sm(1, source_addr=b"1", destination_addr=b"2", short_message=b"x"))
    assert (answer.command_id, answer.command_status) == (CommandId.SUBMIT_SM_RESP, 0x04)
    answer = await client.ask(pdu.unbind(2))
    assert (answer.command_id, answer.command_status) == (CommandId.UNBIND_RESP, 0x04)
    assert (await client.bound(stage.settings("orders"))).command_status == 0
    client.writer.close()


async def test_a_receiver_does_not_submit_and_a_transmitter_gets_nothing(stage: Stage) -> None:
    async with EsmeSim(stage.settings("many", binds=("receiver", "transmitter"))) as esme:
        answer = await esme.submit(SOURCE, stage.recipient(), NOTICE, bind=0)
        assert answer.status == 0x04
        answer = await esme.submit(SOURCE, stage.recipient(), NOTICE, bind=1)
        assert answer.ok
        await esme.wait_for(lambda: esme.receipts, 10, "a receipt")
        assert {receipt.bind for receipt in esme.receipts} == {0}


async def test_an_application_does_not_deliver(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    await client.bound(stage.settings("orders"))
    answer = await client.ask(pdu.deliver_sm(5, source_addr=b"1", destination_addr=b"2", short_message=b"x"))
    assert (answer.command_id, answer.command_status) == (CommandId.DELIVER_SM_RESP, 0x04)
    client.writer.close()


async def test_enquire_link_is_answered_in_every_state(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    answer = await client.ask(pdu.enquire_link(11))
    assert (answer.command_id, answer.sequence_number) == (CommandId.ENQUIRE_LINK_RESP, 11)
    await client.bound(stage.settings("orders"))
    answer = await client.ask(pdu.enquire_link(12))
    assert (answer.command_id, answer.sequence_number) == (CommandId.ENQUIRE_LINK_RESP, 12)
    client.writer.close()


async def test_unbind_is_answered_and_the_connection_closed(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    await client.bound(stage.settings("orders"))
    answer = await client.ask(pdu.unbind(3))
    assert (answer.command_id, answer.command_status, answer.sequence_number) == (CommandId.UNBIND_RESP, 0, 3)
    await client.closed()


# -- limits


async def test_more_unanswered_than_its_window_allows(stage: Stage) -> None:
    """Ten at once: two fit the window; the session lives on, and what was refused was not sent."""
    esme = await stage.esme("narrow")
    recipients = [stage.recipient() for _ in range(10)]
    sent = [esme.submit(SOURCE, recipient, NOTICE) for recipient in recipients]
    answers = [await answer for answer in sent]
    assert [answer.status for answer in answers] == [0, 0] + [0x58] * 8
    assert answers[2].explanation.rule_id == "rate"
    assert await stage.status("narrow", recipients[9]) == 0
    await stage.settled()
    assert [len(stage.arrived(recipient)) for recipient in recipients] == [1, 1] + [0] * 7 + [1]


async def test_faster_than_its_rate_counted_in_segments(stage: Stage) -> None:
    long, short = stage.recipient(), stage.recipient()
    answers = await stage.send("slow", long, "【示例物流】" + "您的包裹已送达。" * 17)
    assert [answer.status for answer in answers] == [0, 0, 0]
    (answer,) = await stage.send("slow", short)
    assert (answer.status, answer.explanation.rule_id, answer.explanation.retry_after_s) == (0x58, "rate", 1)
    await stage.settled()
    assert (len(stage.arrived(long)), len(stage.arrived(short))) == (3, 0)


# -- receipts over several binds


async def test_receipts_take_turns_over_the_binds_of_an_account(stage: Stage) -> None:
    async with EsmeSim(stage.settings("many", binds=("trx", "trx", "rx"))) as esme:
        answers = [esme.submit(SOURCE, stage.recipient(), NOTICE) for _ in range(12)]
        ids = {(await answer).message_id for answer in answers}
        await esme.wait_for(lambda: len(esme.receipts) == 12, 10, "all receipts")
        assert {receipt.message_id for receipt in esme.receipts} == ids
        assert {receipt.bind for receipt in esme.receipts} == {0, 1, 2}


async def test_receipts_wait_for_an_application_that_is_away(stage: Stage) -> None:
    esme = EsmeSim(stage.settings("away", binds=("transmitter",)))
    async with esme:
        answers = [await esme.submit(SOURCE, stage.recipient(), NOTICE) for _ in range(3)]
    await stage.alpha.wait_for(lambda: not stage.alpha.receipts_waiting, 10, "all receipts at the gateway")
    async with EsmeSim(stage.settings("away", binds=("receiver",))) as back:
        await back.wait_for(lambda: len(back.receipts) == 3, 10, "the receipts")
        assert {each.message_id for each in back.receipts} == {answer.message_id for answer in answers}
    async with EsmeSim(stage.settings("away")) as again:
        await again.submit(SOURCE, stage.recipient(), NOTICE)
        await again.wait_for(lambda: again.receipts, 10, "the one new receipt")
        assert len(again.receipts) == 1


async def test_an_unanswered_receipt_is_offered_to_another_bind_when_its_own_goes(stage: Stage) -> None:
    deaf = EsmeSim(stage.settings("many", binds=("trx",), deliver_status=None))
    await deaf.connect()
    answer = await deaf.submit(SOURCE, stage.recipient(), NOTICE)
    await deaf.wait_for(lambda: deaf.receipts, 10, "the receipt, which it does not answer")
    async with EsmeSim(stage.settings("many", binds=("rx",))) as other:
        deaf.drop()
        await other.wait_for(lambda: other.receipts, 10, "the receipt again")
        assert [each.message_id for each in other.receipts] == [answer.message_id]


async def test_a_receipt_that_the_application_refuses_for_now_comes_again(stage: Stage) -> None:
    async with EsmeSim(stage.settings("away", deliver_status=0x64)) as esme:
        answer = await esme.submit(SOURCE, stage.recipient(), NOTICE)
        await esme.wait_for(lambda: esme.receipts, 10, "the receipt")
        esme.deliver_status = 0
        await esme.wait_for(lambda: len(esme.receipts) == 2, 10, "the receipt again")
        assert {each.message_id for each in esme.receipts} == {answer.message_id}


async def test_only_the_kinds_of_receipts_that_were_asked_for(stage: Stage) -> None:
    """SMPP 3.4 §5.2.17: 0 none, 1 both, 2 failures only; and 3 of SMPP 5.0, successes only."""
    esme = await stage.esme("orders")
    delivered, failed = {}, {}
    for wanted in range(4):
        delivered[wanted] = (await stage.send("orders", stage.recipient(), registered_delivery=wanted))[0].message_id
        failed[wanted] = (await stage.send("orders", "8619900001005", registered_delivery=wanted))[0].message_id
    for message_id in (delivered[1], delivered[3], failed[1], failed[2]):
        await stage.receipts("orders", message_id)
    await stage.settled()
    got = {receipt.message_id for receipt in esme.receipts}
    assert not got & {delivered[0], delivered[2], failed[0], failed[3]}


# -- what is malformed


MALFORMED = {
    "destination_addr too long": (
        pdu.submit_sm(0, source_addr=b"1", destination_addr=b"2", short_message=b"x").replace(
            b"2\0", b"8" * 30 + b"\0", 1
        ),
        0x0B,
    ),
    "cut in the middle": (pdu.submit_sm(0, source_addr=b"1", destination_addr=b"2", short_message=b"x")[:30], 0x02),
    "no body": (pdu.submit_sm(0, source_addr=b"1", destination_addr=b"2", short_message=b"x")[:16], 0x02),
    "sm_length beyond the end": (
        pdu.submit_sm(0, source_addr=b"1", destination_addr=b"2", short_message=b"xyz")[:-1], 0x01,
    ),
    "a TLV beyond the end": (
        pdu.submit_sm(0, source_addr=b"1", destination_addr=b"8613800000000", short_message=b"xyz",
                      tlvs=b"\x02\x0c\x00\x09\x00"),
        0xC2,
    ),
    "half a TLV": (
        pdu.submit_sm(0, source_addr=b"1", destination_addr=b"8613800000000", short_message=b"xyz",
                      tlvs=b"\x02\x0c\x00"),
        0xC0,
    ),
}  # fmt: skip


def _framed(octets: bytes, sequence_number: int) -> bytes:
    return len(octets).to_bytes(4, "big") + octets[4:12] + sequence_number.to_bytes(4, "big") + octets[16:]


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_pdu_gets_its_status_and_the_session_stays(stage: Stage, name: str) -> None:
    octets, status = MALFORMED[name]
    client = await RawClient.connect(stage.gateway.port)
    await client.bound(stage.settings("orders"))
    answer = await client.ask(_framed(octets, 77))
    assert (answer.command_id, answer.sequence_number) == (CommandId.SUBMIT_SM_RESP, 77)
    assert answer.command_status == status
    assert (await client.ask(pdu.enquire_link(78))).command_id == CommandId.ENQUIRE_LINK_RESP
    client.writer.close()


@pytest.mark.parametrize(
    "command",
    [CommandId.DATA_SM, CommandId.SUBMIT_MULTI, CommandId.QUERY_SM, CommandId.CANCEL_SM, CommandId.REPLACE_SM],
)
async def test_every_request_without_its_body_is_answered(stage: Stage, command: CommandId) -> None:
    client = await RawClient.connect(stage.gateway.port)
    await client.bound(stage.settings("orders"))
    answer = await client.ask(pdu.HEADER.pack(16, command, 0, 5))
    assert (answer.command_id, answer.sequence_number) == (command | 0x80000000, 5)
    assert answer.command_status == 0x02
    assert (await client.ask(pdu.enquire_link(6))).command_id == CommandId.ENQUIRE_LINK_RESP
    client.writer.close()


async def test_a_broken_bind_is_refused(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    answer = await client.ask(pdu.HEADER.pack(16, CommandId.BIND_TRANSCEIVER, 0, 1))
    assert answer.command_id == CommandId.BIND_TRANSCEIVER_RESP
    assert answer.command_status != 0
    await client.closed()


async def test_an_unknown_command_gets_generic_nack_and_the_session_stays(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    await client.bound(stage.settings("orders"))
    answer = await client.ask(pdu.HEADER.pack(16, 0x00010200, 0, 9))
    assert (answer.command_id, answer.command_status, answer.sequence_number) == (CommandId.GENERIC_NACK, 0x03, 9)
    answer = await client.ask(encode(Pdu(int(CommandId.BROADCAST_SM), 0, 10, {})))
    assert answer.command_status == 0x03
    assert (await client.ask(pdu.enquire_link(11))).command_id == CommandId.ENQUIRE_LINK_RESP
    client.writer.close()


@pytest.mark.parametrize("bound", [False, True], ids=["before the bind", "bound"])
@pytest.mark.parametrize("length", [0, 15, 0x7FFFFFFF])
async def test_what_can_not_be_framed_gets_generic_nack_and_the_connection_is_closed(
    stage: Stage, length: int, bound: bool
) -> None:
    client = await RawClient.connect(stage.gateway.port)
    if bound:
        await client.bound(stage.settings("orders"))
    answer = await client.ask(length.to_bytes(4, "big") + b"\0" * 12)
    assert (answer.command_id, answer.command_status) == (CommandId.GENERIC_NACK, 0x02)
    await client.closed()


async def test_a_bind_octet_by_octet(stage: Stage) -> None:
    settings = stage.settings("orders")
    client = await RawClient.connect(stage.gateway.port)
    octets = pdu.bind(
        int(CommandId.BIND_TRANSCEIVER), 1, system_id=b"orders", password=settings.password.encode()
    ) + pdu.enquire_link(2)
    for at in range(len(octets)):
        client.writer.write(octets[at : at + 1])
        await client.writer.drain()
        await asyncio.sleep(0)
    kinds = {(await client.next()).command_id, (await client.next()).command_id}
    assert kinds == {CommandId.BIND_TRANSCEIVER_RESP, CommandId.ENQUIRE_LINK_RESP}
    client.writer.close()


# -- the gateway's own end


async def test_at_sigterm_applications_are_unbound_and_what_was_accepted_is_answered(stage: Stage) -> None:
    client = await RawClient.connect(stage.gateway.port)
    await client.bound(stage.settings("orders"))
    esme = EsmeSim(stage.settings("many"))
    await esme.connect()
    stopping = asyncio.create_task(stage.gateway.stop())
    asked = await client.next()
    assert asked.command_id == CommandId.UNBIND
    client.writer.write(pdu.unbind_resp(asked.sequence_number))
    await client.closed()
    assert await stopping == 0
    assert not esme.bound
    assert stage.alpha.stats.unbinds == 2
    await stage.gateway.start()


async def test_connections_that_are_gone_take_their_requests_with_them(stage: Stage) -> None:
    esme = EsmeSim(stage.settings("many"))
    await esme.connect()
    recipients = [stage.recipient() for _ in range(20)]
    sent = [esme.submit(SOURCE, recipient, NOTICE) for recipient in recipients]
    await asyncio.sleep(0)
    esme.drop()
    for answer in sent:
        try:
            await answer
        except LinkLost:
            continue
    await stage.settled()
    assert all(len(stage.arrived(recipient)) <= 1 for recipient in recipients)


# -- timers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A gateway with short timers."""
    listener = {"session_init": "500ms", "enquire_link": "700ms", "inactivity": "2s", "response": "500ms"}
    carriers = {"alpha": CarrierSettings(receipt=Delay("fixed", 0.2))}
    overrides = {"smsgw.toml": {"listener": listener}}
    async with open_stage(tmp_path_factory.mktemp("site"), carriers, overrides) as stage:
        yield stage


async def test_no_bind_in_time(hasty: Stage) -> None:
    client = await RawClient.connect(hasty.gateway.port)
    await client.closed()
    assert [event for event in hasty.gateway.events() if event["level"] == "error"] == []


async def test_silence_is_asked_about_and_then_the_end(hasty: Stage) -> None:
    client = await RawClient.connect(hasty.gateway.port)
    await client.bound(hasty.settings("orders"))
    assert (await client.next()).command_id == CommandId.ENQUIRE_LINK
    await client.closed()
    assert hasty.gateway.events("esme.unbound")[-1]["reason"] == "enquire_link was not answered"


async def test_an_application_that_only_answers_enquire_link_is_inactive(hasty: Stage) -> None:
    esme = EsmeSim(hasty.settings("orders"))
    await esme.connect()
    await esme.wait_for(lambda: not esme.bound, 5, "the end of an idle session")
    assert hasty.gateway.events("esme.unbound")[-1]["reason"] == "no traffic within the inactivity time"


async def test_a_deliver_sm_that_is_not_answered_comes_again(hasty: Stage) -> None:
    """Its response time is over: the receipt is offered once more, and answered this time."""
    async with EsmeSim(hasty.settings("orders", deliver_status=None)) as esme:
        answer = await esme.submit(SOURCE, hasty.recipient(), NOTICE)
        await esme.wait_for(lambda: esme.receipts, 5, "the receipt")
        esme.deliver_status = 0
        await esme.wait_for(lambda: len(esme.receipts) >= 2, 5, "the receipt again")
        assert {each.message_id for each in esme.receipts} == {answer.message_id}


# -- a slow reader


async def test_an_application_that_does_not_read_is_not_read_from_either(stage: Stage) -> None:
    """It asks without reading until the gateway stops reading; others are served; it gets all answers once it reads."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.gateway.port, limit=1024)
    settings = stage.settings("many")
    writer.write(pdu.bind(int(CommandId.BIND_TRANSMITTER), 1, system_id=b"many", password=settings.password.encode()))
    length = int.from_bytes(await reader.readexactly(4), "big")
    await reader.readexactly(length - 4)
    batch = b"".join(pdu.enquire_link(number) for number in range(1, 20_001))
    written = 0
    try:
        for _ in range(200):
            writer.write(batch)
            async with asyncio.timeout(1):
                await writer.drain()
            written += 20_000
        pytest.fail("the gateway read 64 MB from somebody who reads nothing")
    except TimeoutError:
        written += 20_000
    assert await stage.status("orders", stage.recipient()) == 0
    answered = 0
    async with asyncio.timeout(30):
        while answered < 16 * written:
            answered += len(await reader.read(1 << 20))
    assert answered == 16 * written
    writer.close()
