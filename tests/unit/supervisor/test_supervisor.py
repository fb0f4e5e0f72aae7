"""The lives of workers, with workers that are small scripts."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from smsgw.config.load import load_node
from smsgw.config.workers import Role
from smsgw.errors import SmsgwError
from smsgw.supervisor import supervisor as module
from smsgw.supervisor.supervisor import Supervisor

FAKE = (sys.executable, "-S", "-E", str(Path(__file__).with_name("fake_worker.py")))


class Scene:
    """A supervisor whose workers write down what they were told."""

    def __init__(self, directory: Path, roles: tuple[Role, ...]) -> None:
        self.directory = directory
        (directory / "smsgw.toml").write_text(
            '[node]\nname = "n"\n[listener]\nport = 0\n[ops]\nport = 0\n[store]\nurl = "unix:///nowhere"\n'
        )
        self.supervisor = Supervisor(load_node(directory), roles, applied=True, command=FAKE)
        self.workers = self.supervisor.workers

    def say(self, worker: str, what: str) -> None:
        (self.directory / worker).write_text(what)

    @property
    def lives(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.notes("lives")]

    def notes(self, file: str) -> list[str]:
        """See fake_worker: "heard", "asked"."""
        path = self.directory / file
        return path.read_text().splitlines() if path.exists() else []

    def has_binds(self, when: str = "json", /, **workers: str) -> None:
        """Of one carrier, by bind: "u" up, "." another worker's; "next": when some worker is stopped."""
        for name, states in workers.items():
            links = [
                {"id": f"c#{number}", "kind": "transceiver", "leased": state == "u", "up": state == "u"}
                for number, state in enumerate(states)
            ]
            path = self.directory / f"{name.replace('_', '-')}.{when}"
            path.with_suffix(".new").write_text(json.dumps({"carriers": {"c": {"links": links}}}))
            path.with_suffix(".new").rename(path)

    async def until(self, condition: Callable[[], object], deadline_s: float = 20.0) -> None:
        async with asyncio.timeout(deadline_s):
            while not condition():
                await asyncio.sleep(0.01)

    def all_serve(self) -> bool:
        return all(each.ops_port for each in self.workers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the end of the block, then stopped in order."""
        run = asyncio.create_task(self.supervisor.run())
        try:
            await self.until(lambda: self.all_serve() or run.done())
            yield
            self.supervisor.stop()
            await asyncio.wait_for(run, 20)
        finally:
            for each in self.workers:
                each.kill()
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    monkeypatch.setattr(module, "_SHARES_LOOK_S", 0.01)


async def test_workers_are_told_apart_and_share_a_port(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ("esme", "carrier"))
    async with scene.running():
        pids = {each.pid for each in scene.workers}
        assert all(pids)
    told = sorted(scene.lives, key=lambda life: str(life["name"]))
    assert [(life["name"], life["role"], life["number"], life["of"]) for life in told] == [
        ("n-1", "esme", 1, 2), ("n-2", "carrier", 2, 2),
    ]  # fmt: skip
    assert told[0]["ports"] == told[1]["ports"] != [0]
    assert (told[0]["store_url"], told[0]["applied"], told[0]["clock"]) == ("", True, None)
    assert [each.last_status for each in scene.workers] == [0, 0]
    assert [each.pid for each in scene.workers] == [0, 0]


async def test_a_dead_worker_is_started_again_and_the_others_stay(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ("all", "all"))
    async with scene.running():
        one, two = scene.workers
        pid = two.pid
        os.kill(one.pid, signal.SIGKILL)
        await scene.until(lambda: one.lives == 2 and one.ops_port)
        assert (one.last_status, one.failures) == (-signal.SIGKILL, 1)
        assert (two.pid, two.lives) == (pid, 1)


async def test_one_that_ends_again_and_again_is_told_loudly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(tmp_path, ("all", "all"))
    async with scene.running():
        one, two = scene.workers
        scene.say("n-1", "fails")
        os.kill(one.pid, signal.SIGKILL)
        await scene.until(lambda: one.failures >= module.LOUD)
        loud = [each for each in caplog.records if each.message == "worker.keeps_ending"]
        assert (loud[0].levelname, loud[0].fields["status"]) == ("ERROR", "status 3")
        assert (two.lives, bool(two.ops_port)) == (1, True)
        scene.say("n-1", "")
        await scene.until(lambda: one.ops_port)


async def test_when_nobody_can_start_the_run_ends(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ("all", "all"))
    for name in ("n-1", "n-2"):
        scene.say(name, "fails")
    with pytest.raises(SmsgwError, match="no worker could start"):
        await asyncio.wait_for(scene.supervisor.run(), 20)
    assert {life["name"] for life in scene.lives} == {"n-1", "n-2"}


async def test_renewed_one_after_another(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ("all", "all", "all"))
    async with scene.running():
        before = [each.pid for each in scene.workers]
        order = len(scene.lives)
        os.kill(os.getpid(), signal.SIGHUP)
        await scene.until(lambda: all(each.lives == 2 for each in scene.workers) and scene.all_serve())
        assert not set(before) & {each.pid for each in scene.workers}
        assert [life["name"] for life in scene.lives[order:]] == ["n-1", "n-2", "n-3"]
        assert [each.failures for each in scene.workers] == [0, 0, 0]


async def test_when_a_worker_has_left_the_others_look_for_its_binds(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ("all", "all", "all"))
    async with scene.running():
        scene.workers[1].stop()
        await scene.until(lambda: sorted(scene.notes("heard")) == ["n-1 look", "n-2 stop", "n-3 look"])


async def test_the_next_is_renewed_when_the_binds_are_shared_out(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ("all", "all"))
    scene.has_binds(n_1="u.", n_2=".u")
    async with scene.running():
        scene.has_binds("next", n_1="..", n_2="uu")
        os.kill(os.getpid(), signal.SIGHUP)
        one, two = scene.workers
        await scene.until(lambda: one.lives == 2 and one.ops_port)
        asked = len(scene.notes("asked"))
        await scene.until(lambda: len(scene.notes("asked")) > asked + 6)
        assert two.lives == 1
        scene.has_binds(n_1="u.", n_2=".u")
        await scene.until(lambda: two.lives == 2 and two.ops_port)


async def test_binds_that_do_not_come_hold_a_renewal_up_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SHARES_S", 0.2)
    caplog.set_level(logging.INFO)
    scene = Scene(tmp_path, ("all", "esme", "all"))
    scene.has_binds(n_1="..", n_3="uu")
    async with scene.running():
        os.kill(os.getpid(), signal.SIGHUP)
        await scene.until(lambda: "supervisor.renewed" in caplog.messages)
    told = [each.fields["carrier"] for each in caplog.records if each.message == "supervisor.not_settled"]
    assert told == ["c", "c", "c"]


async def test_a_renewal_ends_where_a_new_worker_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "STOP_S", 1.0)
    scene = Scene(tmp_path, ("all", "all"))
    async with scene.running():
        scene.say("n-1", "fails")
        os.kill(os.getpid(), signal.SIGHUP)
        await scene.until(lambda: "supervisor.renewal_ended" in caplog.messages)
        assert (scene.workers[1].lives, bool(scene.workers[1].ops_port)) == (1, True)


async def test_files_that_can_not_be_used_renew_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(tmp_path, ("all", "all"))
    async with scene.running():
        (tmp_path / "smsgw.toml").write_text("[node]\nnames = 5\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await scene.until(lambda: "supervisor.not_renewed" in caplog.messages)
        assert [each.lives for each in scene.workers] == [1, 1]


async def test_one_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.5)
    scene = Scene(tmp_path, ("all", "all"))
    scene.say("n-2", "deaf")
    async with scene.running():
        pass
    assert [each.last_status for each in scene.workers] == [0, -signal.SIGKILL]
    assert "worker.killed" in caplog.messages


async def test_one_that_hangs_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "HUNG_S", 0.5)
    monkeypatch.setattr(module, "HEALTH_PERIOD_S", 0.05)
    scene = Scene(tmp_path, ("all", "all"))
    async with scene.running():
        one = scene.workers[0]
        os.kill(one.pid, signal.SIGSTOP)
        await scene.until(lambda: one.lives == 2 and one.ops_port)
        assert "worker.hangs" in caplog.messages


async def test_told_to_stop_while_the_store_starts_it_ends_at_once(tmp_path: Path) -> None:
    scene, begun, slow = Scene(tmp_path, ("all", "all")), tmp_path / "begun", tmp_path / "redis-server"
    slow.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "v=7.0" && exit\ntouch {begun}\nexec sleep 60\n')
    slow.chmod(0o755)
    settings = tmp_path / "smsgw.toml"
    settings.write_text(settings.read_text().replace('url = "unix:///nowhere"', f'server = "{slow}"'))
    supervisor = Supervisor(load_node(tmp_path), ("all", "all"), applied=True, command=FAKE)
    running = asyncio.create_task(supervisor.run())
    await scene.until(begun.exists)
    supervisor.stop()
    await asyncio.wait_for(running, 10)
    assert scene.lives == []
