"""What a person sees whose link leads nowhere, in both languages: a page that loads nothing and runs nothing."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

_STYLE: Final = (
    "body{font:1.05rem/1.6 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;max-width:28rem;"
    "margin:18vh auto;padding:0 1.5rem;color:#222;background:#fff}p+p{color:#666}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}p+p{color:#999}}"
)
_TEXTS: Final = {
    404: ("链接无效或已过期。", "This link is not known, or its time is over."),
    405: ("不支持该请求。", "This request is not supported here."),
    429: ("访问过于频繁，请稍后再试。", "Too many requests. Please try again in a minute."),
    503: ("服务暂时不可用，请稍后再试。", "The service is not available for the moment. Please try again soon."),
}
POLICY: Final = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; " + (
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(status: int) -> bytes:
    """The page of a status."""
    chinese, english = _TEXTS[status]
    return (
        '<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="robots" content="noindex">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{chinese}</title><style>{_STYLE}</style><p>{chinese}</p><p lang="en">{english}</p></html>'
    ).encode()


PAGES: Final = {status: page(status) for status in _TEXTS}
