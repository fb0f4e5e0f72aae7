"""What ends a benchmark; its text is for who started it."""

from __future__ import annotations


class BenchError(Exception):
    """A measurement that may not count: something is missing, did not start, or ended."""
