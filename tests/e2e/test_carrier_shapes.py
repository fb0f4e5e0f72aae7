"""Messages in the shape that each carrier takes, and the receipts of what the application sent: counts at the carriers.

One gateway, and carriers that differ in one habit each. Numbers of a carrier begin with its prefix; behind it four
digits choose what befalls the message there (``simulators.carrier.magic``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulators.carrier.ids import IdForm
from simulators.carrier.message import Message
from simulators.carrier.settings import CarrierSettings, Parts
from smsgw.policy.id_forms import MATCHES_NEEDED
from smsgw.smpp.constants import CommandId
from smsgw.smpp.udh import concat_of
from tests.e2e.gateway import WORKDAY
from tests.e2e.stage import Stage, open_stage, routes, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LONG = "【示例物流】" + "您的包裹已送达。" * 17  # three segments
DELIVERED, REFUSED = ("DELIVRD", 2, "000"), ("UNDELIV", 5, "012")
#: carrier → (prefix of its numbers, what it does, what its file says of it)
CARRIERS = {
    "udh": ("1510000", {"long_forms": frozenset({"udh8"})}, {"long": {"forms": ["udh8"]}}),
    "payload": ("1520000", {"long_forms": frozenset({"payload"})}, {"long": {"forms": ["payload"]}}),
    "first": ("1530000", {"parts": Parts.FIRST}, {"segment_receipts": "first"}),
    "narrow": ("1540000", {}, {"text": {"data_codings": [0]}}),
    "unknown": (
        "1550000",
        {"response_id": IdForm("hex"), "receipt_id": IdForm("dec:10")},
        {"response_id": "auto", "receipt_id": "auto"},
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    sims = {"alpha": CarrierSettings()}
    by_prefix = []
    for name, (prefix, habits, _) in CARRIERS.items():
        sims[name] = CarrierSettings(magic_prefix=prefix, **habits)
        by_prefix.append({"name": name, "prefix": ["86" + prefix[:3]], "carriers": [name, "alpha"]})
    overrides = {"routes.toml": {"route": [*by_prefix, *routes({})]}}
    more = {name: said for name, (_, _, said) in CARRIERS.items()}
    # One that wants a single receipt for a long message.
    accounts = {"single": ("orders", {"long_receipts": "one"})}
    directory = tmp_path_factory.mktemp("site")
    async with open_stage(directory, sims, overrides, accounts, more_carriers=more) as stage:
        stage.gateway.set_clock(WORKDAY)
        yield stage


def number(carrier: str, code: str = "0001") -> str:
    """A number of a carrier."""
    return f"86{CARRIERS[carrier][0]}{code}"


async def send(stage: Stage, recipient: str, long: str = "udh", account: str = "orders") -> list[str]:
    """Our ids of a long message, as the application got them."""
    answers = await stage.send(account, recipient, LONG, long=long)
    assert {answer.status for answer in answers} == {0}
    return [answer.message_id for answer in answers]


async def told(stage: Stage, ids: list[str], account: str = "orders") -> list[tuple[object, ...]]:
    """The one receipt of each."""
    found = [state_and_err(each) for each in await stage.receipts(account, *ids)]
    await stage.settled()
    await stage.receipts(account, *ids)  # none came twice meanwhile
    return found


def form_of(message: Message) -> str:
    concat = concat_of(message.sm)
    return concat.kind if concat is not None else "payload" if message.sm.tlvs.first(0x0424) is not None else "short"


@pytest.mark.parametrize("long", ["udh", "udh16", "sar", "payload"])
async def test_a_carrier_that_takes_user_data_headers_only(stage: Stage, long: str) -> None:
    recipient = number("udh", {"udh": "0001", "udh16": "0002", "sar": "0003", "payload": "0004"}[long])
    ids = await send(stage, recipient, long)
    assert len(ids) == (1 if long == "payload" else 3)
    assert await told(stage, ids) == [DELIVERED] * len(ids)
    arrived = stage.arrived(recipient)
    assert [form_of(each) for each in arrived] == ["udh8"] * 3
    assert "".join(each.text for each in arrived) == LONG
    assert len({each.link.number for each in arrived}) == 1


async def test_a_carrier_that_takes_payloads_only(stage: Stage) -> None:
    """Three segments are one message there, and its one receipt is a receipt for each of the three."""
    recipient = number("payload")
    ids = await send(stage, recipient)
    assert await told(stage, ids) == [DELIVERED] * 3
    (arrived,) = stage.arrived(recipient)
    assert (form_of(arrived), arrived.text) == ("payload", LONG)
    for each in ids:
        found = await stage.ask("orders", CommandId.QUERY_SM, each)
        assert found.pdu.fields["message_state"] == 2


async def test_one_receipt_of_the_first_segment_is_one_for_each(stage: Stage) -> None:
    ids = await send(stage, number("first"))
    assert await told(stage, ids) == [DELIVERED] * 3
    assert len(stage.arrived(number("first"))) == 3


@pytest.mark.parametrize(
    ("carrier", "long", "code", "expected"),
    [
        ("udh", "payload", "1012", REFUSED),  # three receipts, all of them UNDELIV
        ("udh", "payload", "2012", REFUSED),  # three answers, all of them errors
        ("payload", "udh", "1012", REFUSED),
        ("payload", "udh", "2012", REFUSED),
        ("first", "udh", "1012", REFUSED),
        ("first", "udh", "2012", REFUSED),
        ("udh", "payload", "3121", REFUSED),  # the first segment is refused, the others are delivered
        ("first", "udh", "3121", REFUSED),
    ],
)
async def test_a_failure_is_told_once_for_what_the_application_sent(
    stage: Stage, carrier: str, long: str, code: str, expected: tuple[object, ...]
) -> None:
    ids = await send(stage, number(carrier, code), long)
    assert await told(stage, ids) == [expected] * len(ids)


@pytest.mark.parametrize(
    ("carrier", "code", "expected"),
    [("udh", "0020", DELIVERED), ("payload", "0021", DELIVERED), ("udh", "3122", REFUSED), ("first", "1012", REFUSED)],
)
async def test_an_application_that_wants_one_receipt(
    stage: Stage, carrier: str, code: str, expected: tuple[object, ...]
) -> None:
    ids = await send(stage, number(carrier, code), account="single")
    assert len(ids) == 3
    assert await told(stage, ids[:1], "single") == [expected]
    esme = await stage.esme("single")
    assert not {receipt.message_id for receipt in esme.receipts} & set(ids[1:])
    for each in ids:
        found = await stage.ask("single", CommandId.QUERY_SM, each)
        assert found.pdu.fields["message_state"] == expected[1]


async def test_a_text_that_a_carrier_can_not_take_goes_to_the_next_one(stage: Stage) -> None:
    recipient = number("narrow")
    ids = await send(stage, recipient)
    assert await told(stage, ids) == [DELIVERED] * 3
    assert [len(stage.carriers[name].received) for name in ("narrow",)] == [0]
    assert len(stage.arrived(recipient)) == 3
    moved = await stage.gateway.step(ids[0], "rerouted")
    assert "no data_coding that it takes (0) has U+3010" in str(moved)


async def test_ids_are_learnt_told_and_kept(stage: Stage) -> None:
    recipients = [number("unknown", f"0{n:03}") for n in range(MATCHES_NEEDED + 3)]
    ids = [(await stage.send("orders", each))[0].message_id for each in recipients]
    assert set(await told(stage, ids)) == {DELIVERED}
    (event,) = stage.gateway.events("carrier.id_form_learnt")
    assert (event["carrier"], event["response_id"], event["receipt_id"]) == ("unknown", "hex", "dec")
    assert stage.gateway.status()["carrier_ids"]["unknown"]["learnt"] == "learnt"
    labels = frozenset({("carrier", "unknown")})
    for what in ("open", "overdue", "parked"):
        assert (f"smsgw_carrier_receipts_{what}_messages", labels) in stage.gateway.metrics()


async def test_after_a_crash_a_converted_message_is_told_of_once(stage: Stage) -> None:
    """Its segments were written and not answered: it may be there, and what the application sent is unknown once."""
    udh = stage.carriers["udh"]
    before = len(udh.received)
    udh.pause()
    notice = await send(stage, number("udh", "0007"), "payload")
    code = (await stage.send("login", number("udh", "0008")))[0].message_id
    await stage.gateway.wait_for(lambda: stage.gateway.status()["carriers"]["udh"]["in_flight"] == 4, 10, "all written")
    stage.gateway.kill()
    udh.drop_all()
    udh.resume()
    await stage.gateway.start()
    assert (await told(stage, notice))[0][:2] == ("UNKNOWN", 7)
    assert await told(stage, [code], "login") == [DELIVERED]
    assert len(udh.received) >= before + 1
    assert stage.gateway.status()["carrier_ids"]["unknown"]["learnt"] == "learnt"
    recipient = number("unknown", "0999")
    assert await told(stage, [(await stage.send("orders", recipient))[0].message_id]) == [DELIVERED]
