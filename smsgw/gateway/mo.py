"""MO: carrier's deliver_sm → words of refusal, complaint, return, help → owner by dialled number → out stream → answer.

What a recipient wants is durable before the message is passed on, and that before the carrier is answered, so a crash
repeats rather than loses. The scope of an opt-out comes from the dialled number: its extension belongs to a
signature, else to an account; a number nobody has stops the whole company, in doubt for the recipient. A complaint
blacklists the recipient for the whole company. Each is confirmed once, if the profile has a text for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smsgw.errors import LocalError, RecoverableError, StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.submission import Part, Submission
from smsgw.policy.mo_words import MoKind
from smsgw.policy.model import Draft
from smsgw.policy.numbers import mask
from smsgw.records.record import NO_CLASS, Step
from smsgw.smpp.alphabet import choose_coding, decode_text, encode_text
from smsgw.smpp.constants import RESPONSE_BIT, CommandStatus
from smsgw.smpp.pdu import response, submit_sm
from smsgw.smpp.udh import strip_udh
from smsgw.smpp.views import DataSm, Sm
from smsgw.store.envelope import Envelope
from smsgw.store.facts import FactChange, FactOp, FactResult
from smsgw.store.recipients import SCOPE_COMPANY, scope_account, scope_signature

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind
    from smsgw.carrier.pool import Pool
    from smsgw.gateway.context import Context, Dialled
    from smsgw.gateway.mt import MtJourney
    from smsgw.link.link import Link

SOURCE_MO = "mo"
REASON_COMPLAINT = "complaint"
_WISHES: dict[FactOp, tuple[Step, str, MoKind]] = {
    FactOp.OPT_OUT: (Step.OPTOUT, "optout.recorded", "stop"),
    FactOp.SUBSCRIBE: (Step.RESUBSCRIBED, "optout.withdrawn", "start"),
    FactOp.COMPLAINT: (Step.COMPLAINED, "complaint.recorded", "complaint"),
}


class Received(NamedTuple):
    """An MO whose carrier waits for the answer."""

    bind: Bind
    origin: Link[object] | None
    carrier: str
    command_id: int
    sequence_number: int
    view: Sm | DataSm
    dialled: str
    owner: Dialled | None


class MoJourney:
    """``mt`` is set by the gateway; it sends the confirmations."""

    mt: MtJourney

    def __init__(self, context: Context) -> None:
        self._context = context
        self._journal = Journal(context)

    def received(self, pool: Pool, bind: Bind, command_id: int, view: Sm | DataSm, sequence_number: int) -> None:
        """A message from a subscriber."""
        context = self._context
        context.metrics.carrier(pool.name).mo_received += 1
        dialled = view.destination_addr.decode("latin-1").lstrip("+")
        owner = context.dialled.owner(dialled)
        received = Received(bind, bind.link, pool.name, command_id, sequence_number, view, dialled, owner)
        account = owner.account if owner is not None else ""
        number = context.number_of(view.source_addr, account)
        words = context.mo_words_of(account)
        wish = words.classify(_text(view, pool.settings.fit.default_alphabet))
        if wish is not None and number is None:
            # Nobody can be opted out by it; whoever runs the carrier has to know.
            context.log("mo.sender_unreadable", {"carrier": pool.name, "dialled": dialled, "wish": wish})
        if wish is None or number is None:
            self._pass_on(received)
        elif wish == "help":
            self._pass_on(received)
            self._confirm(received, number, wish)
        elif wish == "complaint":
            now_ms = context.clock.now_ms()
            context.facts.put(
                FactChange(received, FactOp.COMPLAINT, number, SCOPE_COMPANY, REASON_COMPLAINT, now_ms, SOURCE_MO)
            )
        else:
            op = FactOp.OPT_OUT if wish == "stop" else FactOp.SUBSCRIBE
            context.facts.put(FactChange(received, op, number, scope_of(owner), SOURCE_MO, context.clock.now_ms()))

    def recorded(self, change: FactChange, result: FactResult | StoreError) -> None:
        """A recipient's word is durable, and in force for the next message anywhere; or the store refused it."""
        received = change.context
        assert isinstance(received, Received)
        if isinstance(result, StoreError):
            self._answer(received, CommandStatus.ESME_RSYSERR)
            return
        step, event, wish = _WISHES[FactOp(change.op)]
        account = received.owner.account if received.owner is not None else ""
        self._journal.plain(int(step), "", account, received.carrier, change.number, 0, 0, change.scope, SOURCE_MO)
        self._context.log(
            event, {"recipient": mask(change.number), "scope": change.scope, "source": SOURCE_MO, "account": account}
        )
        self._pass_on(received)
        if result is not FactResult.NOTHING and result is not FactResult.RENEWED:
            self._confirm(received, change.number, wish)

    # -- inside

    def _pass_on(self, received: Received) -> None:
        """To the owner's out stream; an MO that nobody owns ends here, in the records."""
        owner = received.owner
        account = owner.account if owner is not None else ""
        number = self._context.number_of(received.view.source_addr, account) or ""
        seal, now_ms = self._context.store.sealer.seal, self._context.clock.now_ms()
        envelope = Envelope(
            [""], [received.view.raw], account, NO_CLASS, number, received.dialled, "", [0], now_ms
        )  # fmt: skip
        self._journal.plain(
            int(Step.MO), "", account, received.carrier, number, 0, 0, received.dialled, seal(envelope.pack())
        )
        if owner is None:
            self._context.log("mo.no_owner", {"carrier": received.carrier, "dialled": received.dialled})
            self._answer(received, CommandStatus.ESME_ROK)
            return

        def durable(error: StoreError | None) -> None:
            self._answer(received, CommandStatus.ESME_ROK if error is None else CommandStatus.ESME_RSYSERR)

        sealed = self._context.store.sealer.seal(received.view.raw)
        self._context.outbound.append_mo(owner.account, sealed, durable)

    def _answer(self, received: Received, command_status: int) -> None:
        answer = response(received.command_id | RESPONSE_BIT, command_status, received.sequence_number, b"")
        received.bind.respond(answer, received.origin)

    def _confirm(self, received: Received, recipient: str, wish: MoKind) -> None:
        """One confirmation to the recipient, in the name of the number that was dialled."""
        owner = received.owner
        rules = self._context.rules.get(owner.account) if owner is not None else None
        text = rules.mo_words.answer(wish) if rules is not None else ""
        if rules is None or not text:
            return
        account = self._context.accounts[rules.name]
        partition = self._context.store.recipients.partition(recipient, self._context.store.partitions)
        message_id = self._context.ids.next(partition, int(self._context.wall_s()))
        data_coding = choose_coding(text)
        try:
            pdu = submit_sm(
                0,
                source_addr=received.view.destination_addr,
                destination_addr=received.view.source_addr,
                short_message=encode_text(text, data_coding),
                data_coding=data_coding,
                registered_delivery=1,
            )
        except LocalError as error:
            # A text of several segments, or a number that only a data_sm has room for.
            self._context.log("mo.no_confirmation", {"account": rules.name, "why": str(error)})
            return
        settings, now_ms = account.settings, self._context.clock.now_ms()
        draft = Draft(settings.system_id, settings.message_class, received.dialled, recipient, text, 1, now_ms)
        rhash = self._context.store.recipients.hash(recipient)
        submission = Submission(account, [Part(None, 0, 0, message_id, 0, pdu)], draft, rhash, partition, now_ms)
        self.mt.send_internal(submission)


def scope_of(owner: Dialled | None) -> str:
    """The opt-out scope that a dialled number stands for: signature, account or company."""
    if owner is None:
        return SCOPE_COMPANY
    return scope_signature(owner.signature) if owner.signature else scope_account(owner.account)


def _text(view: Sm | DataSm, default_alphabet: str) -> str:
    try:
        payload = strip_udh(view.payload) if view.has_udh else view.payload
    except RecoverableError:
        return ""
    return decode_text(payload, view.data_coding, default_alphabet)
