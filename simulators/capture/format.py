"""The capture format of the simulators: JSON lines, compressed when the file name ends in ``.gz``."""

from __future__ import annotations

from smsgw.errors import SmsgwError


class CaptureError(SmsgwError):
    """A capture can't be written or read; prints as one sentence that names the file."""
