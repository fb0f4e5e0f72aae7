"""Campaigns: their documents, and what their slots and days do to the windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from smsgw.policy.calendar import Workdays
from smsgw.policy.campaigns import Campaigns, campaign_fault
from smsgw.policy.entries import CampaignEntry
from smsgw.policy.model import Draft, Hold, MessageClass, Refusal, Rule
from smsgw.policy.profile import WindowSettings
from smsgw.policy.windows import Windows

OTP, NOTICE, MARKETING = MessageClass
At = Callable[..., int]
DOUBLE_ELEVEN = CampaignEntry(
    "d11", account="shop", slots=("11:00-12:30", "20:00-22:00"), starts="2026-11-18", ends="2026-11-20"
)


@pytest.fixture
def soft(cn_windows: WindowSettings, shanghai: ZoneInfo) -> Callable[..., Rule]:
    def make(*entries: CampaignEntry, message_class: int = MARKETING, **settings: object) -> Rule:
        windows = Windows(replace(cn_windows, **settings), shanghai, Workdays())
        campaigns = Campaigns(entries)
        rule = windows.rule("soft", message_class, lambda: campaigns)
        assert rule is not None
        return rule

    return make


@pytest.mark.parametrize(
    ("when", "opens"),
    [
        ("2026-11-17 11:30", "2026-11-18 11:00"),  # the day before it starts
        ("2026-11-18 00:00", "2026-11-18 11:00"),
        ("2026-11-18 10:59:59.999", "2026-11-18 11:00"),
        ("2026-11-18 11:00", None),
        ("2026-11-18 12:29:59.999", None),
        ("2026-11-18 12:30", "2026-11-18 20:00"),
        ("2026-11-18 20:59:59.999", None),
        ("2026-11-18 21:00", "2026-11-19 11:00"),  # the hard window is stronger than the slot
        ("2026-11-20 20:30", None),
    ],
)
def test_a_campaign_narrows_the_windows(
    soft: Callable[..., Rule], draft: Callable[..., Draft], at: At, when: str, opens: str | None
) -> None:
    outcome = soft(DOUBLE_ELEVEN, action="hold").check(draft(when=when, campaign="d11"))
    if opens is None:
        assert outcome is None
    else:
        assert isinstance(outcome, Hold)
        assert (outcome.until_ms, outcome.reason.rule_id) == (at(opens), "window.soft")


@pytest.mark.parametrize("when", ["2026-11-20 21:00", "2026-11-21 11:30", "2027-11-18 11:30"])
def test_after_its_last_slot_it_never_opens_again(
    soft: Callable[..., Rule], draft: Callable[..., Draft], when: str
) -> None:
    outcome = soft(DOUBLE_ELEVEN, action="hold").check(draft(when=when, campaign="d11"))
    assert isinstance(outcome, Refusal)
    assert outcome.detail == "never opens (again) under campaign d11"
    assert outcome.retry_after_s is None


def test_a_campaign_that_starts_in_two_years_opens_then(
    soft: Callable[..., Rule], draft: Callable[..., Draft], at: At
) -> None:
    far = CampaignEntry("far", starts="2028-11-20", slots=("10:00-11:00",))
    outcome = soft(far, action="hold").check(draft(campaign="far"))
    assert isinstance(outcome, Hold)
    assert outcome.until_ms == at("2028-11-20 10:00")


def test_a_campaign_without_slots_and_days_changes_nothing(
    soft: Callable[..., Rule], draft: Callable[..., Draft]
) -> None:
    rule = soft(CampaignEntry("always"))
    assert rule.check(draft(campaign="always")) is None
    assert isinstance(rule.check(draft(when="2026-11-21 10:30", campaign="always")), Refusal)  # a Saturday


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (CampaignEntry("other"), "campaign d11 is not registered, so nobody has said when it may be sent"),
        (CampaignEntry("d11", account="orders"), "campaign d11 belongs to another account"),
        (CampaignEntry("d11", state="ended"), "campaign d11 is ended"),
        (CampaignEntry("d11", slots=("eleven",)), "campaign d11: 'eleven' is not a time range such as 09:00-21:00"),
        (CampaignEntry("d11", starts="soon"), "campaign d11: 'soon' is not a day such as 2026-11-20"),
        (CampaignEntry.from_document({"name": "d11", "slots": [5]}), "campaign d11: '5' is not a time range"),
    ],
)
def test_a_campaign_that_nobody_may_use(
    soft: Callable[..., Rule], draft: Callable[..., Draft], entry: CampaignEntry, why: str
) -> None:
    outcome = soft(entry).check(draft(campaign="d11"))
    assert isinstance(outcome, Refusal)
    assert outcome.detail.startswith(why)


def test_notices_keep_a_campaigns_times_and_codes_do_not(
    soft: Callable[..., Rule], cn_windows: WindowSettings, shanghai: ZoneInfo, draft: Callable[..., Draft]
) -> None:
    late = draft(message_class=NOTICE, when="2026-11-21 03:00", campaign="d11")
    notice = soft(DOUBLE_ELEVEN, message_class=NOTICE)
    assert isinstance(notice.check(late), Refusal)
    assert notice.check(draft(message_class=NOTICE, when="2026-11-21 03:00")) is None
    assert Windows(cn_windows, shanghai, Workdays()).rule("soft", OTP) is None


def test_the_register_is_read_anew_for_each_message(
    cn_windows: WindowSettings, shanghai: ZoneInfo, draft: Callable[..., Draft]
) -> None:
    registers = [Campaigns(())]
    rule = Windows(cn_windows, shanghai, Workdays()).rule("soft", MARKETING, lambda: registers[-1])
    assert rule is not None
    noon = draft(when="2026-11-18 12:00", campaign="d11")
    assert isinstance(rule.check(noon), Refusal)
    registers.append(Campaigns((DOUBLE_ELEVEN,)))
    assert rule.check(noon) is None
    registers.append(Campaigns((replace(DOUBLE_ELEVEN, slots=("15:00-16:00",)),)))
    assert isinstance(rule.check(noon), Refusal)


def test_many_campaigns_are_not_kept_for_ever(soft: Callable[..., Rule], draft: Callable[..., Draft]) -> None:
    rule = soft(*(CampaignEntry(f"c{number}", slots=("10:00-11:00",)) for number in range(5000)))
    assert all(rule.check(draft(campaign=f"c{number}")) is None for number in range(5000))


def test_what_people_are_shown(soft: Callable[..., Rule], draft: Callable[..., Draft]) -> None:
    rule = soft(DOUBLE_ELEVEN)
    assert rule.looked_at(draft()) == "2026-11-18 Wed 10:30 (Asia/Shanghai); open: workdays 09:00-21:00"
    assert rule.looked_at(draft(campaign="d11")) == (
        "2026-11-18 Wed 10:30 (Asia/Shanghai); open: workdays 11:00-12:30, 20:00-21:00; "
        "campaign d11 from 2026-11-18 to 2026-11-20"
    )
    assert rule.looked_at(draft(campaign="x")).endswith("; campaign x")


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (DOUBLE_ELEVEN, None),
        (replace(DOUBLE_ELEVEN, starts="2026-11-20"), None),
        (replace(DOUBLE_ELEVEN, starts="2026-11-21"), "ends on 2026-11-20, before it starts on 2026-11-21"),
        (replace(DOUBLE_ELEVEN, slots=("11:00",)), "'11:00' is not a time range such as 09:00-21:00"),
        (replace(DOUBLE_ELEVEN, ends="20 November"), "'20 November' is not a day such as 2026-11-20"),
    ],
)
def test_what_is_wrong_with_a_document(entry: CampaignEntry, fault: str | None) -> None:
    assert campaign_fault(entry) == fault


def test_a_document_as_the_store_keeps_it() -> None:
    entry = CampaignEntry.from_document({"name": "x", "slots": ["11:00-12:00"], "later": True})
    found = Campaigns([entry]).of("x")
    assert found is not None
    assert [slot.start_min for slot in found.slots] == [660]
    assert Campaigns([entry]).of("y") is None
