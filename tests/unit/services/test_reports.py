"""The monthly report against what was put into the archive, counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from smsgw.config.reports import ReportSettings
from smsgw.config.site import Site
from smsgw.errors import RequestError
from smsgw.records.archive import raw
from smsgw.records.history import Embedded
from smsgw.records.record import NO_CLASS, Row, Step
from smsgw.reports.monthly import Counts, Monthly, Template
from smsgw.services import reports
from smsgw.services.asking import Source
from smsgw.services.desk import Desk
from tests.unit.records.archive.world import KEYS, KNOWLEDGE, World, life

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


OCTOBER = at("2026-10-01T00:00+08:00")
NOVEMBER = at("2026-11-01T00:00+08:00")


def other(step: Step, at_ms: int, account: str, rule: str = "", message_class: int = NO_CLASS) -> Row:
    return (at_ms, step, "", account, "alpha", message_class, "", "", 0, 1 if rule else 0, rule, "", 0)


def click(at_ms: int, template: str, campaign: str) -> Row:
    """Somebody followed a link of the shop's marketing."""
    return (at_ms, Step.CLICKED, "", "shop", "", 2, "", "", 0, 0, "", "示例", 0, template, campaign, "8fQ2mXkB")


def refused_with_its_text(at_ms: int, account: str, rule: str) -> Row:
    """A verification code of a template that a rule refused."""
    sealed = life(99, at_ms, account=account)[0][-1]
    return (at_ms, Step.REFUSED, "", account, "", 0, "", "", 0, 1, rule, "", 0, sealed)


