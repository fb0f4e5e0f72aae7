"""The worker's end of the pipes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from smsgw.errors import RequestError
from smsgw.supervisor.errand import Errand
from smsgw.supervisor.leash import Leash


@dataclass
class Pipes:
    leash: Leash
    to_worker: int
    from_worker: int
    stdout: int


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    stdin, to_worker = os.pipe()
    from_worker, stdout = os.pipe()
    yield Pipes(Leash(stdin, stdout), to_worker, from_worker, stdout)
    for descriptor in (stdin, from_worker, stdout):
        os.close(descriptor)


async def test_the_errand_then_orders(pipes: Pipes) -> None:
    errand = Errand("n-1", "esme")
    os.write(pipes.to_worker, errand.to_line() + b'no JSON\n{"do": "dance"}\n')
    assert pipes.leash.errand() == errand
    stop = asyncio.Event()
    holding = asyncio.create_task(pipes.leash.hold(stop))
    await asyncio.sleep(0)
    assert not stop.is_set()
    os.write(pipes.to_worker, b'{"do": "stop"}\n')
    await asyncio.wait_for(holding, 10)
    assert stop.is_set()
    os.close(pipes.to_worker)


async def test_told_to_look_it_looks_and_goes_on(pipes: Pipes) -> None:
    stop, looked = asyncio.Event(), asyncio.Event()
    holding = asyncio.create_task(pipes.leash.hold(stop, looked.set))
    os.write(pipes.to_worker, b'{"do": "look"}\n')
    await asyncio.wait_for(looked.wait(), 10)
    assert not stop.is_set()
    os.close(pipes.to_worker)
    await asyncio.wait_for(holding, 10)


async def test_a_supervisor_that_has_gone_means_stop(pipes: Pipes) -> None:
    stop = asyncio.Event()
    os.close(pipes.to_worker)
    await asyncio.wait_for(pipes.leash.hold(stop), 10)
    assert stop.is_set()


def test_nobody_says_what_to_do(pipes: Pipes) -> None:
    os.close(pipes.to_worker)
    with pytest.raises(RequestError, match="not by hand"):
        pipes.leash.errand()


def test_only_what_is_told_reaches_the_supervisor(pipes: Pipes) -> None:
    os.write(pipes.stdout, b"somebody prints\n")
    pipes.leash.tell(ops_port=5)
    assert json.loads(os.read(pipes.from_worker, 1000)) == {"ops_port": 5}
    os.close(pipes.to_worker)
