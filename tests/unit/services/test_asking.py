"""Who answers questions over records gets a site whole, also one that has warnings."""

from __future__ import annotations

import pickle
from dataclasses import replace

from smsgw.config.site import Site
from smsgw.errors import ConfigError
from smsgw.services.asking import worker_of


def test_a_site_with_warnings_goes_to_the_child(site: Site) -> None:
    warned = replace(site, warnings=(ConfigError("smsgw.toml", 1, "clock", "looks odd"),))
    start = pickle.loads(pickle.dumps(worker_of(warned)._start))
    assert start().directory == site.records_dir
