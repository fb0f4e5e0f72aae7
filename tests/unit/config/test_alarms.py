"""alarms.toml: what it says becomes rules; what is wrong is told with its line; a URL is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.config.alarms import DEFAULT, AlarmSettings, amount, default_clear, load_alarms
from smsgw.documents.problems import Problems
from smsgw.policy.alarms.kinds import KINDS
from smsgw.policy.alarms.rules import Rule

SECRET = "json://user:verysecret@127.0.0.1/hook"


def loaded(directory: Path, text: str) -> tuple[AlarmSettings, list[str], list[str]]:
    (directory / "alarms.toml").write_text(text, encoding="utf-8")
    problems = Problems()
    found = load_alarms(directory, problems, {"alpha"}, {"shop"})
    shown = [[f"{each.line}: {each.key}: {each.why}" for each in some] for some in (problems.errors, problems.warnings)]
    return found, shown[0], shown[1]


def good(directory: Path, text: str) -> AlarmSettings:
    found, errors, warnings = loaded(directory, text)
    assert (errors, warnings) == ([], [])
    return found


def the_error(directory: Path, text: str) -> str:
    _, errors, _ = loaded(directory, text)
    assert len(errors) == 1, errors
    return errors[0]


def test_without_a_file_every_kind_has_its_defaults(tmp_path: Path) -> None:
    assert load_alarms(tmp_path, Problems()) is DEFAULT
    assert all(DEFAULT.rules.of(name) == (Rule.of(kind),) for name, kind in KINDS.items())


def test_an_entry_changes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    found = good(tmp_path, '[[alarm]]\nkind = "delivery_low"\nthreshold = "90%"\nfor = "1m"\nrepeat = "0s"\n')
    (rule,) = found.rules.of("delivery_low")
    kind = KINDS["delivery_low"]
    assert (rule.threshold, rule.for_s, rule.repeat_s) == (0.9, 60, 0)
    assert (rule.minimum, rule.window_s, rule.severity) == (kind.minimum, kind.window_s, kind.severity)
    assert 0.9 < rule.clear < 1


def test_only_some_labels_have_their_own(tmp_path: Path) -> None:
    text = """
