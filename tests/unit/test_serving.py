"""A port of an HTTP server: what is said when it can't be had."""

from __future__ import annotations

import pytest

from smsgw.errors import CantListen
from smsgw.serving import listening


def test_a_taken_port_names_its_key() -> None:
    with listening("127.0.0.1", 0, "links") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CantListen, match=rf"127\.0\.0\.1:{port} \(links\.port in smsgw\.toml\): another program"):
            listening("127.0.0.1", port, "links")


def test_an_address_of_another_machine_names_the_host() -> None:
    with pytest.raises(CantListen, match=r"192\.0\.2\.1:0 \(console\.host in smsgw\.toml\): that is no address of"):
        listening("192.0.2.1", 0, "console")
