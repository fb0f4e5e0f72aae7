"""What is offered, and who offers it: the simulators of this tree, or the load tools ``smppload`` and ``smppsink``.

Both print the same JSON. Latencies count from when a message was due where there is a rate, from sending where windows
are kept full; they come from histograms with an error below 1 %.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.suite.errors import BenchError

TEXT = "【示例商城】秋季新品上架，全场八折，欢迎选购，满三百元包邮，编号{n}。拒收请回复R"
SOURCE = "1069000130"
#: No receipt for so long, and none will come.
PATIENCE_S = 30.0
#: How many recipients the numbers of one load may be.
RECIPIENTS = 10_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """So many messages: with ``rate`` an open loop, else with windows kept full."""

    count: int
    #: Messages a second, whatever the answers are; 0: windows are kept full.
    rate: float = 0.0
    conns: int = 4
    #: Unanswered submit_sm of one connection.
    window: int = 100
    #: (system_id, password); connections take them in turn.
    accounts: tuple[tuple[str, str], ...] = (("load", "load1234"),)
    source: str = SOURCE
    text: str = TEXT
    #: First recipient; 0: the site's next ones, so that none gets two messages.
    first_recipient: int = 0

    @staticmethod
    def at_rate(rate: float, seconds: float, conns: int = 4, window: int = 1000) -> Load:
        """An open loop for so long."""
        return Load(max(1, round(rate * seconds)), rate, conns, window)


class Tools(Protocol):
    """Who plays carrier and application."""

    name: str

    def carrier(self, port: int) -> list[str]:
        """The command of a carrier that answers at once and sends a receipt for each message."""

    def application(self, load: Load, port: int, scratch: Path) -> list[str]:
        """The command that offers a load to the gateway at this port and prints JSON."""


class Simulators:
    """Those of this tree."""

    name = "simulators"

    def carrier(self, port: int) -> list[str]:
        """Keeps nothing of what it got."""
        return [sys.executable, "-m", "simulators.carrier", "--port", str(port), "--quiet"]

    def application(self, load: Load, port: int, scratch: Path) -> list[str]:
        """A text on the command line."""
        text = ["--from", load.source, "--text", load.text, "--progress", "0"]
        return [sys.executable, "-m", "simulators.esme", "load", *_shape(load, port), *text]


class External:
    """``smppload`` and ``smppsink``, which cost next to nothing. Raises BenchError when they are not there."""

    name = "external"

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()
        for tool in ("smppload", "smppsink"):
            path = self._directory / tool
            if not os.access(path, os.X_OK):
                raise BenchError(f"--external {directory}: no program {tool} there; build it with `make` in a copy")

    def carrier(self, port: int) -> list[str]:
        """With the receipt right after the answer."""
        return [str(self._directory / "smppsink"), "--port", str(port), "--dlr", "--quiet"]

    def application(self, load: Load, port: int, scratch: Path) -> list[str]:
        """The text comes from a file."""
        body = scratch / "body"
        body.write_text(load.text, encoding="utf-8")
        text = ["--src", load.source, "--ucs2-file", str(body), "--quiet"]
        return [str(self._directory / "smppload"), *_shape(load, port), *text]


def _shape(load: Load, port: int) -> list[str]:
    """The options that both have."""
    rate = ["--rate", f"{load.rate:g}"] if load.rate else []
    return [
        "--port", str(port), "--users", ",".join(":".join(account) for account in load.accounts),
        "--conns", str(load.conns), "--window", str(load.window), "--count", str(load.count), *rate, "--rd", "1",
        "--dest-base", str(load.first_recipient), "--dest-count", str(RECIPIENTS), "--wait", f"{PATIENCE_S:g}",
    ]  # fmt: skip
