"""The commands beside a running gateway: what they say is what it does, and what they write holds at once."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.cli.main import app
from smsgw.errors import SmsgwError
from tests.e2e.gateway import PASSWORDS, ROOT, GatewayProcess, StartGateway

pytestmark = pytest.mark.e2e

MARKETING = "【示例商城】双十一全场五折，拒收请回复R"
OTHER = MARKETING.replace("五折", "六折")
SOURCE = "106900013001"
WHY = ("--why", "a test")
_DEADLINE_S = 30
_one_at_a_time = asyncio.Lock()


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    code: int | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The printed object."""
        return json.loads(self.out)


async def _smsgw(site: Path, *arguments: str) -> Said:
    """A command in a thread of its own: it starts no second interpreter, which would take longer than its work."""
    async with asyncio.timeout(_DEADLINE_S), _one_at_a_time:  # what is printed is caught for the whole process
        result = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--site", str(site)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        if not isinstance(result.exception, SmsgwError):
            raise result.exception
        return Said(1, result.stdout, f"smsgw: {result.exception}\n")
    return Said(result.exit_code, result.stdout, result.stderr)


async def _explain(gateway: GatewayProcess, to: str, text: str, *options: str) -> Any:
    said = await _smsgw(
        gateway.site, "explain", "--account", "shop", "--to", to, "--from", SOURCE, *options, "--json", text
    )
    found = said.json
    assert said.code == (1 if found["verdict"] == "refuses" else 0), said
    return found


def _shop(gateway: GatewayProcess) -> EsmeSim:
    return EsmeSim(EsmeSettings(port=gateway.port, system_id="shop", password=PASSWORDS["shop"]))


async def test_explain_says_what_the_gateway_answers_and_counts_nothing(start_gateway: StartGateway) -> None:
    messages = [
        ("13800000001", MARKETING),
        ("13800000001", MARKETING),  # the cap of the day
        ("13800000002", "双十一全场五折，拒收请回复R"),
        ("13800000002", "【示例】双十一全场五折，拒收请回复R"),
        ("13800000002", "【示例商城】双十一全场五折"),
        ("123", MARKETING),
    ]
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port})
        async with _shop(gateway) as shop:
            for to, text in messages:
                for _ in range(2 if to == "13800000001" else 1):
                    found = await _explain(gateway, to, text)
                answer = await shop.submit(SOURCE, to, text)
                assert found["answer_status"] == f"0x{answer.status:08X}", (to, text)
            capped = await _explain(gateway, "13800000001", MARKETING)
            assert capped["rule_id"] == "frequency"
            assert [(cap["name"], cap["seen"], cap["limit"]) for cap in capped["caps"]] == [
                ("marketing-day", 1, 1),
                ("marketing-week", 1, 3),
            ]
            assert capped["retry_after_s"] <= 13.5 * 3600
            assert (await _explain(gateway, "13800000001", OTHER, "--tier", "loyal"))["verdict"] == "passes"
            again = await _explain(gateway, "13800000001", MARKETING, "--tier", "loyal")
            assert again["rule_id"] == "same_content"
            gateway.set_clock("2026-11-18T22:00:00+08:00")
            night = await _explain(gateway, "13800000003", MARKETING)
            assert (night["rule_id"], night["clock"]) == ("window.hard", "the gateway's test clock")
            assert (await shop.submit(SOURCE, "13800000003", MARKETING)).status == 0x420
            # Beta has no simulator: where a message would go is what the gateway knows of its binds.
            assert {way["name"]: bool(way["binds_up"]) for way in night["carriers"]} == {"alpha": True, "beta": False}
        assert len(alpha.received) == 1


async def test_an_opt_out_holds_for_the_next_message(start_gateway: StartGateway) -> None:
    number = "13800000010"
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port})
        async with _shop(gateway) as shop:
            assert (await _smsgw(gateway.site, "optout", "add", number, "--account", "shop", *WHY)).code == 0
            found = await _explain(gateway, number, MARKETING)
            assert (found["rule_id"], found["detail"]) == ("optout", "for the account shop")
            assert (await shop.submit(SOURCE, number, MARKETING)).status == 0x410
            gateway.advance(60)
            assert (await _smsgw(gateway.site, "optout", "remove", number, "--account", "shop", *WHY)).code == 0
            assert (await shop.submit(SOURCE, number, MARKETING)).status == 0
            assert (await _smsgw(gateway.site, "tier", "set", number, "loyal", *WHY)).code == 0
            assert (await shop.submit(SOURCE, number, MARKETING)).status == 0x431
            assert (await shop.submit(SOURCE, number, OTHER)).status == 0
            # The recipient's own word is seen too.
            gateway.advance(60)
            alpha.send_mo(f"86{number}", SOURCE, "退订")
            await shop.wait_for(lambda: shop.mo, 10, "the MO")
            known = (await _smsgw(gateway.site, "optout", "show", number, "--json")).json["facts"]
            assert [(fact["kind"], fact["scope"]) for fact in known] == [
                ("optout", "signature 示例商城"),
                ("subscribe", "account shop"),
            ]
            known = (await _explain(gateway, number, OTHER))["facts"]
            assert [fact["kind"] for fact in known] == ["optout", "subscribe", "tier"]
            assert gateway.status()["store"]["up"]


