"""Message ids: 20 lower-case hex digits, ``ppttttttttnnnncccccc``.

pp the partition of the recipient (so that query_sm finds it without an index), t seconds since 1970
of the wall clock, n the node's number drawn at start, c a counter for each partition, so that ids of neighbours
differ in their last digit (``keys.state``). Unique over restarts by t and n; a clock set back could repeat only
together with the same drawn n. The destinations of a submit_multi share the
id that the client sees; inside, each but the first has a tail ``.xx`` that ``shown`` takes off again.
"""

from __future__ import annotations

_COUNTER_MASK = 0xFFFFFF
# Written once: formatting three numbers takes longer than all the rest of an id.
_DIGITS = tuple(f"{number:02x}" for number in range(0x100))
_COUNTED = tuple(f"{number:03x}" for number in range(0x1000))
ID_CHARS = 20


class MessageIds:
    """Makes ids; ``node_number`` is 16 bits, drawn anew at every start."""

    __slots__ = ("_counters", "_node", "_prefix", "_second")

    def __init__(self, node_number: int) -> None:
        self._node = f"{node_number & 0xFFFF:04x}"
        self._counters = [0] * len(_DIGITS)
        self._second = -1
        self._prefix = ""

    def next(self, partition: int, second: int) -> str:
        """An id for a message of ``partition`` (0–255); ``second`` is wall-clock time, seconds since 1970."""
        if second != self._second:
            self._second = second
            self._prefix = f"{second & 0xFFFFFFFF:08x}{self._node}"
        self._counters[partition] = counter = (self._counters[partition] + 1) & _COUNTER_MASK
        return f"{_DIGITS[partition]}{self._prefix}{_COUNTED[counter >> 12]}{_COUNTED[counter & 0xFFF]}"


def with_tail(first: str, partition: int, index: int) -> str:
    """The inner id of destination ``index`` (1–253) of a submit_multi whose client-visible id is ``first``."""
    return f"{partition:02x}{first[2:]}.{first[:2]}{index:02x}"


def shown(message_id: str) -> str:
    """The id that the application was given."""
    if len(message_id) == ID_CHARS:
        return message_id
    head, _, tail = message_id.partition(".")
    return tail[:2] + head[2:]
