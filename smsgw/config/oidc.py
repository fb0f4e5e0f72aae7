"""``[console.oidc]`` of ``smsgw.toml``: the company's identity provider, which says who somebody is and nothing else.

Who may use the console, and in which roles, stays in ``people.toml``.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from smsgw.documents.values import ExistingFile, SecretFile, Settings, Strings, Text, text_like

START: Final = "/api/session/oidc"
CALLBACK: Final = f"{START}/callback"
_URL: Final = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[^\s/:@?#\[\]]+)(:[0-9]{1,5})?(/[^\s?#]*)?")
MOST_LABEL_CHARS: Final = 40


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_safe(url: object) -> bool:
    """An address that nobody on the way can read along: HTTPS, or on this machine."""
    if not isinstance(url, str) or not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def _issuer(value: object) -> str:
    if not isinstance(value, str) or not is_safe(value):
        raise ValueError(f'expected the address of the provider, such as "https://id.example.com", found {value!r}')
    return value


def _own(value: object) -> str:
    if not isinstance(value, str) or not is_safe(value) or urlsplit(value).path not in ("", "/"):
        why = 'expected the address by which browsers reach the console, such as "https://sms.example.com"'
        raise ValueError(f"{why}, without a path, found {value!r}")
    return value.rstrip("/")


_Url = text_like(f"^{_URL.pattern}$")


class OidcSettings(Settings):
    """``[console.oidc]``. ``url``: how browsers reach the console. ``claim``: what the ``oidc`` of people is.

    ``ca``: whom to trust, in place of the known authorities. Without a secret the client is a public one.
    """

    issuer: Annotated[str, BeforeValidator(_issuer, json_schema_input_type=_Url)]
    client_id: Text
    client_secret_file: SecretFile = Field("", repr=False)
    url: Annotated[str, BeforeValidator(_own, json_schema_input_type=_Url)]
    scopes: Strings = ("openid", "profile", "email")
    claim: Text = "sub"
    label: Annotated[str, Field(max_length=MOST_LABEL_CHARS)] = ""
    ca: ExistingFile | None = None

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends browsers back to; it has to be registered there."""
        return self.url + CALLBACK

    @property
    def scope(self) -> str:
        """As it is asked for; without ``openid`` it would not be OpenID Connect."""
        return " ".join(dict.fromkeys(("openid", *self.scopes)))
