"""``profiles/*.toml``: the rules of a country or company, made into policy's own values.

What a company must decide has no default here: a profile without it is refused with what to write. The tables are
``profile_tables``, what must fit together within one profile is ``profile_checks``.
"""

from __future__ import annotations

from smsgw.config.profile_checks import check_profile
from smsgw.config.profile_tables import BlacklistTable, CapTable, MoTable, ProfileFile, WindowTable
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.policy.numbers import to_e164
from smsgw.policy.profile import (
    Cap,
    ClassRule,
    ConsentRule,
    ContactsRule,
    HardWindow,
    LengthRule,
    ListRule,
    MoRule,
    Profile,
    SameContentRule,
    ServicePhoneRule,
    SignatureRule,
    SoftWindow,
    SourceRule,
    TemplateRule,
    UnsubscribeRule,
    WindowSettings,
    WordsRule,
)


def build_profile(file: ProfileFile, document: Document, problems: Problems) -> Profile | None:
    """The policy's profile; None when its parts don't fit together, with the reasons in ``problems``."""
    before = problems.count
    caps = _caps(file.cap, document, problems)
    check_profile(file, caps, document, problems)
    if problems.count > before:
        return None
    same, content = file.same_content, file.message_class
    return Profile(
        name=file.name,
        zone=file.zone,
        country=file.country,
        signature=SignatureRule(
            file.signature.required_for, file.signature.position, file.signature.min, file.signature.max
        ),
        unsubscribe=UnsubscribeRule(file.unsubscribe.required_for, file.unsubscribe.phrases),
        mo=_mo(file.mo),
        message_class=None
        if content is None
        else ClassRule(content.code_words, content.promotional_words, content.promotional_hits),
        source=SourceRule(file.source.registered_only),
        service_phone=ServicePhoneRule(file.service_phone.required_for),
        words=WordsRule(file.words.checked_for),
        contacts=ContactsRule(file.contacts.links_for, file.contacts.phones_for),
        template=TemplateRule(file.template.required_for),
        length=LengthRule((file.length.otp, file.length.notice, file.length.marketing)),
        window=_window(file.window),
        blacklist=_list(file.blacklist),
        dead_number=_list(file.dead_number),
        consent=ConsentRule(file.consent.required_for),
        caps=caps,
        same_content=None if same is None else SameContentRule(same.classes, round(same.period_s * 1000), same.limit),
        optout_checked_for=file.optout_checked_for,
        test_numbers=frozenset(to_e164(number, file.country) or number for number in file.test_numbers),
    )


def _mo(table: MoTable) -> MoRule:
    return MoRule(
        stop_words=table.stop_words,
        start_words=table.start_words,
        complaint_words=table.complaint_words,
        help_words=table.help_words,
        stop_text=table.stop_text,
        start_text=table.start_text,
        complaint_text=table.complaint_text,
        help_text=table.help_text,
    )


def _window(table: WindowTable) -> WindowSettings:
    hard, soft = table.hard, table.soft
    return WindowSettings(
        action=table.action,
        hard=HardWindow(hard.classes, hard.closed) if hard.closed else None,
        soft=SoftWindow(soft.classes, soft.days, soft.open) if soft is not None else None,
        zone=table.zone,
    )


def _list(table: BlacklistTable) -> ListRule:
    return ListRule(
        checked_for=table.checked_for,
        learn_from=frozenset(table.learn_from),
        threshold=table.threshold,
        within_s=table.within_s,
        keep_s=table.keep_s,
    )


def _caps(rows: tuple[CapTable, ...], document: Document, problems: Problems) -> tuple[Cap, ...]:
    caps: dict[str, Cap] = {}
    for index, row in enumerate(rows):
        if row.name in caps:
            document.error(problems, ("cap", index, "name"), f"another cap is named {row.name!r} already")
        for tier, limit in (("limit", row.limit), *row.tiers.items()):
            if row.ceiling is not None and limit > row.ceiling:
                key = ("cap", index, "limit") if tier == "limit" else ("cap", index, "tiers", tier)
                document.error(problems, key, f"{limit} is over the ceiling of {row.ceiling}")
        try:
            caps[row.name] = Cap(
                row.name, row.classes, row.scope, row.limit, row.period, row.kind, dict(row.tiers), row.ceiling
            )
        except ValueError as error:
            document.error(problems, ("cap", index, "period"), str(error))
    return tuple(caps.values())
