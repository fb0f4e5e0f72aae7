"""Registers on a running gateway: what staff write is in force at once, for accounts, carriers, texts and templates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulators.esme.sim import EsmeSim
from smsgw.errors import BindRejected
from smsgw.services import campaigns, channels, signatures, templates, words
from smsgw.smpp.tlv import tlv
from tests.e2e.gateway import WORKDAY
from tests.e2e.staff import Staff, staff_of
from tests.e2e.stage import MARKETING, NOTICE, SOURCES, Stage, open_stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

UNAPPROVED, UNREGISTERED, NATIONAL, SLOT, BAD_TLV = 0x401, 0x403, 0x440, 0x421, 0xC4
WHY = "asked for in writing"
CAMPAIGN, AUDIENCE = 0x1411, 0x1412
LONG = "【示例商城】" + "好物低价，快来选购。" * 15 + "拒收请回复R"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    segment_cap = {
        "name": "segment-day", "class": "marketing", "scope": "segment", "limit": 1, "period": "day",
    }  # fmt: skip
    generous = [
        {"name": f"marketing-{period}", "class": "marketing", "scope": "company", "limit": 99, "period": period}
        for period in ("day", "week")
    ]
    overrides = {"profiles/cn.toml": {"same_content": None, "cap": [*generous, segment_cap]}}
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staff(stage: Stage) -> AsyncIterator[Staff]:
    async with staff_of(stage.gateway) as staff:
        yield staff


@pytest.fixture(autouse=True)
def _workday(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


async def becomes(stage: Stage, wanted: int, text: str, within_s: float = 1, **fields: object) -> None:
    """The answer to this text is ``wanted`` within a second."""
    async with asyncio.timeout(within_s):
        while await stage.status("shop", stage.recipient(), text, **fields) != wanted:
            await asyncio.sleep(0.01)


async def test_a_word_is_in_force_and_out_again_within_a_second(stage: Stage, staff: Staff) -> None:
    text = "【示例商城】保本保息，拒收请回复R"
    assert await stage.status("shop", stage.recipient(), text) == 0
    await words.put(staff(), "national", "保本保息", why=WHY)
    await becomes(stage, NATIONAL, text)
    await words.remove(staff(), "national", "保本保息", why=WHY)
    await becomes(stage, 0, text)


async def test_thousands_of_words_come_in_beside_the_traffic(stage: Stage, staff: Staff) -> None:
    rows = "word,action\n" + "".join(f"禁词第{number:05}号,reject\n" for number in range(20_000))
    esme = await stage.esme("orders")

    async def traffic() -> int:
        answered = 0
        while not done.is_set():
            assert (await esme.submit(SOURCES["orders"], stage.recipient(), NOTICE)).ok
            answered += 1
            await asyncio.sleep(0.01)
        return answered

    done = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(traffic())
        await words.import_(staff(), rows.encode(), list_name="company", why=WHY)
        await becomes(stage, 0x441, "【示例商城】禁词第19999号，拒收请回复R", 10)
        done.set()
    # How long the longest pause is: tests/bench/bench_registers.py.
    assert running.result() > 5


async def test_a_signature_is_registered_and_suspended(stage: Stage, staff: Staff) -> None:
    text = "【新品牌】全场五折，拒收请回复R"
    assert await stage.status("shop", stage.recipient(), text) == UNREGISTERED
    await signatures.add(staff(), "shop", "新品牌", owner="示例公司", proof="TM 1", why=WHY)
    await signatures.step(staff("bo"), "shop", "新品牌", "activate", why=WHY)
    await becomes(stage, 0, text)
    await signatures.step(staff("bo"), "shop", "新品牌", "suspend", why=WHY)
    await becomes(stage, UNREGISTERED, text)


async def test_a_template_says_class_and_campaign(stage: Stage, staff: Staff) -> None:
    """An order's notice that matches a marketing template has marketing's rules, and its campaign's slot."""
    await campaigns.add(staff(), "double11", slots=["14:00-15:00"], why=WHY)
    await templates.add(
        staff(), "sale", message_class="marketing", text="{shop}今日大促，拒收请回复R", campaign="double11",
        variables=[{"name": "shop", "kind": "text"}], why=WHY,
    )  # fmt: skip
    for person, action in (("bo", "approve-department"), ("cy", "approve-market"), ("cy", "activate")):
        await templates.step(staff(person), "sale", action, why=WHY)
    text = "【示例物流】本店今日大促，拒收请回复R"
    async with asyncio.timeout(1):
        while (status := await stage.status("orders", stage.recipient(), text)) != SLOT:
            await asyncio.sleep(0.01)
    stage.gateway.set_clock("2026-11-18T14:30:00+08:00")
    (answer,) = await stage.send("orders", stage.recipient(), text)
    assert (status, answer.ok) == (SLOT, True)
    await stage.gateway.wait_for(lambda: len(stage.gateway.steps(answer.message_id)) >= 2, 5, "its steps")
    assert stage.gateway.steps(answer.message_id)[0]["class"] == "marketing"


