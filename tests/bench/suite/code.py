"""The version of the package that is measured: this tree, or another revision, made ready to run in a directory.

A revision is unpacked from the repository (nothing of the work tree or of git's own state changes) and its compiled
parts are built there. It runs with this Python and its libraries. Load tools and the suite itself are always this
tree's, so only the gateway differs. What can go wrong: BenchError for a revision that is not there or does not build.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from tests.bench.suite.errors import BenchError

ROOT = Path(__file__).parents[3]
#: What of a revision is needed to run it.
_NEEDED = ("smsgw", "config/bench", "setup.py", "pyproject.toml", "README.md", "LICENSE")
_BUILD_S = 300.0


@dataclass(frozen=True, slots=True)
class Code:
    """A version that can run."""

    #: As it was asked for; this tree is "here".
    name: str
    #: Where its packages ``smsgw`` and ``config/bench`` lie.
    directory: Path
    commit: str

    def command(self, *arguments: str) -> list[str]:
        """The command line of its smsgw; run it in ``directory`` with ``environment``."""
        return [sys.executable, "-m", "smsgw", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """So that its smsgw is found before any other; everything else is this tree's."""
        return {**os.environ, "PYTHONPATH": f"{self.directory}{os.pathsep}{ROOT}"}

    def version(self) -> str:
        """What it says of itself, in one line. Raises BenchError when it does not run or another version would."""
        script = "import smsgw; print(smsgw.__file__)"
        found = _run([sys.executable, "-c", script], self.directory, self.environment).strip()
        if not Path(found).is_relative_to(self.directory):
            raise BenchError(f"{self.name}: {found} would run, which is not in {self.directory}")
        return " ".join(_run(self.command("--version"), self.directory, self.environment).split())


def here() -> Code:
    """This tree, as it is on the disk now."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = bool(_git("status", "--porcelain", "--", "smsgw", "config/bench"))
    return Code("here", ROOT, f"{commit}{' and changes' if changed else ''}")


def revision(name: str, directory: Path) -> Code:
    """Unpack and build a revision in ``directory``, which must be empty. Raises BenchError."""
    commit = _git("rev-parse", "--short", "--verify", f"{name}^{{commit}}")
    present = _git("ls-tree", "--name-only", commit, "--", *_NEEDED).splitlines()
    archive = subprocess.run(["git", "archive", commit, "--", *present], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        raise BenchError(f"can't unpack {name}: {archive.stderr.decode().strip()}")
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as packed:
        # Our own archive; Python knows filters from 3.11.4 on.
        packed.extractall(directory, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    code = Code(name, directory, commit)
    if (directory / "setup.py").exists():
        _run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], directory, code.environment)
    return code


def _git(*arguments: str) -> str:
    try:
        return _run(["git", *arguments], ROOT, dict(os.environ)).strip()
    except FileNotFoundError:
        raise BenchError("needs git, to know which version is measured: apt install git") from None


def _run(command: list[str], directory: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=_BUILD_S
    )
    if done.returncode:
        raise BenchError(f"{' '.join(command[:4])} … failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout
