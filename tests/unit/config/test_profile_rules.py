"""What a profile says of every rule, what it may not leave undecided, and what it says in the wrong place."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest

from smsgw.policy.model import ALL_CLASSES, Draft, MessageClass
from smsgw.policy.profile import (
    ClassRule,
    ConsentRule,
    ContactsRule,
    LengthRule,
    ListRule,
    MoRule,
    SameContentRule,
    ServicePhoneRule,
    SourceRule,
    TemplateRule,
    WordsRule,
)
from smsgw.policy.windows import Windows

from .conftest import SiteCopy

OTP, NOTICE, MARKETING = MessageClass
CN, US = "profiles/cn.toml", "profiles/us.toml"


def _without_table(site: SiteCopy, file: str, table: str) -> None:
    path = site.directory / file
    text = path.read_text(encoding="utf-8")
    cut = re.sub(rf"(?ms)^\[{re.escape(table)}\].*?(?=^\[)", "", text, count=1)
    assert cut != text
    path.write_text(cut, encoding="utf-8")


# -- what has no default

UNDECIDED = [
    ("mo", "mo", 'which answers opt out: write [mo] with stop_words = ["R", "TD", "退订"]'),
    (
        "template",
        "template",
        'which classes may only send approved templates: write required_for = ["marketing"], or [] for none',
    ),
    ("length", "length", 'how long a marketing text may be: write marketing = 500 (characters), or marketing = "none"'),
    (
        "window.hard",
        "window.hard",
        'when marketing may never be sent: write classes = ["marketing"] and closed = ["21:00-08:00"]',
    ),
    (
        "consent",
        "consent",
        'which classes need the recipient\'s consent: write required_for = ["marketing"], or [] for none',
    ),
]


@pytest.mark.parametrize(("table", "key", "what"), UNDECIDED, ids=[each[0] for each in UNDECIDED])
def test_a_table_that_the_company_must_decide(site: SiteCopy, table: str, key: str, what: str) -> None:
    _without_table(site, CN, table)
    (error,) = site.errors()
    place, _, why = error.partition(f": {key}: ")
    assert place.startswith(CN)
    assert why.startswith("is missing; the company has to decide ")
    assert why.endswith(what.partition(": write ")[2])


@pytest.mark.parametrize(
    ("line", "key", "table"),
    [
        ('required_for = ["marketing"]\nphrases', "unsubscribe.required_for", "[unsubscribe]  "),
        (
            'required_for = []                        # ["marketing"], once the templates',
            "template.required_for",
            "[template]",
        ),
        (
            'required_for = []                        # ["marketing"], once consents',
            "consent.required_for",
            "[consent]  ",
        ),
        ("marketing = 500", "length.marketing", "[length]  "),
        ("stop_words = ", "mo.stop_words", "[mo]\n"),
    ],
)
def test_a_key_that_the_company_must_decide(site: SiteCopy, line: str, key: str, table: str) -> None:
    site.edit(CN, line, f"# {line}".replace("\nphrases", "\nphrases"))
    (error,) = site.errors()
    assert error.startswith(f"{CN}:{site.line_of(CN, table)}: {key}: is missing; the company has to decide ")
    assert "write " in error


def test_a_decision_may_be_for_none(site: SiteCopy) -> None:
    site.edit(CN, "marketing = 500", 'marketing = "none"')
    profile = site.load().profiles["cn"]
    assert profile.length == LengthRule((None, 1000, None))
    assert profile.consent == ConsentRule(frozenset())
    assert site.warnings() == []


def test_nobody_has_decided_on_approvals(site: SiteCopy) -> None:
    assert not site.load().channels.approval_required
    site.edit("smsgw.toml", 'approval = "none" ', "")
    (warning,) = site.warnings()
    assert warning.startswith(f"smsgw.toml:{site.line_of('smsgw.toml', '[channels]')}: channels.approval: nobody has")
    assert 'write approval = "required" or "none"' in warning
    site.edit("smsgw.toml", "[channels] ", '[channels]\napproval = "required" ')
    assert site.load().channels.approval_required


# -- what may be wrong


@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        (
            CN,
            "[unsubscribe] ",
            '[unsubscribe]\nstop_words = ["TD"]\n#',
            "unsubscribe.stop_words: has moved: write it as stop_words of [mo]",
        ),
        (
            CN,
            "[unsubscribe] ",
            "[unsubscribe]\nstart_words = []\n#",
            "unsubscribe.start_words: has moved: write it as start_words of [mo]",
        ),
        (
            CN,
            "[unsubscribe] ",
            '[unsubscribe]\nconfirmation = ""\n#',
            "unsubscribe.confirmation: has moved: write it as stop_text of [mo]",
        ),
        (
            CN,
            'complaint_words = ["投诉"',
            'complaint_words = ["退 订"',
            "mo.complaint_words[1]: '退 订' is in stop_words too",
        ),
        (
            CN,
            "help_words = []",
            'help_words = ["？", "帮助"]',
            "mo.help_words[1]: '？' has nothing that could be compared",
        ),
        (
            CN,
            "marketing = 500",
            "marketing = 0",
            'length.marketing: expected the most characters of a text, or "none", found 0',
        ),
        (
            CN,
            "marketing = 500",
            "marketing = true",
            'length.marketing: expected the most characters of a text, or "none", found True',
        ),
        (
            CN,
            "notice = 1000",
            'notice = "long"',
            "length.notice: expected the most characters of a text, or \"none\", found 'long'",
        ),
        (CN, 'zone = "profile"', 'zone = "sender"', "window.zone: expected 'profile' or 'recipient', found 'sender'"),
        (
            CN,
            "promotional_hits = 2",
            "promotional_hits = 99",
            "class.promotional_hits: is more than there are promotional_words (20): nothing would ever be found",
        ),
        (CN, "promotional_hits = 2", "promotional_hits = 0", "class.promotional_hits: expected at least 1, found 0"),
        (CN, '"动态码"', '" "', "class.code_words[4]: ' ' has nothing that could be compared"),
        (CN, "threshold = 3", "threshold = 0", "dead_number.threshold: expected at least 1, found 0"),
        (
            CN,
            'within = "30d"',
            "within = 30",
            'blacklist.within: expected a duration with its unit, such as "300ms", "30s", "5m" or "72h", found 30',
        ),
        (
            CN,
            'checked_for = ["otp", "notice", "marketing"]',
            'checked_for = ["all"]',
            "words.checked_for: expected otp, notice or marketing, found 'all'",
        ),
        (
            CN,
            'period = "12h"',
            'period = "day"',
            'same_content.period: expected a duration with its unit, such as "300ms", "30s", "5m" or "72h", '
            "found 'day'",
        ),
        (
            CN,
            'scope = "company"',
            'scope = "campaign"',
            "cap[4].scope: expected 'company', 'account', 'signature', 'template' or 'segment', found 'campaign'; "
            "did you mean 'company'?",
        ),
        (
            CN,
            "registered_only = false",
            "registered = 1",
            "source.registered: unknown key; did you mean 'registered_only'? valid: registered_only",
        ),
        (
            US,
            '"us-otp-hour"',
            '"otp-hour"',
            "cap[1].name: profile 'cn' has another cap of this name, and both would count together",
        ),
        (
            "accounts/shop.toml",
            '"retail"',
            '"零售"',
            "department: expected a name of at most 32 letters, digits, '_', '-' and '.', found '零售'",
        ),
        (
            "accounts/shop.toml",
            '"400-800-1234"',
            '"4"',
            "service_phone: expected a phone number as it stands in texts, such as \"400-800-1234\", found '4'",
        ),
        ("accounts/ushop.toml", "day = 10000", "day = 0", "quota.day: expected at least 1, found 0"),
        (
            "accounts/ushop.toml",
            'class = ["marketing"] }',
            'class = ["promo"] }',
            "numbers[1].class: expected otp, notice or marketing, found 'promo'",
        ),
        ("accounts/ushop.toml", 'class = ["marketing"] }', "class = [] }", "numbers[1].class: must not be empty"),
        (
            "smsgw.toml",
            'approval = "none"',
            'approval = "yes"',
            "channels.approval: expected 'required' or 'none', found 'yes'",
        ),
        (
            "smsgw.toml",
            'resume_rate = "100/s"',
            "resume_rate = 100",
            'pause.resume_rate: expected a rate such as "100/s" or "600/m", found 100',
        ),
        (
            "smsgw.toml",
            "port = 8776",
            "port = 8775",
            "console.port: 8775 is in use by this process's own listeners already",
        ),
    ],
)
def test_one_mistake_is_one_error(site: SiteCopy, file: str, old: str, new: str, error: str) -> None:
    site.edit(file, old, new)
    line = site.edited_line + new.startswith("[")
    assert site.errors() == [f"{file}:{line}: {error}"]


@pytest.mark.parametrize(
    ("file", "old", "new", "warning"),
    [
        (
            "accounts/orders.toml",
            '# dialogue_words = ["N"]',
            'dialogue_words = ["N", "好"]',
            "dialogue_words[2]: '好' means nothing in [mo] of profile 'cn' and goes to the application anyway",
        ),
        (
            "accounts/ushop.toml",
            'class = ["marketing"] }',
            'class = ["otp"] }',
            "numbers[1].class: this account sends marketing, which must not go out from 18005550100",
        ),
    ],
)
def test_what_is_probably_not_meant(site: SiteCopy, file: str, old: str, new: str, warning: str) -> None:
    site.edit(file, old, new)
    assert site.warnings() == [f"{file}:{site.edited_line}: {warning}"]


def test_a_complaint_cannot_be_taken_for_a_dialogue(site: SiteCopy) -> None:
    site.edit("accounts/orders.toml", '# dialogue_words = ["N"]', 'dialogue_words = ["举 报"]')
    assert site.errors() == [
        f"accounts/orders.toml:{site.edited_line}: dialogue_words[1]: '举 报' is a complaint in profile 'cn'"
    ]


@pytest.mark.parametrize("word", ["退 订", "T", "STOP", "0000"])
def test_a_word_that_opts_out_cannot_be_taken_for_a_dialogue(site: SiteCopy, word: str) -> None:
    site.edit("accounts/orders.toml", '# dialogue_words = ["N"]', f'dialogue_words = ["n", "取消", "{word}"]')
    (error,) = site.errors()
    assert error.startswith(f"accounts/orders.toml:{site.edited_line}: dialogue_words[3]: '{word}' opts out")


def test_accounts_that_lack_what_their_profile_requires(site: SiteCopy) -> None:
    site.edit(CN, 'required_for = []                        # ["marketing"], once every', 'required_for = ["notice"] #')
    site.edit(CN, "registered_only = false", "registered_only = true")
    site.edit("accounts/orders.toml", "numbers = [", "# numbers = [")
    phone = "profile 'cn' requires a service phone and this account has none: all it sends is refused"
    number = "profile 'cn' takes registered numbers only and this account has none"
    assert site.warnings() == [
        f"accounts/orders.toml: service_phone: {phone}",
        f"accounts/orders.toml: numbers: {number}: it can send only with an empty source address",
    ]


# -- what the rules are made from


def test_every_rule_of_the_example(site: SiteCopy) -> None:
    profile = site.load().profiles["cn"]
    both = frozenset((NOTICE, MARKETING))
    assert profile.message_class is not None
    assert profile.message_class.code_words == ("验证码", "校验码", "注册码", "动态码")
    assert profile.message_class.promotional_hits == 2
    assert not profile.source.registered_only
    assert profile.source.owners["1069000110"] == "login"
    assert profile.service_phone == ServicePhoneRule()
    assert profile.words == WordsRule(ALL_CLASSES)
    assert profile.contacts == ContactsRule()
    assert profile.template == TemplateRule()
    assert profile.length == LengthRule((None, 1000, 500))
    assert profile.window.zone == "profile"
    assert (profile.blacklist.checked_for, profile.blacklist.threshold, profile.blacklist.keep_s) == (
        both,
        1,
        90 * 86400,
    )
    assert (profile.dead_number.threshold, profile.dead_number.within_s) == (3, 30 * 86400)
    assert "MK:0001" in profile.dead_number.learn_from
    assert profile.same_content == SameContentRule(frozenset((MARKETING,)), 12 * 3_600_000)
    assert profile.mo.complaint_words == ("投诉", "举报", "骚扰")


def test_what_may_be_left_out(site: SiteCopy) -> None:
    for table in ("class", "source", "service_phone", "words", "contacts", "blacklist", "dead_number", "same_content"):
        _without_table(site, CN, table)
    profile = site.load().profiles["cn"]
    both = frozenset((NOTICE, MARKETING))
    assert profile.message_class is None
    assert profile.source == SourceRule(owners=profile.source.owners)
    assert profile.words == WordsRule(ALL_CLASSES)
    assert profile.blacklist == ListRule(both)
    assert profile.dead_number == ListRule(both, threshold=3)
    assert profile.same_content is None


def test_tables_turned_on(site: SiteCopy) -> None:
    for table in ("contacts", "template", "consent", "class", "same_content"):
        _without_table(site, CN, table)
    site.edit(
        CN,
        "[length] ",
        (
            '[contacts]\nlinks_for = ["notice", "marketing"]\nphones_for = "marketing"\n'
            '[template]\nrequired_for = "marketing"\n[consent]\nrequired_for = ["marketing"]\n'
            '[class]\ncode_words = ["码"]\n'
            '[same_content]\nclass = "notice"\nperiod = "90s"\nlimit = 2\n[length]'
        ),
    )
    profile = site.load().profiles["cn"]
    marketing = frozenset((MARKETING,))
    assert profile.contacts == ContactsRule(frozenset((NOTICE, MARKETING)), marketing)
    assert profile.template == TemplateRule(marketing)
    assert profile.consent == ConsentRule(marketing)
    assert profile.message_class == ClassRule(("码",))
    assert profile.same_content == SameContentRule(frozenset((NOTICE,)), 90_000, 2)


def test_caps_of_templates_and_audiences(site: SiteCopy) -> None:
    site.edit(CN, 'scope = "company"', 'scope = "template"').edit(CN, 'scope = "company"', 'scope = "segment"')
    assert [cap.scope for cap in site.load().profiles["cn"].caps][3:6] == ["template", "signature", "segment"]


def test_an_account_of_the_united_states(site: SiteCopy) -> None:
    loaded = site.load()
    policy = loaded.accounts["ushop"].policy()
    assert (policy.department, policy.service_phone) == ("retail", "1-800-555-0100")
    assert (policy.quota.day, policy.quota.month) == (10_000, 100_000)
    assert policy.numbers == {"18005550100": frozenset((MARKETING,))}
    assert loaded.accounts["shop"].policy().numbers["1069000130"] == ALL_CLASSES
    route = loaded.routes.find(Draft("ushop", MARKETING, "", "12125550123", "", 1, 0))
    assert route is not None
    assert route.carriers == ("beta",)


def test_the_profile_of_the_united_states(site: SiteCopy) -> None:
    loaded = site.load()
    us = loaded.profiles["us"]
    assert us.mo == MoRule(
        ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
        ("START", "UNSTOP", "YES"),
        ("SPAM", "COMPLAINT"),
        ("HELP", "INFO"),
        us.mo.stop_text,
        us.mo.start_text,
        "",
        us.mo.help_text,
    )
    assert all(text.isascii() and len(text) <= 160 for text in (us.mo.stop_text, us.mo.start_text, us.mo.help_text))
    assert (us.country, us.zone.key, us.window.zone, us.window.action) == ("1", "America/New_York", "recipient", "hold")
    assert us.signature.required_for == frozenset()
    windows = Windows(us.window, us.zone, loaded.workdays)
    night_in_los_angeles = int(datetime(2026, 11, 18, 10, 0, tzinfo=us.zone).timestamp()) * 1000  # 07:00 there
    assert windows.check(MARKETING, night_in_los_angeles, "12125550123") is None
    closed = windows.check(MARKETING, night_in_los_angeles, "13235550123")
    assert closed is not None
    assert closed.opens_ms == night_in_los_angeles + 3_600_000


def test_only_a_profile_of_workdays_needs_the_chinese_calendar(site: SiteCopy) -> None:
    (site.directory / "calendar/2027.toml").unlink()
    site.edit("accounts/ushop.toml", 'profile = "us"', 'profile = "us"')
    assert len(site.warnings(date(2026, 11, 18))) == 1
    site.edit(CN, 'days = "workdays"', 'days = "weekdays"')
    assert site.warnings(date(2026, 11, 18)) == []
    site.edit(US, 'days = "all"', 'days = "workdays"')
    assert site.warnings(date(2026, 9, 30)) == []
    assert [warning.partition(":")[0] for warning in site.warnings(date(2026, 10, 1))] == ["calendar/2027.toml"]


@pytest.mark.parametrize("written", ["13800138000", "8613800138000", "008613800138000"])
def test_a_test_number_is_the_same_recipient_however_it_is_written(site: SiteCopy, written: str) -> None:
    site.edit(CN, "test_numbers = []", f'test_numbers = ["{written}"]')
    assert site.load().profiles["cn"].test_numbers == {"8613800138000"}
