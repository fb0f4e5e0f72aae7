"""Rows of the hot path become records of the archive.

Owns: which column a value goes to, and what is added: what the acceptance of a message said is put to all its later
steps, which know little but an id (a receipt not even its class). What is not among the rows is asked of ``earlier``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgpack  # type: ignore[import-untyped, unused-ignore]
import pyarrow as pa

from smsgw.records.archive.columns import EMPTY, SCHEMA, TYPES
from smsgw.records.archive.files import sorted_run
from smsgw.records.archive.knowledge import Enclosed, Knowledge
from smsgw.records.record import FIXED_FIELDS, NO_CLASS, Row, Step

BEGINNINGS: Final = (int(Step.ACCEPTED), int(Step.HELD), int(Step.PARKED))
"""Steps that a message begins with, and that know most of it."""
_PDU = int(Step.CARRIER_PDU)
_CLICKED = int(Step.CLICKED)
_SENT, _ANSWERED, _RECEIPT, _RETURNED = (
    int(Step.SENT),
    int(Step.ANSWERED),
    int(Step.RECEIPT),
    int(Step.RECEIPT_RETURNED),
)
DELIVERED: Final = 2
PENDING: Final = (0, 1, 6, 7)
"""States of a receipt that are not the last word, those without which ``smpp.receipt.FINAL_STATES`` is: scheduled, en
route, accepted, unknown.
"""


@dataclass(slots=True)
class Origin:
    """What is known of a message from its earlier steps. ``sent_segments``: what it took on the air, 0 for not yet.

    ``final``: the state of the receipt that was the last word, 0 for none yet. ``recipient_hash``: whose it is.
    """

    at_ms: int = -1
    account: str = ""
    message_class: int = NO_CLASS
    signature: str = ""
    template: str = ""
    campaign: str = ""
    network: str = ""
    province: str = ""
    sent_segments: int = 0
    final: int = 0
    recipient_hash: str = ""


_BAD_ROW: Final = (pa.ArrowException, TypeError, ValueError, OverflowError, IndexError, AttributeError)
_KINDS: Final[tuple[Any, ...]] = (int, int, str, str, str, int, str, str, int, int, str, str, (int, float))
"""Of a row's fixed fields; those of whole numbers are at most so large."""
_MOST: Final = (2**62, 2**15 - 1, 0, 0, 0, 2**15 - 1, 0, 0, 2**31 - 1, 2**62, 0, 0, 2**62)
_log = logging.getLogger("smsgw.records")

_encode = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",", ":")).encode

Earlier = Callable[[set[str]], Mapping[str, Origin]]
"""What earlier files say of messages, by id; ids that they don't know are left out."""


def table_of(rows: list[Row], knowledge: Knowledge, earlier: Earlier) -> pa.Table:
    """A sorted run of these rows, oldest first, contents in the clear.

    A row that no record can be made of, which no gateway of this version writes, is kept with its values as its detail.
    """
    rows = list(_apart(rows, knowledge))
    try:
        return sorted_run(_table(rows, _Origins(rows, knowledge, earlier), knowledge))
    except _BAD_ROW:
        sound = [row for row in rows if _is_sound(row)]
        if len(sound) == len(rows):
            raise  # not the rows' fault
        odd = [_odd(row) for row in rows if not _is_sound(row)]
        _log.error("records.row.odd", extra={"fields": {"rows": len(odd)}})
        table = _table(sound, _Origins(sound, knowledge, earlier), knowledge)
        return sorted_run(pa.concat_tables((table, _arrow(odd))))


def _apart(rows: Iterable[Row], knowledge: Knowledge) -> Iterator[Row]:
    """Each of the carriers' PDUs as a row of its own; those of a batch that can't be opened are left out."""
    for row in rows:
        if row[1] != _PDU:
            yield row
            continue
        fields: tuple[Any, ...] = row
        for at_ms, step, message_id, carrier, octets in pdus_of(fields[-1], knowledge.opened):
            yield (at_ms, _PDU, message_id, "", carrier, NO_CLASS, "", "", 0, 0, "", "", 0, step, octets)


