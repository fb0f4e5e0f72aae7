"""Packing with msgpack: compiled where the package was installed with a C compiler, else its own Packer.

Owns: that both write the same octets. What the compiled part does not know (``_msgpack.c`` says what) the Packer packs,
or raises for: TypeError, ValueError, OverflowError. Packers are reused, so this is for one thread only where nothing is
compiled. Never unpacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgpack  # type: ignore[import-untyped, unused-ignore]

__all__ = ["IS_COMPILED", "pack", "pack_raw", "plain_pack", "plain_pack_raw"]

Pack = Callable[[object], bytes]

plain_pack: Pack = msgpack.Packer(use_bin_type=True, autoreset=True).pack
plain_pack_raw: Pack = msgpack.Packer(use_bin_type=False, autoreset=True).pack

try:
    from smsgw import _msgpack as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]  # nobody calls it where IS_COMPILED is False

IS_COMPILED: Final = compiled is not None


def _with(quick: Callable[[object], bytes | None], slow: Pack) -> Pack:
    def pack(value: object) -> bytes:
        packed = quick(value)
        return packed if packed is not None else slow(value)

    return pack


pack: Pack = _with(compiled.pack, plain_pack) if IS_COMPILED else plain_pack
"""Text and octets apart."""

pack_raw: Pack = _with(compiled.pack_raw, plain_pack_raw) if IS_COMPILED else plain_pack_raw
"""Text and octets alike, which is all that Redis' cmsgpack knows."""
