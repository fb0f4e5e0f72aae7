"""``smsgw alarms`` and what ``smsgw check`` says of channels."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smsgw.alarms.state import State, packed
from smsgw.cli.main import app
from smsgw.cli.site_store import open_store
from smsgw.config.load import load_site
from smsgw.policy.alarms.standing import FIRING, Standing
from smsgw.store.alarms import AlarmStore
from smsgw.store.server import EmbeddedServer

EXAMPLE = Path(__file__).parents[3] / "config" / "example"
RINGS = Standing("delivery_low", (("carrier", "alpha"),), FIRING, 1, 0.5, 0.8, 1, volume=200)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "site", ignore=shutil.ignore_patterns("state")))


@pytest.fixture
def running(site: Path) -> Iterator[Path]:
    """The site with its store running, so that not every command starts one."""
    state = load_site(site).state_dir
    state.mkdir(mode=0o700)
    server = EmbeddedServer(state)
    with asyncio.Runner() as runner:
        runner.run(server.start())
        yield site
        runner.run(server.stop())


def smsgw(site: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--site", str(site)])


def said(site: Path, *arguments: str, code: int = 0) -> str:
    found = smsgw(site, *arguments)
    assert found.exit_code == code, found.output + repr(found.exception)
    return found.output


def rings(site: Path) -> None:
    async def write() -> None:
        async with open_store(load_site(site)) as store:
            alarms = AlarmStore(store)
            assert await alarms.take_turn()
            assert await alarms.write(
                packed(State({RINGS.id: RINGS})), [{"at_ms": 1, "what": "firing", "id": RINGS.id}]
            )

    asyncio.run(write())


def test_what_rings_is_silenced_and_not_any_more(running: Path) -> None:
    site = running
    rings(site)
    shown = said(site, "alarms")
    assert "nobody looks after alarms just now" in shown
    assert "delivery rate down: carrier alpha 50% (threshold 80%, of 200, last 15 min)" in shown
    assert "no channel is set" in shown
    why = ("--why", "works")
    made = said(site, "alarms", "silence", "delivery_low", "--for", "2h", "--only", "carrier=al*", *why)
    silence = made.partition(":")[0]
    assert "silent until" in said(site, "alarms")
    assert said(site, "alarms", "unsilence", silence, *why) == f"{silence}: ended\n"
    assert "takes care of it" in said(site, "alarms", "acknowledge", RINGS.id, *why)
    history = json.loads(said(site, "alarms", "history", "--json"))
    assert [each["what"] for each in history["items"]] == ["acknowledged", "unsilenced", "silenced", "firing"]


def test_a_label_is_written_with_its_pattern(site: Path) -> None:
    found = smsgw(site, "alarms", "silence", "all", "--for", "2h", "--only", "alpha", "--why", "works")
    assert found.exit_code == 2
    assert "expected LABEL=PATTERN" in found.output


def with_channel(site: Path, url: str) -> None:
    (site / "duty.url").write_text(url)
    (site / "alarms.toml").write_text('[[channel]]\nname = "duty"\nurl_file = "duty.url"\n')


def test_check_knows_urls_and_shows_none(site: Path) -> None:
    with_channel(site, "dingtalk://verysecrettoken")
    assert "ok" in said(site, "check")
    with_channel(site, "dingtlk://verysecrettoken")
    shown = said(site, "check", code=1)
    assert "alarms.toml:3: error: channel[1].url_file: apprise does not know what its URL means" in shown
    assert "verysecret" not in shown


def test_a_channel_that_nobody_answers_is_told_without_its_url(site: Path) -> None:
    with_channel(site, "json://user:verysecret@127.0.0.1:1/hook")
    shown = said(site, "alarms", "test", "duty", code=1)
    assert shown.startswith("duty: did not arrive: ")
    assert "verysecret" not in shown
    assert "there is no channel of alarms 'dut'" in str(smsgw(site, "alarms", "test", "dut").exception)
