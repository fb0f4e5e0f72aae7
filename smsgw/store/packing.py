"""msgpack in the two forms used here.

Redis' cmsgpack knows only the old msgpack, without the bin type: ``to_script`` and ``from_script``. What only Python
reads keeps text and octets apart: ``pack`` and ``unpack``. One thread only, as ``msgpacked`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]

from smsgw import msgpacked

_ARRAY_32: Final = b"\xdd"

to_script: Callable[[object], bytes] = msgpacked.pack_raw
"""Pack for a script; text and octets alike become strings."""


def from_script(reply: bytes) -> Any:
    """Unpack what a script packed; strings are bytes. Raises ValueError for anything else."""
    return msgpack.unpackb(reply, raw=True, strict_map_key=False)


pack: Callable[[object], bytes] = msgpacked.pack
"""Pack for Python."""


def unpack_all(packed: Sequence[bytes]) -> list[Any]:
    """``unpack`` of each, in a third of the time where they are many and small. Raises ValueError."""
    whole = _ARRAY_32 + len(packed).to_bytes(4, "big") + b"".join(packed)
    found: list[Any] = unpack(whole)
    return found


def unpack(packed: bytes) -> Any:
    """Reverse of ``pack``. Raises ValueError for anything else."""
    try:
        return msgpack.unpackb(packed, strict_map_key=False)
    except (msgpack.UnpackException, TypeError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