[[channel]]
name = "duty"
url_file = "duty.url"
[[alarm]]
kind = "unsubscribe_rate"
only = { template = "spring-*" }
threshold = 0.1
clear = "8%"
channels = ["duty"]
action = "pause template"
action_for = "24h"
"""
    (tmp_path / "duty.url").write_text(SECRET)
    found = good(tmp_path, text)
    spring = found.rules.find("unsubscribe_rate", (("account", "shop"), ("template", "spring-1")))
    assert (spring.threshold, spring.clear, spring.channels) == (0.1, 0.08, frozenset(("duty",)))
    assert (spring.action, spring.action_for_s) == ("pause template", 86_400)
    assert found.rules.find("unsubscribe_rate", (("account", "shop"), ("template", "t"))).threshold == 0.03


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('kind = "delivery_lo"', "2: alarm[1].kind: there is no kind of alarm 'delivery_lo'"),
        ('kind = "delivery_low"\nthreshold = "120%"', "3: alarm[1].threshold: expected a share"),
        ('kind = "delivery_low"\nthreshold = "much"', "3: alarm[1].threshold: expected a number, found 'much'"),
        ('kind = "sending_slow"\nthreshold = 3', "3: alarm[1].threshold: expected a duration with its unit"),
        ('kind = "complaints"\nthreshold = 5\nclear = 7', "4: alarm[1].clear: lies above the threshold"),
        ('kind = "complaints"\nthreshold = -1', "3: alarm[1].threshold: expected a number from 0 on"),
        ('kind = "complaints"\nonly = { carrier = "alpha" }', "3: alarm[1].only: complaints has no label 'carrier'"),
        ('kind = "complaints"\nchannels = ["duty"]', "3: alarm[1].channels: there is no channel 'duty'"),
        ('kind = "store_memory"\nwindow = "5m"', "3: alarm[1].window: store_memory is about now"),
        ('kind = "complaints"\naction = "suspend carrier"', "3: alarm[1].action: complaints of these labels is of"),
        (
            'kind = "delivery_low"\nonly = { province = "广东" }\naction = "suspend carrier"',
            "4: alarm[1].action: delivery_low of these labels is of no carrier as a whole",
        ),
        ('kind = "complaints"\n[[alarm]]\nkind = "complaints"', "4: alarm[2].kind: two entries are for"),
        ('kind = "complaints"\nfo = "1m"', "3: alarm[1].fo: unknown key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, lines: str, expected: str) -> None:
    assert the_error(tmp_path, f"[[alarm]]\n{lines}\n").startswith(expected)


def test_a_name_that_there_is_not_is_a_warning(tmp_path: Path) -> None:
    text = '[[alarm]]\nkind = "delivery_low"\nonly = { carrier = "alfa" }\n'
    _, errors, warnings = loaded(tmp_path, text)
    assert errors == []
    assert warnings == ["3: alarm[1].only: there is no carrier 'alfa'; did you mean 'alpha'? valid: alpha"]
    assert good(tmp_path, text.replace("alfa", "al*"))


def channel(**keys: str) -> str:
    return "[[channel]]\n" + "".join(f'{name} = "{value}"\n' for name, value in keys.items())


def test_a_url_in_the_file_is_refused_and_not_shown(tmp_path: Path) -> None:
    error = the_error(tmp_path, channel(name="duty", url=SECRET))
    assert "verysecret" not in error
    assert 'expected the name of a variable such as "${ALARM_URL}"' in error


def test_a_channel_has_one_name_and_one_place(tmp_path: Path) -> None:
    (tmp_path / "duty.url").write_text(SECRET)
    both = channel(name="duty", url="${ALARM_URL}", url_file="duty.url")
    assert "needs one of url_file" in the_error(tmp_path, both)
    twice = channel(name="duty", url_file="duty.url") * 2
    assert "'duty' is the name of two channels" in the_error(tmp_path, twice)
    assert "expected an existing file" in the_error(tmp_path, channel(name="duty", url_file="none.url"))


def test_the_environment_may_have_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALARM_URL", raising=False)
    text = channel(name="duty", url="${ALARM_URL}")
    found, _, warnings = loaded(tmp_path, text)
    assert "the environment has no ALARM_URL here" in warnings[0]
    with pytest.raises(ValueError, match="the environment has no ALARM_URL"):
        found.channels["duty"].secret_url()
    monkeypatch.setenv("ALARM_URL", f" {SECRET}\n")
    assert good(tmp_path, text).channels["duty"].secret_url() == SECRET
    assert "verysecret" not in repr(found)


def test_a_file_has_one_line(tmp_path: Path) -> None:
    place = tmp_path / "duty.url"
    place.write_text(SECRET + "\n")
    found = good(tmp_path, channel(name="duty", url_file="duty.url")).channels["duty"]
    assert found.secret_url() == SECRET
    place.write_text(f"{SECRET}\n{SECRET}\n")
    with pytest.raises(ValueError, match="one URL on one line") as raised:
        found.secret_url()
    assert "verysecret" not in str(raised.value)


def test_amounts_are_written_as_their_unit_has_them() -> None:
    assert amount("3%", "share") == pytest.approx(0.03)
    assert amount(0.03, "share") == 0.03
    assert amount("1500ms", "seconds") == 1.5
    assert amount("14d", "days") == amount(14, "days") == 14
    assert amount(3, "times") == 3


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_threshold_alone_has_an_end_on_its_good_side(kind: object) -> None:
    found = KINDS[kind.name]  # type: ignore[attr-defined]
    for factor in (0.1, 0.5, 1.0, 1.2, 3.0):
        threshold = found.threshold * factor
        if found.unit == "share":
            threshold = min(threshold, 1.0)
        clear = default_clear(found, threshold)
        assert clear >= threshold if found.below else clear <= threshold
        if found.unit == "share":
            assert clear <= 1
