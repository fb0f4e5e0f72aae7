"""The commands of bin/ on a fresh machine, with an interpreter that only notes what it is asked to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("bash", "cat", "cksum", "dirname", "flock", "readlink", "rm", "cp", "mkdir", "sleep")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")

PYTHON = """\
#!/bin/bash
echo "$*" >> "$NOTES"
case "$*" in
    "-c import ensurepip, venv") exit "${NO_VENV:-0}" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip "*) sleep 0.05; [ -z "${NO_PIP:-}" ] || { echo "ERROR: no route to the index" >&2; exit 1; } ;;
    "-m smsgw "*) echo "ran: $*" ;;
esac
"""


class Clone:
    """A clone with nothing installed, in a directory with a space, and a PATH with only what is needed."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "a clone"
        self.path = directory / "path"
        self.notes = directory / "notes"
        for folder in ("bin", "requirements"):
            shutil.copytree(ROOT / folder, self.root / folder)
        sources = [path.relative_to(ROOT) for path in (ROOT / "smsgw" / "policy").glob("*.c")]
        for part in (Path("pyproject.toml"), Path("setup.py"), *sources):
            (self.root / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, self.root / part)
        self.path.mkdir()
        for tool in TOOLS:
            (self.path / tool).symlink_to(str(shutil.which(tool)))

    def program(self, name: str, text: str) -> None:
        program = self.path / name
        program.write_text(text)
        program.chmod(0o755)

    def run(self, *arguments: str, program: str = "smsgw", **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": str(self.path), "NOTES": str(self.notes), "LC_ALL": "C.UTF-8", **environment}
        command = [str(self.root / "bin" / program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=variables, cwd="/", check=False, timeout=30)

    def installs(self) -> list[str]:
        """What pip was told to install, in order."""
        notes = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [note.rpartition("/")[2] for note in notes if note.startswith("-m pip")]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_the_first_run_installs_the_locks_and_the_second_nothing(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    first = clone.run("check", "--site", "x y")
    assert (first.returncode, first.stdout) == (0, "ran: -m smsgw check --site x y\n")
    assert clone.installs() == ["runtime.txt", "build.txt", "a clone"]
    clone.notes.unlink()
    second = clone.run("status")
    assert (second.stdout, second.stderr) == ("ran: -m smsgw status\n", "")
    assert clone.notes.read_text() == "-m smsgw status\n"


def test_the_locks_are_installed_with_their_hashes(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    clone.run()
    pip = [note for note in clone.notes.read_text().splitlines() if note.startswith("-m pip")]
    assert ["--require-hashes" in note for note in pip] == [True, True, False]
    assert "--no-deps --no-build-isolation -e" in pip[2]


def test_a_changed_lock_is_installed(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    clone.run()
    with (clone.root / "requirements" / "runtime.txt").open("a") as lock:
        lock.write("# changed\n")
    clone.run()
    assert clone.installs() == ["runtime.txt", "build.txt", "a clone"] * 2


def test_a_moved_clone_gets_a_new_environment(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    clone.run()
    clone.root = clone.root.rename(clone.root.with_name("elsewhere"))
    (clone.root / ".venv" / "left over").touch()
    assert clone.run().returncode == 0
    assert not (clone.root / ".venv" / "left over").exists()


def test_what_a_larger_kind_has_installed_serves_the_smaller_ones(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    clone.run()
    assert clone.run(program="bench").returncode == 0
    assert clone.installs()[3:] == ["bench.txt", "build.txt", "a clone"]
    clone.notes.unlink()
    for program in ("smsgw", "test", "bench"):
        assert clone.run(program=program).returncode == 0
    assert clone.installs() == []


def test_two_at_once_install_once(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda number: clone.run(str(number)), range(3)))
    assert [result.stdout for result in results] == [f"ran: -m smsgw {number}\n" for number in range(3)]
    assert clone.installs() == ["runtime.txt", "build.txt", "a clone"]


def test_a_name_in_path_that_does_not_run_is_passed_over(clone: Clone) -> None:
    clone.program("python3.11", "#!/bin/bash\necho 'pyenv: python3.11: command not found' >&2\nexit 127\n")
    clone.program("python3.12", PYTHON)
    assert clone.run().returncode == 0


def test_another_interpreter_may_be_named(clone: Clone, tmp_path: Path) -> None:
    clone.program("mine", PYTHON)
    assert clone.run(SMSGW_PYTHON=str(clone.path / "mine")).returncode == 0


def test_without_python_it_says_what_to_install(clone: Clone) -> None:
    result = clone.run()
    assert result.returncode == 1
    assert "smsgw: needs Python 3.11, 3.12 or 3.13" in result.stderr
    assert "apt install python3 python3-venv" in result.stderr


def test_without_venv_it_says_what_to_install(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    result = clone.run(NO_VENV="1")
    assert result.returncode == 1
    assert "apt install python3-venv" in result.stderr


def test_a_failed_install_is_tried_again(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    result = clone.run(NO_PIP="1")
    assert result.returncode == 1
    assert "no route to the index" in result.stderr
    assert "could not install requirements/runtime.txt" in result.stderr
    assert clone.run().returncode == 0


def test_it_runs_through_a_link_too(clone: Clone) -> None:
    clone.program("python3", PYTHON)
    link = clone.path / "smsgw"
    link.symlink_to(clone.root / "bin" / "smsgw")
    variables = {"PATH": str(clone.path), "NOTES": str(clone.notes), "HOME": os.environ.get("HOME", "/")}
    result = subprocess.run([str(link), "x"], capture_output=True, text=True, env=variables, check=False, timeout=30)
    assert result.stdout == "ran: -m smsgw x\n"
