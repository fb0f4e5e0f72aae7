"""``accounts/*.toml``: one application each — how it authenticates, what it may send, how fast."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from smsgw.config.fields import Classes, ClassNumber, NameOrEmpty, Ranges
from smsgw.config.passwords import check_stored_form
from smsgw.documents.names import with_hint
from smsgw.documents.values import (
    Day,
    Digits,
    Listed,
    Name,
    Network,
    PerSecond,
    SecretFile,
    Settings,
    Strings,
    SystemId,
    no_duplicates,
)
from smsgw.policy.model import ALL_CLASSES, MessageClass
from smsgw.policy.profile import AccountPolicy, Quota
from smsgw.policy.short_links import ShortLinks
from smsgw.smpp.constants import CommandId

# Digits, with what sets them out for reading.
_PHONE = re.compile(r"\+?[0-9(][0-9() -]{1,22}[0-9]")

BIND_COMMANDS: Final = {
    "transmitter": int(CommandId.BIND_TRANSMITTER),
    "receiver": int(CommandId.BIND_RECEIVER),
    "transceiver": int(CommandId.BIND_TRANSCEIVER),
}


def _stored_password(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected the text that `smsgw password` prints")
    check_stored_form(value)
    return value


def _bind_types(value: object) -> frozenset[int]:
    if not isinstance(value, list) or not value:
        raise ValueError(f'expected a list of bind types such as ["transceiver"], found {value!r}')
    for word in value:
        if not isinstance(word, str) or word not in BIND_COMMANDS:
            raise ValueError(with_hint(f"unknown bind type {word!r}", word, BIND_COMMANDS))
    return frozenset(BIND_COMMANDS[word] for word in value)


def _service_phone(value: object) -> str:
    if not isinstance(value, str) or (value and not _PHONE.fullmatch(value)):
        raise ValueError(f'expected a phone number as it stands in texts, such as "400-800-1234", found {value!r}')
    return value


_BIND_TYPES: Final = list[Literal["transmitter", "receiver", "transceiver"]]
StoredPassword = Annotated[str, BeforeValidator(_stored_password)]


class NumberSettings(Settings):
    """A number that customers see and answer to. ``signature`` is the one its extension belongs to, or empty.

    ``classes``: what may be sent from it; left out: everything.
    """

    number: Digits
    signature: str = ""
    classes: Classes = Field(ALL_CLASSES, alias="class", min_length=1)


class QuotaSettings(Settings):
    """``quota``: the most messages in a calendar day and month of the profile's zone; left out: no end."""

    day: Annotated[int, Field(ge=1)] | None = None
    month: Annotated[int, Field(ge=1)] | None = None


class AccountSettings(Settings):
    """One application. ``window`` bounds its unanswered requests, ``deliver_window`` ours; rates count segments."""

    system_id: SystemId
    password: StoredPassword = Field("", repr=False)
    password_file: SecretFile = Field("", repr=False)
    message_class: ClassNumber = Field(alias="class")
    own_lane: ClassNumber | None = Field(None, alias="lane")
    profile: Name
    department: NameOrEmpty = ""
    enabled: bool = True
    licence_expires: Day | None = None
    allow_networks: Listed[Network] = Field(alias="allow_ips", min_length=1)
    max_binds: Annotated[int, Field(ge=1, le=1000)] = 4
    bind_types: Annotated[frozenset[int], BeforeValidator(_bind_types, json_schema_input_type=_BIND_TYPES)] = frozenset(
        BIND_COMMANDS.values()
    )
    window: Annotated[int, Field(ge=1, le=10_000)] = 50
    deliver_window: Annotated[int, Field(ge=1, le=10_000)] = 50
    rate_per_s: PerSecond = Field(1000.0, alias="rate")
    signatures: Strings = ()
    numbers: Listed[NumberSettings] = ()
    dialogue_words: Strings = ()
    service_phone: Annotated[str, BeforeValidator(_service_phone)] = ""
    quota: QuotaSettings = QuotaSettings()
    slots: Ranges = ()
    explain: bool = False
    vendor_codes: bool = True
    reject_mode: Literal["status", "receipt"] = "status"
    long_receipts: Literal["each", "one"] = "each"
    short_links: bool = False
    tls_client_cn: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.password) == bool(self.password_file):
            raise ValueError("expected either password or password_file; `smsgw password` makes what goes there")
        if self.password_file:
            check_stored_form(self.password_file)
        no_duplicates(each.number for each in self.numbers)
        if self.own_lane is not None and self.own_lane < self.message_class:
            own, declared = self.own_lane.label, self.message_class.label
            raise ValueError(f"lane: {own} goes before {declared}; a lane may only be lower than the class")
        return self

    @property
    def lane(self) -> int:
        """The best lane that its messages may wait in."""
        return self.own_lane if self.own_lane is not None else MessageClass.OTP

    @property
    def password_hash(self) -> str:
        """What ``verify_password`` takes, from wherever it was given."""
        return self.password or self.password_file

    def policy(self, short_links: ShortLinks | None = None) -> AccountPolicy:
        """What the rules need to know of this account. ``short_links``: the site's, for accounts that have them."""
        return AccountPolicy(
            name=self.system_id,
            enabled=self.enabled,
            licence_expires=self.licence_expires,
            signatures=frozenset(self.signatures),
            slots=self.slots,
            department=self.department,
            service_phone=self.service_phone,
            numbers={each.number: each.classes for each in self.numbers},
            quota=Quota(self.quota.day, self.quota.month),
            lane=self.lane,
            short_links=short_links if self.short_links else None,
        )
