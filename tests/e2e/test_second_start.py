"""Who starts a gateway where one runs already, by mistake, does it no harm: neither its leases nor its Redis."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from smsgw.app import App
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.errors import SmsgwError
from smsgw.store.server import EmbeddedServer
from smsgw.supervisor.supervisor import Supervisor
from tests.e2e.gateway import ROOT, GatewayProcess

pytestmark = [pytest.mark.e2e]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Its store is the embedded one."""
    return load_site(GatewayProcess(tmp_path, base=ROOT / "config" / "quirks").site)


async def test_an_ops_port_that_is_taken_ends_a_start_before_it_touches_the_store(site: Site) -> None:
    with socket.create_server((site.ops.host, site.ops.port)):
        app = App(site, role="carrier")
        with pytest.raises(SmsgwError, match="the ops port can't listen on"):
            await app.start()
        await app.close()
        with pytest.raises(SmsgwError, match="the ops port can't listen on"):
            await Supervisor(site, ("carrier", "carrier")).run()
    assert not (site.state_dir / "redis").exists()


async def test_a_start_that_does_not_come_to_serve_leaves_the_redis_of_others(site: Site) -> None:
    others = EmbeddedServer(site.state_dir, fsync="no")
    await others.start()
    try:
        app = App(site, role="carrier")
        await app.start()
        await app.close()
        assert others.is_running
    finally:
        await others.stop()
    assert app.embedded is not None
    assert app.embedded.adopted
    alone = App(site, role="carrier")
    await alone.start()
    await alone.close()
    assert not others.is_running
