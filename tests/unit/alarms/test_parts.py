"""Texts, looks, earlier weeks, what is shown of a failure."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.alarms import texts
from smsgw.alarms.looking import Looks, look_of
from smsgw.alarms.sending import Sender, notify, scrubbed, understood
from smsgw.alarms.state import State, packed, unpacked
from smsgw.alarms.texts import Item, figure, message
from smsgw.alarms.weeks import earlier, hours_of, traffic
from smsgw.clock import to_ms
from smsgw.config.alarms import ChannelSettings
from smsgw.documents.values import DIRECTORY
from smsgw.policy.alarms.kinds import KINDS
from smsgw.policy.alarms.rules import Rule
from smsgw.policy.alarms.standing import FIRING, RESOLVED, Standing
from smsgw.policy.calendar import Workdays
from smsgw.records.lately import Hours
from smsgw.records.record import HOUR_MS

ZONE = ZoneInfo("Asia/Shanghai")
WEDNESDAY = to_ms(datetime(2026, 11, 18, 10, 30, tzinfo=ZONE))
DELIVERY = Standing("delivery_low", (("carrier", "alpha"),), FIRING, WEDNESDAY, 0.624, 0.8, WEDNESDAY, volume=1412)


def test_a_message_says_what_where_since_when_and_what_to_do() -> None:
    item = Item(DELIVERY, Rule.of(KINDS["delivery_low"]), "firing")
    zh = message([item], "zh", "mysite", ZONE, "https://sms.example.com/#/alarms")
    assert zh.title == "[smsgw mysite] 告警 送达率过低"
    assert zh.body == (
        "🔴 [告警] 送达率过低：通道 alpha 62.4%（阈值 80%，1,412 条，近 15 分钟）\n自 11-18 10:30\n"
        "处理：查看通道与省份的失败原因；必要时停用通道：smsgw carrier suspend\n\nhttps://sms.example.com/#/alarms"
    )
    en = message([item], "en", "mysite", ZONE, "")
    assert en.body.splitlines()[:2] == [
        "🔴 [firing] delivery rate down: carrier alpha 62.4% (threshold 80%, of 1,412, last 15 min)",
        "since 11-18 10:30",
    ]


def test_many_are_counted_and_the_worst_stand_first() -> None:
    page, ticket = Rule.of(KINDS["delivery_low"]), Rule.of(KINDS["queue_growing"])
    over = replace(DELIVERY, state=RESOLVED, resolved_ms=WEDNESDAY + 600_000, acted="carrier alpha suspended")
    queue = Standing("queue_growing", (("carrier", "beta"), ("class", "otp")), FIRING, WEDNESDAY, 5000, 1000)
    found = message([Item(over, page, "resolved"), Item(queue, ticket, "firing"), Item(DELIVERY, page, "firing")],
                    "zh", "s", ZONE, "")  # fmt: skip
    assert found.title == "[smsgw s] 2 告警，1 恢复"
    assert [line[:4] for line in found.body.splitlines() if line[:1] in ("🔴", "🟢")] == ["🔴 [告", "🔴 [告", "🟢 [恢"]
    assert "11-18 10:30 至 11-18 10:40" in found.body
    assert "已自动处理：carrier alpha suspended" in found.body
    assert "队列积压增长：通道 beta，类别 验证码 5,000 条" in found.body
    many = message([Item(DELIVERY, page, "firing")] * 25, "en", "s", ZONE, "")
    assert many.body.count("[firing]") == texts.MOST_SHOWN
    assert "… and 5 more" in many.body


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_has_words(kind: object, language: str) -> None:
    found = KINDS[kind.name]  # type: ignore[attr-defined]
    for scope in found.scopes:
        standing = Standing(
            found.name, tuple((label, "x") for label in scope), FIRING, 1, found.threshold, found.threshold
        )
        assert "x" in texts.sentence(standing, Rule.of(found), language) or not scope
    assert all(texts.words_of(found.name, language))


def test_figures_are_written_for_people() -> None:
    assert [figure(value, "seconds", "en") for value in (0.5, 90, 900, 10_800, 200_000)] == [
        "0.5 s", "90 s", "15 min", "3 h", "2.31 d",
    ]  # fmt: skip
    assert (figure(3, "times", "zh"), figure(13, "days", "zh"), figure(0.8, "share")) == ("3 倍", "13 天", "80%")


# --- looks


def page(**carrier: object) -> dict[str, object]:
    return {"carriers": {"alpha": {"binds_up": 2, **carrier}}, "accounts": {}, "orders": []}


def test_gateways_are_one_look() -> None:
    link = {"id": "alpha#0", "up": False, "why_down": "refused", "refused": "ESME_RINVPASWD"}
    answers = {"0.1": 5, "+Inf": 9}
    pages = [
        page(links=[link], answered_within_s=answers, receipts_overdue=7),
        page(answered_within_s=answers, links=[]),
    ]
    look = look_of(1, pages, {("alpha", "otp"): 3}, {"a": 0.0})
    assert look.refused == {("alpha", "ESME_RINVPASWD"): 1}
    assert look.answers == {"alpha": {0.1: 10, float("inf"): 18}}
    assert (look.overdue, look.carriers_up) == ({"alpha": 7}, {"alpha"})
    ordered = {**page(), "orders": [{"scope": "carrier:alpha", "action": "suspend"}]}
    assert look_of(1, [ordered], {}, {}).carriers_up == frozenset()
    assert look_of(1, [], {}, {}).answers == {}


def test_how_long_a_gateway_is_silent_counts_from_its_last_answer() -> None:
    looks = Looks()
    silent = [
        looks.add(at, {"a": "refused" if at in (10, 70) else page()}, {}, 60).silent_s["a"] for at in (0, 10, 70, 80)
    ]
    assert silent == [0, 0, 0.06, 0]


def test_a_look_before_lies_within_the_window() -> None:
    looks = Looks()
    found = [looks.add(at_s * 1000, {"a": page()}, {}, 60) for at_s in (0, 30, 59, 61)]
    assert looks.before(found[3], 60) is found[1]
    assert looks.before(found[3], 5) is found[2]
    assert looks.before(found[3], 1) is None
    # A clock that was set back leaves nothing of later behind.
    back = looks.add(10_000, {"a": page()}, {}, 60)
    assert looks.before(back, 60) is None


# --- weeks


def test_workdays_are_compared_with_workdays() -> None:
    workdays = Workdays({date(2026, 11, 11): False, date(2026, 10, 28): False})
    weeks = [(WEDNESDAY - each) / HOUR_MS / 24 / 7 for each in earlier(WEDNESDAY, workdays, ZONE)]
    assert weeks == [2, 4]
    holiday = Workdays({date(2026, 11, 18): False, date(2026, 11, 11): False})
    assert [(WEDNESDAY - each) / HOUR_MS / 24 / 7 for each in earlier(WEDNESDAY, holiday, ZONE)] == [1]


def test_what_is_not_known_is_not_compared() -> None:
    running, last = hours_of(WEDNESDAY)
    week = 7 * 24 * HOUR_MS
    known = frozenset((running, last, last - week, last - 2 * week))
    hours = Hours(known, {("shop", last): 5, ("shop", last - week): 100, ("shop", running): 7})
    found = traffic(["shop"], WEDNESDAY, hours, Workdays({}), ZONE)["shop"]
    assert (found.running, found.last) == (7, 5)
    assert (found.running_before, found.last_before) == ((), (100, 0))


# --- sending


SECRET = "json://user:verysecret@127.0.0.1:1/hook%2Ftoken?key=anothersecret"


def channel(directory: Path, url: str) -> ChannelSettings:
    (directory / "a.url").write_text(url)
    return ChannelSettings.model_validate({"name": "a", "url_file": "a.url"}, context={DIRECTORY: directory})


def test_a_failure_is_told_without_any_part_of_the_url(tmp_path: Path) -> None:
    said = notify(channel(tmp_path, SECRET), "title", "body")
    assert said
    assert not any(part in said for part in ("verysecret", "anothersecret", "hook", "token"))
    assert notify(channel(tmp_path, "nonsense://x"), "title", "body") == "apprise does not understand its URL"
    assert "should hold one URL" in notify(channel(tmp_path, ""), "title", "body")
    assert understood(SECRET)


@given(st.text(max_size=60))
def test_no_part_of_a_url_is_left_in_what_is_shown(around: str) -> None:
    shown = scrubbed(f"{around} failed for verysecret at {SECRET} with anothersecret {around}", SECRET)
    assert not [part for part in ("verysecret", "anothersecret", "hook") if part in shown]


async def test_one_that_takes_too_long_is_given_up_and_not_sent_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    go_on, started = threading.Event(), []

    def slow(*_: object) -> str:
        started.append(1)
        go_on.wait(10)
        return ""

    monkeypatch.setattr("smsgw.alarms.sending.notify", slow)
    sender, at = Sender(patience_s=0.01), channel(tmp_path, SECRET)
    assert await sender.send(at, "t", "b") == "did not answer within 0.01 s"
    assert await sender.send(at, "t", "b") == "the message before is still on its way"
    go_on.set()
    async with asyncio.timeout(10):
        while await sender.send(at, "t", "b"):
            await asyncio.sleep(0.01)
    assert len(started) == 2


def test_the_state_comes_back_as_it_was_and_tolerates_other_versions() -> None:
    state = State({DELIVERY.id: replace(DELIVERY, told={"duty": 1})}, acts=[1, 2], looked_ms=3, why_not={"a": "b"})
    assert unpacked(packed(state)) == state
    later = packed(state)
    later["standings"][0]["new"] = 1
    later["standings"].append({"kind": "of_a_later_version", "labels": []})
    assert unpacked(later) == state
    assert unpacked({}) == State()
