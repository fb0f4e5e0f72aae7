"""What is looked for among records: the conditions of a search, and what is found.

Owns: the form of both, for every way of keeping records. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from smsgw.records.record import Record


@dataclass(frozen=True, slots=True)
class Sought:
    """Conditions that a record has to fit, all of them; empty or None: any. Times in ms, ``until_ms`` excluded.

    ``template``: with or without its version. ``accounts``: of these alone. ``last``: the newest so many, 0 for all.
    """

    since_ms: int
    until_ms: int
    steps: tuple[int, ...] = ()
    message_ids: tuple[str, ...] = ()
    recipient_hash: str = ""
    account: str = ""
    carrier: str = ""
    template: str = ""
    campaign: str = ""
    province: str = ""
    rule_id: str = ""
    carrier_message_id: str = ""
    message_class: int | None = None
    accounts: tuple[str, ...] | None = None
    last: int = 0

    @property
    def needs_archive(self) -> bool:
        """Whether only the archive knows: a row that is not in it yet says nothing of these."""
        return bool(self.template or self.campaign or self.province)


class Found(NamedTuple):
    """A record with what the archive added to it; empty where it is not in it yet."""

    record: Record
    department: str = ""
    template: str = ""
    campaign: str = ""
    network: str = ""
    province: str = ""
    cost: float = 0.0
    code_class: str = ""


class Content(NamedTuple):
    """A message, or one PDU of it, as it lies with a record. ``message_ids``: those of ``pdus``, where they are known.

    With the record of its acceptance: what the application submitted. With that of its sending, of the carrier's
    answer and receipt: the carrier's leg, if that is kept.
    """

    number: str
    source_addr: str
    pdus: tuple[bytes, ...]
    message_ids: tuple[str, ...] = ()


class Whole(NamedTuple):
    """All records of a message, oldest first, and the contents of some, by their place among the records."""

    found: tuple[Found, ...]
    contents: dict[int, Content]
