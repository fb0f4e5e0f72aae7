"""Time lines: phases lie over settings and are lifted again, events happen when they are due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.carrier.group import CarrierGroup
from simulators.clock import SimClock
from simulators.scenario import Play, load_scenario
from simulators.spread import Delay
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId

_SOON_S = 5.0


@asynccontextmanager
async def _playing(tmp_path: Path, text: str) -> AsyncIterator[tuple[CarrierGroup, Play]]:
    path = tmp_path / "s.toml"
    path.write_text(text, encoding="utf-8")
    scenario = load_scenario(path)
    clock = SimClock(datetime(2026, 11, 18, 13, 0, tzinfo=UTC), 0)
    async with CarrierGroup(scenario.carriers, clock=clock) as group:
        play = Play(group, scenario)
        play.start()
        yield group, play
        play.stop()


_TWO = '[[carrier]]\nname = "a"\n[[carrier]]\nname = "b"\n'


async def test_a_phase_begins_and_ends_on_business_time(tmp_path: Path) -> None:
    phase = '[[phase]]\nname = "slow"\nfrom = "10s"\nuntil = "30s"\ncarrier = "a"\nanswers = { delay = "1s" }\n'
    async with _playing(tmp_path, _TWO + phase) as (group, play):
        a, b = group.carriers["a"], group.carriers["b"]
        group.clock.advance(9)
        assert (play.running, a.settings.response) == ((), Delay())
        group.clock.advance(2)
        assert [each.name for each in play.running] == ["slow"]
        assert (a.settings.response, b.settings.response) == (Delay.parse("1s"), Delay())
        assert play.spans["slow"][0].until_s is None
        group.clock.advance(20)
        assert (play.running, a.settings.response) == ((), Delay())
        (span,) = play.spans["slow"]
        assert span.until_s is not None
        assert span.until_s >= span.from_s


async def test_phases_that_overlap(tmp_path: Path) -> None:
    phases = """
[[phase]]
name = "long"
from = "1s"
until = "10s"
answers = { delay = "1s" }
limits = { window = 5 }
[[phase]]
name = "short"
from = "2s"
for = "3s"
answers = { delay = "2s" }
"""
    async with _playing(tmp_path, "[[carrier]]\n" + phases) as (group, _):
        (sim,) = group.carriers.values()
        seen = []
        for _second in range(11):
            group.clock.advance(1.001)
            seen.append((sim.settings.response.low_s, sim.settings.window))
        assert seen == [(1, 5), *[(2, 5)] * 3, *[(1, 5)] * 5, (0, 0), (0, 0)]


async def test_one_jump_over_everything_leaves_it_as_it_was(tmp_path: Path) -> None:
    phases = '[[phase]]\nname = "p"\nfrom = "10s"\nuntil = "30s"\nlimits = { window = 1 }\n'
    events = '[[event]]\nat = "20s"\nevery = "20s"\ndo = "mo"\nfrom = "1"\nto = "2"\ntext = "x"\n'
    async with _playing(tmp_path, "[[carrier]]\n" + phases + events) as (group, play):
        (sim,) = group.carriers.values()
        group.clock.advance(100)
        assert (sim.settings.window, play.running) == (0, ())
        assert [problem[17:19] for problem in play.problems] == ["20", "40", "00", "20", "40"]


async def test_what_somebody_changed_during_a_phase_stays(tmp_path: Path) -> None:
    phase = '[[carrier]]\n[[phase]]\nfor = "5s"\nanswers = { delay = "1s", never = "50%" }\n'
    async with _playing(tmp_path, phase) as (group, _):
        (sim,) = group.carriers.values()
        sim.change(response=Delay.parse("7s"))
        group.clock.advance(6)
        assert (sim.settings.response, sim.settings.never_answer) == (Delay.parse("7s"), 0.0)


async def test_stopping_gives_back_what_phases_changed(tmp_path: Path) -> None:
    phase = '[[carrier]]\n[[phase]]\nanswers = { delay = "1s" }\n'
    async with _playing(tmp_path, phase) as (group, play):
        (sim,) = group.carriers.values()
        assert sim.settings.response == Delay.parse("1s")
        play.stop()
        assert (sim.settings.response, play.running) == (Delay(), ())


async def test_events_happen_once_or_again_and_again(tmp_path: Path) -> None:
    events = """
