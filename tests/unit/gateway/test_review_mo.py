"""The confirmation of an opt-out that can't be written as one segment: told, and nothing else suffers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.gateway.context import Dialled
from smsgw.gateway.mo import MoJourney, Received
from smsgw.policy.mo_words import MoWords
from smsgw.policy.profile import MoRule
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.convert import Fit
from smsgw.smpp.views import DataSm, Sm
from smsgw.store.facts import FactChange, FactOp, FactResult

NUMBER = "8613800000001"


@pytest.mark.parametrize(
    ("alphabet", "word", "octets"), [("gsm0338", "TD", b"TD"), ("gbk", "退订", "退订".encode("gbk"))]
)
def test_a_stop_from_nobody_is_told_and_goes_on_to_its_owner(alphabet: str, word: str, octets: bytes) -> None:
    """In the alphabet that data_coding 0 means at this carrier."""
    events: list[tuple[str, object]] = []
    owner = Dialled("1069", "shop", "")
    context: Any = SimpleNamespace(
        carrier_pdus=None,
        metrics=SimpleNamespace(carrier=lambda name: SimpleNamespace(mo_received=0)),
        dialled=SimpleNamespace(owner=lambda dialled: owner),
        number_of=lambda address, account: None,
        mo_words_of=lambda account: MoWords(MoRule(stop_words=(word,))),
        log=lambda event, fields: events.append((event, fields["wish"])),
        records=SimpleNamespace(append=lambda row: None),
        clock=SimpleNamespace(now_ms=lambda: 0),
        store=SimpleNamespace(recipients=SimpleNamespace(hash=str), sealer=SimpleNamespace(seal=bytes)),
        outbound=SimpleNamespace(append_mo=lambda account, sealed, done: events.append(("passed on", account))),
    )
    fields: dict[str, object] = {"source_addr": b"12345", "destination_addr": b"1069", "short_message": octets}
    view = Sm(encode(Pdu(int(CommandId.DELIVER_SM), 0, 1, fields)))
    pool: Any = SimpleNamespace(name="alpha", settings=SimpleNamespace(fit=Fit(default_alphabet=alphabet)))
    bind: Any = SimpleNamespace(link=None)
    MoJourney(context).received(pool, bind, int(CommandId.DELIVER_SM), view, 1)
    assert events == [("mo.sender_unreadable", "stop"), ("passed on", "shop")]


@pytest.mark.parametrize(("text", "dialled"), [("您已退订。" * 40, b"10690001"), ("您已退订", b"1069" * 10)])
def test_a_confirmation_that_cannot_be_built(text: str, dialled: bytes) -> None:
    events: list[str] = []
    appended: list[str] = []
    context: Any = SimpleNamespace(
        carrier_pdus=None,
        records=SimpleNamespace(append=lambda row: None),
        clock=SimpleNamespace(now_ms=lambda: 0),
        wall_s=lambda: 0.0,
        store=SimpleNamespace(
            partitions=1,
            recipients=SimpleNamespace(hash=str, partition=lambda digits, partitions: 0),
            sealer=SimpleNamespace(seal=bytes),
        ),
        rules={"shop": SimpleNamespace(name="shop", mo_words=MoWords(MoRule(stop_text=text)))},
        accounts={"shop": None},
        number_of=lambda address, account: address.decode(),
        ids=SimpleNamespace(next=lambda partition, now_ms: "0" * 20),
        log=lambda event, fields: events.append(event),
        outbound=SimpleNamespace(append_mo=lambda account, fields, done: appended.append(account)),
    )
    fields: dict[str, object] = {"source_addr": NUMBER.encode(), "destination_addr": dialled}
    view = DataSm(encode(Pdu(int(CommandId.DATA_SM), 0, 1, fields)))
    bind: Any = SimpleNamespace(respond=lambda link, raw: None)
    received = Received(
        bind, None, "alpha", int(CommandId.DATA_SM), 1, view, dialled.decode(), Dialled("1069", "shop", "")
    )
    journey = MoJourney(context)
    journey.recorded(FactChange(received, FactOp.OPT_OUT, NUMBER, "", "mo", 0), FactResult.CHANGED)
    assert appended == ["shop"]
    assert events == ["optout.recorded", "mo.no_confirmation"]
