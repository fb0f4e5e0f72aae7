"""Changing a running gateway: nothing dropped, lost or doubled, the new route at once, and back by itself when wrong.

One gateway for all scenes. Each begins with what the one before left in force, and changes files as an engineer would.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from simulators.esme.sim import EsmeSim
from smsgw.cli.main import app
from smsgw.config.bundle import Bundle
from smsgw.errors import BindRejected
from smsgw.services import versions
from smsgw.store.publishing import Published
from tests.e2e.staff import staff_of
from tests.e2e.stage import NOTICE, OTHER_SOURCE, SOURCES, Stage, account_like, open_stage, routes

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

ROUTE = "everything-else"
IN_FORCE_S = 1.0
WATCH_S = 30.0
NO_ROUTE = 0x452
FAILING_TEST = """
[[test]]
name = "over alpha"
account = "orders"
recipient = "13800138000"
expect = { carrier = "alpha" }
"""
FAST = {"rate": "5000/s", "window": 100}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    overrides: dict[str, dict[str, Any]] = {
        "accounts/orders.toml": {"rate": "5000/s"},
        "carriers/alpha.toml": FAST,
        "carriers/beta.toml": FAST,
        "smsgw.toml": {"apply": {"watch": f"{WATCH_S:g}s", "sample": 20}},
        "routes.toml": {"route": routes({}), "test": None},
    }
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides) as stage:
        yield stage


async def apply(stage: Stage, changes: dict[str, dict[str, Any]], confirm_within_s: float = 0.0) -> Published:
    """Change the files and put them in force."""
    stage.gateway.override(changes)
    site = stage.gateway.site
    async with staff_of(stage.gateway) as staff:
        return await versions.apply(staff(), Bundle.read(site), why="a scene", confirm_within_s=confirm_within_s)


async def in_force(stage: Stage) -> int:
    async with staff_of(stage.gateway) as staff:
        return (await versions.list_(staff())).now.number


def route_over(*carriers: str, **changes: Any) -> dict[str, dict[str, Any]]:
    """Notices and marketing take these carriers."""
    return {"routes.toml": {"route": routes({ROUTE: {"carriers": list(carriers), **changes}})}}


def smsgw(stage: Stage, *words: str) -> tuple[int, str]:
    """A command on the site; in a thread, for it has a loop of its own."""
    result = CliRunner().invoke(app, [*words, "--site", str(stage.gateway.site)])
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


class Load:
    """Notices through several sessions, each with its window full, until ``stop``; who was accepted, and when."""

    def __init__(self, stage: Stage, sessions: int = 3) -> None:
        self._stage = stage
        self.esmes = [EsmeSim(stage.settings("orders")) for _ in range(sessions)]
        self.accepted: list[tuple[float, str]] = []
        self.statuses: Counter[int] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._over = False

    async def __aenter__(self) -> Load:
        for esme in self.esmes:
            await esme.connect()
            self._tasks += [asyncio.ensure_future(self._send(esme)) for _ in range(30)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True
        await asyncio.gather(*self._tasks)
        for esme in self.esmes:
            await esme.disconnect()

    async def _send(self, esme: EsmeSim) -> None:
        while not self._over:
            recipient, began_s = self._stage.recipient(), time.monotonic()
            answer = await esme.submit(SOURCES["orders"], recipient, NOTICE)
            self.statuses[answer.status] += 1
            if answer.ok:
                self.accepted.append((began_s, recipient))

    async def runs(self, more: int) -> None:
        """Until ``more`` further messages were accepted."""
        wanted = len(self.accepted) + more
        await self._stage.gateway.wait_for(lambda: len(self.accepted) >= wanted, 20, f"{more} messages")


def received(stage: Stage) -> Counter[str]:
    """How often each recipient's message was answered ROK by a carrier."""
    return Counter(each.recipient[-11:] for sim in stage.carriers.values() for each in sim.received if not each.status)


async def test_a_new_route_new_binds_and_a_new_rate_under_full_load(stage: Stage) -> None:
    before = await in_force(stage)
    async with Load(stage) as load:
        await load.runs(300)
        done = await apply(
            stage,
            {**route_over("beta", "alpha"), "carriers/alpha.toml": {"binds": [{"type": "transceiver", "count": 3}]}},
        )
        turned_s = time.monotonic()
        await load.runs(300)
    assert done.version.number == before + 1
    decided_s = done.now.until_ms / 1000 - WATCH_S
    told_s = datetime.fromisoformat(stage.gateway.events("site.in_force")[-1]["at"]).timestamp()
    assert told_s - decided_s < IN_FORCE_S
    assert load.statuses == {0: len(load.accepted)}, "a session was dropped or a message refused"
    wanted = {recipient[-11:] for _, recipient in load.accepted}
    await stage.gateway.wait_for(lambda: received(stage).keys() >= wanted, 10, "every message")
    await stage.settled()
    assert {count for recipient, count in received(stage).items() if recipient in wanted} == {1}
    late = {recipient[-11:] for at_s, recipient in load.accepted if at_s > turned_s}
    over_alpha = {each.recipient[-11:] for each in stage.alpha.received}
    assert not late & over_alpha, "the old route was still in force"
    assert stage.gateway.status()["carriers"]["alpha"]["binds"] == 3


