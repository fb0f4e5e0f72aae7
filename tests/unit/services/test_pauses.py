"""Pauses: a scope that exists, a reason, an end; in force until it ends or somebody resumes."""

from __future__ import annotations

from datetime import datetime

import pytest

from smsgw.clock import to_ms
from smsgw.errors import RequestError
from smsgw.policy.entries import PauseEntry
from smsgw.services import campaigns, pauses, signatures, templates
from smsgw.services.desk import Desk
from smsgw.services.pauses import Pause
from tests.unit.services.conftest import NOW_MS, MakeDesk, Time, fault

HOUR_MS = 3_600_000


async def test_a_pause_from_its_beginning_to_its_end(desk_of: MakeDesk, time: Time) -> None:
    desk = desk_of("li.na", "engineer")
    put = await pauses.pause(desk, "account:shop", why="complaints of 13800138000", expires="2h")
    assert put == Pause("account:shop", "complaints of 138****8000", "li.na", NOW_MS, NOW_MS + 2 * HOUR_MS, True, 1)
    stored = await desk.registers.get("pause", "account:shop")
    assert stored is not None
    assert PauseEntry.from_document(stored.body) == PauseEntry(
        put.scope, put.reason, put.who, put.at_ms, put.expires_ms
    )  # fmt: skip
    with pytest.raises(RequestError) as caught:
        await pauses.pause(desk, "account:shop", why="again")
    assert fault(caught)[0] == "conflict"
    assert "account:shop is paused already, by li.na: complaints" in fault(caught)[1]
    ended = await pauses.resume(desk_of("wang", "management"), "account:shop", why="settled")
    assert ended == put
    assert (await pauses.list_(desk)).items == []
    with pytest.raises(RequestError, match="account:shop is not paused"):
        await pauses.resume(desk, "account:shop", why="again")
    assert [(entry.who, entry.action, entry.subject, entry.why) for entry in await desk.log.read()] == [
        ("li.na", "pause.add", "pause account:shop", "complaints of 138****8000"),
        ("wang", "pause.resume", "pause account:shop", "settled"),
    ]


async def test_after_its_end_it_may_be_paused_again(desk: Desk, time: Time) -> None:
    await pauses.pause(desk, "global", why="drill", expires="30m")
    time.pass_by(hours=1)
    assert (await pauses.list_(desk)).items == []
    assert [each.in_force for each in (await pauses.list_(desk, ended=True)).items] == [False]
    again = await pauses.pause(desk, "global", why="not a drill")
    assert (again.expires_ms, again.in_force, again.reason) == (0, True, "not a drill")


async def test_an_end_is_a_duration_or_a_time(desk: Desk) -> None:
    for text, at in (
        ("2026-11-18T18:00", "2026-11-18T18:00:00+08:00"),
        ("2026-11-18 18:00:30", "2026-11-18T18:00:30+08:00"),
        ("2026-11-18T18:00:00Z", "2026-11-18T18:00:00+00:00"),
        ("2026-11-19", "2026-11-19T00:00:00+08:00"),
    ):
        put = await pauses.pause(desk, "global", why="x", expires=text)
        assert put.expires_ms == to_ms(datetime.fromisoformat(at))
        await pauses.resume(desk, "global", why="x")
    put = await pauses.pause(desk, "global", why="x", expires="90s")
    changed = await pauses.change(desk, "global", why="longer", expires="1d")
    assert (put.expires_ms, changed.expires_ms) == (NOW_MS + 90_000, NOW_MS + 24 * HOUR_MS)
    assert (changed.revision, changed.reason) == (put.revision + 1, "longer")


@pytest.mark.parametrize(
    ("scope", "expires", "why", "said"),
    [
        ("globe", "", "x", "scope: expected global or one of"),
        ("account:", "", "x", "scope: expected global or one of"),
        ("account:shp", "", "x", "scope: there is no account 'shp'; did you mean 'shop'"),
        ("carrier:gamma", "", "x", "scope: there is no carrier 'gamma'"),
        ("department:sales", "", "x", "scope: there is no department 'sales'"),
        ("signature:别家", "", "x", "scope: there is no signature '别家'"),
        ("template:welcome", "", "x", "scope: there is no template 'welcome'"),
        ("campaign:spring", "", "x", "scope: there is no campaign 'spring'"),
        ("global", "2 weeks", "x", "expires: '2 weeks' is neither a duration such as 2h nor a time"),
        ("global", "0s", "x", "expires: 0s is not in the future"),
        ("global", "2026-11-18T10:00", "x", "expires: 2026-11-18T10:00 is not in the future"),
        ("global", "", "", "why: every change needs a reason"),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, scope: str, expires: str, why: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        await pauses.pause(desk, scope, why=why, expires=expires)
    assert fault(caught)[0] == "invalid"
    assert fault(caught)[1].startswith(said)
    assert await desk.ids("pause") == set()
    assert await desk.log.read() == []


async def test_every_scope_that_there_is(desk: Desk, desk_of: MakeDesk) -> None:
    await campaigns.add(desk, "spring", why="x")
    await templates.add(desk, "code", text="您的验证码是{c}。", message_class="otp", variables=["c:code"], why="x")
    await signatures.add(desk, "shop", "新品", owner="o", proof="p", why="x")
    scopes = [
        "global", "department:retail", "account:shop", "signature:示例商城", "signature:新品", "template:code",
        "campaign:spring", "carrier:alpha",
    ]  # fmt: skip
    for scope in scopes:
        assert (await pauses.pause(desk, scope, why="x")).scope == scope
        assert (await pauses.get(desk, scope)).in_force
    assert [each.scope for each in (await pauses.list_(desk)).items] == sorted(scopes)
    assert [each.scope for each in (await pauses.list_(desk, scope="signature:")).items] == [
        "signature:新品",
        "signature:示例商城",
    ]
    await pauses.resume(desk, "account:shop", why="x")
    for act in (pauses.resume, pauses.change):
        with pytest.raises(RequestError) as caught:
            await act(desk, "account:shop", why="x")
        assert fault(caught) == ("missing", "account:shop is not paused")
    for role, may in (("engineer", True), ("compliance", True), ("management", True), ("market", False)):
        person = desk_of("somebody", role)
        if may:
            await pauses.change(person, "global", why="y")
        else:
            with pytest.raises(RequestError, match="somebody needs one of the roles"):
                await pauses.pause(person, "global", why="y")
