"""Recording what went over the wire, and playing it back: ``CaptureTap``, ``read_capture`` and the two replays."""

from simulators.capture.format import CaptureError
from simulators.capture.tap import CaptureTap

__all__ = ["CaptureError", "CaptureTap"]