[[carrier]]
[[event]]
at = "2026-11-18T21:00:05+08:00"
do = "settings"
limits = { window = 3 }
[[event]]
name = "nobody there"
at = "10s"
every = "10s"
times = 3
do = "mo"
from = "138"
to = "1069"
text = "x"
[[event]]
at = "60s"
do = "refuse_binds"
status = "ESME_RINVPASWD"
"""
    async with _playing(tmp_path, events) as (group, play):
        (sim,) = group.carriers.values()
        group.clock.advance(6)
        assert sim.settings.window == 3
        group.clock.advance(50)
        assert play.problems == [
            f"2026-11-18T13:00:{second}+00:00 nobody there: no account has bound" for second in (10, 20, 30)
        ]
        group.clock.advance(10)
        assert sim.settings.refuse_binds == 0x0E


async def test_counts_of_messages(tmp_path: Path) -> None:
    events = """
[[carrier]]
[[phase]]
name = "from the third"
from_message = 3
to_message = 5
limits = { window = 1 }
[[event]]
after_messages = 4
at = "10s"
do = "clock"
rate = 60
"""
    async with _playing(tmp_path, events) as (group, play):
        (sim,) = group.carriers.values()

        async def come(messages: int) -> tuple[int, int]:
            sim.stats.submits = messages
            group.turn.touch()
            looked = []
            group.turn.at_end.append(lambda: looked.append(True))
            await group.wait_for(lambda: looked, _SOON_S)
            group.turn.at_end.pop()
            return len(play.running), sim.settings.window

        assert await come(2) == (0, 0)
        assert await come(3) == (1, 1)
        assert await come(4) == (1, 1)
        group.clock.advance(9)
        assert group.clock.rate == 0
        group.clock.advance(2)
        assert group.clock.rate == 60
        assert await come(5) == (0, 0)


async def test_reset_begins_anew(tmp_path: Path) -> None:
    phase = '[[carrier]]\n[[phase]]\nname = "p"\nfrom = "5s"\nuntil = "10s"\nlimits = { window = 1 }\n'
    async with _playing(tmp_path, phase) as (group, play):
        (sim,) = group.carriers.values()
        group.clock.advance(7)
        play.reset()
        assert (sim.settings.window, play.running, play.spans) == (0, (), {})
        group.clock.advance(4)
        assert sim.settings.window == 0
        group.clock.advance(2)
        assert sim.settings.window == 1


@pytest.mark.parametrize("do", ["drop", "half_open", "unbind", "pause", "resume", "malformed"])
async def test_with_nobody_connected_links_events_do_nothing(tmp_path: Path, do: str) -> None:
    async with _playing(tmp_path, f'[[carrier]]\n[[event]]\nat = "1s"\ndo = "{do}"\n') as (group, play):
        group.clock.advance(2)
        assert play.problems == []


async def test_an_event_may_move_the_clock_again_and_again(tmp_path: Path) -> None:
    event = '[[event]]\ndo = "clock"\nat = "1s"\nevery = "1s"\nadvance = "1h"\n'
    async with _playing(tmp_path, event) as (group, _):
        began_s = group.clock.now_s()
        group.clock.advance(1)
        assert group.clock.now_s() - began_s == 3601
        group.clock.advance(1)
        assert group.clock.now_s() - began_s == 7202


async def test_what_cant_be_given_back_at_a_phases_end_is_a_problem(tmp_path: Path) -> None:
    carrier = '[[carrier]]\nname = "a"\nanswers = { drop_before = "60%" }\n'
    phase = '[[phase]]\nname = "calm"\nfrom = "1s"\nuntil = "2s"\nanswers = { drop_before = 0 }\n'
    async with _playing(tmp_path, carrier + phase) as (group, play):
        group.clock.advance(1.5)
        group.carriers["a"].change(drop_after=0.6)
        group.clock.advance(2)
        assert play.running == ()
        (problem,) = play.problems
        assert "calm" in problem
        assert "100%" in problem


async def test_an_mo_that_cant_be_written_is_a_problem_and_others_go_on(tmp_path: Path) -> None:
    mo = '[[event]]\ndo = "mo"\nat = "1s"\nfrom = "138"\nto = "1069"\ntext = "中"\ndata_coding = 0\n'
    long = mo.replace("中", "x" * 50_000)
    change = '[[event]]\ndo = "settings"\nat = "1s"\nlimits = { window = 5 }\n'
    async with _playing(tmp_path, mo + long + change) as (group, play):
        (sim,) = group.carriers.values()
        reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
        writer.write(pdu.bind(CommandId.BIND_TRANSCEIVER, 1, system_id=b"shop", password=b""))
        await reader.readexactly(16)
        group.clock.advance(1)
        assert len(play.problems) == 2
        assert sim.settings.window == 5
        writer.close()