def codes(number: int, at_ms: int, receipt_ms: int) -> list[Row]:
    """A verification code of the account ``login``."""
    rows = life(number, at_ms, account="login", receipt_ms=receipt_ms)
    return [(*row[:5], 0 if row[5] == 2 else row[5], *row[6:]) for row in rows]  # type: ignore[misc]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """October: the shop of retail has ten marketing messages of which eight arrive, login of security four codes of
    which three come within 30 s; in September the shop had two, of which one arrived. Links of the shop were followed
    four times in what arrived, once in what had not, and twice in September."""
    knowledge = replace(KNOWLEDGE, departments={"shop": "retail", "login": "security"})
    found = World(tmp_path_factory.mktemp("reports") / "records", at("2026-11-18T10:30+08:00"), knowledge=knowledge)
    first, last = OCTOBER, NOVEMBER - 60_000
    rows: list[Row] = []
    for number in range(10):
        rows += life(number, first if number < 6 else last, err="000" if number < 8 else "MBBLACK")
    for number, receipt_ms in enumerate((3000, 3000, 29_000, 31_000), 20):
        rows += codes(number, first + 3_600_000, receipt_ms)
    for number, err in ((50, "000"), (51, "MBBLACK")):
        rows += life(number, OCTOBER - 60_000, err=err)
    rows += life(60, NOVEMBER)
    rows += [other(Step.OPTOUT, first + 1, "shop"), other(Step.COMPLAINED, first + 2, "shop")]
    for rule, count in (("optout", 2), ("words.national", 1), ("quota", 3)):
        rows += [other(Step.REFUSED, first + 3, "shop", rule, 2)] * count
    rows += [refused_with_its_text(first + 4, "login", "frequency"), other(Step.MO, first + 5, "")]
    rows += [click(first + 6, "sale@1", "spring")] * 4 + [click(last, "", "autumn")]
    rows += [click(OCTOBER - 50_000, "sale@1", "spring")] * 2
    found.write(sorted(rows, key=lambda row: row[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "LOCK_KEPT_S", 0.0)
        found.round()
    return found


@pytest.fixture
def small_site(site: Site, tmp_path: Path) -> Site:
    return replace(site, directory=tmp_path / "示例")


def made(
    world: World, site: Site, month: str = "2026-10", department: str = "", accounts: tuple[str, ...] | None = None
) -> Monthly:
    chosen = reports.month_of(SHANGHAI, month)
    before = reports.month_before(SHANGHAI, chosen)
    asked = reports.asked_of_month(chosen, department, accounts)
    earlier = reports.asked_of_month(before, department, accounts)
    found = reports.month_figures(Source(world.directory, Embedded(world.directory), KEYS, KNOWLEDGE), asked, earlier)
    return reports.monthly_of(site, SHANGHAI, found, chosen, before, department, world.now_ms)


def test_every_number_is_what_was_put_in(world: World, small_site: Site) -> None:
    found = made(world, small_site)
    assert (found.organisation, found.month, found.month_before, found.over) == ("示例", "2026-10", "2026-09", True)
    retail, security = found.departments
    assert (retail.name, security.name) == ("retail", "security")
    assert retail.counts == Counts(
        accepted=10, refused=6, violations=3, sent_segments=10, delivered=8, failed=2, delivered_marketing=8,
        unsubscribed=1, complained=1, clicked=5, delivered_clickable=8, cost=pytest.approx(0.3),
    )  # fmt: skip
    assert retail.rates.by_name() == {
        "delivery": 0.8, "unsubscribes": 1 / 8, "complaints": 1 / 8, "violations": 3 / 16, "codes": None,
        "clicks": 5 / 8,
    }  # fmt: skip
    assert security.counts == Counts(
        accepted=4, refused=1, violations=1, sent_segments=4, delivered=4, delivered_codes=4, codes_within_30_s=3,
        cost=pytest.approx(0.12),
    )  # fmt: skip
    assert security.rates.codes == 0.75
    assert security.rates.clicks is None
    assert retail.before == Counts(
        accepted=2, sent_segments=2, delivered=1, failed=1, delivered_marketing=1, clicked=2, delivered_clickable=1,
        cost=pytest.approx(0.06),
    )  # fmt: skip
    assert retail.rates_before.clicks == 2
    assert found.total.counts.accepted == 14
    assert found.total.rates.clicks == 5 / 8
    assert found.total.counts.cost == pytest.approx(0.42)
    assert found.total.before == retail.before
    refused = [(each.rule, each.rule_id, each.count, each.violation) for each in retail.refused_by]
    assert refused == [(18, "quota", 3, False), (14, "optout", 2, True), (7, "words.national", 1, True)]
    assert retail.templates == (Template("sale@1", 10, 8, 0.8, 4, 0.5),)


def test_the_score_is_that_of_the_rates(world: World, small_site: Site) -> None:
    retail, security = made(world, small_site).departments
    # delivery 0 of 30 (80 % is no marks), unsubscribes, complaints and violations far beyond: 0
    assert retail.score.score == 0
    assert {each.name: each.points for each in retail.score.parts} == {
        "delivery": 0, "codes": None, "unsubscribes": 0, "complaints": 0, "violations": 0,
    }  # fmt: skip
    # delivery 30 of 30, codes 0 of 20, complaints 15 of 15, violations (1 of 5) 0 of 20; no marketing: 45 of 85
    assert security.score.score == pytest.approx(52.9)


def test_days_are_the_site_s(world: World, small_site: Site) -> None:
    found = made(world, small_site)
    assert len(found.days) == 31
    assert {each.day: (each.accepted, each.delivered) for each in found.days if each.accepted} == {
        "2026-10-01": (10, 10),
        "2026-10-31": (4, 2),
    }


def test_of_one_department_or_some_accounts(world: World, small_site: Site) -> None:
    for found in (made(world, small_site, department="retail"), made(world, small_site, accounts=("shop",))):
        assert [each.name for each in found.departments] == ["retail"]
        assert found.total.counts.accepted == 10
        assert sum(each.accepted for each in found.days) == 10


def test_what_counts_as_a_violation_and_how_much_is_the_site_s(world: World, small_site: Site) -> None:
    settings = ReportSettings.model_validate({"violations": ["quota"], "templates": 0, "organisation": "Example Ltd"})
    site = replace(small_site, file=small_site.file.model_copy(update={"reports": settings}))
    found = made(world, site)
    assert found.organisation == "Example Ltd"
    assert found.departments[0].counts.violations == 3
    assert found.departments[0].templates == ()


def test_a_month_that_runs_and_one_of_nothing(world: World, small_site: Site) -> None:
    running = made(world, small_site, "2026-11")
    assert not running.over
    assert running.total.counts.accepted == 1
    empty = made(world, small_site, "2025-02")
    assert empty.departments == ()
    assert len(empty.days) == 28
    assert empty.total.score.score is None


@pytest.mark.parametrize(
    ("name", "days", "before"), [("2026-01", 31, "2025-12"), ("2024-02", 29, "2024-01"), ("2026-12", 31, "2026-11")]
)
def test_months(name: str, days: int, before: str) -> None:
    month = reports.month_of(SHANGHAI, name)
    assert month.until_ms - month.since_ms == days * 86_400_000
    assert reports.month_before(SHANGHAI, month).name == before
    assert reports.month_before(SHANGHAI, month).until_ms == month.since_ms


@pytest.mark.parametrize("name", ["", "2026-13", "2026-1", "1999-01", "2026-10-01", "October", "２０２６-10"])
def test_no_month(name: str) -> None:
    with pytest.raises(RequestError, match="is not a month such as 2026-10"):
        reports.month_of(SHANGHAI, name)


async def test_who_may_ask_for_what(desk_of: Callable[..., Desk], desk: Desk) -> None:
    async def answer(*_: object) -> reports.MonthFigures:
        return reports.MonthFigures([], [], [])

    class Nothing:
        ask = staticmethod(answer)

    asking: object = Nothing()
    for name, why in (("2027-01", "has not begun"), ("2026-1", "is not a month")):
        with pytest.raises(RequestError, match=why):
            await reports.monthly(desk, asking, month=name)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="there is no department 'retial'; did you mean 'retail'"):
        await reports.monthly(desk, asking, department="retial")  # type: ignore[arg-type]
    assert (await reports.monthly(desk, asking)).month == "2026-10"  # type: ignore[arg-type]
    for role in ("engineer", "legal", "technical"):
        with pytest.raises(RequestError, match="needs one of the roles management"):
            await reports.monthly(desk_of("x", role), asking)  # type: ignore[arg-type]


def test_settings_that_make_no_sense() -> None:
    for given, why in (
        ({"violations": ["optuot"]}, "did you mean 'optout'"),
        ({"score": {"delivery": {"weight": 1, "full": 0.5, "zero": 0.5}}}, "different rates"),
        ({"score": {name: {"weight": 0, "full": 1, "zero": 0} for name in
                    ("delivery", "codes", "unsubscribes", "complaints", "violations")}}, "at least one part"),
        ({"score": {"delivery": {"weight": 1, "full": 98, "zero": 0}}}, "less than or equal to 1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=why):
            ReportSettings.model_validate(given)
