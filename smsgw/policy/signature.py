"""Rule 4: the signature 【…】 is there, well-formed, and registered for this account.

Owns: where a signature may stand (front or end, by carrier, else by profile), what it may be made of, and which names
an account may use: those of its file, and of the register, whose entry for the same name decides.
Looks at the whole text, never at a segment. Where both ends would do and the text begins with 【, that is the
signature: it is what the recipient reads first, so a registered one at the end can't cover for it, nor for a 【 or its
look-alike behind nothing readable. A 【…】 at the other end is then part of the text (您的验证码是【123456】).
``SignatureFinder`` sets ``signature``, ``body_start`` and ``body_end`` of the draft before any rule is asked, and only
to a signature that is in force; the rule says what is wrong where none was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from smsgw.policy.entries import SignatureEntry
from smsgw.policy.localtime import LocalDay
from smsgw.policy.model import Draft, Reason, Refusal, Rule
from smsgw.policy.profile import CarrierPolicy, SignaturePosition, SignatureRule
from smsgw.policy.reasons import SIGNATURE_MALFORMED, SIGNATURE_MISSING, SIGNATURE_UNREGISTERED
from smsgw.policy.text import normalise

if TYPE_CHECKING:
    from smsgw.policy.pipeline import Parts
    from smsgw.policy.registers import Registers

OPEN: Final = "【"
CLOSE: Final = "】"
ACTIVE: Final = "active"

# ASCII letters and digits and Han: other scripts' letters only serve to look like another company's.
_OTHER_CHARACTER = re.compile(r"[^A-Za-z0-9\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_OPENING = re.compile("[【〖〘〚⟦]")
_QUOTED_CHARS: Final = 24
_SHOWN_NAMES: Final = 5
_ALWAYS: Final = "9999-12-31"
_NEVER: Final = ""


def signature_fault(name: str, rule: SignatureRule) -> str | None:
    """What is wrong with the text between 【 and 】, or None; also for checking a site's list of signatures."""
    if not rule.min_chars <= len(name) <= rule.max_chars:
        return f"has {len(name)} characters, {rule.min_chars}–{rule.max_chars} are allowed"
    other = _OTHER_CHARACTER.search(name)
    if other is not None:
        return f"has {other[0]!r}, only letters, digits and Han are allowed"
    return None


def is_opened_before(text: str, opening: int) -> bool:
    """Whether another 【, or what looks like one, is read before anything else and before that at ``opening``."""
    first = _OPENING.search(text, 0, opening)
    return first is not None and not normalise(text[: first.start()])


class Signatures:
    """The register, by account and name."""

    __slots__ = ("_by_account",)

    def __init__(self, entries: Iterable[SignatureEntry]) -> None:
        self._by_account: dict[str, dict[str, SignatureEntry]] = {}
        for entry in entries:
            self._by_account.setdefault(entry.account, {})[entry.name] = entry

    def of(self, account: str) -> Mapping[str, SignatureEntry]:
        """An account's entries by name, in whatever state."""
        return self._by_account.get(account, {})


class AccountSignatures:
    """The names that one account may use: those of its file and of the live register."""

    __slots__ = ("_account", "_from_file", "_known", "_last_days", "_local_day", "_registers", "rule")

    def __init__(self, parts: Parts) -> None:
        self.rule: SignatureRule = parts.profile.signature
        self._account = parts.account.name
        self._from_file = frozenset(parts.account.signatures)
        self._registers: Registers = parts.registers
        self._local_day = LocalDay.of(parts.profile.zone)
        self._known: Signatures | None = None
        self._last_days: dict[str, str] = {}

    def last_days(self) -> Mapping[str, str]:
        """Each name's last day (ISO); built anew only when the register was replaced."""
        signatures = self._registers.signatures
        if signatures is not self._known:
            last_days = dict.fromkeys(self._from_file, _ALWAYS)
            for name, entry in signatures.of(self._account).items():
                last_days[name] = (entry.expires or _ALWAYS) if entry.state == ACTIVE else _NEVER
            self._last_days = {name: day for name, day in last_days.items() if signature_fault(name, self.rule) is None}
            self._known = signatures
        return self._last_days

    def in_force(self, name: str, at_ms: int) -> bool:
        """Whether a message of that time may carry the signature."""
        return self.in_force_on(name, self._local_day(at_ms))

    def in_force_on(self, name: str, day: str) -> bool:
        """The same by the local day (ISO)."""
        last_days = self._last_days if self._registers.signatures is self._known else self.last_days()
        return day <= last_days.get(name, _NEVER)

    def fault(self, name: str) -> str:
        """Why a name is not in force, for people."""
        entry = self._registers.signatures.of(self._account).get(name)
        if entry is None:
            return "is not registered for this account"
        if entry.state != ACTIVE:
            return f"is registered for this account and {entry.state}"
        return f"is registered for this account and expired on {entry.expires}"

    def shown(self) -> str:
        """Some of the names, for people."""
        names = sorted(name for name, last_day in self.last_days().items() if last_day != _NEVER)
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        return (", ".join(names[:_SHOWN_NAMES]) or "none") + more


