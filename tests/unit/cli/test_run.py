"""``smsgw run`` as far as it goes before anything runs: how many processes of which role, and what is said else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smsgw import app as gateway
from smsgw.cli import run as module
from smsgw.supervisor import supervisor
from tests.unit.cli.conftest import Result, Run, change, done, refused, started


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was started: ``("one", role)`` for one process, ``("many", roles…)`` for a supervisor."""
    seen: list[tuple[str, ...]] = []

    async def run_site(site: Any, *, applied: bool, role: str) -> None:
        seen.append(("one", role))

    class Several:
        def __init__(self, site: Any, roles: tuple[str, ...], applied: bool) -> None:
            self.roles = roles

        async def run(self) -> None:
            seen.append(("many", *self.roles))

    monkeypatch.setattr(gateway, "run_site", run_site)
    monkeypatch.setattr(supervisor, "Supervisor", Several)
    monkeypatch.setattr("smsgw.telemetry.logs.configure", lambda *given, **named: None)
    # The site is checked elsewhere; the tests of the example's routes take their time.
    monkeypatch.setattr(module, "load_site", module.load_node)
    monkeypatch.setattr(module, "run_route_tests", lambda site: ())
    return seen


def told(result: Result) -> str:
    """The one line of wrong usage."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("options", "file", "expected"),
    [
        ((), "", ("one", "all")),
        (("--workers", "1"), "", ("one", "all")),
        (("--role", "esme"), "", ("one", "esme")),
        (("--workers", "esme:0,carrier:1"), "", ("one", "carrier")),
        (("--workers", "2"), "", ("many", "all", "all")),
        (("--workers", "2", "--role", "carrier"), "", ("many", "carrier", "carrier")),
        (("--workers", "esme:1,carrier:2"), 'role = "esme"', ("many", "esme", "carrier", "carrier")),
        ((), 'workers = "esme:0,carrier:1"', ("one", "carrier")),
        (("--workers", "2"), 'role = "esme"', ("many", "esme", "esme")),
        (("--role", "esme"), "workers = 2", ("many", "esme", "esme")),
        (("--workers", "1"), "workers = 4", ("one", "all")),
    ],
)
def test_what_runs(
    smsgw: Run, site: Path, begun: list[tuple[str, ...]], options: tuple[str, ...], file: str, expected: tuple[str, ...]
) -> None:
    change(site / "smsgw.toml", "[node]\n", f"[node]\n{file}\n")
    done(smsgw("run", *options))
    assert begun == [expected]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", "0"), "--workers: expected 1 to 64 workers in all, found '0'; write a number such as 4, or how "
                             'many of each role, "esme:2,carrier:2"'),
        (("--workers", "9999"), "--workers: expected 1 to 64 workers in all, found '9999'; write a number such as 4"),
        (("--workers", "foo"), "--workers: expected a number of workers, found 'foo'; write a number such as 4"),
        (("--workers", "esmee:1"), "--workers: expected esme, carrier or all, found 'esmee'; did you mean 'esme'?"),
        (("--role", "x"), "--role: expected esme, carrier or all, found 'x'"),
        (("--workers", "esme:2", "--role", "esme"),
         "--workers: the workers say the roles already: leave the role out, or give a plain number of workers"),
    ],
)  # fmt: skip
def test_what_can_not_run(smsgw: Run, begun: list[tuple[str, ...]], options: tuple[str, ...], said: str) -> None:
    assert told(smsgw("run", *options)).startswith(f"smsgw: run: {said}")
    assert begun == []


def test_a_role_beside_a_list_of_workers_in_the_file(smsgw: Run, site: Path, begun: list[tuple[str, ...]]) -> None:
    file = site / "smsgw.toml"
    change(file, "[node]\n", '[node]\nworkers = "esme:2,carrier:2"\n')
    line = file.read_text(encoding="utf-8").splitlines().index('workers = "esme:2,carrier:2"') + 1
    assert told(smsgw("run", "--role", "carrier")) == (
        f"smsgw: run: --role: {file}:{line}: node.workers is 'esme:2,carrier:2', which says the roles already; "
        "give --workers a number beside --role, or leave --role out"
    )
    assert begun == []


def test_a_site_that_is_not_there(tmp_path: Path) -> None:
    for options in ((), ("--applied",)):
        said = refused(started("run", "--site", str(tmp_path / "none"), *options))
        assert said == (
            f"smsgw: {tmp_path / 'none'}: does not exist; expected the directory of a site: "
            "name a site with --site or SMSGW_SITE, or make one of a copy of config/example"
        )


def test_what_was_in_force_is_offered_where_there_may_be_something(smsgw: Run, site: Path) -> None:
    change(site / "routes.toml", "[[route]]", "[[roote]]")
    assert "--applied" not in smsgw("run").stderr
    (site / "state" / "redis").mkdir(parents=True)
    assert "`smsgw run --applied` runs the version that was in force" in smsgw("run").stderr
    change(site / "smsgw.toml", "[node]", "[knot]")
    assert "--applied" not in smsgw("run").stderr
