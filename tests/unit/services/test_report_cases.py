"""Audit reports and incident exports of a real store and a small archive; their signatures, also by openssl."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsgw.config.site import Site
from smsgw.errors import RequestError
from smsgw.records.archive import raw
from smsgw.records.history import Embedded
from smsgw.records.record import NO_CLASS, Row, Step
from smsgw.records.worker import Here
from smsgw.reports.audit import Audit
from smsgw.reports.page import html
from smsgw.reports.signing import PublicKey
from smsgw.services import audit_report, channels, incidents, pauses, report_files, templates, words
from smsgw.services.asking import Source
from smsgw.services.desk import Desk, Person
from smsgw.store.connection import Store
from tests.unit.records.archive.world import HASH, HOUR, KEYS, KNOWLEDGE, NUMBER, World, life, message_id
from tests.unit.services.conftest import Time

MakeDesk = Callable[..., Desk]


def row(step: Step, at_ms: int, *detail: object, rule: str = "", name: str = "") -> Row:
    message_class = NO_CLASS if step == Step.OPTOUT else 2
    return (at_ms, step, name, "shop", "", message_class, HASH, "138****8000", 1, 0, rule, "示例", 0, *detail)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The hour before business time: four messages, one of which fails; a review, refusals, an opt-out by answer."""
    found = World(tmp_path_factory.mktemp("reports") / "records", HOUR + 5 * 3_600_000)
    rows = [*life(1), *life(2, HOUR + 1000), *life(3, HOUR + 2000, err="MBBLACK"), *life(4, HOUR + 600_000)]
    rows += [row(Step.PARKED, HOUR + 10, "review", "a word", name=message_id(8, HOUR)),
             row(Step.REVIEWED, HOUR + 20, "rejected", "li: no", name=message_id(8, HOUR)),
             row(Step.REFUSED, HOUR + 30, "", rule="words.national"), row(Step.OPTOUT, HOUR + 5000, "", "mo"),
             row(Step.REFUSED, HOUR + 6000, "", rule="optout")]  # fmt: skip
    found.write(sorted(rows, key=lambda each: each[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "LOCK_KEPT_S", 0.0)
        found.round()
    return found


@pytest.fixture
def asking(world: World) -> Here[Source]:
    return Here(lambda: Source(world.directory, Embedded(world.directory), KEYS, KNOWLEDGE))


@pytest.fixture
def person(site: Site, store: Store, time: Time) -> MakeDesk:
    time.now_ms = HOUR + 2 * 3_600_000

    def make(name: str, *roles: str) -> Desk:
        return Desk(site, store, Person(name, frozenset(roles)), lambda: time.now_ms)

    return make


async def busy_day(person: MakeDesk) -> None:
    """What staff did: a channel and a template reviewed, words, a pause and its end, a look at data."""
    chen, wang, li = person("chen", "department"), person("wang", "market"), person("li", "compliance")
    papers = {"licence": "ICP-1", "licence_expires": "2027-12-31"}
    await channels.add(chen, "account:shop", **papers, why="new shop")
    for who, action in (("wang", "market"), ("liu", "legal"), ("he", "technical")):
        await channels.step(person(who, action), "account:shop", f"review-{action}", why=f"{action} agrees")
    await channels.step(person("gao", "management"), "account:shop", "approve", why="agreed")
    await templates.add(
        chen, "sale", text="=新春全场{n}折起", message_class="marketing", variables=["n:digits"], why="spring"
    )
    await templates.step(person("zhao", "department"), "sale", "approve-department", why="true")
    await templates.step(wang, "sale", "approve-market", why="our style")
    await words.put(li, "national", "彩票", category="gambling", action="reject", evasion=False, why="the new list")
    await pauses.pause(li, "account:shop", why="wrong price")
    await pauses.resume(li, "account:shop", why="mended")
    await li.audit("records.disclose", "recipient 138****8000", "asked for by letter")


async def test_what_supervisors_are_told(person: MakeDesk, asking: Here[Source], site: Site) -> None:
    await busy_day(person)
    auditor = person("sun", "auditor")
    found = await audit_report.audit_report(auditor, asking, since="2026-11-18", until="2026-11-18")
    assert (found.since, found.until, found.made_by, found.organisation) == (
        "2026-11-18", "2026-11-18", "sun", site.directory.name,
    )  # fmt: skip
    (channel,) = found.channels
    assert (channel.name, channel.state, channel.author) == ("account:shop", "approved", "chen")
    assert channel.papers["licence"] == "ICP-1"
    assert [(each.action, each.who) for each in channel.steps] == [
        ("draft", "chen"), ("review-market", "wang"), ("review-legal", "liu"), ("review-technical", "he"),
        ("approve", "gao"),
    ]  # fmt: skip
    (template,) = found.templates
    assert template.papers["text"] == "=新春全场{n}折起"
    assert [each.who for each in template.steps] == ["chen", "zhao", "wang"]
    assert found.words == {"national": 1}
    assert [each.action for each in found.word_changes] == ["word.add"]
    assert [(each.department, each.held, each.released, each.rejected) for each in found.held] == [("retail", 1, 0, 1)]
    assert [(each.rule_id, each.count) for each in found.refused] == [("optout", 1), ("words.national", 1)]
    assert [(each.action, each.who, each.why) for each in found.access] == [
        ("records.disclose", "li", "asked for by letter")
    ]
    assert (
        found.word_changes[0].detail == "list: national; word: 彩票; category: gambling; action: reject; evasion: false"
    )
    assert [(each.action, each.why) for each in found.pauses] == [
        ("pause.add", "wrong price"), ("pause.resume", "mended"),
    ]  # fmt: skip
    assert (found.optouts.optouts, found.optouts.by_source, found.optouts.recipients_refused) == (1, {"mo": 1}, 1)
    assert [each.message_id for each in found.optouts.late] == [message_id(4, HOUR + 600_000)]
    evidence = found.evidence
    assert evidence.log_whole
    assert evidence.log_entries == int(evidence.log_head.partition(":")[0]) == 12
    assert (evidence.archive_whole, evidence.rows_checked, evidence.archive_records) == (True, False, 25)
    assert evidence.archive_head.startswith("1:")
    assert (evidence.keep_days, evidence.oldest[:13]) == (183, "2026-11-18 19")


async def test_nothing_of_other_days(person: MakeDesk, asking: Here[Source]) -> None:
    await busy_day(person)
    found = await audit_report.audit_report(person("sun", "auditor"), asking, since="2026-10-01", until="2026-10-31")
    assert (found.channels, found.templates, found.access, found.pauses, found.held) == ((), (), (), (), ())
    assert found.optouts.optouts == 0
    last = await audit_report.audit_report(person("sun", "auditor"), asking)
    assert (last.since, last.until) == ("2026-10-01", "2026-10-31")


async def test_a_changed_archive_is_told(person: MakeDesk, world: World, tmp_path: Path) -> None:
    copy = shutil.copytree(world.directory, tmp_path / "records")
    asking = Here(lambda: Source(copy, Embedded(copy), KEYS, KNOWLEDGE))
    desk = person("sun", "auditor")
    days = {"since": "2026-11-18", "until": "2026-11-18"}
    whole = await audit_report.audit_report(desk, asking, **days, every_row=True)
    assert (whole.evidence.archive_whole, whole.evidence.rows_checked) == (True, True)
    (path,) = copy.glob("archive/2*/*.parquet")
    path.rename(path.with_name(path.name.replace("T11", "T12")))
    found = await audit_report.audit_report(desk, asking, **days)
    assert not found.evidence.archive_whole
    assert "is missing; the chain knows nothing of its removal" in found.evidence.faults[0]
    assert "is missing" in html(report_files._document(found, "en", "")).decode()


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [("2026-11-18", "", "until: give both days"), ("", "2026-11-18", "since: give both days"),
     ("2026-11-18", "2026-11-17", "expected a day on or after"), ("2020-01-01", "2026-11-18", "at most 400 days"),
     ("2027-01-01", "2027-01-02", "has not come yet"), ("soon", "2026-11-18", "is not a day such as")],
)  # fmt: skip
async def test_days_that_can_t_be(since: str, until: str, why: str, person: MakeDesk, asking: Here[Source]) -> None:
    with pytest.raises(RequestError, match=why):
        await audit_report.audit_report(person("sun", "auditor"), asking, since=since, until=until)


async def report_of(person: MakeDesk, asking: Here[Source]) -> tuple[Desk, Audit]:
    desk = person("sun", "auditor")
    return desk, await audit_report.audit_report(desk, asking, since="2026-11-18", until="2026-11-18")


@pytest.mark.parametrize("form", ["html", "xlsx"])
async def test_a_signed_report(form: str, person: MakeDesk, asking: Here[Source], tmp_path: Path) -> None:
    await busy_day(person)
    desk, report = await report_of(person, asking)
    made, signature = await report_files.signed(desk, report, form, "zh")
    assert made.name == f"smsgw-audit-2026-11-18-2026-11-18.{form}"
    key = report_files.site_key(desk.store.recipients).public
    assert report_files.checked(made.data, signature, key, key) == report_files.Checked(True, key.fingerprint, True, "")
    changed = report_files.checked(made.data.replace(b"1", b"2", 1), signature, key, key)
    assert (changed.whole, changed.ours) == (False, True)
    stranger = PublicKey.read(report_files.SiteKey(b"x" * 32).public.pem.encode())
    assert not report_files.checked(made.data, signature, stranger, key).whole
    with pytest.raises(RequestError, match="the signature has 63 octets"):
        report_files.checked(made.data, signature[1:], key, key)
    (entry,) = [each async for each in desk.log.all() if each.action == "report.audit"]
    assert (entry.who, entry.detail["file"]) == ("sun", made.name)
    with zipfile.ZipFile(io.BytesIO(report_files.packed(desk, made, signature).data)) as archive:
        assert sorted(archive.namelist()) == sorted((made.name, f"{made.name}.sig", "site-key.pem"))
        archive.extractall(tmp_path)
    if shutil.which("openssl"):
        line = f"openssl pkeyutl -verify -pubin -inkey site-key.pem -rawin -in {made.name} -sigfile {made.name}.sig"
        said = subprocess.run(line.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_everything_of_it_can_be_read(language: str, person: MakeDesk, asking: Here[Source]) -> None:
    await busy_day(person)
    _, report = await report_of(person, asking)
    page = report_files.file_of(report, "html", language, "k" * 32).data.decode()
    for wanted in (
        "ICP-1",
        "=新春全场{n}折起",
        "wrong price",
        "asked for by letter",
        report.evidence.log_head,
        "k" * 32,
    ):
        assert wanted in page
    assert NUMBER not in page


async def test_whom_an_incident_touched(person: MakeDesk, asking: Here[Source]) -> None:
    await busy_day(person)
    desk = person("zhou", "engineer")
    when = {"since": "2026-11-18T19:00", "until": "2026-11-18T20:00"}
    found = await incidents.incident(desk, asking, scope="account:shop", **when, why="call 13800138000")
    assert (found.scope, found.why, found.full) == ("account:shop", "call 138****8000", False)
    assert (found.count, found.recipients) == (7, 1)
    assert found.states == {"delivered": 3, "failed": 1, "waiting": 1, "refused": 2}
    assert {each.number for each in found.messages} == {"138****8000"}
    failed = next(each for each in found.messages if each.state == "failed")
    assert (failed.begun, failed.code, failed.template) == ("2026-11-18 19:00:02.000", "MBBLACK", "sale@1")
    assert [(each.what, each.why, each.count) for each in found.timeline] == [
        ("step.parked", "", 1), ("step.refused", "words.national", 1), ("step.receipt", "UNDELIVERABLE MBBLACK", 1),
        ("step.refused", "optout", 1),
    ]  # fmt: skip
    assert sum(each.accepted for each in found.slices) == 5
    assert (len(found.slices), found.slice_minutes, found.slices[10].at[:16]) == (60, 1, "2026-11-18 19:10")
    (entry,) = [each async for each in desk.log.all() if each.action == "report.incident"]
    assert (entry.who, entry.subject, entry.why) == ("zhou", "account:shop", "call 138****8000")
    assert entry.detail["numbers"] == "masked"
    for form in ("html", "xlsx"):
        made = report_files.file_of(found, form, "zh")
        assert made.name.startswith("smsgw-incident-account_shop-2026-11-18_19_00")
        assert made.data


async def test_what_staff_did_meanwhile_stands_in_the_timeline(
    person: MakeDesk, asking: Here[Source], time: Time
) -> None:
    person("x", "viewer")
    time.now_ms = HOUR + 1500
    await busy_day(person)
    time.now_ms = HOUR + 3_600_000
    found = await incidents.incident(
        person("zhou", "engineer"), asking, scope="account:shop", since="2026-11-18T19:00", why="x"
    )
    told = [each.what for each in found.timeline]
    assert told[:2] == ["step.parked", "step.refused"]
    assert told[-2:] == ["step.receipt", "step.refused"]
    assert {"pause.add", "pause.resume", "channel.approve", "word.add"} < set(told)
    assert "records.disclose" not in told


async def test_full_numbers_are_for_compliance(person: MakeDesk, asking: Here[Source]) -> None:
    when: dict[str, Any] = {"scope": "carrier:alpha", "since": "2026-11-18T19:00", "full": True, "why": "to call them"}
    for role in ("engineer", "auditor"):
        with pytest.raises(RequestError, match="needs the role compliance"):
            await incidents.incident(person("x", role), asking, **when)
    desk = person("li", "compliance")
    found = await incidents.incident(desk, asking, **when)
    assert {each.number for each in found.messages} == {NUMBER}
    (entry,) = [each async for each in desk.log.all() if each.action == "report.incident"]
    assert entry.detail["numbers"] == "in full"


@pytest.mark.parametrize(
    ("scope", "since", "until", "why"),
    [
        ("shop", "2026-11-18", "", "scope: expected one of account:<name>"),
        ("colour:red", "2026-11-18", "", "scope: 'colour'"),
        ("account:", "2026-11-18", "", "scope: expected"),
        ("account:shop", "yesterday", "", "since: 'yesterday' is neither"),
        ("account:shop", "2026-11-18", "2026-11-17", "until: expected a time after since"),
        ("account:shop", "2026-09-01", "2026-11-17", "at most 31 days"),
        ("account:shpo", "2026-11-18", "", "there is no account 'shpo'; did you mean"),
        ("account:shop", "0001-01-01", "", "at most 31 days"),
    ],
)
async def test_cases_that_can_t_be(
    scope: str, since: str, until: str, why: str, person: MakeDesk, asking: Here[Source]
) -> None:
    with pytest.raises(RequestError, match=why):
        await incidents.incident(person("li", "compliance"), asking, scope=scope, since=since, until=until, why="x")


async def test_nothing_is_exported_without_a_reason(person: MakeDesk, asking: Here[Source]) -> None:
    desk = person("li", "compliance")
    with pytest.raises(RequestError, match="every change needs a reason"):
        await incidents.incident(desk, asking, scope="account:shop", since="2026-11-18", why=" ")
    assert [each async for each in desk.log.all()] == []


async def test_who_may_have_which(person: MakeDesk, asking: Here[Source]) -> None:
    for role in ("viewer", "engineer", "market", "department", "legal"):
        with pytest.raises(RequestError, match="needs one of the roles auditor"):
            await audit_report.audit_report(person("x", role), asking)
    for role in ("viewer", "market", "department", "management"):
        with pytest.raises(RequestError, match="needs one of the roles compliance"):
            await incidents.incident(person("x", role), asking, scope="account:shop", since="2026-11-18", why="x")


async def test_a_key_reads_as_it_was_written(store: Store) -> None:
    key = report_files.site_key(store.recipients).public
    assert len(key.fingerprint) == 32
    assert PublicKey.read(key.pem.encode()).fingerprint == key.fingerprint
