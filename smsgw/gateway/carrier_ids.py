"""How each carrier writes its message ids: what its file says, or what was learnt from receipts that matched.

Owns: the forms of all carriers, the search for a receipt's message while a form is unknown, and telling the engineer
what was found. A receipt that is being searched for is not answered yet; if nothing is found it waits for its response
under every name that the response may give it. Of several messages that a receipt may be about, the one to the number
that the receipt speaks of is taken: a counter in hexadecimal looks like another one in decimal.
What can go wrong: no pair of forms explains a carrier. It goes on being searched in every way, and that is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.policy.id_forms import AUTO, IdForms, Pair
from smsgw.policy.numbers import to_e164
from smsgw.smpp.canonical import canonical_id
from smsgw.store.correlation import PARKED_REPLY, TAG_OCTETS, Receipt
from smsgw.store.id_forms import Found, IdFormStore
from smsgw.store.tallies import Tallies

if TYPE_CHECKING:
    from smsgw.carrier.settings import CarrierSettings
    from smsgw.gateway.context import Context

#: What another process has learnt is read this often while something is unknown here.
RELOAD_S = 5.0


class _Sought(NamedTuple):
    """A receipt whose message is searched; ``parked``: it waits under the learnt name already."""

    receipt: Receipt
    carrier_message_id: str
    tags: frozenset[str]
    parked: bool


class CarrierIds:
    """One for all carriers. ``load`` once, ``add`` each, then ``run``."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = IdFormStore(context.store)
        self._tallies = Tallies(context.store)
        self._forms: dict[str, IdForms] = {}
        self._settings: dict[str, tuple[str, str]] = {}
        self._known: Mapping[str, Mapping[str, object]] = {}
        self._waiting: list[_Sought] = []
        self._searching = 0
        #: Receipts of messages that are being remembered just now.
        self._put_off = 0
        self._mixed: set[str] = set()

    def add(self, settings: CarrierSettings) -> None:
        """A carrier, or one whose settings have changed; what was learnt stays unless the file says otherwise now."""
        said = settings.response_id, settings.receipt_id
        if self._settings.get(settings.name) != said:
            self._settings[settings.name] = said
            self._forms[settings.name] = forms = IdForms(*said, canonical_id)
            forms.restore(self._known.get(settings.name, {}))

    def of(self, carrier: str) -> IdForms:
        """How a carrier writes ids; as text for one that is in no file any more."""
        forms = self._forms.get(carrier)
        if forms is None:
            forms = self._forms[carrier] = IdForms("text", "text", canonical_id)
        return forms

    def status(self, carrier: str) -> dict[str, object]:
        """For people: what is in force, what it rests on, and what did not fit together.

        ``matched``: receipts that were found while learning, ``found`` how.
        """
        forms = self.of(carrier)
        pair = forms.learnt
        due = self._context.overdue.of(carrier)
        return {
            "response_id": pair.response if pair is not None else AUTO,
            "receipt_id": pair.receipt if pair is not None else AUTO,
            "learnt": "not yet" if pair is None else "learnt" if forms.is_auto else "set by hand",
            "matched": forms.matches,
            "found": {str(known): count for known, count in forms.found.items() if count},
            "orphan": self._context.metrics.carrier(carrier).receipts_orphan,
            "open": due.open,
            "overdue": due.overdue,
        }

    def may_be_elsewhere(self, carrier: str) -> bool:
        """Whether what was not found by the form in force may be kept by another one."""
        return carrier in self._known or self.of(carrier).is_auto

    @property
    def waiting(self) -> int:
        """Receipts whose message is being searched."""
        return len(self._waiting) + self._searching + self._put_off

    async def load(self) -> None:
        """Read what earlier lives and other processes have learnt. Raises StoreError."""
        self._known = await self._store.load()
        for carrier, document in self._known.items():
            if carrier in self._forms and self._forms[carrier].learnt is None:
                self._forms[carrier].restore(document)

    async def run(self) -> None:
        """Hear of what other processes learn, until cancelled."""
        while True:
            await beat(RELOAD_S)
            if any(forms.learnt is None for forms in self._forms.values()):
                await self._reload()

    def seek(self, receipt: Receipt, carrier_message_id: str, addresses: tuple[bytes, ...], parked: bool) -> None:
        """Find the message of a receipt, then correlate it; ``addresses``: those that it names, as it writes them.

        ``parked``: nothing was found under the name that was learnt.
        """
        countries = {rules.country for rules in self._context.rules.values()}
        written = [address.decode("latin-1") for address in addresses]
        numbers = {to_e164(each, country) for each in written for country in countries}
        hashed = self._context.store.recipients.hash
        tags = frozenset(hashed(number)[:TAG_OCTETS] for number in numbers if number)
        self._search_for(_Sought(receipt, carrier_message_id, tags, parked))

    def matched(self, carrier: str) -> None:
        """A receipt was found by what is known."""
        forms = self.of(carrier)
        if forms.learnt is not None:
            forms.matched(())

    # -- inside

    def _search_for(self, sought: _Sought) -> None:
        """Search it with others of this turn; what is being remembered just now would not be found yet."""
        carrier, after = sought.receipt.carrier, self._context.correlation.after
        if any(after(f"{carrier}:{key}", partial(self._resume, sought)) for key in self._keys(sought)):
            self._put_off += 1
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._search_soon)
        self._waiting.append(sought)

    def _resume(self, sought: _Sought) -> None:
        self._put_off -= 1
        self._search_for(sought)

    def _search_soon(self) -> None:
        batch, self._waiting = self._waiting, []
        self._context.spawn(self._search(batch))

    async def _search(self, batch: list[_Sought]) -> None:
        names = [(sought.receipt.carrier, key) for sought in batch for key in self._keys(sought)]
        self._searching += len(batch)
        try:
            found = await self._store.look(names)
        except StoreError as error:
            self._context.correlation.refused([sought.receipt for sought in batch], error)
            return
        finally:
            self._searching -= len(batch)
        for sought in batch:
            self._decide(sought, found)

    def _keys(self, sought: _Sought) -> list[str]:
        """Names that lead to a message, then those under which a process that has learnt keeps it."""
        forms = self.of(sought.receipt.carrier)
        candidates = forms.candidates(sought.carrier_message_id)
        return list(dict.fromkeys((*(each.key for each in candidates), *forms.plain(sought.carrier_message_id))))

    def _decide(self, sought: _Sought, found: dict[tuple[str, str], Found]) -> None:
        receipt = sought.receipt
        carrier = receipt.carrier
        forms = self.of(carrier)
        hits = [
            (each.pair, hit)
            for each in forms.candidates(sought.carrier_message_id)
            if (hit := found.get((carrier, each.key))) is not None and (not sought.tags or hit.tag in sought.tags)
        ]
        if hits:
            cid = hits[0][1].cid
            self._learn(carrier, [pair for pair, hit in hits if hit.cid == cid])
            self._correlate(sought, cid)
            return
        known = receipt.cid if sought.parked else ""
        plain = forms.plain(sought.carrier_message_id)
        kept = next((key for key in plain if key != known and (carrier, key) in found), None)
        if kept is not None:
            self._correlate(sought, kept)
            return
        # Under a name that leads to somebody else's message it would be taken for that one's.
        free = [key for key in self._keys(sought) if (carrier, key) not in found]
        if sought.parked:
            self._missed(carrier)
        if sought.parked or not free:
            self._context.correlation.report(receipt, PARKED_REPLY)
        else:
            self._context.correlation.park(receipt, free)

    def _correlate(self, sought: _Sought, cid: str) -> None:
        receipt = sought.receipt
        if sought.parked:
            self._context.spawn(self._untally(receipt))
        self._context.correlation.again(receipt, cid)

    def _learn(self, carrier: str, pairs: list[Pair]) -> None:
        forms = self.of(carrier)
        if forms.matched(pairs):
            pair = forms.learnt
            assert pair is not None
            self._context.log(
                "carrier.id_form_learnt",
                {
                    "carrier": carrier,
                    "response_id": pair.response,
                    "receipt_id": pair.receipt,
                    "receipts": forms.matches,
                },
            )
            self._context.spawn(self._save(carrier))
        elif forms.is_mixed and carrier not in self._mixed:
            self._mixed.add(carrier)
            self._context.log("carrier.id_form_mixed", {"carrier": carrier, **self.status(carrier)})

    def _missed(self, carrier: str) -> None:
        forms = self.of(carrier)
        pair = forms.learnt
        if forms.missed(asyncio.get_running_loop().time()):
            self._context.log("carrier.id_form_doubted", {"carrier": carrier, "learnt": str(pair)})
            self._context.spawn(self._save(carrier))

    async def _untally(self, receipt: Receipt) -> None:
        try:
            await self._tallies.found(receipt.carrier, receipt.cid, self._context.clock.now_ms() / 1000)
        except StoreError as error:
            self._context.log("store.away", {"while": "counting receipts", "why": str(error)})

    async def _save(self, carrier: str) -> None:
        try:
            await self._store.save(carrier, self.of(carrier).document())
        except StoreError as error:
            # It is learnt again in the next life; nothing is lost meanwhile.
            self._context.log("store.away", {"while": "keeping how a carrier writes ids", "why": str(error)})

    async def _reload(self) -> None:
        try:
            await self.load()
        except StoreError as error:
            self._context.log("store.away", {"while": "reading how carriers write ids", "why": str(error)})
