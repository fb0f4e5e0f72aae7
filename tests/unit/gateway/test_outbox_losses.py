"""Links that go while a receipt is unanswered: over which of them it is dropped, and over which never."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.esme.account import Account, AccountSettings
from smsgw.gateway.outbox import MAX_ENDINGS, SUSPECT_LOSSES, Delivery, Outbox
from smsgw.telemetry.metrics import Metrics

STREAM = "{p00}:out:shop"


class Scene:
    """An outbox with one entry, and an account whose sessions lose their links."""

    def __init__(self) -> None:
        self.acknowledged: list[bytes] = []
        #: Whether what was acknowledged has left the store; what is done once it has.
        self.is_gone, self.later = True, list[Callable[[], None]]()
        self.read: list[str] = []
        self.told: list[dict[str, object]] = []
        context: Any = SimpleNamespace(
            records=SimpleNamespace(append=lambda row: None),
            clock=SimpleNamespace(now_ms=lambda: 0),
            store=SimpleNamespace(
                partitions=1, recipients=SimpleNamespace(hash=str), sealer=SimpleNamespace(open=bytes)
            ),
            outbound=SimpleNamespace(
                ack=lambda stream, entry_id: self.acknowledged.append(entry_id),
                when_acknowledged=lambda stream, then: then() if self.is_gone else self.later.append(then),
            ),
            log=lambda event, fields: self.told.append({"event": event, **fields}),
            metrics=Metrics("0", str),
            closing=False,
        )
        self.outbox = Outbox(context)
        self.outbox.readers = [SimpleNamespace(add=self.read.append, wake=lambda: None, remove=lambda _: None)]  # type: ignore[list-item]
        self.account = Account(AccountSettings("shop", "", 2, deliver_window=5))
        self.sent: list[Delivery] = []
        self.offered = 0

    def bind(self) -> Any:
        window = SimpleNamespace(items=lambda: [], __len__=lambda: 0)
        link = SimpleNamespace(window=window, left_by_peer=False, session=SimpleNamespace(next_sequence=lambda: 1))
        session: Any = SimpleNamespace(
            account=self.account, receives=True, can_deliver=True, tlvs_allowed=True, link=link,
            deliver=lambda pdu, number, delivery: self.sent.append(delivery),
        )  # fmt: skip
        self.account.sessions.append(session)
        self.outbox.bound(session)
        return session

    def lose(self, left_by_peer: bool, also: int = 0) -> None:
        """A link goes while the entry is unanswered, and ``also`` others are."""
        session = self.bind()
        self.outbox.arrived(STREAM, [(b"1-0", [b"m", bytes(60)])], True)
        self.outbox._pump(self.outbox._by_stream[STREAM])
        session.link.left_by_peer = left_by_peer
        under_way, self.sent = self.sent, []
        self.offered += len(under_way)
        self.account.sessions.remove(session)
        if under_way:
            others = [Delivery((b"9-%d" % number, [b"m", b""])) for number in range(also)]
            self.outbox.undelivered(session, [*under_way, *others])
        self.outbox.unbound(self.account)


async def test_one_over_which_applications_end_their_links_alone_is_dropped() -> None:
    scene = Scene()
    for _ in range(SUSPECT_LOSSES):
        scene.lose(left_by_peer=True, also=3)
    for _ in range(MAX_ENDINGS):
        assert scene.acknowledged == []
        scene.lose(left_by_peer=True)
    scene.lose(left_by_peer=True)
    assert scene.acknowledged == [b"1-0"]
    assert [each["event"] for each in scene.told] == ["esme.delivery_dropped"]


@pytest.mark.parametrize(("left_by_peer", "also"), [(False, 0), (True, 1)], ids=["cut by us", "not alone"])
async def test_one_that_is_only_not_answered_never_is(left_by_peer: bool, also: int) -> None:
    """A client that never reads, or whose network is away, loses link after link over whatever it should answer."""
    scene = Scene()
    for _ in range(50):
        scene.lose(left_by_peer, also)
    assert scene.acknowledged == scene.told == []
    assert scene.offered == 50


async def test_who_binds_again_at_once_is_not_given_what_was_answered_a_moment_ago() -> None:
    scene = Scene()
    scene.is_gone = False
    session = scene.bind()
    assert scene.read == []
    scene.account.sessions.remove(session)
    scene.outbox.unbound(scene.account)
    scene.bind()
    for then in scene.later:
        then()
    assert scene.read == [STREAM]
