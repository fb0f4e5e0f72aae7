"""The store that a command opens: started for it, adopted from a gateway, never taken away from one."""

from __future__ import annotations

from pathlib import Path

from smsgw.cli.site_store import open_store
from smsgw.config.load import load_site
from smsgw.store.server import EmbeddedServer


def _is_running(directory: Path) -> bool:
    pid = EmbeddedServer(directory).pid
    return bool(pid) and Path(f"/proc/{pid}/cwd").exists()


async def test_started_and_stopped_again(site: Path) -> None:
    settings = load_site(site)
    async with open_store(settings) as store:
        assert _is_running(settings.state_dir)
        assert store.server_version
    assert not _is_running(settings.state_dir)
    assert settings.secrets_file.stat().st_mode & 0o777 == 0o600


async def test_one_that_runs_is_left_alone(site: Path) -> None:
    settings = load_site(site)
    gateway = EmbeddedServer(settings.state_dir)
    await gateway.start()
    async with open_store(settings):
        pass
    assert _is_running(settings.state_dir)
    await gateway.stop()
    assert not _is_running(settings.state_dir)


async def test_one_that_a_gateway_adopted_meanwhile_is_left_to_it(site: Path) -> None:
    settings = load_site(site)
    gateway = EmbeddedServer(settings.state_dir)
    async with open_store(settings):
        await gateway.start()
        assert gateway.adopted
    assert _is_running(settings.state_dir)
    await gateway.stop()
    assert not _is_running(settings.state_dir)
