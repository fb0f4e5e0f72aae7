"""The demonstration's site: ``config/example`` with other ports, a test clock and a few accounts more.

Every change is a replacement in a file of the example, so the example is what runs; text that is no longer there is
an error of ours, not of the user.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from simulators.demo.acts import MORNING
from simulators.demo.facts import DemoError

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "example"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens."""

    smpp: int
    ops: int
    console: int
    carriers: Mapping[str, int]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has just now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def make_site(directory: Path, ports: Ports) -> None:
    """Write the site. Raises DemoError when the example is not there or has changed beyond recognition."""
    if not EXAMPLE.is_dir():
        raise DemoError(f"the demonstration is made from {EXAMPLE}, which is not there; run it from a source tree")
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("state"))
    _edit(
        directory / "smsgw.toml",
        ("port = 2775", f"port = {ports.smpp}"),
        ("port = 8775", f"port = {ports.ops}"),
        ("port = 8776", f"port = {ports.console}"),
        ('# archive_every = "60s"', 'archive_every = "1s"'),
        ('mode = "real"', f'mode = "test"\nstart = "{MORNING}"'),
    )
    _edit(
        directory / "carriers" / "alpha.toml",
        ("port = 2776", f"port = {ports.carriers['alpha']}"),
        ('reconnect_max = "60s"', 'reconnect_max = "1s"'),
        ('failover_after = "5s"', 'failover_after = "1s"'),
    )
    _edit(
        directory / "carriers" / "beta.toml",
        ("port = 2777", f"port = {ports.carriers['beta']}"),
        ('rate = "100/s"', 'rate = "200/s"\nresponse_id = "hex"\nreceipt_id = "dec"'),
    )
    _edit(
        directory / "routes.toml",
        ('class = "otp"', 'class = "otp"\nprefix = ["86"]'),
        ('class = ["notice", "marketing"]', 'class = ["notice", "marketing"]\nprefix = ["86"]'),
    )
    _edit(
        directory / "profiles" / "cn.toml",
        ("links_for = []", 'links_for = ["notice"]'),
        ('class = ["marketing"]\nperiod = "12h"', 'class = ["notice", "marketing"]\nperiod = "12h"'),
    )
    _add_account(directory, "trickle", 'rate = "1/s"')
    _add_account(directory, "borrower", 'rate = "500/s"')
    _add_account(directory, "frugal", "quota = { day = 1 }")
    _add_account(directory, "closed", "enabled = false")
    _add_account(directory, "expired", "licence_expires = 2026-10-31")


def _add_account(directory: Path, system_id: str, line: str) -> None:
    """An account like ``orders``, with the same password, without numbers and with ``line`` in place of its rate."""
    path = directory / "accounts" / f"{system_id}.toml"
    shutil.copy(directory / "accounts" / "orders.toml", path)
    _edit(
        path,
        ('system_id = "orders"', f'system_id = "{system_id}"'),
        ('rate = "500/s"', line),
        ('numbers = [{ number = "1069000120", signature = "示例物流" }]', ""),
    )


def _edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        if text.count(old) != 1:
            raise DemoError(f"{path.name} of the example has {old!r} {text.count(old)} times, not once")
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
