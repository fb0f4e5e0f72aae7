"""What a worker is told, and how its site changes by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smsgw.config.load import load_node
from smsgw.errors import RequestError
from smsgw.supervisor.errand import Errand, with_role

_TLS = '[listener]\nport = 2775\n[listener.tls]\nport = 3550\ncertificate = "c.pem"\nkey = "c.pem"\n'


def test_a_line_there_and_back() -> None:
    errand = Errand("n-2", "esme", 2, 3, "unix:///r", (1, 2), (5, 6, 1.5), applied=True)
    assert Errand.from_line(errand.to_line()) == errand


def test_what_another_version_says_more_or_less() -> None:
    assert Errand.from_line(b'{"name": "n-1", "later": [1]}') == Errand("n-1")


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"name": "n", "clock": 5}'])
def test_who_starts_a_worker_by_hand_is_told(line: bytes) -> None:
    with pytest.raises(RequestError, match="not by hand"):
        Errand.from_line(line)


def test_the_site_of_a_worker(tmp_path: Path) -> None:
    (tmp_path / "c.pem").touch()
    (tmp_path / "smsgw.toml").write_text(_TLS)
    site = load_node(tmp_path)
    mine = Errand("n-2", "carrier", 2, 2, "unix:///r", (4000, 4001)).adjusted(site)
    assert (mine.node_name, mine.file.node.role, mine.store.url) == ("n-2", "carrier", "unix:///r")
    assert (mine.ops.host, mine.ops.port) == ("127.0.0.1", 0)
    assert mine.listener.tls is not None
    assert (mine.listener.port, mine.listener.tls.port) == (4000, 4001)
    assert (site.node_name, site.listener.port) == ("node1", 2775)
    kept = Errand("n-1").adjusted(site)
    assert (kept.store, kept.listener) == (site.store, site.listener)
    assert with_role(site, "esme").file.node.roles == ("esme",)


def test_nothing_secret_is_in_it() -> None:
    assert set(json.loads(Errand("n").to_line())) == {
        "name", "role", "number", "of", "store_url", "ports", "clock", "applied",
    }  # fmt: skip
