"""Into a store: what a backup has, merged with what is there; whatever number of partitions either has.

Owns the order and what is taken: of the audit log entries into an empty log only; of documents those that are not
there, or all that differ if it replaces; of recipients what is newer. Nothing is ever deleted. A version of the site's
files comes with all others or not at all, and which one is in force is written last. Every step may be repeated: after
an error the same import is begun again. Who only looks changes nothing, and counts what would change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from smsgw.errors import RequestError
from smsgw.store import keys
from smsgw.store.audit import BEGINS, ENDS, GOES_ON, AuditLog, Copied, Head, Row, copy_checker
from smsgw.store.backup.frames import Reader, Section
from smsgw.store.backup.gather import document_of, opened_document
from smsgw.store.connection import Store
from smsgw.store.id_forms import IdFormStore
from smsgw.store.links import Links, real_ms
from smsgw.store.packing import from_script, pack, to_script
from smsgw.store.ported import PortedNumbers
from smsgw.store.registers import RegisterStore, Stored
from smsgw.store.scripts import script
from smsgw.store.seal import Recipients
from smsgw.store.versions import KIND as VERSION
from smsgw.store.versions import NOW

_ROWS_AT_ONCE: Final = 250
_TRIES: Final = 5
_ANY, _NEW = -1, 0
NO_HEAD: Final = Head(0, "")


@dataclass(slots=True)
class Checked:
    """What a file has, looked at whole. ``audit_fault``: why its audit log, up to ``audit_head``, is not."""

    counts: dict[Section, int] = field(default_factory=dict)
    audit_fault: str = ""
    audit_head: Head = NO_HEAD


@dataclass(slots=True)
class Outcome:
    """What was taken, or would be, by section. ``audit_left`` says why the log was not put back, empty: it was."""

    taken: dict[Section, int] = field(default_factory=lambda: dict.fromkeys(Section, 0))
    audit_left: str = ""


def check(reader: Reader, recipients: Recipients) -> Checked:
    """Read the whole file once. Raises RequestError for a file that is not whole."""
    checked = Checked()
    chain = copy_checker(recipients)
    for section, rows in reader.rows(recipients):
        if section is Section.AUDIT:
            for row in rows:
                chain.take(Copied(*row))
    checked.counts, checked.audit_fault, checked.audit_head = reader.counts, chain.fault, chain.head
    return checked


class _Bulk:
    """One kind's documents in several calls, of which every process is told at the end."""

    def __init__(self, log: AuditLog, kind: str) -> None:
        self.kind = kind
        self._log = log
        self._is_begun = False

    async def write(self, rows: list[Row]) -> None:
        """Raises RequestError ``conflict``; nothing was written then."""
        if not self._is_begun:
            await self._log.write(None, self.kind, (), BEGINS)
            self._is_begun = True
        await self._log.write(None, self.kind, rows, GOES_ON)

    async def end(self) -> None:
        """Tell everybody, if anything was written."""
        if self._is_begun:
            await self._log.write(None, self.kind, (), ENDS)


