"""The edge to carriers: throttling, errors, lost answers, failover, receipts of every make, MO, binds that fail.

Numbers beginning 1990000 steer the simulated carrier (``simulators.carrier.magic``). Beta knows no such numbers,
so what alpha refuses to deliver it delivers. All counts are taken at the carriers.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulators.carrier.ids import IdForm
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.sim import Incoming
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from tests.e2e.gateway import WORKDAY
from tests.e2e.stage import NOTICE, SOURCES, Stage, open_stage, routes, state_and_err
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LONG_NOTICE = "【示例物流】" + "您的包裹已送达。" * 17
#: Which forms of ids a carrier uses in responses and receipts, and what its file says of it.
FORMS = {
    "hexdec": ("hex", "dec", {"response_id": "hex", "receipt_id": "dec"}),
    "dechex": ("dec", "HEX:10", {"response_id": "dec", "receipt_id": "hex"}),
    "padded": ("dec", "dec:14", {"response_id": "dec", "receipt_id": "dec"}),
    "upper": ("hex", "HEX:12", {"response_id": "hex", "receipt_id": "hex"}),
    "nocase": ("HEX", "hex", {"response_id": "nocase", "receipt_id": "nocase"}),
    "cut": ("dec:14", "dec:14>10", {"response_id": "last10", "receipt_id": "last10"}),
    "long": ("long", "long", {}),
    "odd": ("odd", "odd", {}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    carriers = {
        "alpha": CarrierSettings(port=free_port(), resend_after_s=1.0),
        "beta": CarrierSettings(magic_prefix=""),
        "locked": CarrierSettings(accounts={"smsgw": "another"}),
    }
    by_prefix = []
    for number, (name, (response, receipt, _)) in enumerate(FORMS.items()):
        carriers[name] = CarrierSettings(response_id=IdForm(response), receipt_id=IdForm(receipt))
        by_prefix.append({"name": name, "prefix": [f"8615{number}"], "carriers": [name]})
    quick = {"response": "1s", "enquire_link": "700ms", "failover_after": "500ms"}
    overrides = {
        "carriers/alpha.toml": {
            **quick, "binds": [{"type": "transceiver"}], "retry_attempts": 2, "statuses": {"0x45": "reroute"},
            "lanes": None,
        },
        "carriers/beta.toml": quick,
        "routes.toml": {"route": [*by_prefix, *routes({"everything-else": {"carriers": ["alpha", "beta", "locked"]}})]},
    }  # fmt: skip
    more = {"locked": {}, **{name: changes for name, (_, _, changes) in FORMS.items()}}
    directory = tmp_path_factory.mktemp("site")
    async with open_stage(directory, carriers, overrides, more_carriers=more) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _ready(stage: Stage) -> None:
    """Every test begins on a workday with alpha bound and nothing under way."""
    stage.gateway.set_clock(WORKDAY)
    await stage.gateway.wait_for(lambda: carrier(stage, "alpha")["binds_up"] == 1, 10, "alpha to be bound")


def carrier(stage: Stage, name: str) -> dict[str, object]:
    found = stage.gateway.status()["carriers"][name]
    assert isinstance(found, dict)
    return found


def at(sim: CarrierSim, recipient: str) -> list[int]:
    """The statuses with which a carrier answered the messages to a recipient."""
    return [each.status for each in sim.received if each.recipient.endswith(recipient[-11:])]


async def send_notice(stage: Stage, recipient: str, account: str = "orders", **fields: object) -> str:
    (answer,) = await stage.send(account, recipient, **fields)
    assert answer.ok, answer
    return answer.message_id


async def outcome(stage: Stage, message_id: str, account: str = "orders", hurry: bool = False) -> tuple[object, ...]:
    """The one receipt for a message; ``hurry`` moves the clock, so that back-offs end at once."""
    esme = await stage.esme(account)

    def came() -> bool:
        if hurry:
            stage.gateway.advance(30)
        return any(each.message_id == message_id for each in esme.receipts)

    await stage.gateway.wait_for(came, 15, "a receipt")
    await stage.settled()
    (receipt,) = await stage.receipts(account, message_id)
    return state_and_err(receipt)


# -- errors


async def test_a_temporary_error_is_tried_again_later(stage: Stage) -> None:
    recipient = "8619900003082"  # twice 0x08, then fine
    message_id = await send_notice(stage, recipient)
    assert await outcome(stage, message_id, hurry=True) == ("DELIVRD", 2, "000")
    assert at(stage.alpha, recipient) == [8, 8, 0]


async def test_a_temporary_error_that_stays_goes_to_the_next_carrier(stage: Stage) -> None:
    recipient = "8619900002008"
    message_id = await send_notice(stage, recipient)
    assert await outcome(stage, message_id, hurry=True) == ("DELIVRD", 2, "000")
    assert (at(stage.alpha, recipient), at(stage.beta, recipient)) == ([8, 8, 8], [0])


async def test_a_final_error_is_reported_and_tried_nowhere_else(stage: Stage) -> None:
    recipient = "8619900002011"
    message_id = await send_notice(stage, recipient)
    assert await outcome(stage, message_id) == ("UNDELIV", 5, "011")
    assert (at(stage.alpha, recipient), at(stage.beta, recipient)) == ([11], [])
    found = await stage.ask("orders", CommandId.QUERY_SM, message_id)
    assert found.pdu.fields["message_state"] == 5


async def test_an_error_that_the_file_calls_reroute_goes_to_the_next_carrier(stage: Stage) -> None:
    recipient = "8619900002069"  # 0x45
    message_id = await send_notice(stage, recipient)
    assert await outcome(stage, message_id) == ("DELIVRD", 2, "000")
    assert (at(stage.alpha, recipient), at(stage.beta, recipient)) == ([0x45], [0])


async def test_a_long_message_refused_for_good_is_reported_for_each_segment(stage: Stage) -> None:
    recipient = "8619900002012"
    answers = await stage.send("orders", recipient, LONG_NOTICE)
    for receipt in await stage.receipts("orders", *(answer.message_id for answer in answers)):
        assert state_and_err(receipt) == ("UNDELIV", 5, "012")
    await stage.settled()
    assert set(at(stage.alpha, recipient)) == {12}
    assert at(stage.beta, recipient) == []


async def test_a_generic_nack_is_an_error_like_any_other(stage: Stage) -> None:
    recipient = "8619900004010"  # always a generic_nack with 0x08
    message_id = await send_notice(stage, recipient)
    assert await outcome(stage, message_id, hurry=True) == ("DELIVRD", 2, "000")
    assert (len(at(stage.alpha, recipient)), at(stage.beta, recipient)) == (3, [0])


async def test_an_accepted_message_without_an_id(stage: Stage) -> None:
    recipient = "8619900002000"
    await send_notice(stage, recipient)
    await stage.arrives(recipient)
    await stage.settled()
    assert at(stage.alpha, recipient) == [0]


# -- answers that never come


@pytest.mark.parametrize(("code", "what"), [("4005", "lost"), ("4009", "lost"), ("4006", "delivered")])
async def test_a_notice_whose_answer_a_drop_cut_off_is_unknown_and_not_repeated(
    stage: Stage, code: str, what: str
) -> None:
    recipient = f"861990000{code}"
    message_id = await send_notice(stage, recipient)
    assert (await outcome(stage, message_id))[:2] == ("UNKNOWN", 7), what
    assert len(stage.arrived(recipient)) == 1


async def test_a_code_whose_answer_a_drop_cut_off_is_sent_again(stage: Stage) -> None:
    recipient = "8619900004009"
    before = len(stage.arrived(recipient))
    message_id = await send_notice(stage, recipient, "login")
    assert await outcome(stage, message_id, "login") == ("DELIVRD", 2, "000")
    # The drop is the carrier's mishap with the first message to this number, whichever test sent it.
    assert len(stage.arrived(recipient)) - before in (1, 2)


async def test_a_notice_that_is_never_answered_is_unknown(stage: Stage) -> None:
    recipient = "8619900004000"
    message_id = await send_notice(stage, recipient)
    assert (await outcome(stage, message_id))[:2] == ("UNKNOWN", 7)
    assert len(stage.arrived(recipient)) == 1


async def test_a_code_that_is_never_answered_is_not_repeated_for_ever(stage: Stage) -> None:
    """Delivered each time, and never answered: the recipient must not get it every second until it expires."""
    recipient = "8619900004001"
    message_id = await send_notice(stage, recipient, "login")
    assert (await outcome(stage, message_id, "login"))[:2] == ("UNKNOWN", 7)
    assert 2 <= len(stage.arrived(recipient)) <= 3


async def test_a_connection_dropped_after_the_answer_loses_nothing(stage: Stage) -> None:
    recipient = "8619900004007"
    message_id = await send_notice(stage, recipient)
    assert await outcome(stage, message_id) == ("DELIVRD", 2, "000")
    assert at(stage.alpha, recipient) == [0]


@pytest.mark.parametrize(
    "code",
    [
        "4012",  # a malformed PDU comes before it
        "4013",  # an unknown one
        "4014",  # out of order
    ],
)
async def test_answers_of_every_make_are_matched_with_their_receipts(stage: Stage, code: str) -> None:
    recipient = f"861990000{code}"
    message_id = await send_notice(stage, recipient)
    assert await outcome(stage, message_id) == ("DELIVRD", 2, "000")
    assert at(stage.alpha, recipient) == [0]


async def test_an_answer_that_comes_twice_counts_once(stage: Stage) -> None:
    recipient = "8619900004011"
    message_id = await send_notice(stage, recipient)
    assert await outcome(stage, message_id) == ("DELIVRD", 2, "000")


# -- failover


async def test_while_all_binds_are_down_messages_take_the_next_carrier(stage: Stage) -> None:
    first, later = [stage.recipient() for _ in range(20)], [stage.recipient() for _ in range(5)]
    stage.alpha.refuse_binds(0x0D)
    stage.alpha.drop_all()
    try:
        ids = [await send_notice(stage, recipient) for recipient in first]
        for recipient in first:
            await stage.arrives(recipient)
        assert {state_and_err(each)[0] for each in await stage.receipts("orders", *ids)} == {"DELIVRD"}
    finally:
        stage.alpha.refuse_binds(0)
    assert [len(at(stage.beta, recipient)) for recipient in first] == [1] * 20
    await stage.gateway.wait_for(lambda: carrier(stage, "alpha")["binds_up"] == 1, 10, "alpha to be back")
    for recipient in later:
        await send_notice(stage, recipient)
        await stage.arrives(recipient)
    assert [at(stage.alpha, recipient) for recipient in later] == [[0]] * 5
    assert [len(stage.arrived(recipient)) for recipient in first] == [1] * 20


async def test_a_carrier_that_dies_under_load_loses_and_doubles_nothing(stage: Stage) -> None:
    """It hangs with a window full, dies and comes back: each message is delivered once, or reported as unknown."""
    recipients = [stage.recipient() for _ in range(40)]
    stage.alpha.pause()
    ids = [await send_notice(stage, recipient) for recipient in recipients]
    await stage.gateway.wait_for(lambda: carrier(stage, "alpha")["in_flight"] == 10, 5, "a window full")
    stage.alpha.refuse_binds(0x0D)
    stage.alpha.drop_all()
    stage.alpha.resume()
    esme = await stage.esme("orders")
    done = set(ids)
    await esme.wait_for(lambda: done <= {each.message_id for each in esme.receipts}, 15, "a receipt for each")
    stage.alpha.refuse_binds(0)
    await stage.gateway.wait_for(lambda: carrier(stage, "alpha")["binds_up"] == 1, 10, "alpha to be back")
    states = [state_and_err(each)[0] for each in await stage.receipts("orders", *ids)]
    assert states == ["UNKNOWN"] * 10 + ["DELIVRD"] * 30
    assert [len(at(stage.beta, recipient)) for recipient in recipients] == [0] * 10 + [1] * 30


# -- receipts


@pytest.mark.parametrize("name", FORMS)
async def test_ids_in_other_forms(stage: Stage, name: str) -> None:
    number = list(FORMS).index(name)
    recipients = [f"8615{number}{tail:08}" for tail in range(5)]
    ids = [await send_notice(stage, recipient) for recipient in recipients]
    for receipt in await stage.receipts("orders", *ids):
        assert state_and_err(receipt) == ("DELIVRD", 2, "000")
    assert all(len(at(stage.carriers[name], recipient)) == 1 for recipient in recipients)


ODD_RECEIPTS = {
    "4100": ("before the response", ("DELIVRD", 2, "000")),
    "4101": ("twice", ("DELIVRD", 2, "000")),
    "4102": ("DELIVRD, then UNDELIV", ("DELIVRD", 2, "000")),
    "4103": ("UNDELIV, then DELIVRD", ("UNDELIV", 5, "001")),
    "4104": ("ENROUTE, then DELIVRD", ("DELIVRD", 2, "000")),
    "4105": ("DELIVRD, then ENROUTE", ("DELIVRD", 2, "000")),
    "4115": ("ENROUTE, ACCEPTD, DELIVRD, ENROUTE, UNDELIV", ("DELIVRD", 2, "000")),
    "4204": ("text without TLVs", ("DELIVRD", 2, "000")),
    "4205": ("TLVs without text", ("DELIVRD", 2, "000")),
    "4206": ("id in quotes", ("DELIVRD", 2, "000")),
    "4207": ("dates with seconds", ("DELIVRD", 2, "000")),
    "4208": ("letters for err", ("DELIVRD", 2, "000")),
    "4209": ("no counts", ("DELIVRD", 2, "000")),
    "4210": ("Text: in capitals", ("DELIVRD", 2, "000")),
    "4211": ("no text:", ("DELIVRD", 2, "000")),
    "4212": ("cut", ("DELIVRD", 2, "000")),
    "4213": ("in UCS2", ("DELIVRD", 2, "000")),
    "4214": ("a TLV without its NUL", ("DELIVRD", 2, "000")),
    "4215": ("esm_class 0", ("DELIVRD", 2, "000")),
    "4216": ("as data_sm", ("DELIVRD", 2, "000")),
    "4222": ("err of one digit", ("DELIVRD", 2, "000")),
    "4223": ("err of four digits", ("DELIVRD", 2, "000")),
    "4225": ("in GBK", ("DELIVRD", 2, "000")),
    "4227": ("dates of another zone", ("DELIVRD", 2, "000")),
    "4303": ("EXPIRED", ("EXPIRED", 3, "001")),
    "4308": ("REJECTD", ("REJECTD", 8, "001")),
    "1123": ("UNDELIV/123", ("UNDELIV", 5, "123")),
    "4505": ("a code of a Chinese network", ("UNDELIV", 5, "001")),
}


@pytest.mark.parametrize("code", ODD_RECEIPTS)
async def test_a_receipt_of_every_make_reaches_the_application_once(stage: Stage, code: str) -> None:
    _, expected = ODD_RECEIPTS[code]
    message_id = await send_notice(stage, f"861990000{code}")
    assert await outcome(stage, message_id) == expected
    await stage.alpha.wait_for(lambda: not stage.alpha.receipts_waiting, 5, "every receipt to be answered")
    await stage.settled()
    assert await outcome(stage, message_id) == expected


async def test_a_receipt_on_another_bind(stage: Stage) -> None:
    """Beta is bound as a transmitter and a receiver: what is sent on the one comes back on the other."""
    recipient = "8613300000042"
    assert (await stage.send("shop", recipient))[0].ok
    await stage.beta.wait_for(lambda: at(stage.beta, recipient) == [0], 10, "beta to have it")
    esme = await stage.esme("shop")
    await esme.wait_for(lambda: esme.receipts, 10, "its receipt")
    assert stage.beta.bound == 2


async def test_a_receipt_for_an_id_that_was_never_given_is_answered_and_forgotten(stage: Stage) -> None:
    acked = stage.alpha.stats.receipts_acked
    message_id = await send_notice(stage, "8619900004217")
    await stage.alpha.wait_for(lambda: stage.alpha.stats.receipts_acked > acked, 10, "the receipt to be answered")
    await stage.settled()
    assert message_id not in {came.message_id for came in (await stage.esme("orders")).receipts}


@pytest.mark.parametrize(
    "tlvs", [b"\x04\x27\x00\x05\x02", b"\x00\x1e\x00", b"\x04\x23\x00\xff\x03\x00"], ids=["length", "cut", "network"]
)
async def test_a_receipt_with_broken_tlvs_does_not_end_the_bind(stage: Stage, tlvs: bytes) -> None:
    (link,) = stage.alpha.links
    text = b"id:99 sub:001 dlvrd:001 submit date:2611181030 done date:2611181031 stat:DELIVRD err:000 text:"
    unknown = stage.alpha.stats.unknown_pdus
    link.write(
        pdu.deliver_sm(900, source_addr=b"8613800000000", destination_addr=SOURCES["orders"].encode(), esm_class=4,
                       short_message=text, tlvs=tlvs)
    )  # fmt: skip
    await stage.alpha.wait_for(lambda: stage.alpha.stats.unknown_pdus > unknown, 5, "an answer of any kind")
    await stage.settled()
    assert stage.alpha.links == [link]


# -- MO


async def test_an_mo_goes_to_the_owner_of_the_longest_number(stage: Stage) -> None:
    shop, orders, login = [await stage.esme(name) for name in ("shop", "orders", "login")]
    sender = stage.recipient()
    for number in ("1069000130", "106900013001", "10690001300299", "1069000120", "106900011077"):
        await stage.mo(sender, number, f"你好 {number}")
    await shop.wait_for(lambda: len(mine(shop.mo, sender)) == 3, 10, "its MO")
    await orders.wait_for(lambda: mine(orders.mo, sender), 10, "its MO")
    await login.wait_for(lambda: mine(login.mo, sender), 10, "its MO")
    assert [each.text for each in mine(orders.mo, sender)] == ["你好 1069000120"]
    assert [each.destination for each in mine(login.mo, sender)] == ["106900011077"]


def mine(found: list[Incoming], sender: str) -> list[Incoming]:
    return [each for each in found if each.source == sender]


async def test_an_mo_to_nobody_is_taken_and_one_to_an_application_that_is_away_waits(stage: Stage) -> None:
    await stage.mo(stage.recipient(), "10010", "你好")
    login = await stage.esme("login")
    await login.disconnect()
    sender = stage.recipient()
    await stage.mo(sender, "1069000110", "您好" * 60)  # two segments
    login = await stage.esme("login")
    await login.wait_for(lambda: len(mine(login.mo, sender)) == 2, 10, "both segments")
    assert "".join(each.text for each in mine(login.mo, sender)) == "您好" * 60


# -- binds


async def test_a_carrier_that_unbinds_gets_its_answer_and_is_bound_again(stage: Stage) -> None:
    (link,) = stage.alpha.links
    link.write(pdu.unbind(77))
    await stage.alpha.wait_for(lambda: link not in stage.alpha.links, 5, "the connection to be closed")
    await stage.gateway.wait_for(lambda: carrier(stage, "alpha")["binds_up"] == 1 and stage.alpha.bound, 10)
    assert stage.alpha.links[0] is not link


async def test_odd_pdus_of_a_carrier_are_answered_and_the_bind_stays(stage: Stage) -> None:
    (link,) = stage.alpha.links
    unknown = stage.alpha.stats.unknown_pdus
    alert = {"source_addr": b"1", "esme_addr": b"2"}
    link.write(encode(Pdu(int(CommandId.ALERT_NOTIFICATION), 0, 5, alert)))
    link.write(pdu.enquire_link(6))
    link.write(pdu.HEADER.pack(16, 0x00010201, 0, 7))  # unknown
    link.write(pdu.HEADER.pack(16, CommandId.SUBMIT_SM_RESP, 0, 999_999))  # to nothing that was asked
    link.write(pdu.HEADER.pack(16, CommandId.DELIVER_SM, 0, 8))  # no body
    await stage.alpha.wait_for(lambda: stage.alpha.stats.unknown_pdus > unknown, 5, "answers")
    await stage.settled()
    assert stage.alpha.links == [link]


async def test_a_half_open_bind_is_found_out_and_replaced(stage: Stage) -> None:
    (link,) = stage.alpha.links
    recipient = stage.recipient()
    stage.alpha.half_open()
    message_id = await send_notice(stage, recipient)
    await stage.alpha.wait_for(lambda: link not in stage.alpha.links and stage.alpha.bound, 10, "a new bind")
    assert (await outcome(stage, message_id))[:2] == ("UNKNOWN", 7)
    assert await stage.status("orders", recipient) == 0
    await stage.arrives(recipient)


async def test_a_refused_bind_is_tried_again_slower_and_slower_and_told_once(stage: Stage) -> None:
    refused, told = stage.alpha.stats.binds_refused, len(stage.gateway.events("carrier.bind_refused"))
    stage.alpha.refuse_binds(0x05)  # the old session is still held there
    stage.alpha.drop_all()
    start_s = time.monotonic()
    try:
        await stage.alpha.wait_for(lambda: stage.alpha.stats.binds_refused >= refused + 4, 10, "four tries")
    finally:
        stage.alpha.refuse_binds(0)
    # Waits of 50 ms to 100, 200, 400 and 500 ms.
    assert time.monotonic() - start_s > 0.2
    assert len(stage.gateway.events("carrier.bind_refused")) - told <= 1
    await stage.gateway.wait_for(lambda: carrier(stage, "alpha")["binds_up"] == 1, 5, "alpha to be back")


async def test_a_wrong_password_is_tried_once_for_each_bind_and_told(stage: Stage) -> None:
    locked = stage.carriers["locked"]
    assert locked.stats.binds_refused == 2
    told = [each for each in stage.gateway.events("carrier.bind_refused") if each["carrier"] == "locked"]
    assert [(each["status"], each["permanent"]) for each in told] == [("ESME_RINVPASWD", True)] * 2


# -- throttling: last, and after a restart, for a link stays slow for a while


async def unthrottled(stage: Stage) -> None:
    """Begin with a link that was never told to slow down."""
    await stage.gateway.restart()
    await stage.gateway.wait_for(lambda: carrier(stage, "alpha")["binds_up"] == 1, 10, "alpha to be bound")


async def test_a_long_message_is_throttled_and_arrives_whole_and_in_order(stage: Stage) -> None:
    await unthrottled(stage)
    recipient = "8619900003883"  # all three segments are throttled once
    answers = await stage.send("orders", recipient, LONG_NOTICE)
    await stage.receipts("orders", *(answer.message_id for answer in answers))
    accepted = [each for each in stage.alpha.received if each.recipient == recipient and each.status == 0]
    assert "".join(each.text for each in accepted) == LONG_NOTICE
    assert len({each.link.number for each in accepted}) == 1


async def test_throttling_slows_the_whole_link_and_keeps_the_order(stage: Stage) -> None:
    await unthrottled(stage)
    esme = await stage.esme("orders")
    recipients = [stage.recipient() for _ in range(30)]
    before = len(stage.alpha.received)
    stage.alpha.refuse_messages(0x14)
    try:
        sent = [esme.submit(SOURCES["orders"], recipient, NOTICE) for recipient in recipients]
        assert [(await answer).status for answer in sent] == [0] * 30
        await stage.alpha.wait_for(
            lambda: len(stage.alpha.received) >= before + 12, 5, "a window, and then a few tries"
        )
        assert carrier(stage, "alpha")["slowed"]
        # One window at once, then no more than a message after each pause: nobody hammers.
        assert len(stage.alpha.received) - before <= 20
    finally:
        stage.alpha.refuse_messages(0)
    await stage.gateway.wait_for(lambda: all(0 in at(stage.alpha, each) for each in recipients), 20, "all accepted")
    accepted = [each.recipient for each in stage.alpha.received[before:] if each.status == 0]
    assert accepted == recipients
    assert not [each for each in recipients if at(stage.beta, each)]
