"""The pytest plugin as another project uses it: in a pytest of its own, with its own clients under test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_ROOT = Path(__file__).parents[3]
#: Without the plugins of ours that take a second to load and have no part in it.
_INI = """[pytest]
addopts = --strict-markers -p no:cacheprovider -p no:hypothesispytest -p no:anyio
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""
_PROJECTS = Path(__file__).parent / "plugin_projects"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project that can import smsgw and has nothing else of it."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path), str(_ROOT)]))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    for name in ("CI", "BUILD_NUMBER"):  # with these pytest says everything twice, in full
        monkeypatch.delenv(name, raising=False)
    pytester.makeini(_INI)
    return pytester


def _run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "simulators.pytest_plugin", *options, timeout=60)


def test_a_synchronous_project_and_the_page_for_it(project: pytest.Pytester) -> None:
    project.makefile(
        ".toml",
        two="""
            seed = 7
            [[carrier]]
            name = "alpha"
            [[carrier]]
            name = "beta"
            answers = { refuse = "0x58" }
            [[expect]]
            where = "alpha"
            count = 1
            receipts = { stat = "DELIVRD" }
            [[expect]]
            where = "beta"
            each = { status = "throttled" }
        """,
    )
    page = (_ROOT / "simulators" / "testing" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    project.makepyfile(test_project=_PROJECTS.joinpath("synchronous.py").read_text(), test_page=example)
    _run(project).assert_outcomes(passed=15 + 3)


def test_code_under_test_is_a_foreign_library(project: pytest.Pytester) -> None:
    project.makepyfile(_PROJECTS.joinpath("foreign.py").read_text())
    _run(project).assert_outcomes(passed=4)


def test_failures_say_what_came(project: pytest.Pytester) -> None:
    project.makefile(".toml", night='[[expect]]\nhours = "08:00-21:00"\n[[expect]]\ncuont = 1\n')
    project.makepyfile(_PROJECTS.joinpath("failing.py").read_text())
    result = _run(project, "--showlocals")
    result.assert_outcomes(failed=3, errors=4)
    text = result.stdout.str()
    assert "TOPSECRET" not in text.replace('"TOPSECRET"', "")  # the test's own source is shown
    result.stdout.fnmatch_lines_random(
        [
            "*what carrier saw*",
            "*  submit  carrier  10690001 → 13800138000  'hello'",
            "*what esme saw*",
            "the scenario expects something else:",
            "FAILED  never comes",
            "*what the simulators could not do*",
            "* mo: no account has bound",
            "*found:    0",
            "answers.dealy: unknown key; did you mean 'delay'?*",
            "expect[[]1[]].cuont: unknown key; did you mean 'count'?",
            "*night.toml:4: expect[[]2[]].cuont: unknown key; did you mean 'count'?",
            "day.toml: there is no such file *",
            '*write @pytest.mark.carrier_sim(scenario="file.toml")',
        ]
    )
    assert text.count("the scenario expects something else") == 1


@pytest.mark.parametrize("options", [[], ["-p", "simulators.pytest_plugin"], ["-p", "smsgw_simulators"]])
def test_as_an_entry_point_asked_for_or_not(project: pytest.Pytester, options: list[str]) -> None:
    _install(project)
    project.makepyfile(
        """
        def test_it(request):
            assert len(request.session._fixturemanager.getfixturedefs("carrier_sim", request.node)) == 1
        """
    )
    project.runpytest_subprocess(*options, timeout=60).assert_outcomes(passed=1)


def test_a_project_that_does_not_use_it_pays_nothing(project: pytest.Pytester) -> None:
    _install(project)
    project.makeconftest('pytest_plugins = ["simulators.pytest_plugin"]')
    project.makepyfile(
        """
        import sys

        def test_nothing_is_imported(request):
            assert request.config.pluginmanager.has_plugin("smsgw_simulators")
            mine = {name for name in sys.modules if name.split(".")[0] in ("simulators", "smsgw")}
            assert mine == {"simulators", "simulators.pytest_plugin"}
        """
    )
    result = project.runpytest_subprocess(timeout=60)
    result.assert_outcomes(passed=1)
    header = result.stdout.str().split("collected")[0]
    assert "simul" not in header
    assert "carrier" not in header


def test_the_marker_is_explained(project: pytest.Pytester) -> None:
    _run(project, "--markers").stdout.fnmatch_lines(["@pytest.mark.carrier_sim(scenario=None, [*][*]settings): *"])


def test_loading_it_takes_no_time() -> None:
    code = (
        "import time, pytest; t = time.process_time(); import simulators.pytest_plugin; print(time.process_time() - t)"
    )
    taken = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    assert float(taken) < 0.1


def _install(project: pytest.Pytester) -> None:
    """What an installed distribution leaves behind: its entry point."""
    distribution = project.mkdir("smsgw-0.0.0.dist-info")
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: smsgw\nVersion: 0.0.0\n")
    (distribution / "entry_points.txt").write_text("[pytest11]\nsmsgw_simulators = simulators.pytest_plugin\n")