async def test_an_unconfirmed_version_goes_back_by_itself(stage: Stage) -> None:
    before = await in_force(stage)
    await apply(stage, route_over("alpha"), confirm_within_s=0.5)
    recipient = stage.recipient()
    await stage.status("orders", recipient)
    (there,) = await stage.arrives(recipient)
    assert there in stage.alpha.received
    await stage.gateway.wait_for(lambda: stage.gateway.events("site.rolled_back"), 5, "the roll-back")
    assert await in_force(stage) == before
    recipient = stage.recipient()
    await stage.status("orders", recipient)
    (back,) = await stage.arrives(recipient)
    assert back in stage.beta.received
    assert "nobody confirmed it in time" in stage.gateway.events("site.rolled_back")[-1]["why"]


async def test_a_rising_error_rate_goes_back_by_itself(stage: Stage) -> None:
    before = await in_force(stage)
    rolled_back = len(stage.gateway.events("site.rolled_back"))
    async with Load(stage, 1) as load:
        await load.runs(50)
        await apply(stage, route_over("alpha", **{"class": ["marketing"]}))
        await stage.gateway.wait_for(
            lambda: len(stage.gateway.events("site.rolled_back")) > rolled_back, 5, "the roll-back"
        )
        await load.runs(50)
    assert load.statuses.keys() == {0, NO_ROUTE}
    assert await in_force(stage) == before
    assert "messages refused to applications" in stage.gateway.events("site.rolled_back")[-1]["why"]


async def test_a_broken_file_changes_nothing(stage: Stage) -> None:
    before = await in_force(stage)
    path = stage.gateway.site / "routes.toml"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + "\n[[route]\n", encoding="utf-8")
    try:
        code, said = await asyncio.to_thread(smsgw, stage, "apply", "--reason", "broken")
        assert (code, f"{path}:" in said) == (1, True), said
        path.write_text(f"{whole}\n{FAILING_TEST}", encoding="utf-8")
        code, said = await asyncio.to_thread(smsgw, stage, "apply", "--reason", "a test fails")
        assert (code, "test 'over alpha'" in said) == (1, True), said
        path.write_text(whole + "\n[[route]\n", encoding="utf-8")
        # Who must act goes by the version in force meanwhile.
        code, said = await asyncio.to_thread(smsgw, stage, "history", "--json")
        assert code == 0
        assert f"going by version {before}, which is in force" in said
    finally:
        path.write_text(whole, encoding="utf-8")
    assert await in_force(stage) == before
    assert await stage.status("orders", stage.recipient()) == 0


async def test_what_a_process_cannot_run_is_refused_before_it_is_in_force(stage: Stage) -> None:
    """A certificate that no check of files can see through."""
    before = await in_force(stage)
    certificate = stage.gateway.site / "alpha.pem"
    certificate.write_text("no certificate", encoding="ascii")
    done = await apply(stage, {"carriers/alpha.toml": {"tls": {"ca": "alpha.pem"}}})
    assert done.refused.startswith("node1 can't run it: ")
    assert "alpha.pem" in done.refused
    assert await in_force(stage) == before
    stage.gateway.override({"carriers/alpha.toml": {"tls": None}})


async def test_messages_of_a_removed_carrier_move_by_their_route(stage: Stage) -> None:
    stage.beta.pause()
    recipients = [stage.recipient() for _ in range(150)]
    for recipient in recipients:
        assert await stage.status("orders", recipient) == 0
    (stage.gateway.site / "carriers" / "beta.toml").rename(stage.gateway.site / "beta.away")
    only_alpha = routes(
        {name: {"carriers": ["alpha"]} for name in ("codes", "shop-beta-first", "united-states", ROUTE)}
    )
    await apply(stage, {"routes.toml": {"route": only_alpha}})
    stage.beta.resume()
    for recipient in recipients:
        await stage.arrives(recipient)
    assert set(stage.gateway.status()["carriers"]) == {"alpha"}
    assert all(len(stage.arrived(recipient)) == 1 for recipient in recipients)


async def test_an_account_comes_and_goes(stage: Stage) -> None:
    path = stage.gateway.site / "accounts" / "late.toml"
    await apply(stage, {"accounts/late.toml": account_like("orders", "late")})
    async with EsmeSim(stage.settings("orders", system_id="late")) as late:
        assert (await late.submit(OTHER_SOURCE, stage.recipient(), NOTICE)).ok
        path.unlink()
        await apply(stage, {})
        await late.wait_for(lambda: not late.bound, 5, "to be let go")
    with pytest.raises(BindRejected):
        await EsmeSim(stage.settings("orders", system_id="late")).connect()


async def test_a_restart_does_not_bring_back_what_was_rolled_back(stage: Stage) -> None:
    before = await in_force(stage)
    await apply(stage, {"accounts/orders.toml": {"window": 7}})
    code, said = await asyncio.to_thread(smsgw, stage, "rollback", "--reason", "too narrow")
    assert (code, said.splitlines()[0]) == (0, f"version {before}: in force again on 1 process")
    await stage.gateway.restart()
    (warned,) = stage.gateway.events("site.files_not_in_force")
    assert (warned["running"], "(rolled back)" in warned["why"]) == (before, True)
    assert await in_force(stage) == before
