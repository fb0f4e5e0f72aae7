"""Codes past an absent store: only where nothing would have been asked of it about their recipients."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.gateway.direct import Direct
from smsgw.policy.model import MessageClass
from smsgw.policy.pipeline import Facts


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        (Facts(False, False, False, False), True),
        (Facts(True, False, False, False), False),
        (Facts(False, True, False, False), False),
        (Facts(False, False, True, False), False),
        (Facts(False, False, False, True), False),
    ],
)
def test_a_profile_that_asks_about_recipients_of_codes(asked: Facts, goes: bool) -> None:
    sent: list[bytes] = []
    context: Any = SimpleNamespace(
        records=SimpleNamespace(append=None),
        clock=SimpleNamespace(now_ms=None),
        store=SimpleNamespace(recipients=SimpleNamespace(hash=None)),
        rules={"login": SimpleNamespace(rules=SimpleNamespace(facts=lambda message_class: asked))},
        is_open=lambda carrier: True,
    )
    direct = Direct(context, 10.0)
    queue: Any = SimpleNamespace(
        pool=SimpleNamespace(up=True), send_direct=lambda pdu, flight, now_s: sent.append(pdu) or True
    )
    direct.queues = {"alpha": queue}
    submission: Any = SimpleNamespace(
        draft=SimpleNamespace(message_class=MessageClass.OTP, carriers=("alpha",)),
        account=SimpleNamespace(settings=SimpleNamespace(system_id="login")),
        parts=[SimpleNamespace(pdu=b"code")],
        due_ms=0,
    )
    assert direct.takes(submission, 0.0) is goes
    assert sent == [b"code"] * goes
