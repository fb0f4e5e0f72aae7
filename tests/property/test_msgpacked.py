"""The compiled packer against msgpack's own: the same octets for whatever both know, the same errors for the rest."""

from __future__ import annotations

import gc
import sys
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped, unused-ignore]
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smsgw import msgpacked
from smsgw.msgpacked import IS_COMPILED, pack, pack_raw, plain_pack, plain_pack_raw

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="nothing was compiled")


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


class Pair(NamedTuple):
    first: object
    second: object


_EDGES = sorted({sign * (1 << bits) + near for bits in (0, 5, 7, 8, 15, 16, 31, 32, 63, 64) for sign in (1, -1)
                 for near in (-1, 0, 1)})  # fmt: skip
_plain = (
    st.sampled_from(_EDGES)
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8") | st.characters(categories=("Cs",)), max_size=40)
    | st.binary(max_size=40)
    | st.sampled_from(
        (None, True, False, Number.ONE, Word.ONE, Pair(1, "a"), bytearray(b"a"), {1}, msgpack.Timestamp(1))
    )
)
_values = st.recursive(
    _plain,
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.lists(inner, max_size=20).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=20)
    ),
    max_leaves=30,
)


def outcome(call: Any, value: object) -> object:
    try:
        return call(value)
    except (TypeError, ValueError, OverflowError) as error:
        return type(error)


@settings(max_examples=400)
@given(_values)
@example([1] * 0xFFFF)
@example([1] * 0x10000)
@example(dict.fromkeys(range(0x10000)))
@example("a" * 0xFF + "\u4e2d")
@example(["a" * length for length in (31, 32, 255, 256, 0xFFFF, 0x10000)])
@example([b"a" * length for length in (31, 32, 255, 256, 0xFFFF, 0x10000)])
def test_it_writes_the_same_octets(value: object) -> None:
    assert outcome(pack, value) == outcome(plain_pack, value)
    assert outcome(pack_raw, value) == outcome(plain_pack_raw, value)


@pytest.mark.parametrize("depth", [31, 32, 33, 400, 600])
def test_nests(depth: int) -> None:
    value: object = 1
    for _ in range(depth):
        value = [value]
    assert outcome(pack, value) == outcome(plain_pack, value)


def test_what_the_gateway_packs_is_packed_compiled() -> None:
    row = (
        1_795_000_000_000,
        Number.ONE,
        "id",
        "",
        2,
        "示例",
        12.5,
        ["alpha"],
        {"gold": 3},
        b"octets",
        None,
        True,
        Pair(1, 2),
    )
    assert msgpacked.compiled.pack(row) is not None
    assert msgpacked.compiled.pack_raw(row) is not None


def test_nothing_is_kept() -> None:
    values: list[object] = [(1, "示例", [b"x" * 10_000], {"a": 1.5}), [1 << 70, "a" * 5000], "\ud800", {1, 2}]
    for value in values:
        outcome(pack, value)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(2_000):
        for value in values:
            outcome(pack, value)
    gc.collect()
    assert sys.getallocatedblocks() - before < 500
