"""The site that the examples of the pages run against: gateway, carriers, console, people of one role each.

A page writes names that nobody can know beforehand (``mysite``, a token, ids of messages that wait for review, the head
of the audit log); ``World`` puts in what they are here. Files that a page shows lie beside the site.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from smsgw.cli.desk import os_user
from smsgw.cli.main import app
from smsgw.config.people import hash_token, new_token
from smsgw.services.desk import READERS

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "config" / "example"
FENCE = re.compile(r"^```(\w*)(?: ([\w.-]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""Language, the file's name where one is shown, body."""
PROGRAMS = {
    "bin/smsgw": ("-m", "smsgw"),
    "bin/esme-sim": ("-m", "simulators.esme"),
    "bin/carrier-sim": ("-m", "simulators.carrier"),
    "bin/chaos": ("-m", "tests.chaos"),
    "bin/soak": ("-m", "tests.soak"),
    "bin/bench": ("-m", "tests.bench.suite"),
}
_EXIT = re.compile(r"#.*exit status (\d)")
_HEAD = re.compile(r"[0-9]+:[0-9a-f]{64}")
_HELD = re.compile(r"\b[0-9a-f]{20}\b")
"""How pages write the id of a message that waits for review."""
_FILE = re.compile(r"@?[\w-]+\.(csv|jsonl|backup|html|xlsx|pem)")
_ROLES = {"chen": "department", "zhao": "department", "wang": "market", "liu": "legal", "he": "technical",
          "gao": "management", "li": "compliance", "zhou": "engineer"}  # fmt: skip


def _files(path: Path) -> dict[str, str]:
    """The files that a page shows, by the names behind their languages."""
    return {name: body for _, name, body in FENCE.findall(path.read_text(encoding="utf-8")) if name}


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a page."""

    page: Path
    line: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)

    @property
    def exit_status(self) -> int:
        said = _EXIT.search(self.line)
        return int(said[1]) if said else 0


@dataclass(frozen=True, slots=True)
class World:
    """A running example site on ports of its own, in test mode on a working morning."""

    site: Path
    untouched: Path
    ports: dict[str, str]
    token: str
    #: What pages call an id of a message or the head of the audit log, and what it is here.
    instead: dict[str, str]

    def run(self, command: Command) -> tuple[int, str]:
        """Exit status and output."""
        words = command.words
        fed = ""
        if "|" in words:
            words, fed = words[words.index("|") + 1 :], words[1]
        # ``check`` warns of the test clock, so it sees the example as it is.
        site = self.untouched if "check" in words else self.site
        files = _files(command.page)
        for name, text in files.items():
            (self.site.parent / name).write_text(text, encoding="utf-8")
        arguments = [self._here(word, site) for word in words[1:]]
        if words[0] == "bin/smsgw":
            result = CliRunner().invoke(app, arguments, input=fed, env={"SMSGW_SITE": str(site)})
            return result.exit_code, result.output + (repr(result.exception) if result.exception else "")
        tool = {"curl": ["curl", "--fail-with-body"], "sed": ["sed"]}.get(words[0])
        start = tool or [sys.executable, *PROGRAMS[words[0]]]
        if words[0].endswith("esme-sim"):
            # Behind the subcommand: where the pages take the default.
            arguments += ["--port", self.ports["2775"]]
        done = subprocess.run([*start, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def _here(self, word: str, site: Path) -> str:
        if word == "config/example":
            return str(site)
        if re.match(r"mysite(?![a-z])", word):
            return str(site) + word.removeprefix("mysite")
        if word in self.instead:
            return self.instead[word]
        if _HEAD.fullmatch(word):
            return self._head()
        if _FILE.fullmatch(word):
            return word.replace(word.lstrip("@"), str(self.site.parent / word.lstrip("@")))
        word = word.replace("$TOKEN", self.token)
        for said, meant in self.instead.items():
            word = word.replace(said, meant)
        return re.sub(r"(127\.0\.0\.1:)(\d+)", lambda found: found[1] + self.ports[found[2]], word)

    def _head(self) -> str:
        """The head that the copy which a page made ends with."""
        copy = max(self.site.parent.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        return str(json.loads(copy.read_text(encoding="utf-8").splitlines()[-1])["head"])


def _free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


@contextmanager
def running_world(directory: Path, commands: Sequence[Command]) -> Iterator[World]:
    """A site in ``directory`` for these commands, with everything that they need running."""
    site = directory / "s"
    ports = {standard: _free_port() for standard in ("2775", "2776", "2777", "8775", "8776")}
    untouched = site.parent / "u"
    for copy in (site, untouched):
        shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("state"))
    for path in (site / "smsgw.toml", *(site / "carriers").glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        for standard, port in ports.items():
            text = text.replace(f"port = {standard}", f"port = {port}")
        text = text.replace('mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"')
        path.write_text(text, encoding="utf-8")
    token = _hire(site)
    simulator = [sys.executable, "-m", "simulators.carrier", "--quiet", "--port"]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        for log in [(site.parent / "log").open("wb")]
        for command in (
            [*simulator, ports["2776"]],
            [*simulator, ports["2777"]],
            [sys.executable, "-m", "smsgw", "run", "--site", str(site)],
        )
    ]
    try:
        _wait_until_ready(f"http://127.0.0.1:{ports['8775']}/readyz", site.parent / "log")
        console = [sys.executable, "-m", "smsgw", "console", "--site", str(site)]
        running.append(subprocess.Popen(console, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        instead = _hold_for_review(site, ports, commands)
        _wait_until_ready(f"http://127.0.0.1:{ports['8776']}/healthz", site.parent / "log")
        yield World(site, untouched, ports, token, instead)
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(30)


def _hire(site: Path) -> str:
    """People of one role each, and whoever runs the tests with all that see everything; gives the token of one more."""
    token = new_token("crm")
    staff = {**{name: [role] for name, role in _ROLES.items()}, os_user(): list(READERS), "crm": list(READERS)}
    text = ""
    for name, roles in staff.items():
        stored = hash_token(token if name == "crm" else new_token(name))
        text += f'[[person]]\nname = "{name}"\nroles = {json.dumps(roles)}\ntoken = "{stored}"\n\n'
    (site / "people.toml").write_text(text, encoding="utf-8")
    return token


def _hold_for_review(site: Path, ports: dict[str, str], commands: Sequence[Command]) -> dict[str, str]:
    """Messages that wait for review, for the ids that the pages write."""
    said = sorted({word for command in commands for word in _HELD.findall(command.line)})
    here = ("--site", str(site))
    _smsgw("word", "add", "company", "待人工看", "--action", "review", "--why", "for the pages", *here)
    load = ["--system-id", "orders", "--password", "orders12", "--from", "1069000120", "--port", ports["2775"],
            "--rd", "0", "--count", str(len(said)), "--text", "【示例物流】待人工看{n}", "--progress", "0"]  # fmt: skip
    simulator = [sys.executable, "-m", "simulators.esme", "load", *load]
    subprocess.run(simulator, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=60, check=True)
    ids = [row["id"] for row in json.loads(_smsgw("review", "list", "--json", *here))["items"]]
    return dict(zip(said, ids, strict=True))


def _smsgw(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def _wait_until_ready(url: str, log: Path) -> None:
    end_s = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < end_s, log.read_text()
            time.sleep(0.05)
