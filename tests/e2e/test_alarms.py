"""Every kind of alarm is brought about, told to a webhook, and over again; what is done of itself is done.

One site, one engine beside its gateway, everything by its own facts: receipts that carriers send, opt-outs, queues, a
carrier that refuses, memory that fills. Only earlier weeks are written by hand. Thresholds are small, times are none.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.settings import CarrierSettings, Match, Rule
from simulators.carrier.states import UNDELIVERED
from simulators.spread import Delay
from smsgw.alarms import texts
from smsgw.alarms.engine import Engine
from smsgw.alarms.running import engine_of
from smsgw.cli.archive import round_of
from smsgw.cli.ops_port import act
from smsgw.clock import RealClock
from smsgw.config.load import load_site
from smsgw.config.number_plan import province_table
from smsgw.config.site import Site
from smsgw.console.watching import fetch_status
from smsgw.policy.alarms.kinds import KINDS
from smsgw.records.log import RecordLog
from smsgw.records.query import query
from smsgw.records.record import HOUR_MS, Row, Step
from smsgw.services import audit, blacklist, contacts, orders, templates
from smsgw.services.asking import here_of
from smsgw.store.alarms import AlarmStore
from tests.e2e.gateway import ROOT
from tests.e2e.staff import Staff, staff_of
from tests.e2e.stage import NOTICE, OTP, SOURCES, Stage, open_stage, routes
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

WHY = "asked for in writing"
TEMPLATE_TEXT = "会员日全场{rate}折，拒收请回复R"
FILLED_OCTETS = 56 * 2**20
WEEK_MS = 7 * 24 * HOUR_MS
SLOW, SILENT = "138111", "138222"
PAUSED = 0x450
_FIGURE = re.compile(r" ?-?[0-9][0-9.,]*(%|×| [a-z]+)?$")
#: Everything at once: a rule's own times are looked at without a gateway.
AT_ONCE = 'for = "0s"\nclear_for = "0s"\nrepeat = "0s"\n'
RULES = {
    "delivery_low": 'threshold = "60%"\nminimum = 5\naction = "suspend carrier"',
    "sending_slow": 'threshold = "200ms"\nminimum = 3',
    "codes_late": 'threshold = "1s"',
    "queue_growing": "threshold = 3",
    "receipts_overdue": "threshold = 1",
    "complaints": 'threshold = 1\nwindow = "1h"',
    "unsubscribe_rate": 'threshold = "10%"\nminimum = 3\nwindow = "1h"\naction = "pause template"\naction_for = "2h"',
    "traffic_high": "minimum = 5",
    "traffic_low": "minimum = 5",
    "channel_failing": 'threshold = "1ms"',
    **dict.fromkeys(
        ("carrier_refused", "licence_ending", "calendar_ending", "store_memory", "gateway_silent", "records_late"), ""
    ),
}
PROVINCES = '[[alarm]]\nkind = "delivery_low"\nonly = { province = "*" }\nthreshold = "50%"\nminimum = 2\n' + AT_ONCE


class Webhook:
    """Where alarms go, and a gateway that does not answer until it may."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.status: Callable[[], Any] | None = None
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                hook.bodies.append(f"{body['title']}\n{body['message']}")
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                found = hook.status
                self.send_response(503 if found is None else 200)
                self.end_headers()
                if found is not None:
                    self.wfile.write(json.dumps(found()).encode())

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def told(self, news: str) -> Counter[str]:
        """How often each alarm was told, by kind and what it is about."""
        lines = [line for body in self.bodies for line in body.splitlines() if f" [{news}] " in line]
        found: Counter[str] = Counter()
        for line in lines:
            title, _, rest = line.partition(f"[{news}] ")[2].partition(": ")
            kind = next(name for name in KINDS if texts.words_of(name, "en")[0] == title)
            labels = _FIGURE.sub("", rest.partition(" (")[0])
            found[" ".join((kind, labels)).strip()] += 1
        return found

    def kinds(self, news: str) -> set[str]:
        return {each.partition(" ")[0] for each in self.told(news)}


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    found = Webhook()
    yield found
    found.close()


