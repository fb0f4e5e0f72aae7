"""``replicas``: an answer leaves only when so many replicas have what the call wrote; a lost master loses nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator

import pytest

from smsgw.store import keys
from smsgw.store.admission import ACCEPTED
from smsgw.store.connection import StoreSettings
from smsgw.store.secrets import Secrets
from smsgw.store.streams import waiting_messages
from tests.chaos.servers import SentinelSet
from tests.store.kit import Kit, until

WITHIN_S = 0.3


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelSet]:
    """A master, two replicas and three sentinels, for the tests of this file in their order."""
    servers = SentinelSet(tmp_path_factory.mktemp("sentinels"))
    with asyncio.Runner() as runner:
        runner.run(servers.start())
        yield servers
        runner.run(servers.stop())


@pytest.fixture
async def kit(sentinels: SentinelSet, secrets: Secrets) -> AsyncIterator[Kit]:
    sentinels.ask("master", "FLUSHALL")
    settings = StoreSettings(replicas=1, replicas_timeout_s=WITHIN_S)
    kit = Kit(sentinels.url, secrets, settings)
    # As settling does; admission of the gateway gives up after the store's timeout, and says so.
    kit.admission.commit._retry_for_s = math.inf
    await kit.start()
    yield kit
    await kit.stop()


async def waiting(kit: Kit) -> int:
    return await waiting_messages(kit.store, keys.mt(0, "alpha", 2))


async def test_an_answer_waits_for_a_replica_and_the_call_runs_once(
    kit: Kit, sentinels: SentinelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [sentinels.pause(name) for name in sentinels.replicas()]
    try:
        kit.admission.submit(kit.item())
        # The master has it, and says so to whoever asks; yet no answer: neither to the first call nor to its replays.
        await until(lambda: kit.store.replicas_short >= 2)
        assert await waiting(kit) == 1
        assert not kit.admitted
        # A replay on a new connection, which has written nothing itself, waits for the first run's writes all the same.
        monkeypatch.setattr(kit.store, "_give_back", lambda *_: None)
        kit.store._free.clear()
        short = kit.store.replicas_short
        await until(lambda: kit.store.replicas_short > short + 1)
        assert not kit.admitted
    finally:
        for name in names:
            sentinels.resume(name)
    await until(lambda: kit.admitted)
    assert [reply.code for reply in kit.admitted] == [ACCEPTED]  # type: ignore[union-attr]
    assert await waiting(kit) == 1


async def test_a_master_that_became_a_replica_while_it_waited_leaves_open_what_it_wrote(
    kit: Kit, sentinels: SentinelSet
) -> None:
    """Its answer to WAIT is an error then, but the script before it had run."""
    node = sentinels.name_of("master")
    names = [sentinels.pause(name) for name in sentinels.replicas()]
    try:
        kit.admission.submit(kit.item())
        await until(lambda: kit.store.replicas_short >= 1)
        await until(lambda: b"blocked_clients:1" in sentinels.ask(node, "INFO", "clients"))
        sentinels.ask(node, "REPLICAOF", "127.0.0.1", "1")
        await until(lambda: not kit.store._replicated)
        assert kit.admitted == []
        sentinels.ask(node, "REPLICAOF", "NO", "ONE")
        assert await waiting(kit) == 1
    finally:
        for name in names:
            sentinels.resume(name)
    await until(lambda: kit.admitted)
    assert [reply.code for reply in kit.admitted] == [ACCEPTED]  # type: ignore[union-attr]
    assert await waiting(kit) == 1


async def test_what_was_answered_survives_its_master(kit: Kit, sentinels: SentinelSet) -> None:
    items = [kit.item(str(8613800000000 + n), n) for n in range(50)]
    assert await kit.codes(*items) == [ACCEPTED] * 50
    dead = sentinels.kill("master")
    kit.admission.submit(kit.item("8613800000099", 99))
    await sentinels.until_master(not_on=dead)
    await until(lambda: len(kit.admitted) == 51)
    assert await waiting(kit) == 51
    await sentinels.restart(dead)