class Positions:
    """Where a signature stands, by the carrier that the rules go by."""

    __slots__ = ("_own", "default")

    def __init__(self, rule: SignatureRule, carriers: Mapping[str, CarrierPolicy]) -> None:
        self.default: SignaturePosition = rule.position
        self._own = {
            carrier.name: carrier.signature_position
            for carrier in carriers.values()
            if carrier.signature_position is not None
        }

    def of(self, carrier: str) -> SignaturePosition:
        """The carrier's own, else the profile's."""
        return self._own.get(carrier, self.default)


class SignatureFinder:
    """Finds the signature of a draft; call it. Sets ``signature``, ``body_start`` and ``body_end``."""

    __slots__ = ("_local_day", "_position_of", "names", "positions")

    def __init__(self, parts: Parts) -> None:
        self.names = AccountSignatures(parts)
        self.positions = Positions(parts.profile.signature, parts.carriers)
        self._position_of = {name: self.positions.of(name) for name in parts.carriers}
        self._local_day = LocalDay.of(parts.profile.zone)

    def __call__(self, draft: Draft) -> None:
        text = draft.text
        day = draft.day or self._local_day(draft.at_ms)
        position = self._position_of.get(draft.carrier) or self.positions.default
        if position != "end" and text[:1] == OPEN:
            close = text.find(CLOSE)
            if close > 0 and self.names.in_force_on(name := text[1:close], day):
                draft.signature = name
                draft.body_start = close + 1
                draft.body_end = len(text)
                return
        elif position != "front" and text.endswith(CLOSE):
            opening = text.rfind(OPEN)
            if (
                opening >= 0
                and self.names.in_force_on(name := text[opening + 1 : -1], day)
                and not (position == "either" and is_opened_before(text, opening))
            ):
                draft.signature = name
                draft.body_start = 0
                draft.body_end = opening
                return
        draft.signature = None
        draft.body_start = 0
        draft.body_end = len(text)


def signature_rule(parts: Parts, message_class: int) -> Rule | None:
    """Rule 4 for one class, after the finder; None for a class that needs no signature."""
    rule = parts.profile.signature
    if message_class not in rule.required_for:
        return None
    names = AccountSignatures(parts)
    positions = Positions(rule, parts.carriers)

    def check(draft: Draft) -> Refusal | None:
        return None if draft.signature is not None else _refusal(draft.text, positions.of(draft.carrier), names)

    def looked_at(draft: Draft) -> str:
        position = positions.of(draft.carrier)
        place = "at the front" if draft.body_start else "at the end"
        seen = f"{OPEN}{draft.signature}{CLOSE} {place}" if draft.signature is not None else "no signature in force"
        return f"{seen}; may stand: {_wanted(position)}; registered: {names.shown()}"

    return Rule(4, "signature", check, looked_at)


def _refusal(text: str, position: SignaturePosition, names: AccountSignatures) -> Refusal:
    """Why no registered signature was found; off the fast path."""
    if position != "end" and text.startswith(OPEN):
        close = text.find(CLOSE)
        if close < 0:
            return Refusal(SIGNATURE_MALFORMED, f"{OPEN} at the front is never closed")
        return _misnamed(text[1:close], "front", names)
    if position != "front" and text.endswith(CLOSE):
        opening = text.rfind(OPEN)
        if opening < 0:
            return Refusal(SIGNATURE_MALFORMED, f"{CLOSE} at the end was never opened")
        if position == "either" and is_opened_before(text, opening):
            return Refusal(SIGNATURE_MALFORMED, "what is read first is no signature, but opens like one")
        return _misnamed(text[opening + 1 : -1], "end", names)
    return Refusal(SIGNATURE_MISSING, _whereabouts(text, position))


def _misnamed(name: str, place: str, names: AccountSignatures) -> Refusal:
    fault = signature_fault(name, names.rule)
    reason: Reason = SIGNATURE_UNREGISTERED if fault is None else SIGNATURE_MALFORMED
    quoted = name if len(name) <= _QUOTED_CHARS else name[:_QUOTED_CHARS] + "…"
    return Refusal(reason, f"{OPEN}{quoted}{CLOSE} at the {place} {fault or names.fault(name)}")


def _wanted(position: SignaturePosition) -> str:
    return "the front or the end" if position == "either" else f"the {position}"


def _whereabouts(text: str, position: SignaturePosition) -> str:
    """A hint for the usual mistakes."""
    wanted = _wanted(position)
    bare = text.strip()
    if bare != text and (bare.startswith(OPEN) or bare.endswith(CLOSE)):
        return f"a signature must stand at {wanted}, without spaces or line ends outside of it"
    if bare.startswith(OPEN) or bare.endswith(CLOSE):
        return f"the signature stands at the other end; this carrier takes it at {wanted}"
    if bare[:1] in "[［〖「『" and bare:
        return f"a signature is written in {OPEN}{CLOSE}, at {wanted}"
    return f"no {OPEN}…{CLOSE} at {wanted}"
