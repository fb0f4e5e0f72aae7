"""The simulators' pages do what they say: each section is run in a shell of its own, as a tester would type it.

In a directory of its own, with free ports, and with what the page says the output is. Conventions of these pages:
a ``toml`` or ``python`` block begins with the name of its file; ``# exit status N`` behind a command is what it ends
with; a ``text`` block is in the output of the commands above it (whatever its numbers); ``&`` leaves a program behind.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "example"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"#.*exit status (\d)(?: or (\d))?")
_PORT = re.compile(r"(?<=[ :=])(2775|2776|2777|8775|8780)\b")
_PROGRAMS = {
    "carrier-sim": "simulators.carrier",
    "esme-sim": "simulators.esme",
    "simctl": "simulators.control.simctl",
    "smsgw": "smsgw",
}
_PRELUDE = """
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
ready() { for i in $(seq 300); do eval "$1" && return; sleep 0.05; done; echo "not ready: $1"; exit 99; }
ended() { [ "$1" = "$2" ] || [ "$1" = "$3" ] || { echo "exit status $1: $4"; exit 98; }; }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading."""

    page: Path
    title: str
    text: str
    blocks: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.page.parent.name}/{self.page.name}: {self.title}"


def _sections(page: Path) -> list[Section]:
    parts = re.split(r"^##+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = [
        Section(page, title, body, tuple(_FENCE.findall(body)))
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    return [section for section in found if any(language == "sh" for language, _ in section.blocks)]


PAGES = (ROOT / "simulators" / "README.md", ROOT / "docs" / "testers.md")
SECTIONS = [section for page in PAGES for section in _sections(page)]


class Desk:
    """A directory with the programs in ``bin``, the example site, and ports of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = {standard: str(free_port()) for standard in ("2775", "2776", "2777", "8775", "8780")}
        self._logs = 0
        (directory / "bin").mkdir()
        for name, module in _PROGRAMS.items():
            program = directory / "bin" / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
            program.chmod(0o755)
        shutil.copytree(EXAMPLE, directory / "config" / "example", ignore=shutil.ignore_patterns("state"))
        for path in (directory / "config").rglob("*.toml"):
            path.write_text(self.here(path.read_text(encoding="utf-8")), encoding="utf-8")

    def here(self, text: str) -> str:
        """With this desk's ports."""
        return _PORT.sub(lambda found: self.ports[found[1]], text)

    def write(self, body: str) -> None:
        """The file of a block: new, or what is added to one of the site."""
        head = body.partition("\n")[0].removeprefix("# ")
        name, _, is_changed = head.partition(", ")
        path = self.directory / name
        if is_changed and path.exists():
            table = body.partition("\n")[2].partition("\n")[0]
            before, _, behind = path.read_text(encoding="utf-8").partition(table)
            path.write_text(before + "[" + behind.partition("\n[")[2], encoding="utf-8")
            body = "\n" + body
        with path.open("a", encoding="utf-8") as file:
            file.write(self.here(body))

    def shell(self, block: str) -> str:
        """The lines of a block, with what a person would do besides: wait until it runs, and look how it ended."""
        return "".join(self._line(line) for line in block.splitlines())

    def _line(self, line: str) -> str:
        program = line.split()[0].removeprefix("bin/")
        command = self.here(line.partition("  #")[0])
        if program == "python":
            command = (
                command.replace("python", sys.executable, 1) + " -q -p no:cacheprovider -p simulators.pytest_plugin"
            )
        if program == "carrier-sim" and self._listens(line):
            command = command.replace(" &", f" --port {self.ports['2776']} &") if "&" in command else (
                f"{command} --port {self.ports['2776']}")  # fmt: skip
        if program == "esme-sim" and "--port" not in line:
            command = re.sub(r"(esme-sim \w+)", rf"\1 --port {self.ports['2775']}", command)
        said = _EXIT.search(line)
        wanted = [said[1], said[2] or said[1]] if said else ["0", "0"]
        if not command.endswith("&"):
            return f"{command}; ended $? {wanted[0]} {wanted[1]} '{program}'\n"
        self._logs += 1
        log = f"log{self._logs}"
        ready = {"carrier-sim": f"grep -q listening {log}", "smsgw": self._gateway_is_there()}
        return f'{command[:-1]} > {log} 2>&1 &\nready "{ready.get(program, ":")}"\n'

    def _listens(self, line: str) -> bool:
        words = line.split()
        return "--port" not in words and (words[1][0] in "-&" or words[1] == "run") and "--magic-table" not in words

    def _gateway_is_there(self) -> str:
        return f"curl -fso /dev/null http://127.0.0.1:{self.ports['8775']}/healthz"


def _plain(text: str) -> str:
    """Without its numbers, which differ from run to run."""
    return re.sub(r"\d+", "9", text.strip())


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_a_section_does_what_it_says(section: Section, tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    if shutil.which("curl") is None and re.search(r"^(curl|bin/smsgw) ", section.text, re.MULTILINE):
        pytest.skip("curl is not installed")
    desk = Desk(tmp_path)
    script, said = _PRELUDE, []
    if "as above" in section.text:
        desk.write(
            next(body for each in SECTIONS if each.page == section.page for kind, body in each.blocks if kind == "toml")
        )
    for language, body in section.blocks:
        if language in ("toml", "python"):
            desk.write(body)
        elif language == "sh":
            script += desk.shell(body)
        else:
            said.append(body)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "LANG": "C.UTF-8",
        "SIMCTL_URL": f"http://127.0.0.1:{desk.ports['8780']}",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    logs = "".join(path.read_text(encoding="utf-8") for path in sorted(tmp_path.glob("log*")))
    output = done.stdout + done.stderr + logs
    assert done.returncode == 0, f"{script}\n{output}"
    assert "Traceback" not in output
    plain = _plain(output)
    assert [line for body in said for line in body.splitlines() if _plain(line) not in plain] == [], output


@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_files_of_examples_say_their_names(section: Section) -> None:
    for language, body in section.blocks:
        assert language in ("sh", "toml", "python", "text")
        if language == "toml":
            tomllib.loads(body)
        if language in ("toml", "python"):
            assert re.match(r"# [\w./-]+\.(toml|py)(, |\n)", body), body