async def test_the_campaign_that_an_application_names(stage: Stage, staff: Staff) -> None:
    await campaigns.add(staff(), "evening", slots=["19:00-20:00"], why=WHY)
    for text in (MARKETING, LONG):
        await becomes(stage, SLOT, text, tlvs=tlv(CAMPAIGN, b"evening\0"))
    assert await stage.status("shop", stage.recipient()) == 0


@pytest.mark.parametrize("text", [MARKETING, LONG], ids=["short", "long"])
async def test_the_audience_that_an_application_names(stage: Stage, text: str) -> None:
    recipient = stage.recipient()
    names = (b"vip", b"new", b"vip", b"new\0")
    statuses = [await stage.status("shop", recipient, text, tlvs=tlv(AUDIENCE, name)) for name in names]
    assert statuses == [0, 0, 0x430, 0x430]


@pytest.mark.parametrize("tag", [0x1410, CAMPAIGN, AUDIENCE])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"x" * 65, b"a\nb"], ids=["no UTF-8", "too long", "control"])
async def test_a_vendor_tlv_that_is_no_name(stage: Stage, tag: int, value: bytes) -> None:
    assert await stage.status("shop", stage.recipient(), tlvs=tlv(tag, value)) == BAD_TLV


# -- approval


async def approve(staff: Staff, channel: str) -> None:
    await channels.add(staff("amy"), channel, licence="A2.B1-2026", licence_expires="2027-06-30", why=WHY)
    for person, action in (
        ("bo", "review-market"), ("cy", "review-legal"), ("di", "review-technical"), ("ed", "approve"),
        ("fu", "activate"),
    ):  # fmt: skip
        await channels.step(staff(person), channel, action, why=WHY)


async def test_only_approved_channels_may_be_used(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Accounts can't bind and carriers are not bound before; afterwards both are, at once; and back again."""
    overrides = {"smsgw.toml": {"channels": {"approval": "required"}}}
    directory = tmp_path_factory.mktemp("approval")
    async with open_stage(directory, overrides=overrides, ready=False) as stage, staff_of(stage.gateway) as staff:
        gateway = stage.gateway
        with pytest.raises(BindRejected) as refused:
            await stage.esme("shop")
        assert refused.value.command_status == UNAPPROVED
        assert not stage.alpha.links
        await approve(staff, "account:shop")
        await approve(staff, "carrier:alpha")
        await gateway.wait_for(lambda: gateway.status()["carriers"]["alpha"]["binds_up"] == 2, 5, "alpha's binds")
        assert gateway.status()["carriers"]["beta"]["binds_up"] == 0
        recipient = stage.recipient()
        assert await stage.status("shop", recipient) == 0
        await stage.arrives(recipient)
        async with EsmeSim(stage.settings("shop")):
            await channels.step(staff("bo"), "account:shop", "suspend", why=WHY)
            async with asyncio.timeout(1):
                while await stage.status("shop", stage.recipient()) != UNAPPROVED:
                    await asyncio.sleep(0.01)
        await channels.step(staff("bo"), "account:shop", "resume", why=WHY)
        await channels.step(staff("bo"), "carrier:alpha", "suspend", why=WHY)
        await gateway.wait_for(lambda: gateway.status()["carriers"]["alpha"]["binds_up"] == 0, 5, "alpha unbound")
        await channels.step(staff("bo"), "carrier:alpha", "resume", why=WHY)
        await gateway.wait_for(lambda: gateway.status()["carriers"]["alpha"]["binds_up"] == 2, 5, "alpha bound again")
        # Its licence ends with the day.
        gateway.set_clock("2027-07-01T10:30:00+08:00")
        await gateway.wait_for(lambda: gateway.status()["carriers"]["alpha"]["binds_up"] == 0, 5, "alpha unbound")
        assert not gateway.status()["accounts"]["shop"]["in_force"]
