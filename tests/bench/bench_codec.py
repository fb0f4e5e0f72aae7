"""What the wire costs, in microseconds: ``python tests/bench/bench_codec.py``.

Targets on one shared core: ``Sm(raw)`` and reading four fields at most 1.5 µs, ``Framer.feed`` of one whole
frame at most 0.5 µs (the gateway's budget is 50 µs for a message's whole way). CPU time, best of many short rounds,
because the machine is shared. Exit status 1 when a target is missed; not part of the suite.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from time import thread_time
from timeit import repeat

from smsgw.smpp.codec import decode, encode
from smsgw.smpp.constants import CommandId, Tag
from smsgw.smpp.framing import Framer
from smsgw.smpp.pdu import Sm, deliver_sm, message_id_of, rebuild_sm, response, submit_sm, with_header
from smsgw.smpp.session import Role, SessionState
from smsgw.smpp.tlv import tlv
from smsgw.smpp.window import Window

_SLICE, _SLICES = 4_000, 40
_TEXT = "【示例商城】您的验证码是123456，5分钟内有效。".encode("utf-16-be")
_SUBMIT = submit_sm(
    7,
    source_addr=b"10690001",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr=b"8613800138000",
    registered_delivery=1,
    data_coding=8,
    short_message=_TEXT,
)
_RECEIPT = deliver_sm(
    8,
    source_addr=b"8613800138000",
    destination_addr=b"10690001",
    esm_class=4,
    short_message=b"id:0123456789 sub:001 dlvrd:001 submit date:2611181030 done date:2611181030 stat:DELIVRD err:000",
    tlvs=tlv(Tag.RECEIPTED_MESSAGE_ID, b"0123456789\0") + tlv(Tag.MESSAGE_STATE, b"\x02"),
)
_RESPONSE = response(CommandId.SUBMIT_SM, 0, 7, b"0123456789abcdef")
_BATCH = _SUBMIT * 64


def _four_fields() -> None:
    view = Sm(_SUBMIT)
    view.source_addr  # noqa: B018  reading is what is measured
    view.destination_addr  # noqa: B018
    view.data_coding  # noqa: B018
    view.short_message  # noqa: B018


def _window() -> Callable[[], object]:
    window: Window[bytes] = Window(100)

    def add_and_pop() -> None:
        window.add(7, _SUBMIT, 1.0)
        window.pop(7)

    return add_and_pop


def _half() -> Callable[[], object]:
    framer = Framer(70_000)

    def feed() -> None:
        framer.feed(_SUBMIT[:60])
        framer.feed(_SUBMIT[60:])

    return feed


_VIEW = Sm(_SUBMIT)
_FRAMER = Framer(70_000)
_SESSION = SessionState(Role.SMSC)

#: name → (what, units of work in one call, target in µs)
CASES: dict[str, tuple[Callable[[], object], int, float | None]] = {
    "Sm(raw)": (lambda: Sm(_SUBMIT), 1, None),
    "Sm(raw), four fields": (_four_fields, 1, 1.5),
    "Sm(receipt).tlvs": (lambda: Sm(_RECEIPT).tlvs, 1, None),
    "Framer.feed, one whole frame": (lambda: _FRAMER.feed(_SUBMIT), 1, 0.5),
    "Framer.feed, a frame of 64 at once": (lambda: _FRAMER.feed(_BATCH), 64, None),
    "Framer.feed, one frame in two pieces": (_half(), 1, None),
    "with_header": (lambda: with_header(_SUBMIT, 9), 1, None),
    "rebuild_sm, two fields": (lambda: rebuild_sm(_VIEW, source_addr=b"1069", registered_delivery=1), 1, None),
    "submit_sm": (
        lambda: submit_sm(7, source_addr=b"10690001", destination_addr=b"8613800138000", short_message=_TEXT),
        1,
        None,
    ),
    "response": (lambda: response(CommandId.SUBMIT_SM, 0, 7, b"0123456789abcdef"), 1, None),
    "message_id_of": (lambda: message_id_of(_RESPONSE), 1, None),
    "Window.add and pop": (_window(), 1, None),
    "SessionState: may it be received?": (lambda: 4 in _SESSION.receivable, 1, None),
    "codec.decode(submit_sm)": (lambda: decode(_SUBMIT), 1, None),
    "codec.encode(submit_sm)": ((lambda pdu: lambda: encode(pdu))(decode(_SUBMIT)), 1, None),
}


def costs() -> Iterator[tuple[str, float, float | None]]:
    """Of each case: its name, µs a unit, the target in µs."""
    for name, (call, units, target) in CASES.items():
        number = _SLICE // units
        yield name, min(repeat(call, number=number, repeat=_SLICES, timer=thread_time)) / number / units * 1e6, target


def main() -> int:
    """Print one line for each case; 1 when a target is missed."""
    missed = 0
    for name, best, target in costs():
        verdict = "" if target is None else f"  target {target} µs: {'met' if best <= target else 'MISSED'}"
        missed += target is not None and best > target
        print(f"{best:8.3f} µs  {name}{verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
