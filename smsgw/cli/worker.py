"""``smsgw worker``: one of several gateway processes; started by ``smsgw run --workers``, never by hand."""

from __future__ import annotations

import signal
from pathlib import Path

from smsgw.cli.options import SiteOption


def worker(site: SiteOption = Path()) -> None:
    """Run one worker, as the supervisor says on standard input."""
    import uvloop

    from smsgw.app import App, run_site
    from smsgw.cli.run import usable_site
    from smsgw.supervisor.leash import Leash
    from smsgw.telemetry.logs import configure

    # Meant for the supervisor, by whoever sent it to all processes of this name.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    leash = Leash()
    errand = leash.errand()
    loaded = usable_site(site, errand.applied)
    configure(loaded.log.level, loaded.log.format, node=errand.name)

    def started(app: App) -> None:
        leash.tell(ops_port=app.ops.port if app.ops is not None else 0)

    uvloop.run(run_site(loaded, started, errand.applied, None, errand, leash))
