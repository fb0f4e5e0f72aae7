"""A session on an asyncio transport: frames in, joined writes out, back-pressure, timers, TLS.

Knows nothing of accounts, carriers, rules or Redis; esme and carrier own a Link each.
"""

from smsgw.link.link import Link, LinkOwner
from smsgw.link.ticker import Ticker

__all__ = ["Link", "LinkOwner", "Ticker"]
