"""The rules once more, as slowly and plainly as they can be written: loops over lists, one message at a time.

Shares with the engine nothing but the settings of ``world``. It keeps every accepted message and counts them anew for
each cap, reads each text letter by letter, and knows local time from the calendar alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from chinese_calendar import is_workday

from tests.rules_model.world import (
    ACCOUNTS,
    BETA_PHRASES,
    CLASSES,
    LONGEST,
    MARKETING,
    NOTICE,
    OTP,
    PHRASES,
    PROFILE,
    ZONE,
    Deed,
    Message,
    registers,
)

WORDS_OF_CLASS = ("otp", "notice", "marketing")
_SIMPLE = str.maketrans("賭財", "赌财")
_KINDS = {"digits": "[0-9]", "code": "[0-9A-Za-z]", "text": "[^\n]"}
_LINK = re.compile(r"https?://([a-z0-9.-]+)(/[a-z0-9/]*)?|(?<![a-z0-9.])(t\.cn)(/[a-z0-9/]*)?")
_PHONE = re.compile(r"(?<!\d)(?:400-?\d{3}-?\d{4}|1[3-9]\d{9})(?!\d)")


def folded(text: str) -> str:
    """As read: width, case and traditional forms don't matter, invisible characters are not there."""
    text = unicodedata.normalize("NFKC", text).lower().translate(_SIMPLE)
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def bare(text: str) -> str:
    """Only letters and digits."""
    return "".join(char for char in folded(text) if char.isalnum())


