"""Short links from end to end: submitted with a registered link, sent with a short one, clicked, counted."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from smsgw.cli.main import app
from smsgw.services import campaigns, contacts
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.constants import CommandId
from smsgw.smpp.tlv import tlv
from tests.e2e.gateway import WORKDAY
from tests.e2e.redirecting import PHONE, healthy, redirects
from tests.e2e.staff import Staff, staff_of
from tests.e2e.stage import Stage, open_stage
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PORT = free_port()
BASE = f"http://127.0.0.1:{PORT}"
SHORT = re.compile(rf"{re.escape(BASE)}/([0-9A-Za-z]{{8}})")
CAMPAIGN = 0x1411
URL = "https://shop.example.com/a?id=1&n=13800138000"
_REMOTE = "https://elsewhere.example.net/a"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    caps = [
        {"name": f"marketing-{period}", "class": "marketing", "scope": "company", "limit": 99, "period": period}
        for period in ("day", "week")
    ]
    overrides = {
        "smsgw.toml": {"links": {"base_url": BASE, "port": PORT, "classes": ["marketing"]}},
        "accounts/shop.toml": {"short_links": True},
        "profiles/cn.toml": {"same_content": None, "cap": caps, "length": {"marketing": 100}},
    }
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staff(stage: Stage) -> AsyncIterator[Staff]:
    async with staff_of(stage.gateway) as staff:
        await campaigns.add(staff(), "may", why="planned")
        await contacts.add(staff(), "shop", "link", "shop.example.com", why="ours")
        async with asyncio.timeout(5):
            while not SHORT.search(await arriving(stage, f"【示例商城】看{URL} 拒收请回复R")):
                await asyncio.sleep(0.02)
        yield staff


@pytest.fixture(autouse=True)
def _workday(stage: Stage, staff: Staff) -> None:
    stage.gateway.set_clock(WORKDAY)


async def arriving(stage: Stage, text: str, **fields: object) -> str:
    """The whole text that the carrier gets."""
    recipient = stage.recipient()
    answers = await stage.send("shop", recipient, text, **fields)
    assert all(answer.ok for answer in answers), answers
    return "".join(each.text for each in await stage.arrives(recipient))


async def test_a_registered_link_leaves_as_a_short_one_and_all_else_as_it_came(stage: Stage) -> None:
    text = f"【示例商城】会员日{URL}，还有{_REMOTE}。拒收请回复R"
    sent = await arriving(stage, text)
    (token,) = SHORT.findall(sent)
    assert sent == text.replace(URL, f"{BASE}/{token}")
    assert await arriving(stage, text) == sent
    other = await arriving(stage, text, tlvs=tlv(CAMPAIGN, b"may\0"))
    assert SHORT.findall(other) != [token]


async def test_messages_without_one_and_other_classes_are_untouched(stage: Stage) -> None:
    for account, text in (
        ("shop", f"【示例商城】{_REMOTE} 拒收请回复R"),
        ("shop", "【示例商城】没有链接.，拒收请回复R"),
        ("orders", f"【示例物流】见{URL}"),
    ):
        recipient = stage.recipient()
        assert await stage.status(account, recipient, text) == 0
        (arrived,) = await stage.arrives(recipient)
        assert arrived.sm.payload == encode_text(text, 8)


async def test_the_length_and_the_segments_are_those_of_the_short_link(stage: Stage) -> None:
    """Three segments with a long link are one with a short one; each of the three has its id and its receipt."""
    recipient = stage.recipient()
    text = f"【示例商城】看https://shop.example.com/{'a' * 130} 拒收请回复R"
    assert len(text) > 100  # what the profile allows
    answers = await stage.send("shop", recipient, text, registered_delivery=1)
    assert len(answers) == 3
    assert all(answer.ok for answer in answers), answers
    (arrived,) = await stage.arrives(recipient)
    assert not arrived.sm.has_udh
    assert len(SHORT.findall(arrived.text)) == 1
    assert arrived.text.startswith("【示例商城】看http")
    ids = [answer.message_id for answer in answers]
    assert len(set(ids)) == 3
    for receipt in await stage.receipts("shop", *ids):
        assert receipt.receipt is not None
        assert receipt.receipt.stat == "DELIVRD"
    assert (await stage.gateway.step(ids[0], "sent"))["segments"] == 1


@pytest.mark.parametrize("form", ["udh16", "sar", "payload"])
async def test_long_messages_in_every_form(stage: Stage, form: str) -> None:
    filler = "好物" * 8
    text = f"【示例商城】{filler}{URL} 又{URL}b 拒收请回复R"
    recipient = stage.recipient()
    answers = await stage.send("shop", recipient, text, long=form, registered_delivery=1)
    assert all(answer.ok for answer in answers), answers
    arrived = await stage.arrives(recipient, 1 if form == "payload" else 2)
    whole = "".join(each.text for each in arrived)
    first, second = SHORT.findall(whole)
    assert whole == f"【示例商城】{filler}{BASE}/{first} 又{BASE}/{second} 拒收请回复R"
    await stage.receipts("shop", *(answer.message_id for answer in answers))


async def test_a_short_message_that_gets_longer_is_cut(stage: Stage) -> None:
    text = f"【示例商城】{'好' * 40}shop.example.com 拒收请回复R"
    recipient = stage.recipient()
    assert len(text) <= 70
    (answer,) = await stage.send("shop", recipient, text, registered_delivery=1)
    assert answer.ok
    arrived = await stage.arrives(recipient, 2)
    whole = "".join(each.text for each in arrived)
    (token,) = SHORT.findall(whole)
    assert whole == text.replace("shop.example.com", f"{BASE}/{token}")
    await stage.receipts("shop", answer.message_id)


async def test_a_held_message_that_is_replaced_has_the_links_of_its_new_text(stage: Stage) -> None:
    recipient = stage.recipient()
    soon = "000000010000000R"
    (answer,) = await stage.send("shop", recipient, f"【示例商城】旧{URL} 拒收请回复R", schedule_delivery_time=soon)
    assert answer.ok
    new = f"【示例商城】新文案很长很长{URL}x 拒收请回复R"
    replaced = await stage.ask(
        "shop", CommandId.REPLACE_SM, answer.message_id, schedule_delivery_time=soon.encode(),
        short_message=encode_text(new, 8),
    )  # fmt: skip
    assert replaced.ok, replaced
    stage.gateway.advance(3601)
    (arrived,) = await stage.arrives(recipient)
    (token,) = SHORT.findall(arrived.text)
    assert arrived.text == new.replace(f"{URL}x", f"{BASE}/{token}")


async def figures(stage: Stage, by: str) -> dict[tuple[str, ...], dict[str, int]]:
    arguments = ["stats", "--by", by, "--since", "2026-11-18", "--json", "--site", str(stage.gateway.site)]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return {
        tuple(each[name] for name in by.split(",")): each["counts"] for each in json.loads(result.stdout)["figures"]
    }


async def test_a_click_leads_to_the_link_and_counts_for_its_campaign_also_when_the_server_is_killed(
    stage: Stage,
) -> None:
    text = f"【示例商城】点击看看{URL}9 拒收请回复R"
    (of_may,) = SHORT.findall(await arriving(stage, text, tlvs=tlv(CAMPAIGN, b"may\0")))
    (of_none,) = SHORT.findall(await arriving(stage, text))
    assert of_may != of_none
    async with httpx.AsyncClient(base_url=BASE, headers={"user-agent": PHONE}, timeout=10) as client:
        with redirects(stage.gateway) as server:
            await healthy(client)
            answer = await client.get(f"/{of_may}")
            assert (answer.status_code, answer.headers["location"]) == (302, f"{URL}9")
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "set-cookie" not in answer.headers
            assert (await client.head(f"/{of_may}")).status_code == 302
            preview = await client.get(f"/{of_may}", headers={"user-agent": "facebookexternalhit/1.1"})
            assert preview.status_code == 302
            for path in ("/unknown00", "/", f"/{of_may}x", "/%E7%9C%8B"):
                refused = await client.get(path)
                assert refused.status_code == 404
                assert "链接无效或已过期" in refused.text
                assert "not known" in refused.text
            assert (await client.get(f"/{of_may}，看看")).status_code == 302
            assert (await client.get(f"/{of_none}")).status_code == 302
            server.kill()  # at once: what was answered is counted
            server.wait()
        with redirects(stage.gateway) as server:
            await healthy(client)
            assert (await client.get(f"/{of_may}")).status_code == 302
            server.terminate()
            assert await asyncio.to_thread(server.wait, 20) == 0
    await stage.settled()
    found = await figures(stage, "account,campaign,message_class")
    assert {group: counts["clicked"] for group, counts in found.items() if counts["clicked"]} == {
        ("shop", "may", "marketing"): 3,
        ("shop", "", "marketing"): 1,
    }
    assert sum(counts["clicked"] for counts in (await figures(stage, "department,hour")).values()) == 4
    listed = await asyncio.to_thread(
        CliRunner().invoke, app, ["links", "list", "--site", str(stage.gateway.site), "--json"]
    )
    rows = {row["campaign"]: row for row in json.loads(listed.stdout)["rows"]}
    assert (rows["may"]["clicked"], rows[""]["clicked"]) == (3, 1)
    assert rows["may"]["links"] >= 1
    assert rows["may"]["targets"] == ["shop.example.com/a…"]
    assert "13800138000" not in listed.stdout
