"""``[links]`` of smsgw.toml: short links in place of registered ones, and the server that redirects from them.

Off while there is no ``base_url``; which accounts have them is ``short_links`` of each.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from smsgw.config.fields import Classes
from smsgw.documents.values import Host, Listed, Network, Port, Settings
from smsgw.policy.model import MessageClass
from smsgw.policy.short_links import MOST_TOKEN_CHARS, ShortLinks

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_BASE: Final = re.compile(
    rf"(?:https?://)?(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9](?::[0-9]{{1,5}})?(?:/[A-Za-z0-9_-]+)*/?"
)
_LOCAL: Final = re.compile(r"https?://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?/?")
MOST_BASE_CHARS: Final = 64


def _base_url(value: object) -> str:
    if value == "":
        return ""
    is_url = isinstance(value, str) and (_BASE.fullmatch(value) or _LOCAL.fullmatch(value))
    if not isinstance(value, str) or not is_url or len(value) > MOST_BASE_CHARS:
        expected = f'expected what stands before a token, such as "https://s.example.cn", at most {MOST_BASE_CHARS} '
        raise ValueError(f"{expected}characters, found {value!r}")
    return value


class LinksSettings(Settings):
    """``base_url``: what stands before a token in a text, written as it is put there; empty: no short links.

    ``scheme``: how a link that was written without one is opened. ``proxies``: whose X-Forwarded-For is believed.
    ``keep_days``: so long a link works after the last message with it. ``requests_per_minute`` of one address.
    """

    base_url: Annotated[str, BeforeValidator(_base_url, json_schema_input_type=str)] = ""
    classes: Classes = Field(frozenset((MessageClass.NOTICE, MessageClass.MARKETING)), min_length=1)
    token_chars: Annotated[int, Field(ge=6, le=MOST_TOKEN_CHARS)] = 8
    keep_days: Annotated[int, Field(ge=1, le=3660)] = 90
    scheme: Literal["https", "http"] = "https"
    host: Host = "127.0.0.1"
    port: Port = 8778
    proxies: Listed[Network] = ()
    requests_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 120

    @property
    def is_on(self) -> bool:
        """Whether there are short links at all."""
        return bool(self.base_url)

    def short_links(self) -> ShortLinks:
        """What the rules of an account that has them need to know."""
        return ShortLinks(
            self.base_url.rstrip("/") + "/", self.token_chars, self.classes, self.scheme, self.keep_days * 86_400_000
        )
