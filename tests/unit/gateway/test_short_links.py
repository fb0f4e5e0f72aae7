"""Tokens on their way into messages: asked once for all who wait, tried again when taken; and what leaves with them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.carrier.settings import CarrierSettings
from smsgw.errors import StoreAway, StoreError
from smsgw.gateway import short_links
from smsgw.gateway.outgoing import Outgoing
from smsgw.gateway.short_links import RENEWED_AFTER_MS, ShortLinkDesk
from smsgw.gateway.views import view_of, whole_text
from smsgw.policy.model import Draft
from smsgw.policy.references import ReferenceShare
from smsgw.policy.short_links import MOST_TOKEN_CHARS, Place, ShortLinks
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.constants import ESM_UDHI
from smsgw.smpp.convert import Fit
from smsgw.smpp.pdu import submit_sm
from smsgw.smpp.segments import split_udh
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import concat_of
from smsgw.store.envelope import Envelope
from smsgw.store.links import NewLink

SHAPE = ShortLinks("https://s.cn/", 8, frozenset((2,)))
LINK = "https://example.com/" + "a" * 60


class _World:
    """A desk whose store is the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.put: list[NewLink] = []
        self.at_ms = 1_790_000_000_000
        monkeypatch.setattr(short_links, "real_ms", lambda: self.at_ms)
        rules = SimpleNamespace(rules=SimpleNamespace(account=SimpleNamespace(short_links=SHAPE)))
        recipients = SimpleNamespace(key_for=lambda purpose: b"k" * 32)
        context: Any = SimpleNamespace(store=SimpleNamespace(recipients=recipients), rules={"shop": rules})
        self.desk = ShortLinkDesk(context)
        self.desk.links = SimpleNamespace(put=self.put.append)  # type: ignore[assignment]
        self.told: list[StoreError | None] = []

    def ask(self, *links: str, campaign: str = "", pdus: list[bytes] | None = None) -> tuple[bool, Draft]:
        text, places = "", []
        for link in links:
            text += "看"
            places.append(Place(len(text), len(text) + len(link)))
            text += link
        judged = Draft("shop", 2, "1069", "8613800138000", text, 9, self.at_ms, campaign=campaign)
        judged.links = tuple(places)
        return self.desk.ready(judged, pdus or one(text), self.told.append), judged

    def answer(self, taken: bool | StoreError = True) -> list[NewLink]:
        items, self.put[:] = list(self.put), []
        self.desk.stored(items, taken if isinstance(taken, StoreError) else [taken] * len(items))
        return items


def one(text: str, coding: int = 8) -> list[bytes]:
    return [_pdu(data_coding=coding, short_message=b"", tlvs=tlv(0x0424, encode_text(text, coding)))]


def _pdu(**fields: Any) -> bytes:
    return submit_sm(1, source_addr=b"1069", destination_addr=b"86138", **fields)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> _World:
    return _World(monkeypatch)


def test_a_link_is_durable_once_for_all_and_then_known(world: _World) -> None:
    assert [world.ask(LINK)[0] for _ in range(3)] == [False] * 3
    assert world.desk.waiting == 1
    (put,) = world.answer()
    assert (put.link.url, put.link.account, put.link.until_ms) == (
        LINK,
        "shop",
        world.at_ms + SHAPE.keep_ms + RENEWED_AFTER_MS,
    )
    assert world.told == [None] * 3
    assert world.desk.waiting == 0
    is_ready, judged = world.ask(LINK, LINK)
    assert is_ready
    assert world.put == []
    assert judged.segments == 1
    short = f"https://s.cn/{put.link.token}"
    assert judged.links == (Place(1, 1 + len(LINK), short), Place(2 + len(LINK), 2 + 2 * len(LINK), short))


def test_who_waits_for_two_is_told_when_both_are_there(world: _World) -> None:
    assert not world.ask(LINK, LINK + "b")[0]
    first, second = world.put
    world.desk.stored([first], [True])
    assert world.told == []
    world.desk.stored([second], [True])
    assert world.told == [None]


