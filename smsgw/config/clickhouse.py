"""``[records.clickhouse]`` of ``smsgw.toml``: a ClickHouse that has the records of all machines of a site."""

from __future__ import annotations

import re
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from smsgw.documents.values import ExistingFile, PositiveSeconds, SecretFile, Settings, Text, text_like

_URL: Final = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[^\s/:@?#\[\]]+)(:[0-9]{1,5})?/?")
_DATABASE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def _url(value: object) -> str:
    # The value is not shown: it may hold a password.
    if not isinstance(value, str) or not _URL.fullmatch(value):
        raise ValueError(
            'expected the address of ClickHouse\'s HTTP port such as "http://10.0.0.9:8123", without a login or a path'
        )
    try:
        _ = urlsplit(value).port
    except ValueError:
        raise ValueError("expected a port of at most 65535") from None
    return value.rstrip("/")


def _database(value: object) -> str:
    if not isinstance(value, str) or not _DATABASE.fullmatch(value):
        raise ValueError(f"expected a name of at most 64 letters, digits and '_', found {value!r}")
    return value


class ClickHouseSettings(Settings):
    """``[records.clickhouse]``: where records are sent to and asked for. ``ca``: whom to trust, in place of the known
    authorities. ``timeout_s``: for one request.
    """

    url: Annotated[str, BeforeValidator(_url, json_schema_input_type=text_like(f"^{_URL.pattern}$"))]
    database: Annotated[str, BeforeValidator(_database, json_schema_input_type=text_like(f"^{_DATABASE.pattern}$"))] = (
        "smsgw"
    )
    user: Text = "default"
    password_file: SecretFile = Field("", repr=False)
    ca: ExistingFile | None = None
    timeout_s: PositiveSeconds = Field(30.0, alias="timeout", le=3600)

    @model_validator(mode="after")
    def _ca_for_https(self) -> Self:
        if self.ca is not None and not self.url.startswith("https:"):
            raise ValueError("ca has no use without an https url")
        return self
