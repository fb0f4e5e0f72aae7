"""``smsgw pause``, ``resume``, ``pauses``, ``review``, ``quota`` and ``audit`` on a site whose gateway does not run."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from smsgw.cli.site_store import open_store
from smsgw.config.load import load_site
from smsgw.policy.quota import buckets
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from smsgw.store import keys
from smsgw.store.admission import Admission, AdmitItem
from smsgw.store.connection import Store
from smsgw.store.envelope import Envelope
from smsgw.store.parked import LOT_REVIEW
from smsgw.store.quota import QuotaLeases
from tests.unit.cli.conftest import WHY, Run, change, done, refused, shown

NUMBER = "8613800138000"
NOW_MS = 1_794_969_000_000  # 2026-11-18 10:30 in Shanghai
DAY_MS = 86_400_000


@pytest.fixture
def site(site: Path) -> Path:
    """At a known time."""
    change(site / "smsgw.toml", 'mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"')
    return site


# -- pauses


def test_paused_and_resumed(smsgw: Run) -> None:
    assert done(smsgw("pauses")) == "nothing is paused\n"
    said = done(smsgw("pause", "account:shop", "--for", "2h", "--why", "wrong price", "--who", "li"))
    assert said == "account:shop: paused until 2026-11-18 12:30:00+08:00\n"
    done(smsgw("pause", "global", "--until", "2026-11-18T18:00", *WHY))
    page = done(smsgw("pauses"))
    assert all(word in page for word in ("account:shop", "li", "wrong price", "global", "2026-11-18 18:00:00+08:00"))
    assert "is paused already, by li: wrong price" in refused(smsgw("pause", "account:shop", *WHY))
    assert done(smsgw("pause", "account:shop", "--change", *WHY)) == "account:shop: paused\n"
    found = shown(smsgw("pauses", "--json"))["items"]
    assert [(each["scope"], each["expires_ms"]) for each in found] == [
        ("account:shop", 0),
        ("global", NOW_MS + int(7.5 * 3_600_000)),
    ]
    assert done(smsgw("resume", "account:shop", *WHY)).startswith("account:shop: resumed; ")
    done(smsgw("pause", "account:ushop", *WHY))
    assert refused(smsgw("resume", "account:shop", *WHY)) == "smsgw: account:shop is not paused"
    assert refused(smsgw("pause", "account:shop", "--change", *WHY)) == "smsgw: account:shop is not paused"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("account:shpo",), "did you mean 'shop'?"),
        (("shop",), "scope: expected global or one of"),
        (("global", "--for", "2"), "expires: '2' is neither a duration such as 2h"),
        (("global", "--until", "2026-11-18T10:00"), "is not in the future"),
    ],
)
def test_pauses_that_can_not_be(smsgw: Run, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(smsgw("pause", *arguments, *WHY))
    assert done(smsgw("pauses")) == "nothing is paused\n"


def test_an_end_is_given_once(smsgw: Run) -> None:
    assert smsgw("pause", "global", "--for", "2h", "--until", "2026-11-18T18:00", *WHY).exit_code == 2


# -- review


async def _park(site: Path, text: str = "【示例商城】保本保息，回T退订") -> str:
    """A message that a gateway has accepted and parked; its id."""
    async with open_store(load_site(site)) as store:
        pdu = Pdu(
            CommandId.SUBMIT_SM, command_status=0, sequence_number=1,
            fields={"source_addr": b"106900013001", "destination_addr": NUMBER.encode(), "data_coding": 8,
                    "short_message": text.encode("utf-16-be")},
        )  # fmt: skip
        partition = store.recipients.partition(NUMBER, store.partitions)
        message_id = f"{partition:02x}00000000000001"
        envelope = Envelope(
            [message_id], [encode(pdu)], "shop", 2, NUMBER, "106900013001", "示例商城", [1], NOW_MS, lot=LOT_REVIEW,
            note="company:保本保息",
        )  # fmt: skip
        blob = store.sealer.seal(envelope.pack())
        rhash = store.recipients.hash(NUMBER)
        await _admit(
            store, AdmitItem(None, rhash, [message_id], blob, "alpha:2", NOW_MS, due_ms=NOW_MS + DAY_MS, lot=LOT_REVIEW)
        )
        return message_id


async def _admit(store: Store, item: AdmitItem) -> None:
    answered = asyncio.Event()
    admission = Admission(store, lambda items, replies: answered.set(), lambda: item.at_ms)
    running = asyncio.create_task(admission.commit.run())
    admission.submit(item)
    async with asyncio.timeout(10):
        await answered.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def test_reviewed_and_released(site: Path, smsgw: Run) -> None:
    assert done(smsgw("review", "list")) == "none waits\n"
    message_id = asyncio.run(_park(site))
    page = done(smsgw("review", "list"))
    assert all(word in page for word in (message_id, "138****8000", "company:保本保息", "【示例商城】保本保息"))
    assert NUMBER[2:] not in page
    (found,) = shown(smsgw("review", "list", "--json"))["items"]
    assert (found["id"], found["account"]) == (message_id, "shop")
    assert "138****8000" in done(smsgw("review", "show", message_id))
    assert NUMBER not in done(smsgw("review", "show", message_id))
    assert "why: every change needs a reason" in refused(smsgw("review", "show", message_id, "--reveal"))
    assert NUMBER in done(smsgw("review", "show", message_id, "--reveal", *WHY))
    said = done(smsgw("review", "release", message_id, "--why", "checked", "--who", "li"))
    assert said == f"{message_id}: released by li\n"
    assert "no message of this id waits" in refused(smsgw("review", "reject", message_id, *WHY))
    actions = [each["action"] for each in shown(smsgw("audit", "list", "--json"))["items"]]
    assert actions == ["review.release", "review.reveal"]


def test_reviewed_and_rejected(site: Path, smsgw: Run) -> None:
    message_id = asyncio.run(_park(site))
    assert shown(smsgw("review", "reject", message_id, "--json", *WHY))["decision"] == "reject"
    assert done(smsgw("review", "list")) == "none waits\n"


def test_a_message_that_does_not_wait(smsgw: Run) -> None:
    assert "no message of this id waits" in refused(smsgw("review", "release", "0000000000000000", *WHY))


# -- quotas


def test_quotas(site: Path, smsgw: Run) -> None:
    change(site / "accounts" / "orders.toml", "rate =", "quota = { day = 100, month = 2000 }\nrate =")

    async def use(count: int) -> None:
        loaded = load_site(site)
        account = loaded.accounts["orders"]
        async with open_store(loaded) as store:
            leases = QuotaLeases(store)
            running = asyncio.create_task(leases.commit.run())
            zone = loaded.profile_of(account).zone
            await leases.lease("orders", buckets(account.policy().quota, NOW_MS, zone), count, least=count)
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    asyncio.run(use(30))
    (found,) = shown(smsgw("quota", "orders", "--json"))["items"]
    assert [(each["period"], each["used"], each["limit"], each["left"]) for each in found["periods"]] == [
        ("day", 30, 100, 70),
        ("month", 30, 2000, 1970),
    ]
    page = done(smsgw("quota"))
    assert "2026-11-19 00:00:00+08:00" in page
    assert "no quota" in page
    assert "did you mean 'orders'?" in refused(smsgw("quota", "order"))


# -- audit


def test_the_audit_log(site: Path, tmp_path: Path, smsgw: Run) -> None:
    assert done(smsgw("audit", "list")) == "none\n"
    done(smsgw("word", "add", "company", "保本保息", "--who", "li", "--why", "supervisor's letter"))
    done(smsgw("word", "add", "company", "保本保息", "--action", "review", "--who", "wang", *WHY))
    done(smsgw("pause", "global", *WHY))
    page = done(smsgw("audit", "list", "--action", "word."))
    assert all(word in page for word in ("word.add", "li", "supervisor's letter", "action reject → review"))
    assert "pause.add" not in page
    assert [each["who"] for each in shown(smsgw("audit", "list", "--by", "li", "--json"))["items"]] == ["li"]
    assert "older ones with --before 3" in done(smsgw("audit", "list", "-n", "1"))
    whole = done(smsgw("audit", "verify"))
    assert whole.startswith("the audit log is whole: 3 entries; head 3:")
    copy = tmp_path / "audit.jsonl"
    assert done(smsgw("audit", "export", str(copy))) == f"{copy}: 3 entries\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    *entries, head = [json.loads(line) for line in copy.read_text(encoding="utf-8").splitlines()]
    assert [entry["action"] for entry in entries] == ["word.add", "word.change", "pause.add"]
    assert [json.loads(line) for line in done(smsgw("audit", "export")).splitlines()] == [*entries, head]
    assert "File exists" in refused(smsgw("audit", "export", str(copy)))
    assert done(smsgw("audit", "verify", "--kept", head["head"])) == whole
    wrong = smsgw("audit", "verify", "--kept", "2:" + "0" * 64)
    assert "entry 2 is not the one that was kept elsewhere" in refused(wrong)
    assert "since: 'x' is neither a day" in refused(smsgw("audit", "list", "--since", "x"))


def test_a_broken_log_is_told(site: Path, smsgw: Run) -> None:
    for scope in ("global", "account:shop", "carrier:alpha"):
        done(smsgw("pause", scope, *WHY))

    async def tamper() -> None:
        async with open_store(load_site(site)) as store:
            await store.command(keys.REGISTERS, "XDEL", keys.audit(), "2-0")

    asyncio.run(tamper())
    result = smsgw("audit", "verify")
    assert "the audit log is broken: entry 2 is missing" in refused(result)
    found = smsgw("audit", "verify", "--json")
    assert found.exit_code == 1
    assert shown(found)["faults"] == [{"seq": 2, "why": "entry 2 is missing"}]
