"""See ``_wire.c``; use it by way of ``native``."""

from collections.abc import Callable
from typing import Any, TypeVar

from smsgw.smpp.tlv import Tlvs

Function = TypeVar("Function", bound=Callable[..., Any])

class Sm:
    """Typed as its twin in ``views``."""

    def __init__(self, raw: bytes, /) -> None: ...

def prepare(twin: Callable[[bytes], object], parse_tlvs: Callable[[bytes, int], Tlvs], no_tlvs: Tlvs, /) -> None: ...
def receipt_parser(
    twin: Function,
    view: type,
    receipt: type,
    states: dict[str, int],
    stat_words: dict[int, str],
    final_states: frozenset[int],
    parse_date: Callable[[str], object],
    /,
) -> Function: ...
def over(twin: Function, /) -> Function: ...
def sm_builder(twin: Function, command_id: int, names: tuple[str, ...], /) -> Function: ...