def in_province(name: str) -> str:
    """The first seven digits of numbers of a province, of a network whose numbers the example sends to alpha."""
    table = province_table()
    return next(f"86{first}" for first in range(1380000, 1389999) if table.find(f"86{first}0000") == name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    slow = Rule(Match(recipients=(f"{SLOW}*",)), {"response": Delay("fixed", 0.4)})
    silent = Rule(Match(recipients=(f"{SILENT}*",)), {"receipts": False})
    failing = Rule(Match(provinces=frozenset(("广东",))), {"rest_state": UNDELIVERED})
    carriers = {
        "alpha": CarrierSettings(rules=(slow, silent, failing)),
        "beta": CarrierSettings(),
        "gamma": CarrierSettings(),
        "delta": CarrierSettings(refuse_binds=0x0E),
    }
    overrides: dict[str, dict[str, Any]] = {
        "carriers/alpha.toml": {"receipt_overdue": "1m"},
        "routes.toml": {"route": routes({"codes": {"carriers": ["gamma"]}})},
        "smsgw.toml": {"store": {"memory": "64MiB", "receipt_ttl": "1h"}},
    }
    more = {"gamma": {"rate": "2/s", "burst": 1}, "delta": {}}
    directory = tmp_path_factory.mktemp("site")
    async with open_stage(directory, carriers, overrides, more_carriers=more) as stage:
        (stage.gateway.site / "calendar" / "2027.toml").rename(directory / "2027.toml")
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staff(stage: Stage) -> AsyncIterator[Staff]:
    async with staff_of(stage.gateway) as staff:
        yield staff


class Watch:
    """The engine beside the gateway, and its site's files."""

    def __init__(self, stage: Stage, staff: Staff, webhook: Webhook) -> None:
        self.stage = stage
        self.staff = staff
        self.webhook = webhook
        self.directory = stage.gateway.site
        self.ahead_ms = 0
        (self.directory / "duty.url").write_text(f"json://127.0.0.1:{webhook.port}/hook")
        (self.directory / "broken.url").write_text(f"json://127.0.0.1:{free_port()}/verysecret")
        channels = '[[channel]]\nname = "duty"\nurl_file = "duty.url"\nlanguage = "en"\n'
        channels += '[[channel]]\nname = "broken"\nurl_file = "broken.url"\n'
        rules = "".join(f'[[alarm]]\nkind = "{kind}"\n{text}\n{AT_ONCE}' for kind, text in RULES.items())
        (self.directory / "alarms.toml").write_text(channels + PROVINCES + rules, encoding="utf-8")
        self.engine = self.started()

    @property
    def site(self) -> Site:
        return load_site(self.directory)

    def started(self) -> Engine:
        """An engine that knows nothing but what the store has."""
        site = self.site
        addresses = (f"http://127.0.0.1:{site.ops.port}", f"http://127.0.0.1:{self.webhook.port}")
        desk = self.staff()
        return engine_of(
            site, desk.store, desk.now_ms, addresses, fetch_status, here_of(site),
            records_every_s=0.0, real_ms=lambda: RealClock().now_ms() + self.ahead_ms,
        )  # fmt: skip

    async def archived(self) -> None:
        await asyncio.to_thread(round_of, self.site)

    async def until_all(self, wanted: set[str], told: Callable[[], Collection[str]], *, archived: bool = True) -> None:
        """Look until everything that is wanted was told."""
        deadline_s = time.monotonic() + 20
        while missing := wanted - set(told()):
            if time.monotonic() > deadline_s:
                pytest.fail(f"not told: {sorted(missing)}; what is known: {await self.known()}")
            if archived:
                await self.archived()
            assert await self.engine.look()
            await asyncio.sleep(0.05)

    async def known(self) -> object:
        return await AlarmStore(self.staff().store).read()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watch(stage: Stage, staff: Staff, webhook: Webhook) -> AsyncIterator[Watch]:
    write_earlier_weeks(stage, staff().now_ms())
    found = Watch(stage, staff, webhook)
    await found.archived()
    yield found
    await found.engine.leave()


def write_earlier_weeks(stage: Stage, now_ms: int) -> None:
    """Twenty notices and two codes in this hour and the one before, each of the last weeks."""
    log = RecordLog(stage.gateway.site / "state" / "records", "earlier", lambda: now_ms)
    hour_ms = now_ms // HOUR_MS * HOUR_MS
    for begins_ms in sorted(hour_ms - week * WEEK_MS - back * HOUR_MS for week in (1, 2, 3, 4) for back in (0, 1)):
        for number in range(22):
            account, message_class = ("orders", 1) if number < 20 else ("login", 0)
            row: Row = (
                begins_ms + number, int(Step.ACCEPTED), f"00{begins_ms // 1000:08x}0001{number:06x}", account, "",
                message_class, "", "", 1, 0, "", "", 1.0,
            )  # fmt: skip
            log.append(row)
    log.close()


def counted(stage: Stage, step: Step) -> int:
    return len(query(stage.gateway.site / "state" / "records", step=int(step)))


async def send_all(stage: Stage, account: str, recipients: list[str], text: str) -> None:
    esme = await stage.esme(account)
    sent = [esme.submit(SOURCES[account], each, text, registered_delivery=1) for each in recipients]
    answers = await asyncio.gather(*sent)
    assert all(each.ok for each in answers), answers


def some(first: str, count: int) -> list[str]:
    return [f"{first}{number:0{13 - len(first)}}" for number in range(count)]


async def test_every_kind_rings_and_is_told_once(watch: Watch, stage: Stage, staff: Staff, webhook: Webhook) -> None:
    assert await watch.engine.look()  # what waits and what was answered before: nothing
    await contacts.add(staff(), "shop", "link", "example.com", expires="2026-12-01", why=WHY)
    await templates.add(
        staff(), "sale", message_class="marketing", text=TEMPLATE_TEXT, account="shop",
        variables=[{"name": "rate", "kind": "digits"}], why=WHY,
    )  # fmt: skip
    for person, action in (("bo", "approve-department"), ("cy", "approve-market"), ("cy", "activate")):
        await templates.step(staff(person), "sale", action, why=WHY)

    # A province fails; carriers answer late, send no receipts, are too slow for so many codes.
    beijing, guangdong = in_province("北京"), in_province("广东")
    receipts = counted(stage, Step.RECEIPT)
    await send_all(stage, "orders", [*some(beijing, 6), *some(guangdong, 2), *some(f"86{SLOW}", 3)], NOTICE)
    await send_all(stage, "orders", some(f"86{SILENT}", 3), NOTICE)
    await send_all(stage, "login", some("8613733300", 16), OTP)
    people = some("8613744400", 4)
    await send_all(stage, "shop", people, "【示例商城】" + TEMPLATE_TEXT.replace("{rate}", "5"))
    for each in people[:2]:
        await stage.mo(each, SOURCES["shop"], "R")
    stage.gateway.advance(2)  # what staff write down has whole seconds
    for each in people[2:]:
        await blacklist.complain(staff(), f"+{each}", why="never agreed")
    stage_writes = "receipts and opt-outs on disk"
    await stage.gateway.wait_for(lambda: counted(stage, Step.RECEIPT) >= receipts + 15, 10, stage_writes)
    await stage.gateway.wait_for(lambda: counted(stage, Step.OPTOUT) == 2, 10, stage_writes)
    desk = staff()
    await desk.store.command(0, "SETRANGE", "{p00}:filler", FILLED_OCTETS, "x")
    first = {"delivery_low", "sending_slow", "codes_late", "queue_growing", "complaints", "unsubscribe_rate",
             "traffic_high", "traffic_low", "carrier_refused", "licence_ending", "calendar_ending", "store_memory",
             "channel_failing"}  # fmt: skip
    await watch.until_all(first, lambda: webhook.kinds("firing"))
    assert "delivery_low carrier alpha, province 广东" in webhook.told("firing")
    assert "delivery_low carrier alpha" not in webhook.told("firing")

    # The carrier as a whole: it is suspended.
    await send_all(stage, "orders", some(f"{guangdong}9", 20), NOTICE)
    whole = "delivery_low carrier alpha"
    await watch.until_all({whole}, lambda: webhook.told("firing"))

    # Time goes by: receipts are overdue, a gateway is silent, and nobody archives what comes.
    await send_all(stage, "orders", some(f"{beijing}7", 1), NOTICE)
    stage.gateway.advance(20 * 60)
    await watch.until_all(set(KINDS), lambda: webhook.kinds("firing"), archived=False)
    assert set(webhook.told("firing").values()) == {1}


async def test_what_is_done_of_itself_is_in_force_audited_and_can_be_taken_back(stage: Stage, staff: Staff) -> None:
    text = "【示例商城】" + TEMPLATE_TEXT.replace("{rate}", "5")
    assert await stage.status("shop", stage.recipient(), text) == PAUSED
    status = stage.gateway.status()
    assert [each["scope"] for each in status["pauses"]] == ["template:sale"]
    assert [(each["scope"], each["action"]) for each in status["orders"]] == [("carrier:alpha", "suspend")]
    entries = (await audit.list_(staff(), who="alarms")).items
    assert {each.action for each in entries} == {"pause.add", "order.suspend"}
    assert all(each.why.startswith("alarm ") and ("阈值" in each.why) for each in entries)
    ended = await orders.end(staff(), "carrier:alpha", why="the carrier mended it")
    assert [each.who for each in ended] == ["alarms"]


async def test_another_engine_neither_forgets_nor_repeats_and_everything_ends(
    watch: Watch, stage: Stage, staff: Staff, webhook: Webhook
) -> None:
    rang, so_far = webhook.told("firing"), len(webhook.bodies)
    await watch.engine.leave()
    (watch.directory.parent / "2027.toml").rename(watch.directory / "calendar" / "2027.toml")
    (watch.directory / "broken.url").write_text(f"json://127.0.0.1:{webhook.port}/mended")
    desk = staff()
    await desk.store.command(0, "DEL", "{p00}:filler")
    await contacts.change(staff(), "shop", "link", "example.com", expires="2028-12-01", why=WHY)
    await orders.tidy(staff(), "purge", carrier="gamma", why=WHY)
    stage.carriers["delta"].change(refuse_binds=0)
    await asyncio.to_thread(act, watch.site, "rebind", carrier="delta")
    webhook.status = stage.gateway.status
    watch.ahead_ms = 3_600_000
    stage.gateway.advance(2 * 3600)
    watch.engine = watch.started()
    await watch.until_all(set(rang), lambda: webhook.told("resolved"))
    in_english = [body for body in webhook.bodies[so_far:] if "[firing]" in body]
    assert in_english == []
    assert webhook.told("firing") == rang
    assert "verysecret" not in "\n".join(webhook.bodies)
    assert webhook.told("resolved") == rang
    assert "'standings': []" in str(await watch.known())


async def test_without_a_console_a_process_of_its_own_looks_and_hands_over(watch: Watch, staff: Staff) -> None:
    store = AlarmStore(staff().store)
    await watch.engine.leave()
    command = (sys.executable, "-m", "smsgw", "alarms", "run", "--site", str(watch.directory))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL)
    try:
        before = (await store.read())["looked_ms"]
        async with asyncio.timeout(30):
            while (await store.read())["looked_ms"] == before:
                await asyncio.sleep(0.05)
        assert not await store.take_turn()
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
        assert await store.take_turn()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await store.give_back()


async def test_nobody_is_told_of_a_number(webhook: Webhook) -> None:
    assert not [body for body in webhook.bodies if "1374440" in body or "138000" in body]


async def test_the_secret_is_in_no_file_that_is_shown(stage: Stage) -> None:
    assert "verysecret" not in Path(stage.gateway.log_path).read_text()
