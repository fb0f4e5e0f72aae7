"""The child that answers questions over records: its answers, its errors, its end and its bounds."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from smsgw.errors import RecordsError, RequestError
from smsgw.records.worker import Here, Worker


class Source:
    """What the child works with."""

    def __init__(self, name: str) -> None:
        if not name:
            raise OSError("there is no such directory")
        self.name = name
        self.asked = 0


def whole(source: Source, more: str = "") -> tuple[str, int, int]:
    source.asked += 1
    return source.name + more, source.asked, os.getpid()


def printed(source: Source) -> str:
    print("this goes where errors do")
    return source.name


def wrong(source: Source) -> None:
    raise RequestError("invalid", f"{source.name}: nobody knows it")


def unreadable(source: Source) -> None:
    raise OSError(f"{source.name}: is no Parquet file")


def mistaken(source: Source) -> None:
    raise KeyError(source.name)


def endless(source: Source, began: str) -> None:
    Path(began).touch()
    while True:
        time.sleep(1)


def endless_query(source: Source) -> None:
    import duckdb  # not for every child of these tests

    duckdb.execute("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b").fetchall()


def deaf(source: Source, began: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path(began).touch()
    while True:
        time.sleep(1)


def niceness(source: Source) -> tuple[int, int]:
    return os.nice(0), os.sched_getscheduler(0)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child yields to the tests beside it, which may leave it nothing for seconds."""
    monkeypatch.setattr("smsgw.records.worker._GRACE_S", 60)


@pytest.fixture
async def worker() -> AsyncIterator[Worker[Source]]:
    worker = Worker(partial(Source, "all"))
    yield worker
    await worker.close()


async def test_answers_come_from_one_other_process(worker: Worker[Source]) -> None:
    name, count, pid = await worker.ask(whole)
    assert (name, count) == ("all", 1)
    assert pid == worker.pid != os.getpid()
    assert await worker.ask(whole, more=" of it") == ("all of it", 2, pid)
    assert await asyncio.gather(*(worker.ask(whole) for _ in range(3))) == [("all", each, pid) for each in (3, 4, 5)]


async def test_what_a_question_prints_is_not_taken_for_an_answer(worker: Worker[Source]) -> None:
    assert await worker.ask(printed) == "all"


async def test_it_yields_to_everything_else(worker: Worker[Source]) -> None:
    nice, policy = await worker.ask(niceness)
    assert nice == 19
    assert policy in (os.SCHED_IDLE, os.SCHED_OTHER)


async def test_errors_are_told_as_what_they_are_and_it_lives_on(worker: Worker[Source]) -> None:
    _, _, pid = await worker.ask(whole)
    with pytest.raises(RequestError, match="nobody knows it") as refused:
        await worker.ask(wrong)
    assert refused.value.kind == "invalid"
    with pytest.raises(RecordsError, match="is no Parquet file"):
        await worker.ask(unreadable)
    with pytest.raises(RuntimeError, match="KeyError"):
        await worker.ask(mistaken)
    assert (await worker.ask(whole))[2] == pid


async def test_what_it_works_with_may_come_later() -> None:
    worker = Worker(partial(Source, ""))
    for _ in range(2):
        with pytest.raises(RecordsError, match="no such directory"):
            await worker.ask(whole)
    await worker.close()


async def test_a_question_that_takes_too_long_is_interrupted() -> None:
    worker = Worker(partial(Source, "all"), limit_s=30)
    _, _, pid = await worker.ask(whole)
    worker._limit_s = 0.5
    with pytest.raises(RecordsError, match=r"within 0\.5 s"):
        await worker.ask(endless_query)
    worker._limit_s = 30
    assert await worker.ask(whole) == ("all", 2, pid)
    await worker.close()


async def test_a_question_that_nobody_waits_for_is_given_up(worker: Worker[Source], tmp_path: Path) -> None:
    _, _, pid = await worker.ask(whole)
    asked = asyncio.create_task(worker.ask(endless, str(tmp_path / "began")))
    await _begun(tmp_path / "began")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await worker.ask(whole))[2] == pid


async def test_a_child_that_does_not_listen_is_ended_and_another_asked(
    worker: Worker[Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smsgw.records.worker._GRACE_S", 0.1)
    asked = asyncio.create_task(worker.ask(deaf, str(tmp_path / "began")))
    await _begun(tmp_path / "began")
    pid = worker.pid
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    name, count, other = await worker.ask(whole)
    assert (name, count) == ("all", 1)
    assert other != pid


async def test_a_child_that_died_is_replaced(worker: Worker[Source], tmp_path: Path) -> None:
    asked = asyncio.create_task(worker.ask(endless, str(tmp_path / "began")))
    await _begun(tmp_path / "began")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(RecordsError, match="ask again"):
        await asked
    _, count, pid = await worker.ask(whole)
    assert count == 1
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while worker.pid == pid:
            await asyncio.sleep(0.01)
    assert (await worker.ask(whole))[1] == 1


async def test_commands_ask_in_their_own_process() -> None:
    here = Here(partial(Source, "all"))
    assert await here.ask(whole) == ("all", 1, os.getpid())
    assert await here.ask(whole, " of it") == ("all of it", 2, os.getpid())
    with pytest.raises(RecordsError, match="is no Parquet file"):
        await here.ask(unreadable)
    with pytest.raises(RequestError):
        await here.ask(wrong)


async def _begun(mark: Path) -> None:
    async with asyncio.timeout(30):
        while not mark.exists():
            await asyncio.sleep(0.01)
