"""The pages for people are true: their commands run, their snippets load, their tables say what the code says."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from pydantic import BaseModel
from typer.main import get_group

from simulators.carrier.ids import IdForm
from simulators.carrier.options import parser as carrier_parser
from simulators.demo.__main__ import parser as demo_parser
from simulators.demo.texts import CLASSES_ZH, RULES_ZH
from simulators.scenario import json_schema, load_scenario
from smsgw.cli.main import app
from smsgw.config.account import AccountSettings
from smsgw.config.carrier import CarrierSettings
from smsgw.config.load import load_site
from smsgw.config.node import NodeFile
from smsgw.config.profile_tables import CapTable, ProfileFile
from smsgw.config.routes import Expected, RouteEntry, RouteTest
from smsgw.documents.problems import ConfigErrors
from smsgw.errors import RequestError
from smsgw.esme import answers
from smsgw.gateway.tags import TAG_TIER
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.reasons import REASONS
from smsgw.records.record import Step
from smsgw.route_tests import run_route_tests
from smsgw.services import (
    alarms,
    audit_report,
    blacklist,
    campaigns,
    carriers,
    channels,
    consent,
    contacts,
    dead_numbers,
    incidents,
    message_view,
    optouts,
    pauses,
    people,
    reports,
    review,
    signatures,
    templates,
    tiers,
)
from smsgw.services.desk import Desk, Person
from tests.doc_site import EXAMPLE, FENCE, PROGRAMS, ROOT, Command, World, running_world
from tests.doc_tables import RULE_PAGES, marked, rule_tables, tables

#: Those of the simulators are run section by section, in tests/e2e/test_docs_simulators.py.
SIMULATORS = sorted([ROOT / "docs" / "testers.md", *(ROOT / "docs" / "simulators").glob("*.md"),
                     *(ROOT / "simulators").rglob("README.md")])  # fmt: skip
PAGES = sorted({ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")} - {*SIMULATORS})


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(path: Path, language: str) -> list[str]:
    return [body for found, _, body in FENCE.findall(path.read_text(encoding="utf-8")) if found == language]


def _rows(text: str) -> list[list[str]]:
    """Cells of all lines of tables, without their backquotes."""
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row] for row in rows]


# -- pages


@pytest.mark.parametrize("page", [*PAGES, *SIMULATORS], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere_and_nothing_names_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []
    assert not re.search(r"/(tmp|work|home|root)/", text)


def test_links_to_headings_lead_to_one() -> None:
    for page in (*PAGES, *SIMULATORS):
        for name, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            headings = re.findall(r"^#+ (.+)$", (page.parent / name if name else page).read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


# -- tables


def test_statuses_are_those_of_the_rules() -> None:
    rows = [row for row in _rows(_text("docs/applications.md")) if len(row) == 6 and row[0].startswith("0x")]
    said = {row[2]: (int(row[0], 16), int(row[1], 16), row[3], row[4]) for row in rows}
    known = {
        rule_id: (reason.status, reason.fallback, reason.text, reason.text_zh) for rule_id, reason in REASONS.items()
    }
    assert said == known


def test_the_demonstration_says_in_chinese_what_the_gateway_says() -> None:
    assert {rule_id: reason.text_zh for rule_id, reason in REASONS.items()} == RULES_ZH
    assert tuple(CLASSES_ZH) == CLASS_LABELS


def test_vendor_tlvs() -> None:
    text = _text("docs/applications.md")
    rows = {row[0]: row[1] for row in _rows(text) if len(row) == 2}
    assert rows[f"0x{answers.TAG_RULE_ID:04X}"].startswith("rule id")
    assert rows[f"0x{answers.TAG_RETRY_AFTER_S:04X}"].startswith("retry-after")
    assert rows[f"0x{answers.TAG_REASON:04X}"].startswith("the reason")
    assert f"TLV 0x{TAG_TIER:04X} in your submit_sm" in text


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "simulators").glob("*.md")), ids=lambda page: page.name)
def test_tables_of_the_simulators_are_those_of_the_code(page: Path) -> None:
    """``python -m tests.doc_tables`` writes them anew."""
    known = tables()
    assert {name: known[name]() for name in marked(page)} == marked(page)


def test_tables_of_the_rules_are_those_of_the_code() -> None:
    """``python -m tests.doc_tables`` writes them anew."""
    said = {name: table for page in RULE_PAGES for name, table in marked(page).items()}
    assert said == {name: table() for name, table in rule_tables().items()}


def test_every_table_of_the_simulators_is_on_a_page() -> None:
    assert sorted(name for page in SIMULATORS for name in marked(page)) == sorted(tables())


def test_keys_of_scenarios_that_are_tables_have_one() -> None:
    """No table of scenario files without its keys on the page; those of expectations have a page of their own."""
    told = {call.args[0] for call in tables().values() if isinstance(call, partial)}
    made = {"Event", "Phase"}  # as functions, without the keys that they share with carriers
    elsewhere = {"Expectation", "Selection", "Rate", "Links", "Latency", "WantedReceipts"}
    same = {"Ids", "Receipts"}  # of rules: those of carriers without what all messages have in common
    assert json_schema()["$defs"].keys() - told - made - elsewhere - same == set()


def test_the_scenario_on_the_page_loads(tmp_path: Path) -> None:
    (body,) = _blocks(ROOT / "docs" / "simulators" / "scenarios.md", "toml")
    path = tmp_path / "day.toml"
    path.write_text(body, encoding="utf-8")
    scenario = load_scenario(path)
    assert [len(part) for part in (scenario.phases, scenario.events, scenario.expectations)] == [1, 2, 1]


def test_forms_of_ids_exist() -> None:
    section = _text("docs/simulators/scenarios.md").partition("| form | an id |")[2].partition("\n\n")[0]
    forms = {form for row in _rows(section) for form in re.findall(r"[\w:<>]+", row[0])} - {"same"}
    assert {IdForm(form).name for form in forms} == forms
    assert {"dec", "hex", "HEX", "text", "long", "odd", "empty"} <= forms


@pytest.mark.parametrize(
    ("page", "begin"), [("docs/compliance.md", "每一步都有记录"), ("docs/compliance.en.md", "Every step is recorded:")]
)
def test_steps_of_records(page: str, begin: str) -> None:
    paragraph = _text(page).partition(begin)[2].partition("\n\n")[0]
    said = re.findall(r"`([a-z_]+)`", paragraph)
    assert sorted(said) == sorted(step.name.lower() for step in Step)


@pytest.mark.parametrize("page", ["docs/compliance.md", "docs/compliance.en.md"])
def test_each_rule_has_a_row_that_names_settings_that_exist(page: str) -> None:
    lines = [line for line in _text(page).splitlines() if re.match(r"\| \d+ \| [^`]+ \| [^`]+ \| .*\|$", line)]
    assert [int(line.split("|")[1]) for line in lines] == list(range(1, 20))
    models = (ProfileFile, CapTable, AccountSettings, CarrierSettings, NodeFile)
    known = set().union(*(_keys(model) for model in models), get_group(app).commands, {"routes.toml"})
    told = {word.strip("[]") for line in lines for word in re.findall(r"`([^`]+)`", line)}
    assert told - known == set()


_TASKS: tuple[Callable[[Desk], Awaitable[object]], ...] = (
    lambda desk: pauses.pause(desk, "global", why="asked"),
    lambda desk: optouts.add(desk, "13800138000", "asked"),
    lambda desk: consent.add(desk, "13800138000", "form", "v1", "asked"),
    lambda desk: blacklist.complain(desk, "13800138000", "asked"),
    lambda desk: blacklist.add(desk, "13800138000", "asked"),
    lambda desk: blacklist.remove(desk, "13800138000", "asked"),
    lambda desk: dead_numbers.add(desk, "13800138000", "asked"),
    lambda desk: tiers.set_tier(desk, "13800138000", "loyal", "asked"),
    lambda desk: review.list_(desk),
    lambda desk: review.reveal(desk, "00", "asked"),
    lambda desk: message_view.reveal(desk, MagicMock(), "00", "asked"),
    lambda desk: carriers.suspend(desk, "alpha", why="asked"),
    lambda desk: alarms.silence(desk, kind="queue", only={}, until="2h", why="asked"),
    lambda desk: reports.monthly(desk, MagicMock()),
    lambda desk: audit_report.audit_report(desk, MagicMock()),
    lambda desk: incidents.incident(desk, MagicMock(), scope="account:shop", since="2026-11-18", why="asked"),
    lambda desk: people.list_(desk, {}, MagicMock()),
    lambda desk: people.end_sessions(desk, {}, MagicMock(), "li", "all", "asked"),
    lambda desk: signatures.add(desk, "shop", "示例", owner="o", proof="p", why="asked"),
    lambda desk: contacts.add(desk, "shop", "phone", "4008001234", why="asked"),
    lambda desk: templates.add(desk, "t", text="text", message_class="notice", why="asked"),
    lambda desk: campaigns.add(desk, "c", why="asked"),
    lambda desk: channels.add(desk, "account:shop", licence="1", licence_expires="2027-06-30", why="asked"),
)
"""One for each row of the pages' table of roles, but the last, which is for everybody."""