async def test_status_and_records_of_a_message(start_gateway: StartGateway) -> None:
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port})
        async with _shop(gateway) as shop:
            follow = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "smsgw", "records", "--follow", "--json", "--step", "accepted",
                "--site", str(gateway.site), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                answer = await shop.submit(SOURCE, "13800000020", MARKETING, registered_delivery=1)
                await shop.wait_for(lambda: shop.receipts, 10, "a receipt")
                assert follow.stdout is not None
                async with asyncio.timeout(_DEADLINE_S):
                    followed = json.loads(await follow.stdout.readline())
                assert (followed["step"], followed["message_id"]) == ("accepted", answer.message_id)
            finally:
                follow.kill()
                await follow.wait()
            page = await _smsgw(gateway.site, "status")
            assert page.code == 0
            assert "2 of 2" in page.out
            assert "0 of" in page.out  # beta
            assert (await _smsgw(gateway.site, "status", "--json")).json["accounts"]["shop"]["accepted"] == 1

            async def steps() -> list[str]:
                said = await _smsgw(gateway.site, "records", answer.message_id, "--json")
                return [json.loads(line)["step"] for line in said.out.splitlines()]

            found: list[str] = []
            async with asyncio.timeout(_DEADLINE_S):
                while not {"receipt", "receipt_returned"} <= set(found):
                    found = await steps()
            # The application may have its receipt before we have written that it came.
            assert sorted(found) == ["accepted", "answered", "receipt", "receipt_returned", "sent"]
            page = await _smsgw(gateway.site, "records", answer.message_id)
            assert "138****0020" in page.out
            assert "13800000020" not in page.out


async def test_commands_without_the_gateway(start_gateway: StartGateway) -> None:
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port})
        async with _shop(gateway) as shop:
            assert (await shop.submit(SOURCE, "13800000030", MARKETING)).status == 0
        await gateway.stop()
        said = await _smsgw(gateway.site, "status")
        assert said.code == 1
        assert len(said.err.splitlines()) == 1
        assert "does not answer" in said.err
        # Its counters are still there, read from a server that runs for the length of the command.
        found = await _explain(gateway, "13800000030", MARKETING)
        assert (found["rule_id"], found["caps"][0]["seen"]) == ("frequency", 1)
        several = [_smsgw(gateway.site, "optout", "add", f"1380000004{n}", *WHY) for n in range(3)]
        assert [each.code for each in await asyncio.gather(*several)] == [0, 0, 0]
        assert not (gateway.site / "state" / "redis" / "redis.sock").exists()
        await gateway.start()
        async with _shop(gateway) as shop:
            assert (await shop.submit(SOURCE, "13800000041", MARKETING)).status == 0x410


async def test_what_staff_do_holds_in_the_running_gateway(start_gateway: StartGateway) -> None:
    """A word, a pause, a registered signature: each in force for a message of the next second, and explained so."""
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port})
        async with _shop(gateway) as shop:

            async def becomes(status: int, to: str, text: str) -> None:
                async with asyncio.timeout(_DEADLINE_S):
                    while (await shop.submit(SOURCE, to, text)).status != status:
                        await asyncio.sleep(0.05)

            word = await _smsgw(gateway.site, "word", "add", "company", "全场五折", *WHY)
            assert word.out == "company/全场五折: reject\n"
            assert (await _explain(gateway, "13800000050", MARKETING))["rule_id"] == "words.company"
            await becomes(0x441, "13800000050", MARKETING)
            assert (await _smsgw(gateway.site, "word", "remove", "company", "全场五折", *WHY)).code == 0

            paused = await _smsgw(gateway.site, "pause", "account:shop", "--for", "2h", "--why", "wrong price")
            assert paused.out.startswith("account:shop: paused until 2026-11-18 ")
            found = await _explain(gateway, "13800000051", MARKETING)
            assert (found["rule_id"], found["detail"]) == ("paused", "account:shop is paused: wrong price")
            await becomes(0x450, "13800000051", MARKETING)
            assert (await _smsgw(gateway.site, "resume", "account:shop", *WHY)).code == 0
            await becomes(0, "13800000051", MARKETING)

            text = MARKETING.replace("示例商城", "新商城")
            assert (await shop.submit(SOURCE, "13800000052", text)).status == 0x403
            owned = ("--owner", "示例公司", "--proof", "trademark 4711")
            for step in (("add", "shop", "新商城", *owned), ("activate", "shop", "新商城")):
                assert (await _smsgw(gateway.site, "signature", *step, *WHY)).code == 0
            assert (await _explain(gateway, "13800000052", text))["signature"] == "新商城"
            await becomes(0, "13800000052", text)

            said = await _smsgw(gateway.site, "audit", "verify")
            # Two of them are of the first version of the site, which the start made.
            assert (said.code, said.out.startswith("the audit log is whole: 8 entries")) == (0, True)


async def test_a_message_for_review_is_released(start_gateway: StartGateway) -> None:
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port})
        async with _shop(gateway) as shop:
            word = ("word", "add", "company", "全场五折", "--action", "review")
            assert (await _smsgw(gateway.site, *word, *WHY)).code == 0
            found = await _explain(gateway, "13800000060", MARKETING)
            assert (found["verdict"], found["review"]) == ("passes", "company:全场五折")
            answer = await shop.submit(SOURCE, "13800000060", MARKETING)
            assert answer.status == 0
            listed = (await _smsgw(gateway.site, "review", "list", "--json")).json["items"]
            assert [(each["id"], each["number"]) for each in listed] == [(answer.message_id, "138****0060")]
            assert alpha.received == []
            assert (await _smsgw(gateway.site, "review", "release", answer.message_id, *WHY)).code == 0
            async with asyncio.timeout(_DEADLINE_S):
                while not alpha.received:
                    await asyncio.sleep(0.05)
            assert (await _smsgw(gateway.site, "review", "list")).out == "none waits\n"