class Naive:
    """``judge`` a message: None, or the rule id of its refusal, or "review"; ``do`` a deed."""

    def __init__(self) -> None:
        self.registers: dict[str, dict[str, dict[str, Any]]] = registers()
        self.facts: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
        self.tiers: dict[str, str] = {}
        self.accepted: dict[str, list[tuple[Message, int, str, str, str]]] = defaultdict(list)

    # -- deeds

    def do(self, deed: Deed) -> None:
        values = deed.values
        if deed.what in ("pause", "resume", "toggle"):
            self._register(deed.what, values)
            return
        facts, scope, at_ms = self.facts[values["number"]], values["scope"], values["at_ms"]
        out, again, consent = facts.get("o" + scope), facts.get("s" + scope), facts.get("c" + scope)
        later = any(word and word[0] > at_ms for word in (again, consent))
        if deed.what == "stop" and not later and not (out and out[0] >= at_ms):
            facts["o" + scope] = (at_ms, 0)
            facts.pop("s" + scope, None)
        elif deed.what == "start" and not (out and out[0] >= at_ms) and not (again and again[0] >= at_ms):
            facts["s" + scope] = (at_ms, 0)
            facts.pop("o" + scope, None)
        elif deed.what == "consent" and not (out and out[0] >= at_ms) and not (consent and consent[0] >= at_ms):
            facts["c" + scope] = (at_ms, 0)
            facts.pop("o" + scope, None)
        elif deed.what in ("blacklist", "carrier", "dead"):
            name = {"blacklist": "b", "carrier": "b:c:" + values["carrier"], "dead": "d"}[deed.what]
            if name not in facts or facts[name][0] <= at_ms:
                facts[name] = (at_ms, values["expires_ms"])
        elif deed.what == "unblacklist":
            facts.pop("b", None)
        elif deed.what == "undead":
            facts.pop("d", None)
        elif deed.what == "tier":
            self.tiers[values["number"]] = values["tier"]

    def _register(self, what: str, values: dict[str, Any]) -> None:
        if values.get("scope", "").startswith("order:"):
            scope = values["scope"].removeprefix("order:")
            self.registers["order"].pop(scope, None)
            if what == "pause":
                self.registers["order"][scope] = {
                    "scope": scope, "action": "suspend", "reason": "model", "who": "model", "at_ms": values["at_ms"],
                    "expires_ms": values["expires_ms"],
                }  # fmt: skip
        elif what == "pause":
            self.registers["pause"][values["scope"]] = {
                "scope": values["scope"], "reason": "model", "who": "model", "at_ms": values["at_ms"],
                "expires_ms": values["expires_ms"],
            }  # fmt: skip
        elif what == "resume":
            self.registers["pause"].pop(values["scope"], None)
        else:
            documents = self.registers[values["kind"]]
            if values["kind"] == "word":
                first = registers()["word"][values["key"]]
                if documents.pop(values["key"], None) is None:
                    documents[values["key"]] = first
            else:
                document = dict(documents[values["key"]])
                document["state"] = "suspended" if document["state"] == "active" else "active"
                documents[values["key"]] = document

    # -- judging

    def judge(self, message: Message) -> str | None:
        account = ACCOUNTS[message.account]
        local = datetime.fromtimestamp(message.at_ms / 1000, UTC).astimezone(ZONE)
        day = local.date().isoformat()
        # What is known before any rule: signature, template, class and route.
        first_carriers = self._carriers(message.number, CLASSES[message.account], message.at_ms)
        signature, body = self._signature(message, first_carriers, day)
        template = self._template(message.account, body, day)
        declared = WORDS_OF_CLASS.index(template["message_class"]) if template else CLASSES[message.account]
        plain = folded(message.text)
        promotional = sum(word in plain for word in ("优惠", "促销", "打折", "抢购"))
        message_class = MARKETING if promotional >= 2 else declared
        carriers = self._carriers(message.number, message_class, message.at_ms)
        campaign = (template["campaign"] if template else "") or message.campaign
        refusal = (
            self._account(message, day)
            or self._paused(message, account.department, signature, template, campaign, message_class)
            or self._class(message, message_class, declared, plain)
            or (self._unsigned(message.text, first_carriers) if signature is None else None)
            or self._unsubscribe(message, message_class, body, carriers)
            or self._service_phone(message, message_class)
        )
        if refusal:
            return refusal
        words = self._words(plain)
        if words in ("words.national", "words.company"):
            return words
        refusal = (
            self._contact(message, message_class, plain, day)
            or ("template" if message_class == MARKETING and template is None else None)
            or ("length" if len(message.text) > LONGEST[message_class] else None)
            or self._hours(message, message_class, local, campaign)
            or (None if carriers else "route.none")
            or self._facts(message, message_class, signature or "", carriers)
            or self._counted(message, message_class, signature or "", template, local)
        )
        if refusal:
            return refusal
        kept = self.accepted[message.number]
        ref = template["id"] if template else ""
        kept.append((message, message_class, signature or "", ref, bare(message.text)))
        if kept[0][0].at_ms < message.at_ms - 9 * 86_400_000:
            del kept[0]
        return "review" if words == "review" else None

    @staticmethod
    def _all_carriers(number: str, message_class: int) -> tuple[str, ...]:
        if number.startswith("86130"):
            return ("beta", "alpha")
        if number.startswith("852"):
            return () if message_class == OTP else ("beta",)
        return ("alpha", "beta") if number.startswith("86") else ()

    def _carriers(self, number: str, message_class: int, at_ms: int) -> tuple[str, ...]:
        """Those of the route, the paused ones last resort: when all are paused the first stays."""
        every = self._all_carriers(number, message_class)
        free = tuple(name for name in every if not self._is_paused("carrier:" + name, at_ms))
        return free or every

    def _signature(self, message: Message, carriers: tuple[str, ...], day: str) -> tuple[str | None, str]:
        text = message.text
        if text.startswith("【") and "】" in text:
            name, body = text[1:].split("】", 1)
        elif text.endswith("】") and "【" in text and not (carriers and carriers[0] == "alpha"):
            body, name = text[:-1].rsplit("【", 1)
        else:
            return None, text
        entry = self.registers["signature"].get(f"{message.account}/{name}")
        known = name in ACCOUNTS[message.account].signatures
        if entry is not None:
            known = entry["state"] == "active" and (not entry.get("expires") or day <= entry["expires"])
        return (name, body) if known else (None, text)

    @staticmethod
    def _unsigned(text: str, carriers: tuple[str, ...]) -> str:
        at_end_too = not (carriers and carriers[0] == "alpha")
        if text.startswith("【"):
            name = text[1:].split("】")[0] if "】" in text else "!"
        elif text.endswith("】") and at_end_too:
            name = text[:-1].rsplit("【", 1)[1] if "【" in text else "!"
        else:
            return "signature.missing"
        well_formed = 2 <= len(name) <= 8 and all(char.isalnum() for char in name)
        return "signature.unregistered" if well_formed else "signature.malformed"

    def _template(self, account: str, body: str, day: str) -> dict[str, Any] | None:
        for document in self.registers["template"].values():
            if document["account"] not in (account, "") or document["state"] != "active":
                continue
            if document["expires"] and day > document["expires"]:
                continue
            pattern = re.escape(document["text"])
            for variable in document["variables"]:
                chars = f"{_KINDS[variable['kind']]}{{{variable['min_chars']},{variable['max_chars']}}}"
                pattern = pattern.replace(re.escape("{" + variable["name"] + "}"), f"({chars})")
            for text in (body, folded(body)):
                match = re.fullmatch(pattern if text is body else folded_pattern(pattern), text)
                if match and not any(_LINK.search(value) for value in match.groups()):
                    return document
        return None

    def _account(self, message: Message, day: str) -> str | None:
        channel = self.registers["channel"]["account:" + message.account]
        if channel["state"] != "active" or (channel.get("expires") and day > channel["expires"]):
            return "account.unapproved"
        if channel.get("licence_expires") and day > channel["licence_expires"]:
            return "account.expired"
        order = self.registers["order"].get("account:" + message.account)
        if order is not None and (not order["expires_ms"] or message.at_ms < order["expires_ms"]):
            return "account.suspended"
        return None

    def _is_paused(self, scope: str, at_ms: int) -> bool:
        pause = self.registers["pause"].get(scope)
        return pause is not None and (not pause["expires_ms"] or at_ms < pause["expires_ms"])

    def _paused(
        self, message: Message, department: str, signature: str | None, template: dict[str, Any] | None, campaign: str,
        message_class: int,
    ) -> str | None:  # fmt: skip
        scopes = ["global", "department:" + department, "account:" + message.account, "campaign:" + campaign]
        scopes.append(f"signature:{signature}")
        if template:
            scopes.append("template:" + template["id"])
        if any(self._is_paused(scope, message.at_ms) for scope in scopes):
            return "paused"
        every = self._all_carriers(message.number, message_class)
        stopped = [self._is_paused("carrier:" + name, message.at_ms) for name in every]
        return "paused" if stopped and all(stopped) else None

    def _class(self, message: Message, message_class: int, declared: int, plain: str) -> str | None:
        if message_class == OTP and (not ("验证码" in plain or "校验码" in plain) or _LINK.search(plain)):
            return "class.content"
        source = message.source_addr
        owners = {
            "1069001": ("login", {OTP}),
            "1069002": ("orders", {NOTICE}),
            "1069003": ("shop", {MARKETING, NOTICE}),
        }
        for number, (owner, classes) in owners.items():
            if source.startswith(number):
                return None if owner == message.account and message_class in classes else "class.source"
        return None

    @staticmethod
    def _unsubscribe(message: Message, message_class: int, body: str, carriers: tuple[str, ...]) -> str | None:
        end = bare(body)
        if message_class == MARKETING:
            phrases = BETA_PHRASES if carriers and carriers[0] == "beta" else PHRASES
            return None if any(end.endswith(bare(phrase)) for phrase in phrases) else "unsubscribe.missing"
        every = PHRASES + BETA_PHRASES
        said = any(phrase in message.text for phrase in every) or any(end.endswith(bare(phrase)) for phrase in every)
        return "unsubscribe.forbidden" if said else None

    @staticmethod
    def _service_phone(message: Message, message_class: int) -> str | None:
        if message_class != NOTICE:
            return None
        phone = ACCOUNTS[message.account].service_phone
        said = re.sub(r"[^0-9一-鿿]", "", message.text)
        return None if phone and phone in said else "service_phone"

    def _words(self, plain: str) -> str | None:
        stripped = bare(plain)
        found = [
            word
            for word in self.registers["word"].values()
            if word["word"] in plain or (word["evasion"] and word["word"] in stripped)
        ]
        for wanted in ("national", "company"):
            if any(word["list"] == wanted and word["action"] == "reject" for word in found):
                return "words." + wanted
        return "review" if any(word["action"] == "review" for word in found) else None

    def _contact(self, message: Message, message_class: int, plain: str, day: str) -> str | None:
        contacts = [
            each
            for each in self.registers["contact"].values()
            if each["account"] in (message.account, "*") and each["state"] == "active"
        ]
        for match in _LINK.finditer(plain):
            host, path = (match[1], match[2] or "") if match[1] else (match[3], match[4] or "")
            for each in contacts:
                wanted, _, below = each["value"].partition("/")
                if each["kind"] != "link" or host != wanted:
                    continue
                if not below or path == "/" + below or path.startswith(f"/{below}/"):
                    break
            else:
                return "contact"
        if message_class != OTP:
            for match in _PHONE.finditer(plain):
                digits = match[0].replace("-", "")
                if not any(each["kind"] == "phone" and each["value"] == digits for each in contacts):
                    return "contact"
        return None

    def _hours(self, message: Message, message_class: int, local: datetime, campaign: str) -> str | None:
        minute = local.hour * 60 + local.minute
        if message_class == MARKETING and (local.hour >= 21 or local.hour < 8):
            return "window.hard"
        if campaign and message_class != OTP:
            entry = self.registers["campaign"].get(campaign)
            if entry is None or entry["state"] != "active" or entry["account"] != message.account:
                return "window.soft"
            day = local.date().isoformat()
            if (entry["starts"] and day < entry["starts"]) or (entry["ends"] and day > entry["ends"]):
                return "window.soft"
            if entry["slots"] and not any(_within(minute, slot) for slot in entry["slots"]):
                return "window.soft"
        if message_class != MARKETING:
            return None
        if not is_workday(local.date()) or not _within(minute, "09:00-21:00"):
            return "window.soft"
        slots = ("10:00-12:30", "15:00-20:00") if message.account == "club" else ()
        return None if not slots or any(_within(minute, slot) for slot in slots) else "window.soft"

    def _facts(self, message: Message, message_class: int, signature: str, carriers: tuple[str, ...]) -> str | None:
        if message_class == OTP:
            return None
        facts = self.facts.get(message.number, {})
        scopes = ("", ":a:" + message.account, ":s:" + signature)

        def holds(name: str) -> bool:
            fact = facts.get(name)
            return fact is not None and (not fact[1] or message.at_ms < fact[1])

        if any(holds("o" + scope) for scope in scopes):
            return "optout"
        if holds("b") or holds("b:c:" + carriers[0]):
            return "blacklisted"
        if holds("d"):
            return "dead_number"
        if message_class == MARKETING and not any(holds("c" + scope) or holds("s" + scope) for scope in scopes):
            return "consent"
        return None

    def _counted(
        self, message: Message, message_class: int, signature: str, template: dict[str, Any] | None, local: datetime
    ) -> str | None:
        if message.number in PROFILE.test_numbers:
            return None
        before = [each for each in self.accepted[message.number] if each[1] == message_class]
        tier = message.tier or self.tiers.get(message.number, "")
        for cap in PROFILE.caps:
            if message_class not in cap.classes:
                continue
            limit = min(cap.tiers.get(tier, cap.limit), cap.ceiling if cap.ceiling is not None else 10**9)
            mine = [each for each in before if self._alike(cap.scope, each, message, signature, template)]
            if sum(self._counts(cap, each[0].at_ms, message.at_ms, local) for each in mine) >= limit:
                return "frequency"
        rule = PROFILE.same_content
        if rule is not None and message_class in rule.classes:
            body = bare(message.text)
            last = message.at_ms - rule.period_ms
            if sum(each[4] == body and each[0].at_ms > last for each in self.accepted[message.number]
                   if each[1] in rule.classes) >= rule.limit:  # fmt: skip
                return "same_content"
        return None

    @staticmethod
    def _alike(scope: str, each: tuple[Message, int, str, str, str], message: Message, signature: str,
               template: dict[str, Any] | None) -> bool:  # fmt: skip
        earlier, _, its_signature, its_template, _ = each
        if scope == "company":
            return True
        if scope == "account":
            return earlier.account == message.account
        if scope == "signature":
            return its_signature == signature
        if scope == "template":
            mine = template["id"] if template else ""
            return its_template == mine and (bool(mine) or earlier.account == message.account)
        return earlier.audience == message.audience and (bool(message.audience) or earlier.account == message.account)

    @staticmethod
    def _counts(cap: Any, earlier_ms: int, at_ms: int, local: datetime) -> bool:
        if cap.kind == "rolling":
            return earlier_ms > at_ms - int(cap.period_ms)
        earlier = datetime.fromtimestamp(earlier_ms / 1000, UTC).astimezone(ZONE)
        if cap.period == "hour":
            return (earlier.date(), earlier.hour) == (local.date(), local.hour)
        if cap.period == "day":
            return earlier.date() == local.date()
        monday = local.date() - timedelta(days=local.weekday())
        return monday <= earlier.date() < monday + timedelta(days=7)


def folded_pattern(pattern: str) -> str:
    """A template's pattern for folded texts: its literals lower case, its classes as they are."""
    return "".join(
        part if part.startswith("(") else part.lower() for part in re.split(r"(\([^)]*\))", pattern)
    ).replace("，", ",")


def _within(minute: int, slot: str) -> bool:
    start, end = (int(each[:2]) * 60 + int(each[3:]) for each in slot.split("-"))
    return start <= minute < end
