"""The tests that stand beside the routes: each says what a message must come to, and is asked of the compiled rules.

Run by ``smsgw check``, ``smsgw route test`` and before each apply. Judges by the files alone: what staff register
(signatures, templates, words, pauses) is not known here, so a test that needs one says it (``signature``,
``template``). A test that expects a route doesn't mind whether the hour is open; one that expects a refusal asks every
rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from smsgw.config.routes import RouteTest
from smsgw.config.site import Site
from smsgw.config.site_routes import PlacedTest
from smsgw.errors import ConfigError
from smsgw.policy.entries import TemplateEntry
from smsgw.policy.model import CLASS_LABELS, Draft, Refusal
from smsgw.policy.number_plan import OTHER
from smsgw.policy.numbers import mask, to_e164
from smsgw.policy.pipeline import Rules, compile_rules
from smsgw.policy.reasons import NUMBER_INVALID, ROUTE_NONE
from smsgw.policy.registers import Registers
from smsgw.policy.route import ANY_DAY, ANY_MINUTE, Route
from smsgw.smpp.alphabet import choose_coding
from smsgw.smpp.segments import count_segments

#: What a test without ``at`` is judged at: a Wednesday at ten in China. A test on a route with hours must say a time.
_SOME_TIME: Final = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)


@dataclass(slots=True)
class Outcome:
    """What a message comes to. ``refusal``: a reason's id, empty for none. ``faults``: what the test wanted instead."""

    route: Route | None
    carriers: tuple[str, ...]
    network: str
    province: str
    refusal: str
    detail: str = ""
    faults: list[str] = field(default_factory=list)


def run_route_tests(site: Site) -> list[ConfigError]:
    """What the tests of a site complain of, with the lines where they stand; empty: all pass."""
    problems = []
    for placed, outcome in route_outcomes(site):
        for fault in outcome.faults:
            name = f"test {placed.test.name!r}: " if placed.test.name else ""
            key = f"test[{placed.number}].expect"
            problems.append(ConfigError(site.site_routes.file, placed.expect_line, key, name + fault))
    return problems


def route_outcomes(site: Site) -> Iterator[tuple[PlacedTest, Outcome]]:
    """Each test of a site and what came of it."""
    compiled: dict[str, Rules] = {}
    for placed in site.site_routes.tests:
        account = placed.test.account
        if account not in compiled:
            compiled[account] = _rules(site, account)
        outcome = _ask(site, compiled[account], placed.test)
        if not outcome.faults:
            outcome.faults.extend(_faults(site, placed.test, outcome))
        yield placed, outcome


def _timed_before(site: Site, draft: Draft) -> Route | None:
    """A route with days or hours that would take the message at another time."""
    department = site.accounts[draft.account].department
    for route in site.routes.routes:
        timed = route.days != ANY_DAY or route.minutes != ANY_MINUTE
        if timed and route.fits(draft, department, (ANY_DAY, ANY_MINUTE)):
            return route
        if route is draft.route:
            break
    return None


def _rules(site: Site, account: str) -> Rules:
    settings = site.accounts[account]
    carriers = {name: carrier.policy() for name, carrier in site.carriers.items()}
    profile = site.profile_of(settings)
    return compile_rules(profile, settings.policy(), site.routes, carriers, site.workdays, registers=Registers())


def _ask(site: Site, rules: Rules, test: RouteTest) -> Outcome:
    recipient = to_e164(test.recipient, rules.profile.country)
    if recipient is None:
        return Outcome(None, (), "", "", NUMBER_INVALID.rule_id, f"{mask(test.recipient)} is no valid number")
    draft = draft_of(site, rules, test, recipient)
    refusal = ""
    detail = ""
    if test.expect.refusal not in (None, ROUTE_NONE.rule_id):
        said = rules(draft)
        if isinstance(said, Refusal):
            refusal, detail = said.reason.rule_id, said.detail
    elif draft.route is None:
        refusal = ROUTE_NONE.rule_id
    outcome = Outcome(draft.route, draft.carriers, draft.network, draft.province, refusal, detail)
    timed = _timed_before(site, draft) if test.at is None else None
    if timed is not None:
        fault = f"needs a time, such as at = 2026-11-18T10:00:00+08:00: {_place(site, timed)} has days or hours"
        outcome.faults.append(fault)
    return outcome


def draft_of(site: Site, rules: Rules, test: RouteTest, recipient: str) -> Draft:
    """The message of a test as the rules see it, with its route."""
    declared = test.message_class if test.message_class is not None else site.accounts[test.account].message_class
    at = test.at if test.at is not None else _SOME_TIME
    segments = test.segments or count_segments(test.text, choose_coding(test.text)) or 1
    draft = Draft(test.account, declared, "", recipient, test.text, segments, int(at.timestamp() * 1000))
    if test.text:
        rules.prepare(draft)
    if test.signature is not None or test.template is not None or not test.text:
        draft.signature = test.signature if test.signature is not None else draft.signature
        if test.template is not None:
            draft.template = TemplateEntry(test.template, 1, CLASS_LABELS[draft.message_class], "")
        draft.route = None
        rules.route(draft)
    return draft


def _faults(site: Site, test: RouteTest, outcome: Outcome) -> Iterator[str]:
    expect = test.expect
    found = _place(site, outcome.route) if outcome.route is not None else f"no route ({outcome.refusal})"
    if expect.refusal is not None:
        if outcome.refusal != expect.refusal:
            why = f" ({outcome.detail})" if outcome.detail else ""
            yield f"expected refusal {expect.refusal}, found {outcome.refusal + why if outcome.refusal else found}"
        return
    route = outcome.route
    if expect.route is not None and (route is None or route.name != expect.route):
        yield f"expected route {expect.route!r}, found {found}"
    elif route is None and (expect.carrier is not None or expect.carriers is not None):
        yield f"expected a carrier, found {found}"
    elif route is not None:
        yield from _carrier_faults(test, outcome, route)
    for what, wanted, known in (
        ("network", expect.network, outcome.network),
        ("province", expect.province, outcome.province),
    ):
        if wanted is not None and wanted != known:
            yield f"expected {what} {wanted or OTHER}, found {known or OTHER}"


def _carrier_faults(test: RouteTest, outcome: Outcome, route: Route) -> Iterator[str]:
    """Those that share by weight count in any order: which of them a number gets is not what a test is about."""
    expect, carriers = test.expect, outcome.carriers
    shares = set(carriers[: len(route.weights)]) if route.weights else set(carriers[:1])
    if expect.carrier is not None and expect.carrier not in shares:
        yield f"expected carrier {expect.carrier!r}, found {' or '.join(sorted(shares))}"
    if expect.carriers is None:
        return
    wanted = expect.carriers
    same = wanted == carriers
    if route.weights:
        count = sum(1 for name in carriers if name in route.carriers[: len(route.weights)])
        same = set(wanted[:count]) == set(carriers[:count]) and wanted[count:] == carriers[count:]
    if not same:
        yield f"expected carriers {', '.join(wanted)}, found {', '.join(carriers)}"


def _place(site: Site, route: Route) -> str:
    lines: Mapping[str, int] = dict(
        zip((each.name for each in site.routes.routes), site.site_routes.lines, strict=True)
    )
    return f"route {route.name!r} (line {lines.get(route.name, 0)})"
