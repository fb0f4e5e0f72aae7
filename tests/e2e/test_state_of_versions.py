"""Today's gateway on the states that released versions left behind, each killed with its Redis in the middle of
everything: nothing is lost, nothing comes twice that may not, and what staff decided is in force.

The states are made by ``tests/vectors/state/make.py``, a directory a version. After a step of the schema that older
states need, this is where it shows.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.message import Envelope
from smsgw.services import audit, pauses, recipients, review, versions
from smsgw.smpp.constants import CommandId
from smsgw.store.id_forms import IdFormStore
from smsgw.store.ported import PortedNumbers
from tests.e2e.gateway import GatewayProcess
from tests.e2e.staff import Staff, staff_of
from tests.e2e.stage import MARKETING, SOURCES, Stage
from tests.vectors.state.make import FIRST_ID, HERE, LONG, OTHER_SOURCE, WHY, receipt_of, restored

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

STATES = sorted(path for path in HERE.iterdir() if (path / "expected.json").exists())
DEADLINE_S = 30.0
ENROUTE, CAPPED, OPTED_OUT, PAUSED = 1, 0x430, 0x410, 0x450


class After:
    """A gateway's life after a fixture's, with the carrier and the applications of both."""

    def __init__(self, stage: Stage, staff: Staff, expected: dict[str, Any]) -> None:
        self.stage = stage
        self.staff = staff
        self.expected = expected

    def arrived(self, recipient: str) -> int:
        return len(self.stage.arrived(recipient))

    async def stats(self, account: str, message_id: str) -> list[str | None]:
        """What the receipts of a message say."""
        esme = await self.stage.esme(account)
        return [each.receipt.stat for each in esme.receipts if each.message_id == message_id and each.receipt]

    async def reported(self, account: str, message_id: str) -> str | None:
        (receipt,) = await self.stage.receipts(account, message_id, deadline_s=DEADLINE_S)
        assert receipt.receipt is not None
        return receipt.receipt.stat


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=STATES, ids=lambda path: path.name)
async def after(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[After]:
    state: Path = request.param
    expected = json.loads((state / "expected.json").read_text(encoding="utf-8"))
    directory = tmp_path_factory.mktemp("after")
    begins = datetime.fromisoformat(expected["business_time"]) + timedelta(seconds=5)
    # No receipts but those that a test sends: the one that came early, and those that were still to come.
    settings = CarrierSettings(receipts=False, id_base=FIRST_ID, resend_after_s=0.0)
    async with AsyncExitStack() as stack:
        alpha = await stack.enter_async_context(CarrierSim(settings))
        gateway = GatewayProcess(directory, {"alpha": alpha.port}, clock=begins.isoformat(), base=state / "site")
        stack.callback(gateway.close)
        await restored(state, gateway.site)()
        await gateway.start(deadline_s=60, ready=False)
        stage = Stage(gateway, {"alpha": alpha}, {"other": "shop"})
        stack.push_async_callback(stage.close)
        yield After(stage, await stack.enter_async_context(staff_of(gateway)), expected)


async def test_what_waited_goes_out_once(after: After) -> None:
    waiting = [recipient for _, recipient, _ in after.expected["waiting"]]
    await after.stage.gateway.wait_for(lambda: all(map(after.arrived, waiting)), DEADLINE_S, "what waited")
    assert {after.arrived(recipient) for recipient in waiting} == {1}


async def test_of_what_was_written_codes_are_sent_again_and_all_else_is_reported(after: After) -> None:
    codes = [recipient for _, recipient, account in after.expected["written"] if account == "login"]
    await after.stage.gateway.wait_for(lambda: all(map(after.arrived, codes)), DEADLINE_S, "the codes")
    assert {after.arrived(recipient) for recipient in codes} == {1}
    for message_id, recipient, account in after.expected["written"]:
        if account != "login":
            assert (await after.reported(account, message_id), after.arrived(recipient)) == ("UNKNOWN", 0)
    for message_id, recipient, account in after.expected["perhaps"]:
        if not after.arrived(recipient):
            assert await after.reported(account, message_id) == "UNKNOWN"
    for message_id, recipient, account in after.expected["perhaps"]:
        states = ["UNKNOWN"] * (1 - after.arrived(recipient))
        assert [state for state in await after.stats(account, message_id) if state != "DELIVRD"] == states


async def test_a_receipt_that_came_early_finds_its_message(after: After) -> None:
    await after.stage.alpha.wait_for(lambda: after.stage.alpha.received, DEADLINE_S, "a message")
    first = after.stage.alpha.received[0]
    assert first.message_id == str(FIRST_ID).encode()
    every = [message for name in ("waiting", "perhaps", "written") for message in after.expected[name]]
    (message_id, account), *_ = [(each[0], each[2]) for each in every if first.recipient.endswith(each[1][-11:])]
    assert await after.reported(account, message_id) == "DELIVRD"


async def test_what_came_for_an_application_is_delivered(after: After) -> None:
    for message_id in after.expected["receipts_waiting"]:
        assert await after.reported("other", message_id) == "DELIVRD"
    esme = await after.stage.esme("other")
    await esme.wait_for(lambda: esme.mo, DEADLINE_S, "the MO")
    assert [each.source[-11:] for each in esme.mo] == [after.expected["mo_from"][-11:]]


async def test_receipts_that_come_later_find_their_messages(after: After) -> None:
    alpha = after.stage.alpha
    for message_id, recipient, carrier_id in after.expected["answered"]:
        answer = await after.stage.ask("orders", CommandId.QUERY_SM, message_id, SOURCES["orders"])
        assert (answer.status, answer.pdu.fields["message_state"]) == (0, ENROUTE)
        alpha.send_raw(receipt_of(carrier_id, recipient), bind=alpha.links[0].number)
        assert await after.reported("orders", message_id) == "DELIVRD"
        # As the older version wrote them, and behind them what this one did.
        assert [each["step"] for each in after.stage.gateway.steps(message_id)][:2] == ["accepted", "sent"]
        await after.stage.gateway.wait_for(partial(_has_step, after, message_id, "receipt"), DEADLINE_S, "the record")


async def test_a_long_message_is_completed(after: After) -> None:
    message_id, recipient = after.expected["half"]
    esme = await after.stage.esme("orders")
    _, *rest = Envelope(SOURCES["orders"], recipient, registered_delivery=1).parts(LONG, "udh", 77)
    for part in rest:
        assert (await esme.request(part)).ok
    arrived = await after.stage.arrives(recipient, 1 + len(rest), DEADLINE_S)
    assert "".join(each.text for each in arrived) == LONG
    assert await after.stats("orders", message_id) == []


async def test_what_is_known_of_recipients_holds(after: After) -> None:
    desk = after.staff()
    for number, kinds in after.expected["facts"].items():
        assert [each.kind for each in (await recipients.show(desk, f"+{number}")).facts] == kinds
    found: dict[str, str] = {}
    await PortedNumbers(desk.store, found).load()
    assert found == after.expected["ported"]
    assert await IdFormStore(desk.store).load() == after.expected["id_forms"]
    refused = await after.stage.status("other", after.expected["mo_from"], source=OTHER_SOURCE)
    assert refused == OPTED_OUT
    counted = after.expected["waiting"][-1][1]
    assert await after.stage.status("other", counted, MARKETING + " ", source=OTHER_SOURCE) == CAPPED


async def test_what_staff_decided_holds_and_what_waits_for_them_goes_on(after: After) -> None:
    stage, desk = after.stage, after.staff()
    for kind, count in after.expected["registers"].items():
        assert await desk.registers.count(kind) == count
    number, digest = after.expected["audit_head"]
    assert (await audit.verify(desk, kept=f"{number}:{digest}")).whole
    assert (await versions.list_(desk)).versions[-1].number == 1
    assert await stage.status("shop", stage.recipient()) == PAUSED
    await pauses.resume(desk, "account:shop", why=WHY)
    for message_id, _ in after.expected["review"]:
        await review.release(desk, message_id, WHY)
    released = [recipient for _, recipient in (*after.expected["paused"], *after.expected["review"])]
    await stage.gateway.wait_for(lambda: all(map(after.arrived, released)), DEADLINE_S, "what was parked")
    assert {after.arrived(recipient) for recipient in released} == {1}


async def test_what_was_held_until_a_time_goes_out_then(after: After) -> None:
    scheduled = [recipient for _, recipient in after.expected["scheduled"]]
    assert {after.arrived(recipient) for recipient in scheduled} == {0}
    after.stage.gateway.advance(3_600)
    await after.stage.gateway.wait_for(lambda: all(map(after.arrived, scheduled)), DEADLINE_S, "what was held")
    assert {after.arrived(recipient) for recipient in scheduled} == {1}


async def test_quotas_go_on_where_they_were(after: After) -> None:
    desk = after.staff()
    (name,) = await desk.store.command(0, "KEYS", "{p00}:quota:orders:d*")
    assert int(await desk.store.command(0, "GET", name)) >= after.expected["quota_day"]


def _has_step(after: After, message_id: str, name: str) -> bool:
    return name in [each["step"] for each in after.stage.gateway.steps(message_id)]


async def test_there_is_a_state() -> None:
    assert STATES