class Restorer:
    """Puts one checked file into one store. Raises StoreError."""

    def __init__(
        self, store: Store, reader: Reader, log: AuditLog, *, now_ms: int, replaces: bool, looks: bool
    ) -> None:
        self.outcome = Outcome()
        self._store = store
        self._reader = reader
        self._log = log
        self._now_ms = now_ms
        self._replaces = replaces
        self._looks = looks
        self._script = script("restore")
        self._known_ported: dict[str, str] = {}

    async def audit(self, checked: Checked) -> None:
        """The audit log, if there is none: before anything that is audited."""
        if await self._has_all_of(checked.audit_head):
            return
        self.outcome.audit_left = why = await self._why_not_audit(checked)
        if why:
            return
        for _, rows in self._reader.rows(self._store.recipients, Section.AUDIT):
            if not self._looks and not await self._log.put_back([Copied(*row) for row in rows]):
                raise RequestError("conflict", "somebody wrote into the audit log meanwhile; stop the others and go on")
            self._count(Section.AUDIT, len(rows))

    async def _has_all_of(self, head: Head) -> bool:
        """Is it a backup of this very log, which went on since?"""
        found = await self._log.read(head.seq - 1, 1) if head.seq else []
        return not head.seq or any((each.seq, each.hash) == head for each in found)

    async def _why_not_audit(self, checked: Checked) -> str:
        if checked.audit_fault:
            return f"the copy of it is broken: {checked.audit_fault}"
        head = await self._log.head()
        if not head.seq:
            return ""
        for _, rows in self._reader.rows(self._store.recipients, Section.AUDIT):
            for row in rows:
                if row[0] == head.seq and row[2].hex() == head.hash:
                    return ""  # an import that was interrupted, or of a later backup of the same log
        return f"this store has a log of its own, up to entry {head.seq}"

    async def rest(self) -> None:
        """Everything else."""
        wants_versions = self._replaces or await self._has_no_version()
        now: list[Any] = []
        for section, rows in self._reader.rows(self._store.recipients):
            if section is Section.REGISTER:
                by_kind: dict[str, list[Any]] = {}
                for row in rows:
                    if row[0] == VERSION and row[1] == NOW:
                        now = [row]
                    elif row[0] != VERSION or wants_versions:
                        by_kind.setdefault(row[0], []).append(row)
                for kind, some in by_kind.items():
                    await self._documents(kind, some)
            elif section is Section.FACTS:
                await self._facts(rows)
            elif section is Section.QUOTA:
                await self._quotas(rows)
            elif section is Section.PORTED:
                await self._ported(rows)
            elif section is Section.ID_FORMS:
                await self._id_forms(rows)
            elif section is Section.LINKS:
                links = Links(self._store, real_ms)
                for first in range(0, len(rows), _ROWS_AT_ONCE):
                    some = rows[first : first + _ROWS_AT_ONCE]
                    self._count(Section.LINKS, await links.put_back(some, looks=self._looks))
        if now and wants_versions:
            # A proposal that nobody has decided is over.
            body = {**now[0][2], "proposed": 0, "proposed_ms": 0}
            await self._documents(VERSION, [(VERSION, NOW, body)])

    def _count(self, section: Section, number: int) -> None:
        self.outcome.taken[section] += number

    async def _has_no_version(self) -> bool:
        return await RegisterStore(self._store).get(VERSION, NOW) is None

    async def _documents(self, kind: str, rows: list[Any]) -> None:
        """Every process is told once for all of them."""
        bulk = _Bulk(self._log, kind)
        try:
            for first in range(0, len(rows), _ROWS_AT_ONCE):
                self._count(Section.REGISTER, await self._some_documents(bulk, rows[first : first + _ROWS_AT_ONCE]))
        finally:
            await bulk.end()

    async def _some_documents(self, bulk: _Bulk, rows: list[Any]) -> int:
        for _ in range(_TRIES):
            there = await RegisterStore(self._store).get_some(bulk.kind, [row[1] for row in rows])
            wanted = [row for row in rows if self._is_wanted(there[row[1]], row[2])]
            if not wanted or self._looks:
                return len(wanted)
            expected = _ANY if self._replaces else _NEW
            try:
                await bulk.write([(row[1], expected, pack(document_of(self._store, row[2]))) for row in wanted])
                return len(wanted)
            except RequestError:
                continue  # somebody has registered one of them meanwhile: theirs stays
        raise RequestError("conflict", f"the register {bulk.kind} is changed all the time; import when it is quiet")

    def _is_wanted(self, there: Stored | None, body: Mapping[str, Any]) -> bool:
        return there is None or (self._replaces and opened_document(self._store, there.body) != body)

    async def _facts(self, rows: list[Any]) -> None:
        spread = self._store.recipients.partition_of_hash
        by_partition: dict[int, list[Any]] = {}
        for row in rows:
            by_partition.setdefault(spread(row[0], self._store.partitions), []).append(row)
        for partition, some in by_partition.items():
            for first in range(0, len(some), _ROWS_AT_ONCE):
                changed, _ = await self._merge(partition, some[first : first + _ROWS_AT_ONCE], [])
                self._count(Section.FACTS, changed)

    async def _quotas(self, rows: list[Any]) -> None:
        for row in rows:
            partition = keys.account_partition(row[0], self._store.partitions)
            _, raised = await self._merge(partition, [], [row])
            self._count(Section.QUOTA, raised)

    async def _merge(self, partition: int, facts: list[Any], quotas: list[Any]) -> tuple[int, int]:
        payload = to_script((self._now_ms, int(self._looks), facts, quotas))
        changed, raised = from_script(await self._store.evaluate(partition, self._script, payload))
        return int(changed), int(raised)

    async def _ported(self, rows: Iterable[Any]) -> None:
        numbers = PortedNumbers(self._store, self._known_ported)
        if not self._known_ported:
            await numbers.load()
        for number, network in rows:
            if number not in self._known_ported:
                numbers.learn(number, network)
                self._count(Section.PORTED, 1)
        if not self._looks:
            await numbers.write()

    async def _id_forms(self, rows: Iterable[Any]) -> None:
        forms = IdFormStore(self._store)
        known = await forms.load()
        for carrier, document in rows:
            if carrier not in known or (self._replaces and known[carrier] != document):
                self._count(Section.ID_FORMS, 1)
                if not self._looks:
                    await forms.save(carrier, document)
