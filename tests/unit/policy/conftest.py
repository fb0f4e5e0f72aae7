"""A profile as the example site has it, and helpers to write dates and drafts short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from smsgw.policy.calendar import Workdays
from smsgw.policy.model import Draft, MessageClass
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import (
    AccountPolicy,
    Cap,
    CarrierPolicy,
    HardWindow,
    MoRule,
    Profile,
    SignatureRule,
    SoftWindow,
    TimeRange,
    UnsubscribeRule,
    WindowSettings,
)
from smsgw.policy.registers import Registers
from smsgw.policy.windows import Windows
from tests.compiled import WAYS, as_python

SHANGHAI = ZoneInfo("Asia/Shanghai")
MARKETING = frozenset((MessageClass.MARKETING,))
OTP = frozenset((MessageClass.OTP,))


_OF_TEXTS = ("classify", "contacts", "corpora", "pipeline", "placeholders", "templates", "text", "unsubscribe", "words")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What looks at texts is tested compiled, where it is, and as Python."""
    if metafunc.module.__name__.endswith(tuple(f"test_{name}" for name in _OF_TEXTS)):
        metafunc.fixturenames.append("way")
        metafunc.parametrize("way", WAYS, indirect=True)


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "compiled":
        yield
        return
    with as_python():
        yield


@pytest.fixture(scope="session")
def shanghai() -> ZoneInfo:
    return SHANGHAI


@pytest.fixture(scope="session")
def at() -> Callable[..., int]:
    """``at("2026-11-18 10:30")`` in ms, on Shanghai's wall clock or another's."""

    def instant(text: str, zone: ZoneInfo = SHANGHAI) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)

    return instant


@pytest.fixture(scope="session")
def cn_windows() -> WindowSettings:
    return WindowSettings(
        action="reject",
        hard=HardWindow(MARKETING, (TimeRange.parse("21:00-08:00"),)),
        soft=SoftWindow(MARKETING, "workdays", (TimeRange.parse("09:00-21:00"),)),
    )


@pytest.fixture(scope="session")
def cn_profile(cn_windows: WindowSettings) -> Profile:
    return Profile(
        name="cn",
        zone=SHANGHAI,
        country="86",
        signature=SignatureRule(),
        unsubscribe=UnsubscribeRule(required_for=MARKETING, phrases=("拒收请回复R", "回T退订", "回TD退订")),
        mo=MoRule(
            stop_words=("R", "T", "TD", "N", "退订", "拒收", "取消", "0000", "00000", "STOP"),
            start_words=("START", "订阅"),
            complaint_words=("投诉", "举报"),
            help_words=("HELP", "帮助"),
        ),
        window=cn_windows,
        caps=(
            Cap("otp_minute", OTP, "signature", 1, "minute"),
            Cap("otp_day", OTP, "company", 40, "day"),
            Cap("promo_day", MARKETING, "account", 1, "day", tiers={"loyal": 2}, ceiling=2),
            Cap("promo_week", MARKETING, "account", 3, 7 * 86_400_000, "rolling", tiers={"loyal": 9}, ceiling=5),
        ),
        test_numbers=frozenset(("8613800138000",)),
    )


@pytest.fixture(scope="session")
def draft(at: Callable[..., int]) -> Callable[..., Draft]:
    """A marketing draft of account ``shop`` on a Wednesday morning, unless said otherwise."""

    def make(
        text: str = "【示例商城】新品上市，回T退订",
        message_class: int = MessageClass.MARKETING,
        when: str = "2026-11-18 10:30",
        **others: object,
    ) -> Draft:
        made = Draft("shop", message_class, "10690001", "8613912345678", text, 1, at(when))
        for name, value in others.items():
            setattr(made, name, value)
        if made.route is not None:
            made.carriers = made.route.carriers
        return made

    return make


@pytest.fixture(scope="session")
def parts_of() -> Callable[..., Parts]:
    """What a rule is compiled from: of a profile, by default for account ``shop`` with empty registers."""

    def make(
        profile: Profile,
        account: AccountPolicy | None = None,
        carriers: Mapping[str, CarrierPolicy] | None = None,
        registers: Registers | None = None,
        approval_required: bool = False,
    ) -> Parts:
        account = account or AccountPolicy("shop", signatures=frozenset(("示例商城",)))
        windows = Windows(profile.window, profile.zone, Workdays(), account.slots)
        return Parts(profile, account, carriers or {}, windows, registers or Registers(), approval_required)

    return make
