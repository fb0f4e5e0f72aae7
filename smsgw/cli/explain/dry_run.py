"""What the gateway would decide about one message now, rule by rule, without counting it.

Judges with the gateway's own parts: the compiled rules of ``site_rules`` over the registers as they lie in the store,
and the admission script in its dry form. Every rule is shown, also those behind the first that refuses.
What it can't know: the rate and window of a connection, and the coding that a client would choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from smsgw.cli.explain.findings import Explanation, Line, Nearly, Question, Way
from smsgw.cli.explain.hints import Looked, hints_for
from smsgw.cli.explain.stateful import ask_store
from smsgw.errors import LocalError
from smsgw.policy.entries import KINDS, Document, Kind
from smsgw.policy.model import CLASS_LABELS, Draft, Refusal
from smsgw.policy.number_plan import OTHER, planned_network
from smsgw.policy.numbers import to_e164
from smsgw.policy.pipeline import Rules
from smsgw.policy.reasons import NUMBER_INVALID
from smsgw.policy.registers import Registers, compile_register
from smsgw.policy.short_links import identities, rewritten, with_shorts
from smsgw.policy.templates import reference
from smsgw.services.desk import Desk
from smsgw.site_rules import compiled_rules
from smsgw.smpp.alphabet import choose_coding
from smsgw.smpp.segments import count_segments
from smsgw.store.links import KEY_PURPOSE
from smsgw.store.ported import PortedNumbers

_SHOWN_NEARLY: Final = 5
#: Nobody wonders why another account's route, or one of another class, was not taken.
_NOT_NEARLY: Final = frozenset(("account", "department", "class"))
#: Of rules that can't object for another reason than the message's class.
_ALWAYS: Final = {"account": "enabled, without an end, and no approval is asked for"}


async def explain_message(desk: Desk, question: Question, carriers: Mapping[str, Any] | None) -> Explanation:
    """Judge a message. Raises StoreError.

    ``carriers`` is that part of /status, None when the gateway does not answer.
    """
    data_coding = choose_coding(question.text)
    segments = count_segments(question.text, data_coding)
    recipient = to_e164(question.number, desk.site.profile_of(question.account).country)
    if recipient is None:
        line = Line("number", Refusal(NUMBER_INVALID, "no other rule is asked", None), question.number)
        return Explanation(question, "", data_coding, segments, [line], message_class=question.account.message_class)
    documents, registers = await _registers(desk)
    rules = compiled_rules(desk.site, registers)[question.account.system_id]
    draft = Draft(
        question.account.system_id, question.account.message_class, question.source_addr, recipient, question.text,
        segments, question.at_ms, tier=question.tier or None, campaign=question.campaign, audience=question.audience,
    )  # fmt: skip
    said = rules.explain(draft)
    looked = Looked(desk.site, rules, registers, documents, draft)
    found = Explanation(question, recipient, data_coding, segments, [Line("number", None, f"E.164 {recipient}")])
    for each in said:
        value = each.looked_at if each.applies else _ALWAYS.get(each.rule_id, each.looked_at)
        found.lines.append(Line(each.rule_id, each.outcome, value, each.applies, hints_for(each, looked)))
    _found_in(found, draft)
    _shorten(desk, rules, found, draft)
    found.ways = tuple(_way(name, looked, carriers) for name in draft.carriers)
    found.number = _number(draft)
    found.nearly = tuple(islice(_nearly(looked), _SHOWN_NEARLY))
    await ask_store(desk, rules, found, draft)
    return found


async def _registers(desk: Desk) -> tuple[dict[Kind, dict[str, Document]], Registers]:
    """Every register as it lies in the store, and compiled as the gateway compiles it."""
    documents: dict[Kind, dict[str, Document]] = {}
    registers = Registers()
    for kind in KINDS:
        documents[kind] = {name: stored.body for name, stored in (await desk.registers.read(kind)).items()}
        registers.put(kind, compile_register(kind, documents[kind]))
    await PortedNumbers(desk.store, registers.ported).load()
    return documents, registers


def _found_in(found: Explanation, draft: Draft) -> None:
    """What the rules found in the draft."""
    found.signature = draft.signature or ""
    found.message_class = draft.message_class
    found.class_why = _class_why(draft)
    found.template = reference(draft.template) if draft.template is not None else ""
    found.campaign = draft.campaign
    found.review = draft.review
    found.lane = draft.lane
    found.route = draft.route.name if draft.route is not None else ""


def _shorten(desk: Desk, rules: Rules, found: Explanation, draft: Draft) -> None:
    """What leaves in place of links; the token is the gateway's, unless another link has that."""
    shape = rules.account.short_links
    if shape is None or not draft.links:
        return
    key = desk.store.recipients.key_for(KEY_PURPOSE)
    asked = identities(draft, found.template, shape)
    shorts = [shape.base + each.token(key, shape.token_chars) for each in asked]
    sent = rewritten(draft.text, with_shorts(draft.links, shorts))
    try:
        found.segments = count_segments(sent, found.data_coding)
    except LocalError:
        return
    found.sent_text = sent
    links = (draft.text[place.start : place.end] for place in draft.links)
    found.short_links = tuple(zip(links, shorts, strict=True))


def _number(draft: Draft) -> str:
    """Network and province of the recipient; empty where neither is known."""
    planned = planned_network(draft.recipient)
    ported = f" (ported; its prefix is {planned or OTHER})" if draft.network != planned else ""
    return ", ".join(part for part in ((draft.network or OTHER) + ported, draft.province) if part)


def _nearly(looked: Looked) -> Iterator[Nearly]:
    """Routes before the one found that would have taken the message but for one of their conditions."""
    draft, table = looked.draft, looked.site.routes
    for route, line in zip(table.routes, looked.site.site_routes.lines, strict=True):
        if route is draft.route:
            return
        unmet = list(islice(route.unmet(draft, looked.rules.account.department, table.clock(draft.at_ms)), 2))
        if len(unmet) == 1 and unmet[0] not in _NOT_NEARLY:
            yield Nearly(route.name, line, unmet[0])


def _class_why(draft: Draft) -> str:
    """Why the class is another one than the account declares; empty when it is not."""
    if draft.message_class == draft.declared_class:
        return ""
    declared, holds = CLASS_LABELS[draft.declared_class], CLASS_LABELS[draft.message_class]
    if draft.template is not None and draft.template.message_class == holds:
        return f"the account declares {declared}, but template {reference(draft.template)} is {holds}"
    return f"the account declares {declared}, but the content is promotional"


def _way(name: str, looked: Looked, carriers: Mapping[str, Any] | None) -> Way:
    live = carriers.get(name) if carriers is not None else None
    binds_up = live["binds_up"] if live is not None else None
    at_ms, registers = looked.draft.at_ms, looked.registers
    why_not = str(live.get("why_not", "")) if live is not None and binds_up else ""
    if looked.site.channels.approval_required:
        refusal = registers.channels.refusal(f"carrier:{name}", at_ms, looked.rules.profile.zone)
        why_not = refusal.detail if refusal is not None else ""
    pause = registers.pauses.of(f"carrier:{name}", at_ms)
    if pause is not None:
        why_not = f"paused: {pause.reason}"
    cost = looked.site.carriers[name].policy().cost_for(looked.draft.network or "")
    return Way(name, binds_up, why_not, cost)