def pdus_of(blob: object, opened: Callable[[bytes], bytes | None]) -> list[tuple[int, int, str, str, bytes]]:
    """(time, step, id, carrier, octets) of a batch as gateways seal it; nothing of what can't be opened."""
    packed = opened(blob) if isinstance(blob, bytes) else None
    try:
        return [tuple(each) for each in msgpack.unpackb(packed)] if packed is not None else []
    except (ValueError, TypeError):
        return []


def _is_sound(row: Row) -> bool:
    fixed: tuple[object, ...] = row[:FIXED_FIELDS]
    return all(
        isinstance(value, kind) and (not isinstance(value, int) or abs(value) <= most)
        for value, kind, most in zip(fixed, _KINDS, _MOST, strict=True)
    )


def _odd(row: Row) -> tuple[Any, ...]:
    values: dict[str, Any] = {**EMPTY, "at_ms": row[0] if abs(row[0]) <= _MOST[0] else 0, "detail": _encode(row)}
    return tuple(values.values())


def _table(rows: list[Row], origins: _Origins, knowledge: Knowledge) -> pa.Table:
    return _arrow([_record(row, origins, knowledge) for row in rows])


def _arrow(records: list[tuple[Any, ...]]) -> pa.Table:
    if not records:
        return SCHEMA.empty_table()
    columns = zip(*records, strict=True)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, TYPES.values(), strict=True)]
    return pa.table(arrays, schema=SCHEMA)


class _Origins:
    """The origins of the messages of some rows; they grow while the rows are gone through."""

    def __init__(self, rows: list[Row], knowledge: Knowledge, earlier: Earlier) -> None:
        self._knowledge = knowledge
        begun = {row[2] for row in rows if row[1] in BEGINNINGS}
        self._known = dict(earlier({row[2] for row in rows if row[2]} - begun))

    def of(self, row: Row) -> Origin:
        return self._known.setdefault(row[2], Origin()) if row[2] else Origin()

    def begin(self, row: Row, enclosed: Enclosed | None) -> Origin:
        """A first step: its time counts, unless the message was held and is accepted again."""
        origin = self.of(row)
        if origin.at_ms < 0:
            origin.at_ms, origin.account, origin.message_class, origin.signature = row[0], row[3], row[5], row[11]
        origin.recipient_hash = origin.recipient_hash or row[6]
        return self.enclose(row, enclosed) if enclosed is not None else origin

    def enclose(self, row: Row, enclosed: Enclosed) -> Origin:
        """What a sealed message says: that of a long one is behind the record of its first segment."""
        own = self.of(row)
        others = (self._known.setdefault(name, Origin()) for name in enclosed.message_ids if name not in ("", row[2]))
        for each in (own, *others):
            each.template, each.campaign = enclosed.template, enclosed.campaign
            each.network, each.province = enclosed.network, enclosed.province
        return own


