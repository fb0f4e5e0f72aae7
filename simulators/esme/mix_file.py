"""The file of ``load --mix``: accounts and kinds of messages; what is wrong with it is said by line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from simulators.arguments import number
from simulators.esme.lists import read_recipients
from simulators.esme.message_options import smpp_time
from simulators.esme.mix import MixedMessage
from smsgw.documents.document import Document
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.documents.values import ExistingFile, Listed, Settings, Text


def _number(value: object) -> object:
    return number(value) if isinstance(value, str) else value


def _time(value: object) -> object:
    return smpp_time(value) if isinstance(value, str) else value


Number = Annotated[int, BeforeValidator(_number), Field(ge=0, le=255)]
Time = Annotated[str, BeforeValidator(_time)]


class AccountTable(Settings):
    """An account that sends."""

    system_id: Text
    password: str = ""


class MessageTable(Settings):
    """A kind of message."""

    text: Text
    weight: Annotated[int, Field(ge=1, le=10_000)] = 1
    #: Only this account sends it.
    account: str = ""
    source: Annotated[Text, Field(alias="from")] = "10690001"
    #: Recipients: a list, a file of lines, or as many numbers from a first one.
    to: Listed[Text] = ()
    to_file: ExistingFile | None = None
    to_base: Annotated[int, Field(ge=1)] = 8_613_800_000_000
    to_count: Annotated[int, Field(ge=1)] = 1_000_000
    coding: Number | None = None
    long: Literal["udh", "udh16", "sar", "payload"] = "udh"
    rd: Number = 0
    validity: Time = ""
    service_type: str = ""
    priority: Number = 0

    def message(self) -> MixedMessage:
        """Raises ValueError for a file without recipients."""
        recipients = self.to if self.to_file is None else read_recipients(self.to_file)
        return MixedMessage(
            self.text,
            self.weight,
            self.account,
            self.source,
            self.to_base,
            self.to_count,
            recipients,
            self.coding,
            self.long,
            self.rd,
            self.validity,
            self.service_type,
            self.priority,
        )


class MixFile(Settings):
    """The whole file; without accounts those of the command line send."""

    account: Annotated[tuple[AccountTable, ...], Field(strict=False)] = ()
    message: Annotated[tuple[MessageTable, ...], Field(strict=False, min_length=1)]


def load_mix(path: Path) -> tuple[tuple[tuple[str, str], ...], tuple[MixedMessage, ...]]:
    """Accounts (system_id, password) and kinds of messages. Raises ConfigErrors."""
    problems = Problems()
    document = Document.read(path, problems)
    file = document.build(MixFile, path.parent, problems) if document is not None else None
    problems.raise_errors()
    assert document is not None
    assert file is not None
    accounts = tuple((account.system_id, account.password) for account in file.account)
    names = [system_id for system_id, _ in accounts]
    messages = []
    for index, table in enumerate(file.message):
        if accounts and table.account and table.account not in names:
            why = with_hint(f"no account {table.account!r}", table.account, names)
            document.error(problems, ("message", index, "account"), why)
        try:
            messages.append(table.message())
        except ValueError as error:
            document.error(problems, ("message", index, "to_file"), str(error))
    problems.raise_errors()
    return accounts, tuple(messages)
