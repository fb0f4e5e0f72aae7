"""Whatever is asked, ClickHouse answers what the files of this machine do: servers of both ages, the same SQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

import msgpack  # type: ignore[import-untyped, unused-ignore]
import pytest

from smsgw.errors import RequestError
from smsgw.records.archive import cases, raw
from smsgw.records.cases import Case
from smsgw.records.clickhouse.client import Server
from smsgw.records.history import GROUPS, Asked, Embedded, Figures, History
from smsgw.records.record import HOUR_MS, NO_CLASS, Row, Step
from smsgw.records.sought import Sought
from tests.clickhouse_servers import PASSWORD
from tests.unit.records.archive.world import HOUR, KEYS, SEALER, enclosed, message_id

from .conftest import Sending

HOSTILE = (
    "o'brien", 'a"b\\c', "x\\' OR 1=1 --", "tab\there", "two\nlines", "nul\0end", "{x:String}", "😀；', 1);", "%s"
)  # fmt: skip
ACCOUNTS = ("shop", "bank", HOSTILE[2], HOSTILE[5])
CARRIERS = ("alpha", HOSTILE[0])
TEMPLATES = ("sale@1", "sale@2", "", HOSTILE[1] + "@3")
HASHES = [f"hash{number:012d}" for number in range(9)]
ENDS = ("000", "MBBLACK", HOSTILE[3], "XX:9")
HOURS = 7
LAST_MS = HOUR + 6 * HOUR_MS + HOUR_MS // 2
"""What happens from then on is in no piece."""


def generated(seed: int, messages: int = 120) -> list[Row]:
    """Messages over some hours and what happened to them, and steps of none; in the order of time."""
    chance = random.Random(seed)
    rows: list[Row] = []
    for number in range(messages):
        rows += _life(chance, number, HOUR + chance.randrange(HOURS * HOUR_MS))
    for _ in range(messages // 2):
        rows.append(_other(chance, HOUR + chance.randrange(HOURS * HOUR_MS)))
    return sorted(rows, key=lambda row: row[0])


def _life(chance: random.Random, number: int, at_ms: int) -> list[Row]:
    name, account, carrier = message_id(number, at_ms), chance.choice(ACCOUNTS), chance.choice(CARRIERS)
    rhash, signature = chance.choice(HASHES), chance.choice(("示例", HOSTILE[4]))
    message_class, segments = chance.randrange(3), chance.randrange(1, 4)
    who = (message_class, rhash, "138****8000", segments, 0, "", signature)
    text = f"第{number}条 {chance.choice(HOSTILE)}"
    packed = (rhash[-11:], "10690", chance.choice(TEMPLATES), chance.choice(("", "spring")),
              chance.choice(("mobile", "", "telecom")), chance.choice(("广东", "")), (text.encode(),))  # fmt: skip
    sealed = SEALER.seal(msgpack.packb(packed))
    none = (NO_CLASS, "", "", 0, 0, "", "", 0.0)
    rows: list[Any] = [(at_ms, Step.ACCEPTED, name, account, "", *who, chance.random() * 50, "main", sealed)]
    if chance.random() < 0.1:
        rows.append((at_ms + 1, Step.HELD, name, account, "", *who, 0.0, at_ms + 900, "window"))
    rows.append((at_ms + 4, Step.SENT, name, account, carrier, *who, 0.0, 1))
    if chance.random() < 0.2:
        failing = (message_class, rhash, "138****8000", segments, 0x58, "", signature)
        rows.append((at_ms + 9, Step.ANSWERED, name, account, carrier, *failing, 7.5, ""))
        return rows
    rows.append((at_ms + 20, Step.ANSWERED, name, account, carrier, *who, chance.random() * 2000, f"c{number}"))
    end, after_ms = chance.choice(ENDS), chance.randrange(500, 3 * HOUR_MS)
    for _ in range(chance.choice((1, 1, 1, 2))):
        receipt = (2 if end == "000" else 5, end, f"c{number}")
        rows.append((at_ms + after_ms, Step.RECEIPT, name, account, carrier, *none, *receipt))
    rows.append((at_ms + after_ms + 9, Step.RECEIPT_RETURNED, name, account, "", *none, receipt[0]))
    return rows


def _other(chance: random.Random, at_ms: int) -> Row:
    """A refusal, a person's wish, an answer: they have no message."""
    account, rhash = chance.choice(ACCOUNTS), chance.choice(HASHES)
    found: Any
    if chance.random() < 0.5:
        rule = chance.choice(("optout", "frequency", HOSTILE[0]))
        found = (at_ms, Step.REFUSED, "", account, "", 2, rhash, "138****8000", 1, 0x410, rule, "示例", 1.5, "why")
    elif chance.random() < 0.2:
        click = (chance.choice(TEMPLATES), chance.choice(("", "spring")))
        found = (at_ms, Step.CLICKED, "", account, "", NO_CLASS, "", "", 0, 0, "", "", 0.0, *click)
    elif chance.random() < 0.3:
        parked = (0.0, "review", HOSTILE[1])
        found = (at_ms, Step.PARKED, message_id(9_000, at_ms), account, "", 2, rhash, "x", 1, 0, "", "示例", *parked)
    else:
        step = chance.choice((Step.OPTOUT, Step.OPTOUT, Step.RESUBSCRIBED, Step.COMPLAINED, Step.MO))
        scope = chance.choice(("", f":a:{account}", ":s:示例"))
        found = (at_ms, step, "", account, "alpha", NO_CLASS, rhash, "138****8000", 0, 0, "", "", 0.0, scope, "mo")
    row: Row = found
    return row