def test_with_the_store_away_nobody_waits_for_ever_and_the_next_one_asks_again(world: _World) -> None:
    assert not world.ask(LINK)[0]
    world.answer(StoreAway("no connection"))
    assert isinstance(world.told[0], StoreAway)
    assert not world.ask(LINK)[0]
    assert len(world.put) == 1


def test_of_two_links_with_one_token_the_second_has_another(world: _World) -> None:
    assert not world.ask(LINK)[0]
    (refused,) = world.answer(False)
    (again,) = world.put
    assert again.link.token != refused.link.token
    assert again.mark == refused.mark
    world.answer()
    assert world.told == [None]
    assert world.ask(LINK)[0]


def test_it_does_not_try_for_ever(world: _World) -> None:
    assert not world.ask(LINK)[0]
    tried = set()
    while world.put:
        tried |= {each.link.token for each in world.answer(False)}
    assert len(tried) == 9
    assert isinstance(world.told[0], StoreError)


def test_a_link_in_use_is_written_again_once_a_day(world: _World) -> None:
    world.ask(LINK)
    world.answer()
    world.at_ms += RENEWED_AFTER_MS - 1
    assert world.ask(LINK)[0]
    world.at_ms += 1
    assert not world.ask(LINK)[0]
    assert len(world.put) == 1


def test_what_can_be_given_no_other_text_keeps_its_links(world: _World) -> None:
    world.ask(LINK)
    world.answer()
    world.told.clear()
    ports = b"\x06\x05\x04\x0b\x84\x23\xf0" + LINK.encode()
    is_ready, judged = world.ask(LINK, pdus=[_pdu(esm_class=ESM_UDHI, short_message=ports)])
    assert not is_ready
    assert judged.links is None
    assert world.told == [None]


def test_memory_is_bounded(world: _World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_links, "KNOWN_LIMIT", 2)
    for number in range(3):
        world.ask(f"{LINK}{number}")
        world.answer()
    assert [world.ask(f"{LINK}{number}")[0] for number in (2, 0)] == [True, False]


def _outgoing(**settings: Any) -> Outgoing:
    return Outgoing(CarrierSettings("alpha", "h", 1, "u", "p", ("transceiver",), **settings), ReferenceShare())


def _shape(pdus: list[bytes], text: str, **settings: Any) -> Any:
    start = text.index(LINK)
    links = [[start, start + len(LINK), "https://s.cn/" + "x" * 8]]
    ids = [f"{number:020x}" for number in range(len(pdus))]
    envelope = Envelope(ids, pdus, "shop", 2, "86138", "1069", "", [1] * len(pdus), 1, segments=1, links=links)
    return _outgoing(**settings).ship(envelope)


def test_what_leaves_has_the_short_link_and_tells_of_all_that_came() -> None:
    text = "中" * 20 + LINK + "文" * 10
    segments = split_udh(text, 8, 7)
    pdus = [_pdu(esm_class=ESM_UDHI, data_coding=8, short_message=each) for each in segments]
    assert len(pdus) == 2
    made = _shape(pdus, text)
    assert whole_text([view_of(pdu) for pdu in made.pdus]) == text.replace(LINK, "https://s.cn/" + "x" * 8)
    assert (len(made.pdus), made.segments, made.stands_for) == (1, (1,), ((0, 1),))
    assert [tell.original for tell in made.tells[0]] == [0, 1]


@pytest.mark.parametrize(("long", "kind"), [((), "udh8"), (("udh16",), "udh16"), (("sar",), "sar")])
def test_a_carrier_has_it_in_its_own_form(long: tuple[str, ...], kind: str) -> None:
    text = LINK + "文" * 80
    made = _shape(one(text), text, fit=Fit(long_forms=long) if long else Fit(long_forms=("udh8",)))
    views = [view_of(each) for each in made.pdus]
    assert whole_text(views) == text.replace(LINK, "https://s.cn/" + "x" * 8)
    assert len(views) == 2
    assert {concat.kind for each in views if (concat := concat_of(each)) is not None} == {kind}


def test_the_most_characters_of_a_token_are_there() -> None:
    assert 62**MOST_TOKEN_CHARS < 2**128
