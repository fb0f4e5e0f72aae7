"""Who comes: people, machines that look at links before people do, and those who come too often.

Owns: an address for the minute it is counted in, in memory alone; nothing of it is written anywhere.
What can go wrong: a machine says that it is a browser; then it is counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network
MOST_ADDRESSES: Final = 100_000
_MACHINE: Final = re.compile(
    r"(?<!cu)bot\b|bots\b|crawl|spider|slurp|preview|prefetch|scan(?:ner)?\b|monitor|check(?:er)?\b|facebookexternalhit|facebot"
    r"|whatsapp/|skypeuri|embedly|iframely|quora link|vkshare|outbrain|w3c_validator|bingpreview|google-read-aloud"
    r"|google-safety|headlesschrome|lighthouse|python-|curl/|wget/|go-http-client|java/|okhttp-link|libwww|httpclient"
    r"|urllib|aiohttp|httpx|axios|node-fetch|scrapy|phantomjs|virustotal|urlscan|safebrowsing|360safe|qqsafe|tencent-sec",
    re.IGNORECASE,
)
_WINDOW_S: Final = 60.0


def is_machine(user_agent: str, purpose: str) -> bool:
    """Whether a request is of something that looks at links for people: by its User-Agent and (Sec-)Purpose.

    Every browser says what it is, so who says nothing is a machine.
    """
    return not user_agent or "prefetch" in purpose.lower() or _MACHINE.search(user_agent) is not None


def visitor(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """The address that a request came from: the peer's, or what proxies say that are believed (the last stranger).

    Of IPv6 only the network of 64 bits, for one person has all of it. Empty when it can't be told.
    """
    for each in (peer, *reversed(forwarded.split(","))):
        try:
            address = ip_address(each.strip())
        except ValueError:
            return ""
        if not any(address in network for network in proxies):
            break
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False).network_address)
    return str(address)


class Rate:
    """How often each address came within the minute."""

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._seen: dict[str, int] = {}
        self._ends_s = 0.0

    def lets(self, address: str, now_s: float) -> bool:
        """Count one request; whether it may be answered. Once too many addresses are known, others pass uncounted."""
        if now_s >= self._ends_s:
            self._seen.clear()
            self._ends_s = now_s + _WINDOW_S
        count = self._seen.get(address, 0) + 1
        if count == 1 and len(self._seen) >= MOST_ADDRESSES:
            return True
        self._seen[address] = count
        return count <= self._most
