"""Acts on one process: binding again, closing a session, looking at live PDUs. Who may ask for them, and that they did.

Owns: the right, the reason and the audit entry, written before the act; it says what was asked for, not what came of
it. The act itself is the gateway's, which takes it from whoever has the site's secrets. Looking at masked PDUs needs no
reason: nothing is changed and nobody is shown; numbers and texts in full do, and a role that may read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.services.desk import Desk, named
from smsgw.services.orders import WRITERS, bind_number
from smsgw.services.recipients import digits_of, subject

REVEALED_TO: Final = ("engineer", "compliance")


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """What to show; ``recipient`` is E.164 digits."""

    account: str = ""
    carrier: str = ""
    recipient: str = ""
    reveal: bool = False


def carrier_and_bind(desk: Desk, text: str) -> tuple[str, int | None]:
    """``alpha`` or ``alpha#1`` as it was typed. Raises RequestError where the site has none."""
    carrier, colon, number = text.partition("#")
    named("carrier", carrier, desk.site.carriers, "carrier")
    return carrier, bind_number(desk, carrier, number) if colon else None


async def rebind(desk: Desk, text: str, *, why: str) -> tuple[str, int | None]:
    """A carrier, or one of its binds, is to be unbound and bound again by the process that is asked."""
    desk.require(*WRITERS)
    carrier, number = carrier_and_bind(desk, text)
    await desk.audit("carrier.rebind", f"carrier {carrier}", why, bind="all" if number is None else number)
    return carrier, number


async def close_session(desk: Desk, label: str, *, why: str) -> str:
    """One session of an application, such as ``shop/3``, is to be unbound."""
    desk.require(*WRITERS)
    account = label.partition("/")[0]
    if "/" not in label or account not in desk.site.accounts:
        why_not = with_hint(
            f"there is no account {account!r}; sessions are named like shop/3", account, desk.site.accounts
        )
        raise RequestError("invalid", why_not)
    await desk.audit("session.close", f"session {label}", why)
    return label


async def trace(
    desk: Desk, *, account: str = "", carrier: str = "", recipient: str = "", reveal: bool = False, why: str = ""
) -> TraceRequest:
    """Live PDUs of an account, a carrier or for a recipient; in full only for a reason, which is audited."""
    desk.require_reader()
    if account:
        named("account", account, desk.site.accounts, "account")
    if carrier:
        named("carrier", carrier, desk.site.carriers, "carrier")
    digits = digits_of(desk, recipient) if recipient else ""
    if reveal:
        desk.require(*REVEALED_TO)
        about = subject(desk, digits) if digits else f"account {account}" if account else f"carrier {carrier}"
        if not (account or carrier or digits):
            raise RequestError(
                "invalid", "say of which account, carrier or recipient numbers and texts are to be shown"
            )
        await desk.audit("trace.reveal", about, why)
    return TraceRequest(account, carrier, digits, reveal)