def same(question: Callable[[History], Any], world: Sending) -> Any:
    """What both say."""
    here, there = question(Embedded(world.directory)), question(world.there())
    assert _comparable(there) == _comparable(here)
    return here


def _comparable(found: Any) -> Any:
    """Costs are sums of fractions, in whatever order."""
    if isinstance(found, list) and found and isinstance(found[0], Figures):
        return [(each.group, each.counts, pytest.approx(each.cost), *astuple(each)[3:]) for each in found]
    return found


@pytest.fixture(scope="session")
def filled(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sending]:
    """Hours that were joined, an hour in pieces, late rows of an hour before, and rows that are in no piece."""
    world = Sending(tmp_path_factory.mktemp("filled") / "records", server=Server(url, "answers", "sms", PASSWORD))
    rows = generated(1)
    late = [row for row in rows if HOUR + HOUR_MS <= row[0] < HOUR + HOUR_MS + HOUR_MS // 4]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(raw, "LOCK_KEPT_S", 0.0)
        for start, end in ((0, 4 * HOUR_MS), (4 * HOUR_MS, 6 * HOUR_MS), (6 * HOUR_MS, LAST_MS - HOUR)):
            world.now_ms = HOUR + end
            world.write([row for row in rows if HOUR + start <= row[0] < HOUR + end and row not in late])
            world.write(late if start == 4 * HOUR_MS else (), node="node2")
            world.round()
        assert world.count().waiting == 0
        world.write([row for row in rows if row[0] >= LAST_MS])
        yield world


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def test_records_are_found(filled: Sending) -> None:
    whole = same(lambda history: sorted(history.find()), filled)
    assert len(whole) == len(generated(1))
    some = whole[len(whole) // 2]
    later, hashes = at(HOUR + 3 * HOUR_MS), [*HASHES, HOSTILE[2]]
    for question in (
        lambda history: history.find(some.message_id),
        lambda history: history.find(some.message_id, at(HOUR), until=at(HOUR + 40 * HOUR_MS)),
        lambda history: sorted(history.find(since=later, until=at(HOUR + 5 * HOUR_MS))),
        lambda history: sorted(history.find(step=int(Step.RECEIPT), carrier=HOSTILE[0])),
        lambda history: [sorted(history.find(account=each)) for each in ACCOUNTS + HOSTILE],
        lambda history: [sorted(history.find(recipient_hash=each)) for each in hashes],
        lambda history: [each.at_ms for each in history.find(last=40)],
        lambda history: history.find(account="shop", last=7, until=later),
        lambda history: history.find("nobody's' OR 1=1"),
    ):
        same(question, filled)


def test_figures_are_the_same(filled: Sending) -> None:
    chance = random.Random(7)
    assert same(lambda history: history.statistics(Asked(reasons=True)), filled)
    clicked = same(lambda history: history.statistics(Asked(("template", "campaign"))), filled)
    assert sum(each.counts["clicked"] for each in clicked if each.group[0])
    for _ in range(12):
        by = tuple(chance.sample(GROUPS, chance.randrange(4)))
        where: list[tuple[str, str | int]] = []
        if chance.random() < 0.5:
            where.append(("account", chance.choice(ACCOUNTS)))
        if chance.random() < 0.3:
            where.append(("message_class", chance.randrange(3)))
        if chance.random() < 0.3:
            where.append(("template", chance.choice(TEMPLATES)))
        asked = Asked(
            by,
            chance.choice((None, HOUR + 2 * HOUR_MS)),
            chance.choice((None, HOUR + 6 * HOUR_MS)),
            tuple(where),
            chance.choice((0, 8 * HOUR_MS)),
            reasons=chance.random() < 0.5,
            accounts=chance.choice((None, (), ACCOUNTS[:1], ACCOUNTS[1:])),
        )
        same(lambda history, asked=asked: history.statistics(asked), filled)
    with pytest.raises(ValueError, match="'colour' is not one of account"):
        filled.there().statistics(Asked(("colour",)))


def test_a_recipient_is_disclosed_alike(filled: Sending) -> None:
    for rhash in HASHES[:3]:
        found = same(lambda history, rhash=rhash: _kept(history.of_recipient(rhash, KEYS)), filled)
        assert any(number == rhash[-11:] and pdus for _, number, pdus in found)
    assert same(lambda history: history.of_recipient(HOSTILE[0], KEYS), filled) == []


def _kept(found: Any) -> list[tuple[Any, ...]]:
    return sorted((each.record, each.number, each.pdus) for each in found)


def test_a_search_finds_the_same(filled: Sending) -> None:
    whole = Embedded(filled.directory).find()
    cids = [str(record.detail[0]) for record in whole if record.step == Step.ANSWERED and record.detail][:2]
    sought = [
        {}, {"last": 10}, {"last": 200, "steps": (int(Step.RECEIPT), int(Step.REFUSED))}, {"template": "sale"},
        {"template": "sale@2"}, {"template": TEMPLATES[3]}, {"province": "广东", "campaign": "spring"},
        {"accounts": ()}, {"accounts": ACCOUNTS[2:], "carrier": HOSTILE[0]}, {"rule_id": HOSTILE[0]},
        {"recipient_hash": HASHES[2], "message_class": 0}, {"message_ids": (whole[0].message_id, HOSTILE[5])},
        *({"carrier_message_id": each} for each in cids),
    ]  # fmt: skip
    for conditions in sought:
        asked: Any = Sought(HOUR, HOUR + 60 * HOUR_MS, **conditions)
        found = same(lambda history, asked=asked: sorted(history.search(asked)), filled)
        assert found or "accounts" in conditions or "rule_id" in conditions, conditions


def test_a_message_is_shown_whole(filled: Sending) -> None:
    begun = Embedded(filled.directory).find(step=int(Step.ACCEPTED))
    for record in (begun[0], begun[len(begun) // 2], begun[-1]):
        span = (record.at_ms - HOUR_MS, record.at_ms + 9 * HOUR_MS)
        found = same(
            lambda history, name=record.message_id, span=span: history.whole(name, *span, KEYS, enclosed), filled
        )
        assert found.contents


def test_cases_are_answered_alike(filled: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    for scope, name in (
        ("account", ACCOUNTS[2]), ("template", "sale"), ("template", "sale@2"), ("carrier", HOSTILE[0]),
        ("campaign", "spring"), ("signature", HOSTILE[4]),
    ):  # fmt: skip
        case = Case(scope, name, HOUR + HOUR_MS + 12_345, HOUR + 5 * HOUR_MS)
        for keys in (None, KEYS):
            found = same(lambda history, case=case, keys=keys: history.affected(case, keys), filled)
        assert found.messages
    monkeypatch.setattr(cases, "MOST_AFFECTED", 2)
    monkeypatch.setattr("smsgw.records.clickhouse.cases.MOST_AFFECTED", 2)
    with pytest.raises(RequestError, match="more than 2 messages"):
        filled.there().affected(case)


def test_what_alarms_and_audits_ask(filled: Sending) -> None:
    for span in ((HOUR, HOUR + 40 * HOUR_MS), (HOUR + HOUR_MS + 1, HOUR + 6 * HOUR_MS - 1)):
        assert same(lambda history, span=span: history.after_optouts(*span), filled).late
        assert same(lambda history, span=span: history.delivered(*span), filled)
        assert same(lambda history, span=span: history.reactions(*span), filled)
    assert same(lambda history: history.sent_in((HOUR, HOUR + HOUR_MS, HOUR - HOUR_MS)), filled).known


def test_what_waits_here_is_told(filled: Sending) -> None:
    waits = min(row[0] for row in generated(1) if row[0] >= LAST_MS)
    assert same(lambda history: history.not_taken_since(), filled) == waits