def _record(row: Row, origins: _Origins, knowledge: Knowledge) -> tuple[Any, ...]:
    """One row's values in the order of the columns."""
    at_ms, step, message_id, account, carrier, message_class, rhash, masked, segments, status = row[:10]
    rule_id, signature, latency_ms, *detail = row[10:]
    enclosed, content = None, b""
    if detail and isinstance(sealed := detail[-1], bytes):
        del detail[-1]
        if step == _PDU:
            rhash = origins.of(row).recipient_hash
        enclosed, content = _content(step, sealed, rhash, knowledge)
    state, err, carrier_message_id, code_class, cost, counts = 0, "", "", "", 0.0, 1
    origin = origins.of(row)
    if step in BEGINNINGS:
        counts = int(origin.at_ms < 0)
        origin = origins.begin(row, enclosed)
    elif enclosed is not None:
        origin = origins.enclose(row, enclosed)
    if step == _SENT:
        origin.sent_segments = segments
    elif step == _ANSWERED:
        carrier_message_id = _taken_text(detail, 0)
        if status:
            code_class = knowledge.code_class(carrier, status, (carrier_message_id,))
        else:
            segments = origin.sent_segments or segments  # what it took on the air is what it costs
            cost = knowledge.price(carrier, origin.network) * segments
    elif step == _RECEIPT:
        carrier_message_id, err, state = _taken_text(detail, 2), _taken_text(detail, 1), _taken_number(detail, 0)
        counts = int(bool(message_id) and not origin.final)
        if state not in PENDING:
            origin.final = state
            if state != DELIVERED:
                code_class = knowledge.code_class(carrier, 0, (err,))
    elif step == _RETURNED:
        state = _taken_number(detail, 0)
    elif step == _CLICKED:  # of no message: it says itself what it is of
        origin.campaign, origin.template = _taken_text(detail, 1), _taken_text(detail, 0)
    return (
        at_ms, step, message_id, account or origin.account, carrier,
        origin.message_class if message_class == NO_CLASS else message_class, rhash, masked, segments, status, rule_id,
        signature or origin.signature, float(latency_ms), knowledge.departments.get(account or origin.account, ""),
        origin.template, origin.campaign, origin.network, origin.province, cost,
        at_ms - origin.at_ms if origin.at_ms >= 0 else -1, state, err, code_class, carrier_message_id,
        _as_json(tuple(detail)) if detail else "", content, counts,
    )  # fmt: skip


def _content(step: int, sealed: bytes, rhash: str, knowledge: Knowledge) -> tuple[Enclosed | None, bytes]:
    """What came sealed behind a row: opened, if it is a message, and as it is kept."""
    if step == _PDU:
        # What nobody could find to erase it is not kept.
        return None, msgpack.packb(("", "", (sealed,))) if rhash else b""
    enclosed = knowledge.enclosed(sealed)
    # What can't be opened with today's secrets is kept for whoever has the others.
    return enclosed, packed_content(enclosed) if enclosed is not None else msgpack.packb(("", "", (), sealed))


@lru_cache(maxsize=65_536)
def _as_json(detail: tuple[Any, ...]) -> str:
    """Most details are a route, a bind or a reason, again and again."""
    return _encode(detail) if any(detail) else ""


def packed_content(enclosed: Enclosed) -> bytes:
    """A message as the archive keeps it."""
    ids = (enclosed.message_ids,) if len(enclosed.message_ids) > 1 else ()
    return bytes(msgpack.packb((enclosed.number, enclosed.source_addr, enclosed.pdus, *ids)))


def unpacked_content(content: bytes) -> tuple[str, str, tuple[bytes, ...]]:
    """(number, source address, PDUs) of a content."""
    number, source_addr, pdus = msgpack.unpackb(content)[:3]
    return number, source_addr, tuple(pdus)


def ids_in(content: bytes) -> tuple[str, ...]:
    """The ids of a content's PDUs, where it is a message of several segments."""
    rest = msgpack.unpackb(content)[3:]
    # What could not be opened has its sealed octets there.
    return tuple(rest[0]) if rest and isinstance(rest[0], list) else ()


def detail_of(step: int, values: Mapping[str, Any]) -> tuple[object, ...]:
    """The detail values of a record as its row had them; ``values`` by column."""
    rest = json.loads(values["detail"]) if values["detail"] else []
    named: Iterable[object] = ()
    if step == _ANSWERED:
        named = (values["carrier_message_id"],)
    elif step == _RECEIPT:
        named = (values["state"], values["err"], values["carrier_message_id"])
    elif step == _RETURNED:
        named = (values["state"],)
    elif step == _CLICKED:
        named = (values["template"], values["campaign"])
    found = [*named, *rest]
    while found and found[-1] in ("", 0):
        found.pop()
    return tuple(found)


def _taken_text(detail: list[Any], index: int) -> str:
    """Take a text out of the details; what is not one stays."""
    if index < len(detail) and isinstance(detail[index], str):
        return str(detail.pop(index))
    return ""


def _taken_number(detail: list[Any], index: int) -> int:
    if index < len(detail) and isinstance(detail[index], int) and -32768 <= detail[index] <= 32767:
        return int(detail.pop(index))
    return 0
