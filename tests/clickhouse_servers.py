"""Servers of both dialects for tests: Debian's clickhouse-server (18.16) where it is installed, and chdb."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

KINDS = ("server", "chdb")
PASSWORD = "sesame's \\ street"
_START_S = 30
_CONFIG = """<yandex>
 <logger><level>warning</level><log>{directory}/log</log><errorlog>{directory}/errors</errorlog></logger>
 <http_port>{port}</http_port><listen_host>127.0.0.1</listen_host>
 <path>{directory}/data/</path><tmp_path>{directory}/tmp/</tmp_path>
 <users_config>users.xml</users_config><default_profile>default</default_profile>
 <default_database>default</default_database><mark_cache_size>67108864</mark_cache_size>
</yandex>
"""
_USERS = f"""<yandex><profiles><default/></profiles><quotas><default/></quotas><users>
 <default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
 <sms><password>{PASSWORD}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></sms>
</users></yandex>
"""


@contextmanager
def running(kind: str, directory: Path) -> Iterator[str]:
    """The URL of a server of a kind, for as long as it is wanted; the test is skipped where there is none."""
    directory.mkdir(parents=True, exist_ok=True)
    process, port = _server(directory) if kind == "server" else _chdb(directory)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _server(directory: Path) -> tuple[subprocess.Popen[bytes], int]:
    program = shutil.which("clickhouse-server") or shutil.which("clickhouse-server", path="/usr/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("clickhouse-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (directory / "config.xml").write_text(_CONFIG.format(directory=directory, port=port), encoding="utf-8")
    (directory / "users.xml").write_text(_USERS, encoding="utf-8")
    with open(directory / "out", "wb") as out:
        process = subprocess.Popen(
            [program, f"--config-file={directory}/config.xml"], cwd=directory, stdout=out, stderr=out
        )
    until_s = time.monotonic() + _START_S
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/ping", trust_env=False)
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > until_s:
                process.kill()
                raise AssertionError(f"clickhouse-server does not start, see {directory}") from None
            time.sleep(0.02)
        else:
            return process, port


def _chdb(directory: Path) -> tuple[subprocess.Popen[bytes], int]:
    pytest.importorskip("chdb")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.clickhouse_present", str(directory / "data")], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())
