"""Lines of the prompt: what they mean, and what wrong ones are told; completion."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from simulators.esme.prompt.session import Session
from simulators.esme.prompt.terminal import WordCompleter
from simulators.esme.prompt.words import COMMANDS, WordError, help_text, parse
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim


def test_a_message_with_options_anywhere() -> None:
    arguments = parse('send 1,2 --rd 0 hello "there  you" --tlv 0x1400=01 --each')
    assert arguments is not None
    assert (arguments.to, arguments.text, arguments.rd, arguments.each) == ("1,2", ["hello", "there  you"], 0, True)
    assert arguments.tlvs == [b"\x14\x00\x00\x01\x01"]


def test_empty_lines_and_comments() -> None:
    assert parse("") is None
    assert parse("  # nothing") is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sned 1 x", "did you mean 'send'"),
        ("send", "usage: send"),
        ("answer maybe", "not a number"),
        ("raw xyz", "hexadecimal"),
        ("wait something", "receipts"),
        ('send 1 "x', "quote"),
        ("drop now", "unrecognized"),
        ("send -h", "--validity"),
    ],
)
def test_a_wrong_line_is_explained(line: str, told: str) -> None:
    with pytest.raises(WordError, match=told):
        parse(line)


def test_every_command_is_listed_and_carried_out_by_somebody() -> None:
    for name, _, _ in COMMANDS:
        assert f"  {name}" in help_text()
        assert callable(getattr(Session, f"_{name.replace('-', '_')}"))


def test_completion() -> None:
    completer = WordCompleter(Session(EsmeSim(EsmeSettings(port=1)), 1.0))

    def completed(text: str) -> list[str]:
        return [each.text for each in completer.get_completions(Document(text), CompleteEvent())]

    assert completed("re") == ["replace", "resume"]
    assert completed("send 1 x --pri") == ["--priority"]
    assert completed("send 1 x --long ud") == ["udh", "udh16"]
    assert completed("wait ") == ["receipts", "mo", "answers"]
