"""Rule 2: what a pause of each scope stops."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smsgw.policy.entries import PauseEntry, TemplateEntry
from smsgw.policy.model import Draft, MessageClass, Outcome, Refusal
from smsgw.policy.pauses import PAUSE_SCOPES, Pauses, pause_rule, scope_fault
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import AccountPolicy, Profile
from smsgw.policy.registers import Registers
from smsgw.policy.routing import Route

NOW = 1_795_000_000_000
BOTH = Route("r", None, None, (), ("alpha", "beta"))
TEMPLATE = TemplateEntry("welcome", 3, "marketing", "你好")
PartsOf = Callable[..., Parts]


def _entry(scope: str, expires_ms: int = 0, reason: str = "complaints") -> PauseEntry:
    return PauseEntry(scope, reason, "wang", NOW, expires_ms)


@pytest.fixture
def ask(cn_profile: Profile, parts_of: PartsOf, draft: Callable[..., Draft]) -> Callable[..., Outcome]:
    account = AccountPolicy("shop", department="retail")

    def make(*entries: PauseEntry, message_class: int = MessageClass.MARKETING, **others: object) -> Outcome:
        registers = Registers()
        registers.pauses = Pauses(entries)
        rule = pause_rule(parts_of(cn_profile, account, registers=registers), message_class)
        given = {"signature": "示例商城", "template": TEMPLATE, "campaign": "d11", "route": BOTH, "at_ms": NOW}
        return rule.check(draft(message_class=message_class, **(given | others)))

    return make


@pytest.mark.parametrize(
    "scope",
    [
        "global",
        "department:retail",
        "account:shop",
        "signature:示例商城",
        "template:welcome",
        "campaign:d11",
    ],
)
@pytest.mark.parametrize("message_class", list(MessageClass))
def test_every_scope_stops_every_class(ask: Callable[..., Outcome], scope: str, message_class: int) -> None:
    outcome = ask(_entry(scope), message_class=message_class)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason.status, outcome.reason.rule, outcome.retry_after_s) == (0x450, 2, None)
    assert outcome.detail == f"{scope} is paused: complaints"


@pytest.mark.parametrize(
    "scope",
    [
        "department:logistics",
        "account:shops",
        "account:sho",
        "signature:示例会员",
        "template:welcome@3",
        "campaign:d12",
        "carrier:alpha",
        "account",
        "",
    ],
)
def test_other_scopes_stop_nothing(ask: Callable[..., Outcome], scope: str) -> None:
    assert ask(_entry(scope)) is None


def test_what_a_message_has_not_is_not_paused(ask: Callable[..., Outcome]) -> None:
    entries = [_entry(f"{what}:") for what in PAUSE_SCOPES] + [_entry("signature:None")]
    assert ask(*entries, signature=None, template=None, campaign="", route=None) is None


@pytest.mark.parametrize(("ends", "wait_s"), [(1, 1), (1000, 1), (1001, 2), (90_000, 90)])
def test_it_ends_at_its_instant(ask: Callable[..., Outcome], ends: int, wait_s: int) -> None:
    outcome = ask(_entry("account:shop", NOW + ends))
    assert isinstance(outcome, Refusal)
    assert outcome.retry_after_s == wait_s
    assert ask(_entry("account:shop", NOW + ends), at_ms=NOW + ends) is None


def test_a_message_scheduled_for_after_the_end_is_taken(ask: Callable[..., Outcome]) -> None:
    assert ask(_entry("global", NOW + 3_600_000), at_ms=NOW + 7_200_000) is None


def test_carriers_stop_a_message_only_together(ask: Callable[..., Outcome]) -> None:
    alpha, beta = _entry("carrier:alpha"), _entry("carrier:beta")
    assert ask(alpha) is None
    assert ask(beta) is None
    outcome = ask(alpha, beta)
    assert isinstance(outcome, Refusal)
    assert outcome.detail == "carrier:alpha is paused: complaints"
    assert isinstance(ask(beta, route=Route("r", None, None, (), ("beta",))), Refusal)
    assert ask(alpha, _entry("carrier:beta", NOW)) is None  # beta's has ended
    assert ask(alpha, beta, route=None) is None  # rule 13 says what is wrong there


def test_the_widest_is_named(ask: Callable[..., Outcome]) -> None:
    outcome = ask(_entry("campaign:d11"), _entry("account:shop"), _entry("department:retail"))
    assert isinstance(outcome, Refusal)
    assert outcome.detail.startswith("department:retail ")


def test_a_pause_holds_with_the_next_message(
    cn_profile: Profile, parts_of: PartsOf, draft: Callable[..., Draft]
) -> None:
    registers = Registers()
    rule = pause_rule(parts_of(cn_profile, registers=registers), MessageClass.OTP)
    message = draft(at_ms=NOW)
    assert rule.check(message) is None
    assert rule.looked_at(message) == "nothing is paused"
    registers.pauses = Pauses([_entry("global")])
    assert isinstance(rule.check(message), Refusal)
    assert rule.looked_at(message) == "paused: global"
    registers.pauses = Pauses([])
    assert rule.check(message) is None


def test_at_sending_one_carrier_is_asked_about() -> None:
    pauses = Pauses([_entry("carrier:alpha"), _entry("global", NOW)])
    assert pauses.any
    found = pauses.find("shop", "", None, "", "", "alpha", NOW)
    assert found is not None
    assert found.scope == "carrier:alpha"
    assert pauses.find("shop", "", None, "", "", "beta", NOW) is None
    assert pauses.open_carriers(("alpha", "beta"), NOW) == ("beta",)
    assert pauses.scopes == ("carrier:alpha", "global")
    assert not Pauses(()).any
    assert Pauses(()).find("shop", "", None, "", "", "alpha", NOW) is None


@pytest.mark.parametrize(
    ("scope", "is_fault"),
    [("global", False), ("account:shop", False), ("signature:示例", False), ("account:", True), ("", True),
     ("Global", True), ("colour:red", True), ("account", True), ("global:", True)],
)  # fmt: skip
def test_what_may_be_paused(scope: str, is_fault: bool) -> None:
    fault = scope_fault(scope)
    assert (fault is not None) == is_fault
    assert fault is None or "department, account, signature, template, campaign, carrier" in fault
