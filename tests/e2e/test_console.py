"""The console and the gateway as two processes on one site: what is done over HTTP holds for the next message."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from simulators.scenario.certificate import self_signed
from smsgw.config.people import hash_token, new_token
from tests.e2e.gateway import EXAMPLE, ROOT, WORKDAY
from tests.e2e.stage import SAME_CONTENT_MAY_COME_AGAIN, Stage, open_stage, state_and_err
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PAUSED, BLACKLISTED, COMPANY_WORD = 0x450, 0x411, 0x441
HELD_WORD = "特惠抢购"
GENEROUS = [
    {"name": f"marketing-{period}", "class": "marketing", "scope": "company", "limit": 1000, "period": period}
    for period in ("day", "week")
]


class Console:
    """``smsgw console`` on a site, with one person who may do everything but look alone: ``amy``."""

    def __init__(self, site: Path, log: Path, certificate: Path | None = None) -> None:
        self.site, self.log = site, log
        self.port = free_port()
        self.token = new_token("amy")
        roles = '["compliance", "engineer", "market"]'
        (site / "people.toml").write_text(
            f'[[person]]\nname = "amy"\nroles = {roles}\ntoken = "{hash_token(self.token)}"\n', encoding="utf-8"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.AsyncClient(
            base_url=f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}",
            verify=ssl.create_default_context(cafile=certificate),
            headers={"authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=60,
        )

    async def start(self) -> None:
        """Run it until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "smsgw", "console", "--site", str(self.site)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                assert (await self.client.get("/healthz")).status_code == 200
                return
            except httpx.TransportError:
                words = self.log.read_text(encoding="utf-8")
                assert self.process.poll() is None, words
                assert time.monotonic() < deadline, words
                await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self.process.wait, 20)
        self.process = None
        return status

    async def close(self) -> None:
        """End it, whatever it does."""
        await self.client.aclose()
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def post(self, path: str, status: int = 200, method: str = "POST", **body: Any) -> dict[str, Any]:
        """The answer to a change, which must have this status."""
        answer = await self.client.request(method, f"/api{path}", json={"why": "a test", **body})
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def get(self, path: str) -> dict[str, Any]:
        """A good answer."""
        answer = await self.client.get(f"/api{path}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    # No caps here: the same recipient is tried again and again.
    changes = SAME_CONTENT_MAY_COME_AGAIN["profiles/cn.toml"]
    overrides = {**SAME_CONTENT_MAY_COME_AGAIN, "profiles/cn.toml": {**changes, "cap": GENEROUS}}
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(stage: Stage) -> AsyncIterator[Console]:
    made = Console(stage.gateway.site, stage.gateway.log_path.with_name("console.log"))
    stage.gateway.override({"smsgw.toml": {"console": {"port": made.port}}})
    try:
        await made.start()
        yield made
    finally:
        await made.close()


@pytest.fixture(autouse=True)
def _workday(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


async def becomes(stage: Stage, recipient: str, status: int, text: str | None = None) -> None:
    """The next messages get this status within a second: registers are followed, not asked for."""
    deadline = time.monotonic() + 1
    while (found := await stage.status("shop", recipient, text)) != status:
        assert time.monotonic() < deadline, f"0x{found:X}"


async def test_a_pause_holds_on_a_bound_client_and_ends(stage: Stage, console: Console) -> None:
    recipient = stage.recipient()
    assert await stage.status("shop", recipient) == 0
    made = await console.post("/pauses", scope="account:shop", expires="2h")
    assert (made["who"], made["in_force"]) == ("amy", True)
    await becomes(stage, recipient, PAUSED)
    assert await stage.status("orders", stage.recipient()) == 0
    assert "paused already" in (await console.post("/pauses", 409, scope="account:shop"))["error"]
    await console.post("/pauses/resume", scope="account:shop")
    await becomes(stage, recipient, 0)


async def test_a_complaint_blacklists_at_once(stage: Stage, console: Console) -> None:
    recipient = stage.recipient()
    assert await stage.status("shop", recipient) == 0
    done = await console.post("/complaints", number=recipient, source="12321")
    assert done["changed"] is True
    assert await stage.status("shop", recipient) == BLACKLISTED
    await console.post("/blacklist/remove", number=recipient)
    assert await stage.status("shop", recipient) == 0


async def test_a_word_is_in_force_on_a_bound_client(stage: Stage, console: Console) -> None:
    recipient, text = stage.recipient(), "【示例商城】今日返现大礼，拒收请回复R"
    assert await stage.status("shop", recipient, text) == 0
    await console.post("/words", method="PUT", word="返现大礼")
    await becomes(stage, recipient, COMPANY_WORD, text)
    await console.post("/words/remove", word="返现大礼")
    await becomes(stage, recipient, 0, text)


async def test_messages_are_held_for_review_released_and_rejected(stage: Stage, console: Console) -> None:
    await console.post("/words", method="PUT", word=HELD_WORD, action="review")
    text = f"【示例商城】{HELD_WORD}，拒收请回复R"
    released, rejected = stage.recipient(), stage.recipient()
    deadline = time.monotonic() + 10
    while not (await console.get("/review"))["total"]:  # until the word is known
        (answer,) = await stage.send("shop", released, text, registered_delivery=1)
        assert answer.ok
        assert time.monotonic() < deadline
    arrived_before = len(stage.arrived(released))
    (second,) = await stage.send("shop", rejected, text, registered_delivery=1)
    items = (await console.get("/review"))["items"]
    assert [each["text"] for each in items] == [text, text]
    assert released not in json.dumps(items)
    assert items[1]["id"] == second.message_id

    await console.post(f"/review/{items[0]['id']}/release")
    await console.post(f"/review/{items[1]['id']}/reject")
    assert len(await stage.arrives(released, arrived_before + 1)) == arrived_before + 1
    (receipt,) = await stage.receipts("shop", second.message_id)
    assert state_and_err(receipt)[:2] == ("REJECTD", 8)
    assert stage.arrived(rejected) == []
    assert (await console.get("/review"))["total"] == 0
    await console.post(f"/review/{items[0]['id']}/release", 404)
    await console.post("/words/remove", word=HELD_WORD)


async def test_an_opt_out_and_a_newer_consent(stage: Stage, console: Console) -> None:
    recipient = stage.recipient()
    await console.post("/optouts", number=recipient, signature="示例商城")
    assert await stage.status("shop", recipient) == 0x410
    stage.gateway.advance(60)
    await console.post("/consents", number=recipient, signature="示例商城", source="app", wording="1")
    assert await stage.status("shop", recipient) == 0


async def test_a_message_is_explained(stage: Stage, console: Console) -> None:
    recipient = stage.recipient()
    body = {"account": "shop", "number": recipient, "text": "【示例商城】全场五折，拒收请回复R"}
    answer = await console.client.post("/api/explain", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["answer_status"] == "0x00000000"
    assert recipient not in answer.text
    await console.post("/complaints", number=recipient)
    refused = (await console.client.post("/api/explain", json=body)).json()
    assert refused["answer_status"] == "0x00000411"
    for wrong, said in [
        ({"account": "shpo"}, "did you mean 'shop'"),
        ({"at": "soon"}, "at: "),
        ({"tier": "x"}, "tier"),
    ]:
        bad = await console.client.post("/api/explain", json={**body, **wrong})
        assert bad.status_code == 400
        assert said in bad.json()["error"]


async def test_what_was_done_is_in_the_audit_log_which_is_whole(console: Console) -> None:
    page = await console.get("/audit?limit=1000")
    actions = {entry["action"] for entry in page["items"]}
    assert {"pause.add", "pause.resume", "complaint", "consent.add", "review.release", "review.reject"} <= actions
    # The start made the first version of the site.
    assert {entry["who"] for entry in page["items"]} == {"amy", "smsgw node1"}
    assert (await console.get("/audit/verify"))["whole"] is True


async def test_a_second_console_says_that_the_port_is_taken(console: Console) -> None:
    second = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "smsgw", "console", "--site", str(console.site)],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert f"127.0.0.1:{console.port} (console.port in smsgw.toml): another program listens" in second.stderr.decode()


async def test_while_the_store_is_away_it_says_so_and_goes_on_after(stage: Stage, console: Console) -> None:
    recipient = stage.recipient()
    stage.gateway.kill(store=True)
    answer = await console.post("/optouts", 503, number=recipient)
    assert "the store can't be reached" in answer["error"]
    await stage.gateway.start()
    stage.gateway.set_clock(WORKDAY)
    assert (await console.post("/optouts", number=recipient))["changed"] is True
    assert await stage.status("shop", recipient) == 0x410


async def test_it_ends_at_sigterm_and_its_log_is_quiet(stage: Stage, console: Console) -> None:
    stranger = await console.client.get("/api/me", headers={"authorization": "Bearer amy~guess"})
    assert stranger.status_code == 401
    assert await console.stop() == 0
    words = console.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in words.splitlines()]
    assert not [line for line in lines if line["level"] == "error"]
    # What keeps the archive and watches for alarms writes there as well.
    events = [line["event"] for line in lines if line["log"] == "smsgw.console"]
    assert events[0] == "console.started"
    assert events[-1] == "console.stopped"
    assert set(events) <= {
        "console.started",
        "console.request",
        "console.refused",
        "console.store_away",
        "console.gateway_silent",
        "console.stopped",
    }
    assert console.token.partition("~")[2] not in words
    assert "86138000" not in words
    # The gateway goes on with the store that both had used.
    assert await stage.status("orders", stage.recipient()) == 0


async def test_over_tls_and_without_a_gateway(tmp_path: Path) -> None:
    site = Path(shutil.copytree(EXAMPLE, tmp_path / "site", ignore=shutil.ignore_patterns("state")))
    made = self_signed()
    console = Console(site, tmp_path / "console.log", made.certificate)
    text = (site / "smsgw.toml").read_text(encoding="utf-8")
    files = f'certificate = "{made.certificate}"\nkey = "{made.key}"'
    changed = text.replace("port = 8776", f"port = {console.port}\n{files}")
    (site / "smsgw.toml").write_text(changed, encoding="utf-8")
    try:
        await console.start()
        assert (await console.get("/me"))["name"] == "amy"
        assert (await console.post("/tiers", number="13800138000", tier="loyal"))["changed"] is True
        with pytest.raises(httpx.TransportError):
            await console.client.get(f"http://127.0.0.1:{console.port}/healthz")
        assert await console.stop() == 0
    finally:
        await console.close()

    spoiled = changed.replace(f'key = "{made.key}"', f'key = "{made.certificate}"')
    (site / "smsgw.toml").write_text(spoiled, encoding="utf-8")
    refused = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "smsgw", "console", "--site", str(site)],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
    )
    assert refused.returncode == 1
    assert f"{made.certificate}: certificate: can't be used with its key" in refused.stderr.decode()
