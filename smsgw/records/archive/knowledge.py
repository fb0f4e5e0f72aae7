"""What the archive must be told of the site: it is handed in, because this room knows neither settings nor secrets.

A record of the hot path says little that can be had later. The rest is added when it goes to the archive, as the site's
files say it then: within a minute of the step, if the keeper runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Enclosed(NamedTuple):
    """What an accepted message's sealed envelope says that its record does not.

    ``pdus``: submit_sm octets, by segment, whose ids are ``message_ids``.
    """

    number: str
    source_addr: str
    template: str
    campaign: str
    network: str
    province: str
    pdus: tuple[bytes, ...]
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keys:
    """``chain``: 32 octets that digests are keyed with. ``seal`` and ``open`` are for contents and numbers."""

    chain: bytes
    seal: Callable[[bytes], bytes]
    open: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """``departments``: by account. ``price``: of one segment, by carrier and network (empty for unknown).

    ``code_class``: the class of what a carrier said, by carrier, command_status and the codes of a receipt or an error
    response; empty for none. ``enclosed``: what is in a
    sealed envelope, or None for one that can't be opened. ``tells_time``: ids of messages tell the hour of their
    acceptance (not where a test clock is used). ``opened``: sealed octets in the clear, None where they can't be.
    """

    departments: Mapping[str, str]
    price: Callable[[str, str], float]
    code_class: Callable[[str, int, tuple[str, ...]], str]
    enclosed: Callable[[bytes], Enclosed | None]
    tells_time: bool = True
    opened: Callable[[bytes], bytes | None] = lambda blob: None
