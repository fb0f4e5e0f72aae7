"""The registers of this process: read and compiled before anybody may bind, and again whenever staff change them.

Owns: the documents as they lie in the store, which of them are out of date, and their compiled form's way into
``Registers``. A change is in force here within milliseconds; until it is read and compiled the old register goes on
whole. What can go wrong: a register that can't be read or compiled stays as it was, is told, and is tried again.
Words are compiled in small steps and other large registers in a thread, so that traffic goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from smsgw.errors import StoreError
from smsgw.policy.entries import (
    KINDS,
    CampaignEntry,
    ChannelEntry,
    ContactEntry,
    Document,
    Kind,
    OrderEntry,
    PauseEntry,
    SignatureEntry,
    TemplateEntry,
    WordEntry,
)
from smsgw.policy.registers import Registers, compile_register
from smsgw.policy.words import Words
from smsgw.store.changes import EVERYTHING, ChangeFeed
from smsgw.store.registers import RegisterStore

if TYPE_CHECKING:
    from smsgw.store.connection import Store

#: A register with more documents than this is compiled in a thread.
LARGE: Final = 300
#: What could not be read is tried again after this.
RETRY_S: Final = 1.0
_READERS: Final[dict[Kind, Callable[[Document], object]]] = {
    "signature": SignatureEntry.from_document,
    "template": TemplateEntry.from_document,
    "contact": ContactEntry.from_document,
    "campaign": CampaignEntry.from_document,
    "pause": PauseEntry.from_document,
    "channel": ChannelEntry.from_document,
    "order": OrderEntry.from_document,
}


class RegisterFeed:
    """``load`` once, then ``run``. ``put(kind)`` is called after each register that came into force."""

    def __init__(
        self,
        store: Store,
        registers: Registers,
        put: Callable[[Kind], None],
        log: Callable[[str, dict[str, object]], None],
    ) -> None:
        self._store = RegisterStore(store)
        self._feed = ChangeFeed(store, self._changed, on_error=self._lost)
        self._registers = registers
        self._put = put
        self._log = log
        #: Of words their entries: each is read once, and a hundred thousand mappings would take their room.
        self._documents: dict[Kind, dict[str, Any]] = {kind: {} for kind in KINDS}
        #: Ids of documents that are out of date, by kind; None: any of the kind.
        self._stale: dict[Kind, set[str] | None] = {}
        self._woken = {kind: asyncio.Event() for kind in KINDS}

    async def load(self) -> None:
        """Read and compile everything. Raises StoreError, also for a register that can't be compiled."""
        await self._feed.begin()
        for kind in KINDS:
            await self._bring(kind, None)

    @property
    def loaded(self) -> dict[str, int]:
        """How many documents of each register are in force."""
        return {kind: len(documents) for kind, documents in self._documents.items()}

    async def run(self) -> None:
        """Follow the changes until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feed.run(), name="register changes")
            # A worker each: a pause doesn't wait until a hundred thousand words are compiled.
            for kind in KINDS:
                group.create_task(self._keep(kind), name=f"register {kind}")

    # -- inside

    def _changed(self, kind: str, ids: frozenset[str] | None) -> None:
        for each in KINDS:
            if kind not in (each, EVERYTHING):
                continue  # or a register that only people look at
            known = self._stale.setdefault(each, set())
            self._stale[each] = None if ids is None or known is None else known | ids
            self._woken[each].set()

    def _lost(self, error: StoreError) -> None:
        self._log("store.away", {"while": "following the registers", "why": str(error)})

    async def _keep(self, kind: Kind) -> None:
        woken = self._woken[kind]
        while True:
            await woken.wait()
            woken.clear()
            try:
                await self._bring(kind, self._stale.pop(kind))
            except StoreError as error:
                self._log("register.unreadable", {"register": kind, "why": str(error)})
                await asyncio.sleep(RETRY_S)
                self._stale[kind] = None
                woken.set()

    async def _bring(self, kind: Kind, ids: set[str] | None) -> None:
        """Read what is stale of one register, compile it and put it in force. Raises StoreError."""
        began_s = time.monotonic()
        compiled: Any
        documents = await self._read(kind, ids)
        try:
            if kind == "word":
                compiled = await _compiled_words(documents.values())
            elif len(documents) > LARGE:
                compiled = await asyncio.to_thread(compile_register, kind, documents)
            else:
                compiled = compile_register(kind, documents)
        except Exception as error:  # whatever is wrong with what somebody registered: the old register goes on
            raise StoreError(f"{type(error).__name__}: {error}") from error
        self._documents[kind] = documents
        self._registers.put(kind, compiled)
        new = documents if ids is None else {name: documents[name] for name in ids & documents.keys()}
        self._tell_unreadable(kind, new)
        took_ms = round((time.monotonic() - began_s) * 1000)
        if documents or ids is not None:
            self._log("register.in_force", {"register": kind, "documents": len(documents), "took_ms": took_ms})
        self._put(kind)

    def _tell_unreadable(self, kind: Kind, documents: dict[str, Document]) -> None:
        """Documents that the compiled register leaves out: nobody else would ever say so."""
        read = _READERS.get(kind)
        if read is None:
            return
        for name, document in documents.items():
            try:
                read(document)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                self._log("register.document_unreadable", {"register": kind, "id": name, "why": str(error)})

    async def _read(self, kind: Kind, ids: set[str] | None) -> dict[str, Any]:
        documents: dict[str, Any] = {}
        if ids is None:
            await self._store.read_bodies(
                kind,
                lambda names, bodies: documents.update(zip(names, self._kept_all(kind, names, bodies), strict=True)),
            )
            return documents
        documents.update(self._documents[kind])
        for name, stored in (await self._store.get_some(kind, ids)).items():
            if stored is None:
                documents.pop(name, None)
            else:
                documents[name] = self._kept(kind, name, stored.body)
        return documents

    def _kept_all(self, kind: Kind, names: Sequence[str], documents: Sequence[Document]) -> Sequence[Any]:
        if kind == "word":
            with contextlib.suppress(TypeError, ValueError, KeyError):  # then one by one
                return list(map(WordEntry.from_document, documents))
        return [self._kept(kind, name, document) for name, document in zip(names, documents, strict=True)]

    def _kept(self, kind: Kind, name: str, document: Document) -> Any:
        """What is kept of a document; of a word that can't be read nothing, which is told."""
        if kind != "word":
            return document
        try:
            return WordEntry.from_document(document)
        except (TypeError, ValueError, KeyError) as error:
            self._log("register.document_unreadable", {"register": kind, "id": name, "why": str(error)})
            return None


async def _compiled_words(entries: Iterable[WordEntry | None]) -> Words:
    """A hundred thousand of them, a step at a time between two turns of the loop."""
    steps = Words.in_steps(entry for entry in entries if entry is not None)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(Words, end.value)
        await asyncio.sleep(0)
