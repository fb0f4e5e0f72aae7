"""Commands for what staff register: signatures, templates, words, contacts, campaigns, channels; no gateway runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import WHY, Run, change, done, refused, shown

ADD_TEMPLATE = ("template", "add", "welcome", "--class", "notice", "--var", "name:text:1-10")
TEXT = "欢迎您，{name}，很高兴认识您"
ADD_CHANNEL = ("channel", "add", "account:shop", "--licence", "B2-2026", "--licence-expires", "2030-06-30")
OWNED = ("--owner", "示例公司", "--proof", "trademark 4711")


@pytest.fixture
def site(site: Path) -> Path:
    """At a known time."""
    change(site / "smsgw.toml", 'mode = "real"', 'mode = "test"\nstart = "2026-11-18T10:30:00+08:00"')
    return site


def _as(who: str) -> tuple[str, ...]:
    return ("--who", who, *WHY)


# -- signatures


def test_a_signature_through_its_life(smsgw: Run) -> None:
    name = ("shop", "【新商城】")
    assert done(smsgw("signature", "add", *name, *OWNED, *_as("li"))) == "shop/新商城: registered, draft\n"
    assert "is there already" in refused(smsgw("signature", "add", *name, *OWNED, *WHY))
    edited = ("--expires", "2027-06-30", "--owner", "新公司")
    assert done(smsgw("signature", "edit", *name, *edited, *WHY)) == "shop/新商城: changed, draft\n"
    assert done(smsgw("signature", "activate", *name, *_as("wang"))) == "shop/新商城: activate done, now active\n"
    page = done(smsgw("signature", "list"))
    assert all(word in page for word in ("shop/新商城", "active", "新公司", "trademark 4711", "2027-06-30"))
    page = done(smsgw("signature", "show", *name))
    assert [word for word in ("draft", "change", "activate") if word in page] == ["draft", "change", "activate"]
    assert "2026-11-18 10:30:00+08:00" in page
    found = shown(smsgw("signature", "show", *name, "--json"))
    assert (found["state"], found["proof"], found["revision"]) == ("active", "trademark 4711", 3)
    done(smsgw("signature", "suspend", *name, *WHY))
    assert shown(smsgw("signature", "list", "--state", "active", "--json"))["items"] == []
    assert "it is suspended" in refused(smsgw("signature", "activate", *name, *WHY))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shpo", "新商城", *OWNED), "did you mean 'shop'?"),
        (("shop", "新-商城", *OWNED), "has '-', only letters, digits and Han are allowed"),
        (("shop", "新商城", "--owner", "x", "--proof", " "), "proof: must say what proves the right"),
        (("shop", "新商城", *OWNED, "--expires", "tomorrow"), "expires: 'tomorrow' is not a day"),
    ],
)
def test_signatures_that_can_not_be(smsgw: Run, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(smsgw("signature", "add", *arguments, *WHY))
    assert done(smsgw("signature", "list")) == "none\n"


def test_one_that_is_not_there(smsgw: Run) -> None:
    done(smsgw("signature", "add", "shop", "新商城", *OWNED, *WHY))
    assert "did you mean 'shop/新商城'?" in refused(smsgw("signature", "show", "shop", "新商成"))


# -- templates


def test_a_template_is_approved_by_two_others(smsgw: Run) -> None:
    said = done(smsgw(*ADD_TEMPLATE, "--text", TEXT, *_as("li")))
    assert said == "welcome@1: written, draft\n"
    assert "li wrote it" in refused(smsgw("template", "approve-department", "welcome", *_as("li")))
    done(smsgw("template", "approve-department", "welcome", *_as("wang")))
    assert "wang has done approve-department" in refused(smsgw("template", "approve-market", "welcome", *_as("wang")))
    assert shown(smsgw("template", "show", "welcome", "--json"))["next"] == ["approve-market", "reject"]
    done(smsgw("template", "approve-market", "welcome", *_as("zhao")))
    assert done(smsgw("template", "activate", "welcome", *_as("zhao"))) == "welcome@1: activate done, now active\n"
    found = shown(smsgw("template", "show", "welcome", "--json"))
    assert [(row["action"], row["who"]) for row in found["history"]] == [
        ("draft", "li"),
        ("approve-department", "wang"),
        ("approve-market", "zhao"),
        ("activate", "zhao"),
    ]
    assert found["variables"] == [{"name": "name", "kind": "text", "min_chars": 1, "max_chars": 10}]


def test_a_change_is_a_new_version(smsgw: Run) -> None:
    done(smsgw(*ADD_TEMPLATE, "--text", TEXT, *WHY))
    assert done(smsgw("template", "edit", "welcome", "--text", "您好，{name}，欢迎您", *WHY)).startswith("welcome@2:")
    page = done(smsgw("template", "versions", "welcome"))
    assert all(word in page for word in ("welcome@1", "superseded", "welcome@2", "draft"))
    assert [each["version"] for each in shown(smsgw("template", "versions", "welcome", "--json"))["items"]] == [1, 2]
    assert TEXT in done(smsgw("template", "show", "welcome", "--version", "1"))
    assert "nothing is different" in refused(smsgw("template", "edit", "welcome", "--class", "notice", *WHY))
    assert shown(smsgw("template", "list", "--state", "draft", "--json"))["total"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--text", "您好，{nom}，欢迎"), "nom"),
        (("--text", "您好，{name}，欢迎", "--account", "shpo"), "did you mean 'shop'?"),
        (("--text", "您好，{name}，欢迎", "--campaign", "spring"), "campaign"),
        (("--text", "您好，{name}，欢迎", "--var", "code:nombre"), "kind"),
    ],
)
def test_templates_that_can_not_be(smsgw: Run, options: tuple[str, ...], said: str) -> None:
    assert said in refused(smsgw(*ADD_TEMPLATE, *options, *WHY))
    assert done(smsgw("template", "list")) == "none\n"


# -- words


def test_words_one_by_one(smsgw: Run) -> None:
    add = ("word", "add", "company", "高收益理财", "--category", "finance")
    assert done(smsgw(*add, "--action", "review", "--evasion", *WHY)) == "company/高收益理财: review\n"
    found = shown(smsgw("word", "show", "company", "高收益理财", "--json"))
    assert (found["action"], found["evasion"], found["category"]) == ("review", True, "finance")
    assert "高收益理财" in done(smsgw("word", "list", "--search", "高收益"))
    assert done(smsgw("word", "remove", "company", "高收益理财", *WHY)) == "company/高收益理财: removed\n"
    assert done(smsgw("word", "list")) == "none\n"
    assert "there is no word" in refused(smsgw("word", "remove", "company", "高收益理财", *WHY))


def test_a_word_list_from_a_file(tmp_path: Path, smsgw: Run) -> None:
    file = tmp_path / "words.csv"
    file.write_text("词,类别,处理,变体\n赌博,博彩,拒绝,是\n贷款,金融,审核,否\n", encoding="gb18030")
    said = "national: 2 words: 2 added, 0 changed, 0 removed, 0 as before\n"
    assert done(smsgw("word", "import", "national", str(file), *WHY)) == said
    file.write_text("赌博,博彩\n彩票,博彩\n", encoding="utf-8")
    found = shown(smsgw("word", "import", "national", str(file), "--replace", "--json", *WHY))
    assert (found["total"], found["added"], found["changed"], found["removed"]) == (2, 1, 1, 1)
    file.write_text("word,action\n,reject\n贷款,burn\n", encoding="utf-8")
    result = smsgw("word", "import", "national", str(file), *WHY)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"smsgw: {file}: 2 wrong lines; nothing was written"
    assert f"smsgw: {file}:3: action: 'burn' is not one of reject, review, count" in result.stderr


def test_lists_that_there_are_not(smsgw: Run) -> None:
    assert "list: 'nation' is not known; did you mean 'national'?" in refused(
        smsgw("word", "add", "nation", "赌博", *WHY)
    )
    assert smsgw("word", "import", "company", "/nowhere.csv", *WHY).exit_code == 2


# -- contacts


def test_links_and_phones(smsgw: Run) -> None:
    assert done(smsgw("contact", "add", "shop", "link", "https://Shop.example/offers/", *WHY)) == (
        "shop/link/shop.example/offers: registered, active\n"
    )
    done(smsgw("contact", "add", "*", "phone", "400-800-1234", "--owner", "hotline", *WHY))
    assert [each["id"] for each in shown(smsgw("contact", "list", "--account", "shop", "--json"))["items"]] == [
        "*/phone/4008001234",
        "shop/link/shop.example/offers",
    ]
    done(smsgw("contact", "edit", "*", "phone", "4008001234", "--expires", "2027-06-30", *WHY))
    assert "2027-06-30" in done(smsgw("contact", "show", "*", "phone", "4008001234"))
    assert done(smsgw("contact", "suspend", "*", "phone", "4008001234", *WHY)).endswith(
        ": suspend done, now suspended\n"
    )
    done(smsgw("contact", "remove", "*", "phone", "4008001234", *WHY))
    assert shown(smsgw("contact", "list", "--kind", "phone", "--json"))["total"] == 0
    assert "value: 'not a host'" in refused(smsgw("contact", "add", "shop", "link", "not a host", *WHY))
    assert "did you mean 'phone'?" in refused(smsgw("contact", "add", "shop", "fone", "95555", *WHY))


# -- campaigns


def test_campaigns(smsgw: Run) -> None:
    slots = ("--slot", "11:00-12:30", "--slot", "18:00-20:00")
    days = ("--starts", "2026-11-01", "--ends", "2026-11-30")
    assert done(smsgw("campaign", "add", "spring", *slots, *days, *WHY)) == "spring: registered, active\n"
    assert "11:00-12:30; 18:00-20:00" in done(smsgw("campaign", "list"))
    done(smsgw("campaign", "edit", "spring", "--ends", "2026-12-31", *WHY))
    found = shown(smsgw("campaign", "show", "spring", "--json"))
    assert (found["slots"], found["ends"]) == (["11:00-12:30", "18:00-20:00"], "2026-12-31")
    done(smsgw("campaign", "edit", "spring", "--all-day", *WHY))
    assert shown(smsgw("campaign", "show", "spring", "--json"))["slots"] == []
    assert done(smsgw("campaign", "suspend", "spring", *WHY)) == "spring: suspend done, now suspended\n"
    assert "slots: a time must lie within 00:00-24:00" in refused(
        smsgw("campaign", "add", "autumn", "--slot", "25:00-26:00", *WHY)
    )
    assert "ends: 2026-01-01 is before it starts" in refused(
        smsgw("campaign", "edit", "spring", "--ends", "2026-01-01", *WHY)
    )


# -- channels


def test_a_channel_is_reviewed_by_three_and_approved(smsgw: Run) -> None:
    assert done(smsgw(*ADD_CHANNEL, *_as("li"))) == "account:shop: applied for, draft\n"
    assert "it is draft" in refused(smsgw("channel", "approve", "account:shop", *_as("boss")))
    for review, who in (("market", "wang"), ("technical", "qian")):
        done(smsgw("channel", f"review-{review}", "account:shop", *_as(who)))
    assert "review-legal" in done(smsgw("channel", "show", "account:shop"))
    assert shown(smsgw("channel", "show", "account:shop", "--json"))["next"] == ["review-legal"]
    assert done(smsgw("channel", "review-legal", "account:shop", *_as("sun"))).endswith(
        ": review-legal done, now reviewed\n"
    )
    done(smsgw("channel", "approve", "account:shop", *_as("boss")))
    assert done(smsgw("channel", "activate", "account:shop", *_as("li"))).endswith(": activate done, now active\n")
    assert "only a draft can be changed" in refused(smsgw("channel", "edit", "account:shop", "--licence", "B3", *WHY))
    assert "B2-2026" in done(smsgw("channel", "list"))


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("account:shpo", "did you mean 'shop'?"),
        ("carrier:alfa", "did you mean 'alpha'?"),
        ("shop", "expected account:<name> or carrier:<name>, found 'shop'"),
    ],
)
def test_channels_that_there_are_not(smsgw: Run, channel: str, said: str) -> None:
    assert said in refused(smsgw("channel", "add", channel, *ADD_CHANNEL[3:], *WHY))


# -- lists


def test_long_lists_come_in_pages(tmp_path: Path, smsgw: Run) -> None:
    file = tmp_path / "words.csv"
    file.write_text("".join(f"词语{number:03}\n" for number in range(60)), encoding="utf-8")
    done(smsgw("word", "import", "company", str(file), *WHY))
    page = done(smsgw("word", "list"))
    assert page.splitlines()[-1] == "1–50 of 60"
    assert "词语059" in done(smsgw("word", "list", "--offset", "50"))
    assert shown(smsgw("word", "list", "--limit", "5", "--json"))["total"] == 60


# -- what was looked at


def test_a_step_is_taken_with_what_was_looked_at(smsgw: Run) -> None:
    name = ("shop", "新商城")
    done(smsgw("signature", "add", *name, *OWNED, *WHY))
    done(smsgw(*ADD_TEMPLATE, "--text", TEXT, *_as("li")))
    done(smsgw(*ADD_CHANNEL, *_as("li")))
    done(smsgw("signature", "edit", *name, "--owner", "新公司", *WHY))
    done(smsgw("channel", "edit", "account:shop", "--licence", "B3-2026", *_as("li")))
    done(smsgw("template", "approve-department", "welcome", "--version", "1", "--revision", "1", *_as("sun")))
    for step in (
        ("signature", "activate", *name),
        ("channel", "review-legal", "account:shop"),
        ("template", "approve-market", "welcome"),
    ):
        said = refused(smsgw(*step, "--revision", "1", *_as("wang")))
        assert "has revision 2, not 1: it was changed; look at it again" in said
        done(smsgw(*step, "--revision", "2", *_as("wang")))
