"""A gateway's carrier file (``carriers/*.toml``) as the start of a simulated carrier.

The other side of the same contract: where the gateway connects is where the carrier listens, what it
binds with is the account, what it keeps to is the limit. Keys that only the gateway obeys (its timers, its
retries) are its own business and not looked at. What the carrier does beyond that stands in ``[habits]``, which the
gateway does not look at: the tables of a scenario's ``[[carrier]]``. They go before what the other keys say.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from simulators.carrier.ids import IdForm
from simulators.carrier.plan import Parts
from simulators.carrier.settings import LONG_FORMS, Outbind
from simulators.scenario.certificate import self_signed
from simulators.scenario.tables import ChangesTable
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.documents.values import Name, PerSecond, Port, SecretFile, Text


def _form(value: object) -> IdForm:
    words = {"hex": "hex", **dict.fromkeys(("text", "nocase", "dec", "first10", "last10", "auto"), "dec")}
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"expected one of {', '.join(words)}, found {value!r}")
    return IdForm(words[value])


_Form = Annotated[IdForm, BeforeValidator(_form)]


def _window(value: object) -> object:
    if value == "auto":
        return 0  # a gateway that finds its window by itself has no contract about it
    if isinstance(value, int) and value < 1:
        raise ValueError(f'expected at least 1, or "auto", found {value}')
    return value


class _Open(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", arbitrary_types_allowed=True)


class _Binds(_Open):
    type: Literal["transceiver", "transmitter", "receiver"]
    count: Annotated[int, Field(ge=1)] = 1


class _Outbind(_Open):
    host: str = "127.0.0.1"
    port: Port
    system_id: Text
    password: str = ""

    def call(self) -> Outbind:
        """The same, seen from the carrier; it calls who is on this machine where the gateway listens everywhere."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return Outbind(self.port, host, self.system_id, self.password)


class _Long(_Open):
    forms: Annotated[tuple[str, ...], Strict(False)] = tuple(sorted(LONG_FORMS))


class ProfileFile(_Open):
    """The keys of a gateway's carrier file that mean something to the carrier."""

    name: Name
    port: Port
    system_id: Text
    password: str = ""
    password_file: SecretFile = ""
    binds: Annotated[tuple[_Binds, ...], Strict(False)] = (_Binds(type="transceiver"),)
    window: Annotated[int, BeforeValidator(_window)] = 10
    rate: PerSecond = 100.0
    burst: Annotated[int, Field(ge=1)] | None = None
    response_id: _Form = Field(default_factory=lambda: IdForm("dec"))
    receipt_id: _Form = Field(default_factory=lambda: IdForm("dec"))
    segment_receipts: Literal["each", "first", "last"] = "each"
    long: _Long = _Long()
    outbind: _Outbind | None = None
    #: Only whether there is one: the gateway's own certificate is not the carrier's.
    tls: dict[str, Any] | None = None
    habits: ChangesTable = ChangesTable()

    def settings(self) -> dict[str, Any]:
        """Fields of ``CarrierSettings``."""
        return {
            "name": self.name,
            "port": self.port,
            "accounts": {self.system_id: self.password or self.password_file},
            "max_binds": sum(group.count for group in self.binds),
            "bind_kinds": frozenset(group.type for group in self.binds),
            "window": self.window,
            "tps": self.rate,
            "tps_burst": float(self.burst or 0),
            # The gateway counts its rate over all binds.
            "tps_per": "account",
            "response_id": self.response_id,
            "receipt_id": self.receipt_id,
            "parts": Parts(self.segment_receipts),
            "long_forms": frozenset(self.long.forms) & LONG_FORMS,
            "outbinds": () if self.outbind is None else (self.outbind.call(),),
            "tls": None if self.tls is None else self_signed(),
        } | self.habits.changes()


def is_profile(data: dict[str, Any]) -> bool:
    """Whether a file is a gateway's carrier file and no scenario."""
    return "carrier" not in data and {"system_id", "host", "port"} <= data.keys()


def read_profile(document: Document, problems: Problems) -> dict[str, Any] | None:
    """Fields of ``CarrierSettings`` from a gateway's carrier file; None when a value is wrong."""
    built = document.build(ProfileFile, document.path.parent, problems)
    return built.settings() if built is not None else None
