"""Several kinds of messages in one load run, and the file that says so."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from simulators.esme.lists import read_recipients
from simulators.esme.load import templates_of
from simulators.esme.load_settings import LoadSettings
from simulators.esme.mix import Mix, MixedMessage
from simulators.esme.mix_file import load_mix
from simulators.esme.template import Template
from smsgw.documents.problems import ConfigErrors
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import decode_text

ACCOUNTS = (("login", "a"), ("shop", "b"))


def _texts(mix: Template | Mix, count: int) -> list[str]:
    taken = [(n, *mix.take(n)) for n in range(count)]
    messages = [pdu.Sm(template.pdu(1, n, k)) for n, template, k in taken]
    return [f"{sm.destination_addr.decode()} {decode_text(sm.payload, sm.data_coding)}" for sm in messages]


def test_kinds_come_by_weight_and_each_goes_through_its_recipients() -> None:
    kinds = (
        MixedMessage("a {n}", weight=6, recipients=("1", "+222"), registered_delivery=1),
        MixedMessage("您 {n}", weight=2, recipient_base=700, recipient_count=2, account="login"),
        MixedMessage("never", account="shop"),
    )
    templates = templates_of(LoadSettings(accounts=ACCOUNTS, mix=kinds))
    assert _texts(templates["login"], 8) == [
        "1 a 000000000", "+222 a 000000001", "700 您 000000002", "1 a 000000003",
        "+222 a 000000004", "1 a 000000005", "701 您 000000006", "+222 a 000000007",
    ]  # fmt: skip
    assert [templates["login"].take(n)[0].wants_receipts for n in range(8, 12)] == [True, True, False, True]
    shop = Counter(text.split()[1] for text in _texts(templates["shop"], 70))
    assert shop == {"a": 60, "never": 10}


def test_an_account_sends_every_kind_whichever_messages_it_gets() -> None:
    kinds = (MixedMessage("a"), MixedMessage("b"))
    login = templates_of(LoadSettings(accounts=ACCOUNTS, mix=kinds))["login"]
    taken = [login.take(n) for n in range(0, 8, 2)]  # its connection and another one take turns
    texts = [pdu.Sm(template.pdu(1, 0, k)).short_message for template, k in taken]
    assert texts == [b"a", b"b", b"a", b"b"]


def test_recipients_of_a_list_take_turns_without_a_mix() -> None:
    template = Template(LoadSettings(text="x", recipients=("1", "22", "333")))
    assert [pdu.Sm(template.pdu(1, n, n)).destination_addr for n in range(4)] == [b"1", b"22", b"333", b"1"]


def test_an_account_without_messages_is_refused() -> None:
    with pytest.raises(ValueError, match="account shop"):
        templates_of(LoadSettings(accounts=ACCOUNTS, mix=(MixedMessage("x", account="login"),)))


def test_the_file(tmp_path: Path) -> None:
    (tmp_path / "to.txt").write_text("13800138000\n\n# somebody\n+8613800138001  # else\n")
    file = tmp_path / "mix.toml"
    file.write_text(
        '[[account]]\nsystem_id = "login"\npassword = "a"\n'
        '[[message]]\ntext = "code {n}"\nweight = 3\nrd = 1\ncoding = "0x08"\nvalidity = "5m"\nto_file = "to.txt"\n'
        '[[message]]\ntext = "y"\nfrom = "ACME"\naccount = "login"\nto = ["1"]\n'
    )
    accounts, messages = load_mix(file)
    assert accounts == (("login", "a"),)
    assert messages[0].recipients == ("13800138000", "+8613800138001")
    assert (messages[0].weight, messages[0].data_coding, messages[0].validity_period) == (3, 8, "000000000500000R")
    assert (messages[1].source, messages[1].account) == ("ACME", "login")


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "to.txt").write_text("# nobody\n")
    file = tmp_path / "mix.toml"
    file.write_text(
        '[[account]]\nsystem_id = "login"\n[[message]]\ntext = "x"\naccount = "logn"\n'
        '[[message]]\ntext = "y"\nto_file = "to.txt"\n'
    )
    with pytest.raises(ConfigErrors) as wrong:
        load_mix(file)
    assert [error.line for error in wrong.value.errors] == [5, 8]
    assert "did you mean 'login'" in str(wrong.value)
    file.write_text('[[message]]\ntext = "x"\nwieght = 3\n')
    with pytest.raises(ConfigErrors, match="did you mean 'weight'"):
        load_mix(file)


def test_a_recipient_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "to.txt"
    file.write_text("1" * 21)
    with pytest.raises(ValueError, match="20 ASCII"):
        read_recipients(file)