@pytest.mark.parametrize("page", ["docs/compliance.md", "docs/compliance.en.md"])
async def test_who_may_do_what_is_what_services_ask(page: str) -> None:
    section = re.split(r"^## (?:谁可以办什么|Who may do what)$", _text(page), flags=re.MULTILINE)[1]
    said = [re.findall("[a-z]+", row[1]) for row in _rows(section.partition("<!--")[0])[2:-1]]
    desk = Desk(load_site(EXAMPLE), MagicMock(), Person("nobody", frozenset()), lambda: 0)
    asked = []
    for task in _TASKS:
        with pytest.raises(RequestError, match=r"nobody needs (one of )?the roles? ") as refused:
            await task(desk)
        asked.append(re.split(" roles? ", str(refused.value))[1].split(", "))
    assert list(map(sorted, said)) == list(map(sorted, asked))


def test_both_languages_of_compliance_say_the_same() -> None:
    """The same parts with as many commands, and the same commands but for names and reasons."""
    pages = [_text(name) for name in ("docs/compliance.md", "docs/compliance.en.md")]
    shapes = []
    for text in pages:
        parts = re.split(r"^##+ .+$", text, flags=re.MULTILINE)
        shapes.append([[" ".join(line.split()[:2]) for _, _, body in FENCE.findall(part) for line in body.splitlines()
                        if line.startswith("bin/")] for part in parts])  # fmt: skip
    assert shapes[0] == shapes[1]


