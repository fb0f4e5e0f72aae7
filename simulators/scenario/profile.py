"""A gateway's carrier file (``carriers/*.toml``) as the start of a simulated carrier.

The other side of the same contract: where the gateway connects is where the carrier listens, what it
binds with is the account, what it keeps to is the limit. Keys that only the gateway obeys (its timers, its
retries) are its own business and not looked at.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from simulators.carrier.ids import IdForm
from simulators.scenario.certificate import self_signed
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.documents.values import Name, PerSecond, Port, SecretFile, Text


def _form(value: object) -> IdForm:
    words = {"text": "dec", "dec": "dec", "hex": "hex", "auto": "dec"}
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"expected text, hex or dec, found {value!r}")
    return IdForm(words[value])


_Form = Annotated[IdForm, BeforeValidator(_form)]


class _Open(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", arbitrary_types_allowed=True)


class _Binds(_Open):
    type: Literal["transceiver", "transmitter", "receiver"]
    count: Annotated[int, Field(ge=1)] = 1


class ProfileFile(_Open):
    """The keys of a gateway's carrier file that mean something to the carrier."""

    name: Name
    port: Port
    system_id: Text
    password: str = ""
    password_file: SecretFile = ""
    binds: Annotated[tuple[_Binds, ...], Strict(False)] = (_Binds(type="transceiver"),)
    window: Annotated[int, Field(ge=1)] = 10
    rate: PerSecond = 100.0
    burst: Annotated[int, Field(ge=1)] | None = None
    response_id: _Form = Field(default_factory=lambda: IdForm("dec"))
    receipt_id: _Form = Field(default_factory=lambda: IdForm("dec"))
    #: Only whether there is one: the gateway's own certificate is not the carrier's.
    tls: dict[str, Any] | None = None

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
            "tls": None if self.tls is None else self_signed(),
        }


def is_profile(data: dict[str, Any]) -> bool:
    """Whether a file is a gateway's carrier file and no scenario."""
    return "carrier" not in data and {"system_id", "host", "port"} <= data.keys()


def read_profile(document: Document, problems: Problems) -> dict[str, Any] | None:
    """Fields of ``CarrierSettings`` from a gateway's carrier file; None when a value is wrong."""
    built = document.build(ProfileFile, document.path.parent, problems)
    return built.settings() if built is not None else None
