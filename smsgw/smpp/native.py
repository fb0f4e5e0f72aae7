"""The compiled part of the wire, if it is there.

Owns: finding out. ``wire`` is ``_wire.c``, built where the package was installed with a C compiler; the environment
variable SMSGW_PURE=1 leaves it aside. What it has replaces its twin of the same name where that is defined, and gives
to it whatever is not the usual case, so that the twin decides what is right: the twins are ``PythonSm`` in ``views``,
``python_parse_receipt`` in ``receipt`` and those of ``PYTHON`` in ``pdu``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["IS_COMPILED", "wire"]

_is_compiled = True
try:
    from smsgw.smpp import _wire as wire
except ImportError:
    wire = None  # type: ignore[assignment]  # nobody calls it where IS_COMPILED is False
    _is_compiled = False

IS_COMPILED: Final[bool] = _is_compiled