def _keys(model: type[BaseModel]) -> set[str]:
    """The keys of a file, and of the tables in it."""
    found = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        annotation = field.annotation
        for inner in (annotation, *getattr(annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found |= _keys(inner)
    return found


@pytest.mark.parametrize(
    ("section", "models"),
    [
        ("smsgw.toml", (NodeFile,)),
        ("accounts/*.toml", (AccountSettings,)),
        ("carriers/*.toml", (CarrierSettings,)),
        ("profiles/*.toml and calendar/*.toml", (ProfileFile, CapTable)),
    ],
)
def test_every_key_of_a_site_is_told(section: str, models: tuple[type[BaseModel], ...]) -> None:
    text = _text("docs/engineers.md").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    text = text[text.index("| key |") :].partition("\n\n")[0]
    keys = set().union(*(_keys(model) for model in models))
    missing = {key for key in keys if f"`{key}`" not in text and f"[{key}" not in text and f".{key}]" not in text}
    assert missing == set()
    first_cells = " ".join(row[0] for row in _rows(text))
    unknown = {key for key in re.findall(r"[a-z_]{3,}", first_cells) if key not in keys | {"key"}}
    assert unknown == set()


def test_keys_of_routes_are_told() -> None:
    text = _text("docs/routes.md")
    keys = {*_keys(RouteEntry), *_keys(RouteTest), *_keys(Expected)}
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_metrics_exist() -> None:
    source = "".join((ROOT / "smsgw" / name).read_text() for name in ("telemetry/counters.py", "telemetry/metrics.py",
                                                                      "status.py"))  # fmt: skip
    said = re.findall(r"`(smsgw_\w+)`", _text("docs/engineers.md"))
    assert said
    assert [name for name in said if f'"{name.removesuffix("_total")}"' not in source] == []


# -- snippets of sites


def _snippets() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for body in _blocks(page, "toml"):
            head = body.partition("\n")[0]
            assert head.startswith("# "), f"{page.name}: a TOML snippet begins with the name of its file: {head}"
            found.append((head.removeprefix("# "), body))
    return found


@pytest.mark.parametrize(("head", "body"), _snippets(), ids=lambda value: value.partition("\n")[0])
def test_snippets_load_in_the_example_site(tmp_path: Path, head: str, body: str) -> None:
    tomllib.loads(body)
    site = tmp_path / "site"
    shutil.copytree(EXAMPLE, site, ignore=shutil.ignore_patterns("state"))
    name, _, is_added = head.partition(", ")
    before = (site / name).read_text(encoding="utf-8") if is_added else ""
    (site / name).write_text(before + "\n" + body, encoding="utf-8")
    if not is_added.endswith("refused"):
        assert run_route_tests(load_site(site)) == []
        return
    with pytest.raises(ConfigErrors) as caught:
        load_site(site)
    error = str(caught.value).replace(str(site), "mysite").replace(": ", ": error: ", 1)
    assert any(error in _text(str(page)) for page in PAGES), error


# -- commands


def _commands() -> list[Command]:
    return [Command(page, line) for page in PAGES for body in _blocks(page, "sh") for line in body.splitlines()]


def test_commands_that_stay_have_options_that_exist() -> None:
    staying = [command.words[:-1] for command in _commands() if command.words[-1] == "&"]
    assert staying
    for program, *arguments in staying:
        assert program in PROGRAMS
        if program.endswith("carrier-sim"):
            carrier_parser().parse_args(arguments)


def test_commands_that_set_up_exist() -> None:
    for command in _commands():
        if command.words[0] in ("bin/demo", "bin/test", "bin/check", "bin/chaos"):
            assert os.access(ROOT / command.words[0], os.X_OK)
        if command.words[0] == "bin/demo":
            demo_parser().parse_args(command.words[1:])
        for word in command.words:
            if word.startswith("tests/"):
                assert (ROOT / word).exists(), word


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("docs"), _commands()) as running:
        yield running


def _runnable() -> list[Command]:
    """Those that end by themselves, each once."""
    each = {command.line: command for command in _commands()}
    skipped = ("bin/demo", "bin/test", "bin/check", ".venv/bin/python", "export")
    return [command for command in each.values() if command.words[-1] != "&" and command.words[0] not in skipped]


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("command", _runnable(), ids=lambda command: command.line[:60])
def test_commands_run(world: World, command: Command) -> None:
    if command.words[0] == "curl" and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    exit_status, output = world.run(command)
    assert exit_status == command.exit_status, output
    assert "Traceback" not in output
